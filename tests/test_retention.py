"""Claims about what retention lets go: superseded and refused deliveries and old releases, and nothing that figures rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from intake_bench import NOW, Bench, as_csv, sha256, sound_rows, with_bad

from dagster_project import intake, rebuild, recovery, retention
from dagster_project.archive import Archive
from dagster_project.register import open_restricted
from dagster_project.warehouse import ensure_person_key

TERMS = retention.Terms(deliveries_days=30, releases_days=30, releases_at_least=2)
LATER = NOW + timedelta(days=31)
JUNE, JULY = "visits_2013-06-30.csv", "visits_2013-07-31.csv"


@pytest.fixture
def bench(tmp_path) -> Bench:
    """Two full deliveries, two of changes, and a refused one."""
    bench = Bench(tmp_path)
    bench.take(as_csv(sound_rows(3)), JUNE)
    bench.take(as_csv(sound_rows(4)), JULY)
    bench.take(as_csv(sound_rows(2)), "changes_2013-06-30.csv")
    bench.take(as_csv(sound_rows(1, 50)), "changes_2013-07-31.csv")
    bench.take(with_bad(20, 15), "visits_2013-08-01.csv")
    return bench


def doomed(bench: Bench, terms=TERMS, at=LATER) -> list[tuple[str, str]]:
    return [(d.name, d.why.split(";")[0]) for d in retention.find(bench.settings, bench.contracts, terms, at)]


def test_superseded_full_deliveries_and_refused_ones_may_go_and_changes_never(bench):
    assert doomed(bench) == [("north/visits_2013-06-30.csv", "superseded"), ("north/visits_2013-08-01.csv", "refused")]


def test_nothing_goes_before_its_time(bench):
    assert doomed(bench, at=NOW + timedelta(days=29)) == []


def test_looking_removes_nothing(bench):
    before = bench.archived(), bench.query("from raw.north__visits order by all")
    doomed(bench)
    assert (bench.archived(), bench.query("from raw.north__visits order by all")) == before


def test_what_was_removed_is_gone_with_its_rows_and_stays_gone_when_the_database_is_made_anew(bench):
    archive = Archive(bench.settings.archive_dir)
    found = retention.find(bench.settings, bench.contracts, TERMS, LATER)
    retention.remove(bench.settings, bench.contracts, found, LATER)
    assert not any(archive.place(d.content_hash).exists() for d in found)
    assert {d.content_hash for d in found} == archive.removed()
    kept = bench.query("from raw.north__visits order by all"), bench.query("from raw.north__changes order by all")
    assert [len(rows) for rows in kept] == [4, 3]
    assert doomed(bench) == []  # and is not found again
    assert len(archive.receipts()) == 5  # receipts stay
    bench.settings.restricted_db.unlink()
    with recovery.open_recovered(bench.settings, bench.contracts, lambda _: None):
        pass
    assert (bench.query("from raw.north__visits order by all"), bench.query("from raw.north__changes order by all")) == kept


def test_the_first_day_of_who_is_still_sent_stays_also_in_a_database_made_anew(bench):
    """Which reference names a person rests on it, and so does the person's number."""
    bench.take(as_csv(sound_rows(4, 2)), "visits_2013-08-02.csv")  # the first of all is gone, the last is new
    for _ in range(2):  # the second time nothing is left to go, and nothing changes
        retention.remove(bench.settings, bench.contracts, retention.find(bench.settings, bench.contracts, TERMS, LATER), LATER)
        days = bench.query("from intake.first_seen order by all")
        found = [(d["record_key"], f"{d['first_seen_date']:%d %B}") for d in days if d["extract"] == "visits"]
        assert found == [("V2", "30 June"), ("V3", "30 June"), ("V4", "31 July"), ("V5", "02 August")]
        assert len(bench.query("from raw.north__visits")) == 4
    bench.settings.restricted_db.unlink()
    with recovery.open_recovered(bench.settings, bench.contracts, lambda _: None):
        pass
    assert bench.query("from intake.first_seen order by all") == days


def test_the_first_days_that_removed_deliveries_told_are_not_known_at_an_instant_before_they_came(bench, tmp_path):
    retention.remove(bench.settings, bench.contracts, retention.find(bench.settings, bench.contracts, TERMS, LATER), LATER)
    ensure_person_key(bench.settings.person_key_file)
    then = replace(bench.settings, home=tmp_path / "then")
    assert rebuild._known_at(bench.settings, then, (NOW - timedelta(days=1)).replace(tzinfo=None)) == 0
    with open_restricted(then, bench.contracts) as con:  # as a build does
        assert con.execute("select count(*) from intake.first_seen").fetchone() == (0,)
    assert bench.query("from intake.first_seen")  # today they are


def test_bytes_that_another_delivery_in_force_shares_stay(bench):
    same = as_csv(sound_rows(3))  # those of June, now under another extract
    bench.take(same, "changes_2013-08-01.csv")
    assert ("north/visits_2013-06-30.csv", "superseded") not in doomed(bench)


def test_old_releases_may_go_but_for_the_latest_ones_and_the_current_one(bench):
    published = bench.settings.published_dir
    for day in (1, 2, 3, 4):
        (published / f"2013010{day}T020000Z-abcdef01").mkdir(parents=True)
    (published / "current").symlink_to("20130101T020000Z-abcdef01")
    releases = [d for d in retention.find(bench.settings, bench.contracts, TERMS, LATER) if d.kind == "release"]
    assert [d.name for d in releases] == ["20130102T020000Z-abcdef01"]
    retention.remove(bench.settings, bench.contracts, releases, LATER)
    assert sorted(p.name for p in published.iterdir()) == [
        "20130101T020000Z-abcdef01",
        "20130103T020000Z-abcdef01",
        "20130104T020000Z-abcdef01",
        "current",
    ]


def test_without_terms_everything_is_kept_and_wrong_terms_remove_nothing(bench, tmp_path):
    settings = replace(bench.settings, project_dir=tmp_path / "project")
    settings.project_dir.mkdir()
    pyproject = settings.project_dir / "pyproject.toml"
    pyproject.write_text("[tool.outcomes]\n")
    assert retention.read_terms(settings) is None
    terms = "[tool.outcomes.retention]\ndeliveries_days = 30\nreleases_days = 30\nreleases_at_least = 2\n"
    pyproject.write_text(terms)
    assert retention.read_terms(settings) == TERMS
    for wrong in (terms + "nights_days = 3\n", terms.replace("= 2", "= -2"), terms.replace("= 2", '= "2"'), terms[:-22]):
        pyproject.write_text(wrong)
        with pytest.raises(retention.WrongTerms, match="releases_at_least|nights_days"):
            retention.read_terms(settings)


def test_deliveries_of_before_there_were_receipts_get_them(bench):
    receipts = Archive(bench.settings.archive_dir).folder / "receipts"
    names = sorted(p.name for p in receipts.iterdir())
    for path in receipts.iterdir():
        path.unlink()
    intake.land_all(bench.settings, bench.contracts, say=lambda _: None)
    assert sorted(p.name for p in receipts.iterdir()) == names


def test_files_that_still_wait_do_not_bring_back_what_was_removed(bench):
    found = retention.find(bench.settings, bench.contracts, TERMS, LATER)
    retention.remove(bench.settings, bench.contracts, found, LATER)
    reports = intake.land_all(bench.settings, bench.contracts, say=lambda _: None)
    assert reports and {r.status for r in reports} <= {intake.REPLAY, intake.REFUSED}
    archive = Archive(bench.settings.archive_dir)
    assert archive.removed() and not any(archive.place(content_hash).exists() for content_hash in archive.removed())


def test_removed_bytes_that_are_put_back_are_in_force_also_in_a_database_made_anew(bench):
    first, bad = as_csv(sound_rows(4)), as_csv(sound_rows(5))
    bench.take(bad, JULY)  # a correction that was none
    retention.remove(bench.settings, bench.contracts, retention.find(bench.settings, bench.contracts, TERMS, LATER), LATER)
    assert not Archive(bench.settings.archive_dir).place(sha256(first)).exists()
    assert bench.take(first, JULY).status == intake.ACCEPTED
    in_force = (
        "select row_count from intake.deliveries where extract = 'visits' and status <> 'refused' order by received_at desc"
    )
    before = bench.query(in_force)
    bench.settings.restricted_db.unlink()
    with recovery.open_recovered(bench.settings, bench.contracts, lambda _: None):
        pass
    assert bench.query(in_force)[0] == before[0] == {"row_count": 4}
