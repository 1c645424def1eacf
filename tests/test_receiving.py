"""Claims about receiving a file while the one before it lands: what is kept, in which order, and what is left of it."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from intake_bench import Bench, as_csv, row, sha256, sound_rows, with_bad

from dagster_project import archive, arrival, checks, intake, receiving, untouched
from dagster_project.archive import Archive

JULY, AUGUST = "visits_2013-07-01.csv", "visits_2013-08-01.csv"


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def put_three(bench) -> list[bytes]:
    files = [as_csv(sound_rows(3)), with_bad(30, 1), b"PK\x03\x04"]
    for data, name in zip(files, ["visits_2013-06-30.csv", JULY, AUGUST], strict=True):
        bench.put(data, name)
    return files


def night(bench) -> list[intake.Report]:
    return intake.land_all(bench.settings, bench.contracts, say=lambda _: None)


def test_files_received_ahead_are_taken_in_order_and_as_one_by_one(bench, tmp_path):
    files, alone = put_three(bench), Bench(tmp_path / "alone")
    put_three(alone)
    reports = night(bench)
    singly = [alone.land(path) for path in intake.waiting_files(alone.settings)]
    said = [(r.status, r.reason, r.messages, r.read_count, r.quarantined_count) for r in reports]
    assert said == [(r.status, r.reason, r.messages, r.read_count, r.quarantined_count) for r in singly]
    assert [r.status for r in reports] == [intake.ACCEPTED, intake.WITH_QUARANTINE, intake.REFUSED]
    assert bench.rows() == alone.rows() and bench.faults() == alone.faults()
    assert bench.archived() == {sha256(data): data for data in files} and bench.leftovers() == []
    received = [r.received_at for r in reports]
    assert received == sorted(received)


def test_each_file_is_read_and_looked_through_once_and_all_but_the_first_ahead(bench, monkeypatch):
    put_three(bench)
    seen = []
    for module, name in ((arrival, "fingerprint"), (receiving.reading, "scan")):
        real = getattr(module, name)

        def spy(path, *more, name=name, real=real):
            seen.append((name, threading.current_thread() is threading.main_thread()))
            return real(path, *more)

        monkeypatch.setattr(module, name, spy)
    (bench.settings.landing_dir / "north" / AUGUST).unlink()
    night(bench)
    assert sorted(seen) == [("fingerprint", False), ("fingerprint", True), ("scan", False), ("scan", True)]


def test_what_goes_wrong_ahead_is_done_again_in_its_turn(bench, monkeypatch):
    put_three(bench)
    real = arrival.fingerprint

    def only_in_turn(path, *more):
        if threading.current_thread() is not threading.main_thread():
            raise OSError("not now")
        return real(path, *more)

    monkeypatch.setattr(arrival, "fingerprint", only_in_turn)
    assert [r.status for r in night(bench)] == [intake.ACCEPTED, intake.WITH_QUARANTINE, intake.REFUSED]
    assert bench.leftovers() == []


def test_file_changed_after_it_was_received_is_kept_and_landed_as_it_was_received(bench, monkeypatch):
    put_three(bench)
    real, was = checks.find, (bench.settings.landing_dir / "north" / JULY).read_bytes()

    def find(*more):
        bench.put(as_csv([row(99)]), JULY)
        return real(*more)

    start = receiving.Ahead.start
    monkeypatch.setattr(receiving.Ahead, "start", lambda self, *more: (start(self, *more), self._waiting.result()))
    monkeypatch.setattr(checks, "find", find)
    reports = night(bench)
    assert reports[1].content_hash == sha256(was) and bench.archived()[sha256(was)] == was
    assert sum(len(r) > 0 for r in bench.rows()) == 3 + 29


def test_fault_of_the_installation_leaves_nothing_of_the_next_file(bench, monkeypatch):
    put_three(bench)

    def broken(*_):
        raise duckdb.OutOfMemoryException("no memory")

    monkeypatch.setattr(checks, "find", broken)
    with pytest.raises(duckdb.OutOfMemoryException):
        night(bench)
    assert bench.leftovers() == [] and bench.query("from intake.deliveries") == []
    monkeypatch.undo()
    assert len(night(bench)) == 3 and len(bench.query("from intake.deliveries")) == 3


@pytest.fixture
def settled(bench, monkeypatch):
    """Three files that were taken, by nights for which no change is too young to be told apart; what later nights read whole."""
    monkeypatch.setattr(untouched, "SETTLED_NS", -1)
    put_three(bench)
    (bench.settings.landing_dir / "north" / AUGUST).unlink()  # it is refused, and so read every night
    night(bench)
    read, hashed, is_sound = [], arrival.fingerprint, Archive.is_sound
    monkeypatch.setattr(arrival, "fingerprint", lambda path, *more: (read.append(path.name), hashed(path, *more))[1])
    monkeypatch.setattr(Archive, "is_sound", lambda self, sha: (read.append(sha), is_sound(self, sha))[1])
    return read


def test_what_was_read_and_not_touched_since_is_not_read_again(bench, settled):
    assert [r.status for r in night(bench)] == [intake.REPLAY] * 2
    assert settled == []
    assert stat.S_IMODE(bench.settings.untouched_file.stat().st_mode) == 0o600
    assert "visits" not in bench.settings.untouched_file.read_text()


@pytest.mark.parametrize("how", ["other bytes", "the same bytes", "a copy in its place"])
def test_a_file_that_was_touched_is_read_whatever_its_length_and_time(bench, settled, how):
    path = bench.settings.landing_dir / "north" / JULY
    content, was = path.read_bytes(), path.stat()
    if how == "a copy in its place":
        path.rename(path.with_name(".aside"))
    turned = content.replace(b"V1", b"V9", 1) if how == "other bytes" else content
    path.write_bytes(turned)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert len(turned) == len(content) and path.stat().st_mtime_ns == was.st_mtime_ns
    statuses = [r.status for r in night(bench)]
    assert settled[0] == JULY and (intake.REPLAY in statuses[1:]) == (how != "other bytes")


@pytest.mark.parametrize("how", ["turned", "cut off", "gone"])
def test_damaged_bytes_of_the_archive_are_noticed_and_put_right(bench, settled, how):
    content_hash = sha256((bench.settings.landing_dir / "north" / JULY).read_bytes())
    place = Archive(bench.settings.archive_dir).place(content_hash)
    was, content = place.stat(), place.read_bytes()
    place.chmod(0o600)
    if how == "gone":
        place.unlink()
    else:
        place.write_bytes(content[:-1] if how == "cut off" else content.replace(b"V", b"W"))
        os.utime(place, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert [r.status for r in night(bench)] == [intake.REPLAY] * 2
    assert place.read_bytes() == content and content_hash in settled


def test_everything_is_read_again_after_some_days_or_if_it_is_not_known_what_was_read(bench, settled):
    kept = json.loads(bench.settings.untouched_file.read_text())
    days = bench.settings.whole_build_days
    for ago, is_read in ((days - 1, False), (days, True), (-1, True)):
        on = (datetime.now(UTC).date() - timedelta(days=ago)).isoformat()
        bench.settings.untouched_file.write_text(json.dumps({state: seen | {"on": on} for state, seen in kept.items()}))
        settled.clear()
        night(bench)
        assert (len(settled) == 4) is is_read, ago
    for text in ("", "[]", '{"a": 1}', '{"a": {}}'):
        bench.settings.untouched_file.write_text(text)
        settled.clear()
        assert [r.status for r in night(bench)] == [intake.REPLAY] * 2 and len(settled) == 4


def test_a_night_does_not_fail_for_want_of_a_note_of_what_was_read(bench, settled, monkeypatch):
    bench.settings.untouched_file.unlink()
    written = archive.write_whole

    def full(path, *more, **named):
        if path == bench.settings.untouched_file:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(path, *more, **named)

    monkeypatch.setattr(archive, "write_whole", full)
    assert [r.status for r in night(bench)] == [intake.REPLAY] * 2 and not bench.settings.untouched_file.exists()


def test_a_file_that_has_just_come_is_read_again_the_night_after(bench, settled, monkeypatch):
    monkeypatch.setattr(untouched, "SETTLED_NS", 3600 * 10**9)
    bench.settings.untouched_file.unlink()
    night(bench)
    settled.clear()
    night(bench)
    assert sorted(settled) == sorted([JULY, "visits_2013-06-30.csv"])  # the archive is ours alone


def test_replay_is_hashed_and_not_copied_or_looked_through(bench, monkeypatch):
    put_three(bench)
    (bench.settings.landing_dir / "north" / AUGUST).unlink()
    night(bench)
    monkeypatch.setattr(receiving.reading, "scan", lambda *_: pytest.fail("looked through again"))
    assert [r.status for r in night(bench)] == [intake.REPLAY] * 2 and bench.leftovers() == []


def test_link_out_of_the_folder_is_refused_ahead_too(bench, tmp_path):
    bench.put(as_csv(sound_rows(3)))
    (tmp_path / "elsewhere.csv").write_bytes(as_csv(sound_rows(5)))
    (bench.settings.landing_dir / "north" / JULY).symlink_to(tmp_path / "elsewhere.csv")
    reports = night(bench)
    assert [r.status for r in reports] == [intake.ACCEPTED, intake.REFUSED] and "link to a file outside" in reports[1].reason
    assert len(bench.rows()) == 3


@pytest.mark.parametrize(
    "text, is_tidy",
    [
        ("a,b\n1,2\n", True),
        ("a,b\n1 1,é 2\n", True),
        ("a,b\r\n1,2\r\n", True),
        ("a,b\n 1,2\n", False),
        ("a,b\n1 ,2\n", False),
        ("a,b\n1, 2\n", False),
        ("a,b\n1,2 \n", False),
        ("a,b\r\n1,2 \r\n", False),
        ("a,b\n1,2 ", False),
        ("a,b\n1, \n", False),
        ("a,b\n1,\u00a02\n", False),
        ("a,b\n1,\u20032\n", False),
        ("a,b\n1\u3000,2\n", False),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1 << 20])
def test_text_is_tidy_if_no_value_begins_or_ends_with_a_blank(bench, monkeypatch, text, is_tidy, piece):
    monkeypatch.setattr(arrival, "CHUNK_BYTES", piece)
    path = bench.put(text.encode())
    assert arrival.scan(path, bench.contracts.find("north", "visits")).is_tidy is is_tidy


def test_the_first_file_of_the_next_agency_is_received_while_the_last_of_this_one_lands(bench, monkeypatch):
    bench.agree(agency="south")
    bench.put(as_csv(sound_rows(2)), JULY)
    (bench.settings.landing_dir / "south").mkdir()
    (bench.settings.landing_dir / "south" / AUGUST).write_bytes(as_csv(sound_rows(3)))
    real, seen, ahead = arrival.fingerprint, [], receiving.Ahead(bench.contracts)

    def spy(path, *more):
        seen.append((path.parent.name, threading.current_thread() is threading.main_thread()))
        return real(path, *more)

    def take(agency, then):
        return intake.land_all(bench.settings, bench.contracts, agency, lambda _: None, ahead=ahead, then=then)

    monkeypatch.setattr(arrival, "fingerprint", spy)
    assert [r.status for r in take("north", ["empty", "south"])] == [intake.ACCEPTED]
    assert take("empty", ["south"]) == [] and len(bench.leftovers()) == 1, "what waits for its turn is not swept away"
    assert [r.status for r in take("south", [])] == [intake.ACCEPTED]
    assert sorted(seen) == [("north", True), ("south", False)] and bench.leftovers() == []
    seen.clear()
    assert [r.status for r in take("north", ["south"])] == [intake.REPLAY]
    assert ("south", False) not in seen, "a file that came before is not read ahead of a turn that may never come"


def test_a_fault_between_agencies_leaves_nothing_that_was_received_ahead(bench, monkeypatch):
    bench.put(as_csv(sound_rows(2)), JULY)
    ahead = receiving.Ahead(bench.contracts)
    intake.land_all(bench.settings, bench.contracts, "empty", lambda _: None, ahead=ahead, then=["north"])
    ahead.start(Archive(bench.settings.archive_dir), bench.settings.landing_dir / "north" / JULY, False)
    ahead._waiting.result()
    assert len(bench.leftovers()) == 1
    monkeypatch.setattr(intake, "land", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        intake.land_all(bench.settings, bench.contracts, "north", lambda _: None, ahead=ahead)
    assert bench.leftovers() == []
