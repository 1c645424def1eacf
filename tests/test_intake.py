"""Claims about taking a delivery in: limits, quarantine, register, archive, replay, refusal, crash."""

from __future__ import annotations

import errno
import gzip
import os
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import duckdb
import pytest
from click.testing import CliRunner
from intake_bench import COLUMNS, HEADER, NOW, Bench, as_csv, row, sha256, sound_rows, with_bad

from dagster_project import arrival, checks, cli, examine, intake, misplaced, reading, receiving, register
from dagster_project.archive import Archive, write_whole
from dagster_project.contracts import load_contracts
from dagster_project.recovery import open_recovered
from dagster_project.settings import load_settings

ACCEPTED, WITH_QUARANTINE, REFUSED, REPLAY = intake.ACCEPTED, intake.WITH_QUARANTINE, intake.REFUSED, intake.REPLAY


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def test_sound_file_lands_as_sent_and_in_order(bench):
    rows = sound_rows(500)
    report = bench.take(as_csv(rows))
    assert (report.status, report.read_count, report.accepted_count) == (ACCEPTED, 500, 500)
    assert bench.rows() == [tuple(r) for r in rows]
    assert bench.quarantine() == []


@pytest.mark.parametrize("delivery_id", [None, "landed"])
def test_row_numbers_follow_the_file_when_it_is_read_in_parallel(bench, delivery_id):
    lines = "".join(f"V{n},P,HOME,2013-06-01,2013-06-02,3,Y,{'x' * 40}\n" for n in range(1, 600_001))
    path, extract = bench.put(f"{HEADER}\n{lines}".encode()), bench.contracts.find("north", "visits")
    with intake.open_restricted(bench.settings, bench.contracts) as con:
        assert reading.lay_out(con, path, extract, reading.scan(path, extract), delivery_id).is_tidy
        wrong = "visit_id <> 'V' || _row_number or _line <> _row_number + 1"
        assert con.execute(f"select count(*), count(*) filter ({wrong}) from sent").fetchone() == (600_000, 0)


def test_register_says_what_came_and_under_which_contract(bench):
    data = with_bad(30, 1)
    report = bench.take(data, "visits_2013-06-30_2.csv")
    extract = bench.contracts.find("north", "visits")
    (delivery,) = bench.query("select * exclude (configuration) from intake.deliveries")
    assert delivery == (
        {
            "delivery_id": report.delivery_id,
            "agency": "north",
            "extract": "visits",
            "file_name": "visits_2013-06-30_2.csv",
            "content_hash": sha256(data),
            "byte_count": len(data),
            "extract_date": date(2013, 6, 30),
            "sequence": 2,
            "received_at": NOW,
            "row_count": 30,
            "accepted_count": 29,
            "quarantined_count": 1,
            "status": WITH_QUARANTINE,
            "reason": "1 of 30 rows (3.3 %) are in quarantine",
            "contract_version": "1.0.0",
            "contract_hash": extract.contract_hash,
            "rows_hash": report.rows_hash,
        }
    )


def test_time_of_receipt_is_utc_whatever_the_clock_says(bench):
    path = bench.put(as_csv(sound_rows(1)))
    bench.land(path, datetime(2013, 7, 1, 1, tzinfo=UTC).astimezone())
    assert bench.query("select received_at from intake.deliveries") == [{"received_at": datetime(2013, 7, 1, 1)}]


def test_every_failing_row_is_in_quarantine_with_line_column_reason_text_and_key(bench):
    bench.agree(percent=100, rows=100)
    rows = sound_rows(5) + [
        row(6, person_ref=""),
        row(7, kind_code="SHED"),
        row(8, start_date="2013-02-30"),
        row(9, hours="1,000"),
        row(10, is_home="maybe"),
        row(11, end_date="2013-05-01"),
        row(3),
        row(13, visit_id="13"),
        row(14, visit_id=""),
        row(15, hours="-1", kind_code="shed"),
    ]
    report = bench.take(as_csv(rows))
    assert bench.faults() == [
        (7, "person_ref", "required", None, "V6"),
        (8, "kind_code", "unknown_code", "SHED", "V7"),
        (9, "start_date", "bad_date", "2013-02-30", "V8"),
        (10, "hours", "bad_number", "1,000", "V9"),
        (11, "is_home", "bad_boolean", "maybe", "V10"),
        (12, "end_date", "row_rule", "2013-05-01", "V11"),
        (13, "visit_id", "duplicate_key", "V3", "V3"),
        (14, "visit_id", "pattern", "13", "13"),
        (15, "visit_id", "required", None, ""),
        (16, "hours", "bad_number", "-1", "V15"),
        (16, "kind_code", "unknown_code", "shed", "V15"),
    ]
    assert (report.read_count, report.accepted_count, report.quarantined_count) == (15, 5, 10)
    assert all(q["remedy"] and q["agency"] == "north" and q["extract"] == "visits" for q in bench.quarantine())


def test_row_number_of_a_landed_row_is_its_place_in_the_file(bench):
    bench.take(as_csv([row(1), row(2, kind_code="SHED"), row(3)]) + b"V4,short\n" + as_csv([row(5)], "")[1:])
    found = bench.query("select visit_id, _row_number from raw.north__visits order by 2")
    assert [tuple(f.values()) for f in found] == [("V1", 1), ("V3", 3), ("V5", 5)]


def test_first_row_of_a_key_is_kept_and_blanks_do_not_make_it_another(bench):
    bench.take(as_csv([row(1, note="first"), row(2), row(3), row(1, visit_id=" V1 ", note="second")]))
    assert [r[-1] for r in bench.rows()] == ["first", "fine", "fine"]
    assert bench.faults() == [(5, "visit_id", "duplicate_key", "V1", "V1")]


def test_keys_of_two_columns_are_not_mixed_up(tmp_path):
    bench = Bench(tmp_path)
    path = bench.contracts_dir / "north.odcs.yaml"
    two = path.read_text().replace(
        "name: person_ref\n        logicalType: string", "name: person_ref\n        logicalType: string\n        primaryKey: true"
    )
    path.write_text(two.replace('logicalTypeOptions: {pattern: "V[0-9]+"}', "description: any"))
    bench.contracts = load_contracts(bench.contracts_dir, bench.seeds_dir)
    rows = [
        row(1, visit_id="a / b", person_ref="c"),
        row(2, visit_id="a", person_ref="b / c"),
        row(3, visit_id="a", person_ref="b / c"),
    ]
    assert bench.take(as_csv(rows)).quarantined_count == 1
    assert bench.faults() == [(4, "visit_id", "duplicate_key", "a / b / c", "a / b / c")]


def test_blank_that_is_not_a_space_is_no_value_either(bench):
    bench.take(as_csv([*sound_rows(3), row(4, person_ref="\u00a0"), row(5, person_ref="\u3000")]))
    assert [f[:3] for f in bench.faults()] == [(5, "person_ref", "required"), (6, "person_ref", "required")]


# limits: 10 per cent, 5 rows, 2 rows tolerated -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "bad", "status"),
    [
        (20, 0, ACCEPTED),
        (3, 2, WITH_QUARANTINE),  # 67 %, but no more than is tolerated
        (29, 3, REFUSED),  # 10.3 %
        (30, 3, WITH_QUARANTINE),  # 10 % exactly
        (31, 3, WITH_QUARANTINE),
        (1000, 5, WITH_QUARANTINE),  # 5 rows exactly
        (1000, 6, REFUSED),  # 0.6 %, but a row too many
        (2, 2, REFUSED),  # tolerated, but nothing is left
        (1, 1, REFUSED),
    ],
)
def test_limits_of_percent_and_of_rows_both_hold(bench, count, bad, status):
    report = bench.take(with_bad(count, bad))
    assert (report.status, report.read_count, report.quarantined_count) == (status, count, bad)
    assert report.accepted_count == (0 if status == REFUSED else count - bad)
    assert len(bench.faults()) == bad


def test_rows_that_cannot_be_laid_out_count_towards_the_limits(bench):
    broken = b"V100,too,short\n" * 3
    assert bench.take(as_csv(sound_rows(26)) + broken).status == REFUSED
    assert bench.take(as_csv(sound_rows(27)) + broken).status == WITH_QUARANTINE


def test_row_with_two_faults_counts_once(bench):
    assert bench.take(as_csv([*sound_rows(9), row(10, hours="x", kind_code="y", is_home="z")])).quarantined_count == 1
    assert len(bench.faults()) == 3


def test_refused_delivery_says_which_limit_and_what_to_do(bench):
    report = bench.take(with_bad(29, 3))
    assert "3 of 29 rows (10.3 %) fail; the contract allows 10 %" in report.headline
    assert "The file is refused" in report.messages[0] and "send it again" in report.messages[0]


def test_full_extract_without_rows_is_refused_because_it_would_delete_everything(bench):
    bench.take(as_csv(sound_rows(3)))
    report = bench.take(as_csv([]), "visits_2013-07-01.csv")
    assert report.status == REFUSED and "replaces all" in report.reason
    assert len(bench.rows()) == 3


def test_delta_extract_without_rows_is_taken(bench):
    assert bench.take(as_csv([]), "changes_2013-06-30.csv").status == ACCEPTED


# replay, refusal and correction --------------------------------------------------------------------------------------------


def test_same_bytes_again_change_nothing(bench):
    data = with_bad(30, 1)
    bench.take(data)
    tables = ("intake.deliveries", "intake.quarantine", "raw.north__visits")
    before = [bench.query(f"from {t} order by all") for t in tables]
    for name in ("visits_2013-06-30.csv", "north_visits_2013-06-30.csv"):
        report = bench.take(data, name)
        assert report.status == REPLAY and "nothing changes" in report.headline
    assert [bench.query(f"from {t} order by all") for t in tables] == before
    assert bench.archived() == {sha256(data): data}


def in_force(bench) -> str:
    """Hash of the bytes in force, as dbt/macros/in_force.sql orders them."""
    order = "extract_date desc, sequence desc, received_at desc, delivery_id desc"
    return bench.query(f"from intake.deliveries where extract = 'visits' and status <> 'refused' order by {order} limit 1")[0][
        "content_hash"
    ]


def test_bytes_put_back_in_place_of_what_replaced_them_come_into_force_again_as_often_as_they_are(bench):
    right, wrong = as_csv(sound_rows(3)), as_csv(sound_rows(2))
    for data in (right, wrong, right, wrong, right):
        report = bench.take(data)
        assert report.status == ACCEPTED and in_force(bench) == sha256(data)
        assert bench.land(bench.settings.landing_dir / "north" / report.file_name).status == REPLAY  # the night after
    assert "take their place again" in report.messages[0]
    assert len(bench.query("from intake.deliveries")) == 5


def test_files_that_simply_lie_there_stay_replays_though_one_has_replaced_the_other(bench):
    bench.take(as_csv(sound_rows(3)))
    bench.take(as_csv(sound_rows(3, 2)), "north_visits_2013-06-30.csv")
    for _ in range(2):
        reports = intake.land_all(bench.settings, bench.contracts, say=lambda _: None)
        assert [r.status for r in reports] == [REPLAY] * 2
    assert in_force(bench) == sha256(as_csv(sound_rows(3, 2)))


def test_archive_alone_gives_back_what_was_put_back_even_if_what_it_undid_is_gone(bench):
    right, wrong = as_csv(sound_rows(3)), as_csv(sound_rows(2))
    for data in (right, wrong, right):
        bench.take(data)
    register = "select * exclude (rows_hash) from intake.deliveries order by received_at"
    before, archive = bench.query(register), Archive(bench.settings.archive_dir)
    bench.settings.restricted_db.unlink()
    open_recovered(bench.settings, bench.contracts, lambda _: None).close()
    assert bench.query(register) == before and in_force(bench) == sha256(right)
    write_whole(archive.folder / "removed" / f"{sha256(wrong)}.json", b"{}")  # as retention does
    archive.place(sha256(wrong)).unlink()
    bench.settings.restricted_db.unlink()
    open_recovered(bench.settings, bench.contracts, lambda _: None).close()
    assert bench.query(register) == [before[0], before[2]]


def test_bytes_of_an_undated_file_that_come_again_on_a_later_day_are_not_passed_over(bench):
    path = bench.put(as_csv(sound_rows(3)), "visits.csv")
    bench.land(path)
    bench.land(bench.put(as_csv(sound_rows(2)), "visits.csv"), NOW + timedelta(days=1))
    for day in (2, 3):
        report = bench.land(bench.put(as_csv(sound_rows(3)), "visits.csv"), NOW + timedelta(days=day))
        assert "holds the same rows as 'visits.csv' of 2013-08-05" in report.reason
    assert len(bench.query("from intake.deliveries")) == 3


def test_bytes_that_were_replaced_can_be_sent_under_the_next_sequence(bench):
    bench.take(right := as_csv(sound_rows(3)))
    bench.take(as_csv(sound_rows(2)))
    assert bench.take(right, "visits_2013-06-30_2.csv").status == ACCEPTED and in_force(bench) == sha256(right)


def test_same_bytes_for_another_extract_are_another_delivery(bench):
    data = as_csv(sound_rows(3))
    assert [bench.take(data, f"{name}_2013-06-30.csv").status for name in ("visits", "changes")] == [ACCEPTED, ACCEPTED]
    assert len(bench.archived()) == 1


@pytest.mark.parametrize(
    "data", [with_bad(30, 1), with_bad(3, 3), b"PK\x03\x04 zip", b"", HEADER.encode(), gzip.compress(with_bad(9, 0))]
)
def test_archive_holds_the_bytes_as_sent_under_their_hash(bench, data):
    bench.take(data)
    assert bench.archived() == {sha256(data): data}
    place = bench.settings.archive_dir / sha256(data)[:2] / sha256(data)
    assert place.stat().st_mode & 0o777 == 0o400 and bench.settings.archive_dir.stat().st_mode & 0o077 == 0


def test_refused_delivery_leaves_what_came_before_and_keeps_its_findings(bench):
    bench.take(as_csv(sound_rows(5)))
    before = bench.query("from raw.north__visits order by all")
    report = bench.take(with_bad(20, 6), "visits_2013-07-01.csv")
    assert report.status == REFUSED
    assert bench.query("from raw.north__visits order by all") == before
    refused = bench.query(
        "select status, row_count, accepted_count, quarantined_count from intake.deliveries where status = 'refused'"
    )
    assert [tuple(r.values()) for r in refused] == [(REFUSED, 20, 0, 6)]
    assert len(bench.faults()) == 6


def test_refused_delivery_can_be_sent_again_corrected(bench):
    bench.take(with_bad(20, 6))
    assert bench.take(as_csv(sound_rows(20))).status == ACCEPTED
    assert len(bench.rows()) == 20
    assert sorted(d["status"] for d in bench.query("from intake.deliveries")) == [ACCEPTED, REFUSED]


def test_refused_delivery_can_be_sent_again_after_the_contract_is_loosened(bench):
    data = with_bad(20, 6)
    refused = bench.take(data)
    assert bench.take(data).status == REFUSED  # and again, without a second line in the register
    bench.agree(percent=50, rows=50)
    taken = bench.take(data)
    assert (taken.status, taken.delivery_id) == (WITH_QUARANTINE, refused.delivery_id)
    assert len(bench.query("from intake.deliveries")) == 1 and len(bench.faults()) == 6 and len(bench.rows()) == 14


def test_column_that_a_contract_comes_to_ask_for_is_added_to_the_raw_table(bench):
    bench.take(as_csv(sound_rows(2)))
    path = bench.contracts_dir / "north.odcs.yaml"
    path.write_text(path.read_text().replace("    quality:", "      - {name: town, logicalType: string}\n    quality:"))
    bench.contracts = load_contracts(bench.contracts_dir, bench.seeds_dir)
    bench.take(as_csv([[*row(9), "Ambridge"]], HEADER + ",town"), "visits_2013-07-01.csv")
    found = bench.query("select visit_id, town from raw.north__visits order by 1")
    assert [tuple(f.values()) for f in found] == [("V1", None), ("V2", None), ("V9", "Ambridge")]


# what is not recognised ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("parcels_2013-06-30.csv", "not an extract"),
        ("visits_2013-06-31.csv", "does not exist"),
        ("visits_2999-01-01.csv", "yet to come"),
        ("visits.xlsx", "not an extract"),
        ("visits_2013-06-30.csv.part", "not an extract"),
        ("visits 2013-06-30 (1) 'copy' \u00e9\u00df.csv", "not an extract"),
        ('vi"sits;drop table.csv', "not an extract"),
    ],
)
def test_file_that_no_contract_knows_is_refused_registered_and_archived(bench, name, says):
    data = as_csv(sound_rows(2))
    report = bench.take(data, name)
    assert (
        (report.status, report.extract) == (REFUSED, None)
        and says in report.reason
        and "north/visits" in report.messages[0] + "north/visits"
    )
    (registered,) = bench.query("select agency, extract, file_name, content_hash, status from intake.deliveries")
    assert list(registered.values()) == ["north", None, name, sha256(data), REFUSED]
    assert sha256(data) in bench.archived()


def test_file_name_that_is_not_text_is_refused_not_a_crash(bench):
    path = bench.put(as_csv(sound_rows(2)))
    odd = path.rename(os.fsdecode(os.fsencode(path.parent) + b"/visits_\xff.csv"))
    assert bench.land(odd).headline.encode().startswith(b"north/visits_\\xff.csv: REFUSED")


@pytest.mark.parametrize(
    "name", ["visits_2013-06-30.csv", "visits.csv", "north_visits_2013-06-30.csv", "visits_2013-06-30_12.csv"]
)
def test_names_that_are_agreed_are_recognised(bench, name):
    assert bench.take(as_csv(sound_rows(2)), name).status == ACCEPTED


def test_file_without_a_date_is_taken_as_of_the_day_it_came(bench):
    bench.take(as_csv(sound_rows(2)), "visits.csv")
    assert bench.query("select extract_date from intake.deliveries") == [{"extract_date": NOW.date()}]


def test_folders_with_blanks_quotes_patterns_and_letters_beyond_ascii_are_no_obstacle(tmp_path):
    bench = Bench(tmp_path / 'it\'s [a] "home" * \u00e9')
    assert bench.take(as_csv(sound_rows(50))).status == ACCEPTED
    assert bench.rows() == [tuple(r) for r in sound_rows(50)]


def test_check_finds_the_agency_by_the_columns_when_two_have_an_extract_of_that_name(tmp_path):
    settings = load_settings(home=tmp_path)
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    for agency in ("probation", "prisons"):
        columns = [c.name for c in contracts.find(agency, "people").columns]
        path = tmp_path / "people_2013-06-30.csv"
        path.write_text(",".join(columns) + "\n" + "," * (len(columns) - 1) + "\n")
        assert intake.check(settings, contracts, path).extract is contracts.find(agency, "people")
        other = intake.check(settings, contracts, path, {"probation": "prisons", "prisons": "probation"}[agency])
        assert other.status == REFUSED and "has no column" in other.reason
    path.write_text("a,b\n1,2\n")
    report = intake.check(settings, contracts, path)
    assert report.status == REFUSED and "could be of prisons or probation" in report.reason


def test_file_of_another_agency_is_refused(tmp_path):
    settings = load_settings(home=tmp_path)
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    folder = settings.landing_dir / "prisons"
    folder.mkdir(parents=True)
    columns = [c.name for c in contracts.find("probation", "people").columns]
    (folder / "people_2013-06-30.csv").write_text(",".join(columns) + "\n" + ",".join("X" for _ in columns) + "\n")
    (report,) = intake.land_all(settings, contracts, say=lambda _: None)
    assert report.status == REFUSED and "home_postcode" in report.reason


# the room and its keys -----------------------------------------------------------------------------------------------------


def test_check_leaves_nothing_behind(bench):
    path = bench.put(with_bad(30, 1) + b"V99,short\n")
    report = intake.check(bench.settings, bench.contracts, path)
    assert report.status == WITH_QUARANTINE
    assert [p for p in bench.settings.data_dir.rglob("*") if p.name != "work"] == []


def test_check_shows_the_offending_text_and_intake_does_not_repeat_it_outside_quarantine(bench):
    path = bench.put(as_csv([*sound_rows(9), row(10, hours="Jane Doe")]) + b"V11,John Roe\n")
    said = "\n".join(intake.check(bench.settings, bench.contracts, path).messages)
    done = bench.land(path)
    assert "Jane Doe" in said and "John Roe" in said and "line 11, column hours: bad number" in said
    assert not {"Jane", "Roe"} & set(" ".join([done.headline, *done.messages]).replace("'", " ").split())
    assert [f[3] for f in bench.faults()] == ["Jane Doe", "V11,John Roe"]


@pytest.mark.parametrize("between", ["", ","])
def test_header_that_lost_its_line_end_is_told_without_repeating_the_values_that_follow_it(bench, between):
    values = ["V7777", "Zzleak", "HOME", "2013-06-01", "2013-06-02", "3", "Y", "Ulmesk"]
    header, rest = as_csv([values, *sound_rows(3)]).split(b"\n", 1)
    report = bench.take(header + between.encode() + rest)
    said = " ".join(report.messages) + report.headline
    assert "does the header end with its line?" in said
    assert not [value for value in values if len(value) > 4 and value in said], said


def test_column_that_is_named_like_a_value_is_told_by_its_place(bench):
    said = bench.take(as_csv(sound_rows(3), header=HEADER.replace("note", "1971-11-19"))).messages[0]
    assert "The column number 8 is not in the contract; is it the one?" in said


def test_file_without_header_is_refused_without_repeating_its_first_row(bench):
    report = bench.take(as_csv(sound_rows(3)).split(b"\n", 1)[1])
    assert "is the header there?" in report.messages[0] and "P1" not in report.messages[0]


def test_only_the_first_findings_are_listed(bench):
    report = bench.take(with_bad(40, 30))
    assert sum("unknown code" in m for m in report.messages) == examine.SHOWN_FINDINGS
    assert report.messages[-1].endswith("and 10 more findings")


# what goes wrong with files and machines -----------------------------------------------------------------------------------


def test_link_out_of_the_folder_is_refused_unread(bench):
    secret = bench.settings.home / "secret.csv"
    secret.write_bytes(as_csv(sound_rows(2)))
    link = bench.put(b"x", "x.csv").parent / "visits_2013-06-30.csv"
    link.symlink_to(secret)
    assert "outside its folder" in intake.check(bench.settings, bench.contracts, link).reason
    report = bench.land(link)
    assert report.status == REFUSED and "outside its folder" in report.reason and bench.archived() == {}


def test_link_within_the_folder_is_taken(bench):
    link = bench.put(as_csv(sound_rows(2)), ".held").parent / "visits_2013-06-30.csv"
    link.symlink_to(".held")
    assert bench.land(link).status == ACCEPTED


def test_what_cannot_be_read_is_refused_and_does_not_stop_the_others(bench):
    folder = bench.put(as_csv(sound_rows(2)), "visits_2013-06-30.csv").parent
    (folder / "changes_2013-06-30.csv").symlink_to("nowhere")
    (folder / "done").mkdir()
    os.mkfifo(folder / "pipe")
    said = []
    reports = intake.land_all(bench.settings, bench.contracts, say=said.append)
    assert [(r.file.name, r.status) for r in reports] == [
        ("changes_2013-06-30.csv", REFUSED),
        ("pipe", REFUSED),
        ("visits_2013-06-30.csv", ACCEPTED),
    ]
    headlines = [line for line in said if not line.startswith("  ")]
    assert len(headlines) == 3
    assert [line.strip() for line in said if line not in headlines] == [m for r in reports[:2] for m in r.messages]
    assert "No such file" in reports[0].messages[0] and "not a file" in reports[1].messages[0]
    assert [p.name for p in intake.waiting_files(bench.settings)] == ["visits_2013-06-30.csv"]


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: None], ids=["a folder", "nothing"])
def test_folder_or_nothing_in_place_of_a_file_is_refused(bench, make):
    path = bench.put(b"").parent / "visits_2013-05-31.csv"
    make(path)
    assert intake.check(bench.settings, bench.contracts, path).status == REFUSED
    assert bench.land(path).status == REFUSED


def test_file_that_may_not_be_read_is_refused(bench, monkeypatch):
    path = bench.put(as_csv(sound_rows(2)))

    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(arrival, "fingerprint", forbidden)
    assert "Permission denied" in intake.check(bench.settings, bench.contracts, path).messages[0]
    report = bench.land(path)
    assert report.status == REFUSED and "who may read it" in report.messages[0]


def test_file_that_grows_while_it_is_read_is_refused(bench, monkeypatch):
    path, stat = bench.put(as_csv(sound_rows(2))), arrival.must_be_unchanged

    def grow_first(read, before):
        with open(path, "ab") as file:
            file.write(b"more")
        stat(read, before)

    monkeypatch.setattr(arrival, "must_be_unchanged", grow_first)
    assert "changed while it was read" in intake.check(bench.settings, bench.contracts, path).reason
    report = bench.land(path)
    assert report.status == REFUSED and "changed while it was read" in report.reason and bench.rows() == []


def test_full_disk_is_said_before_anything_is_written(bench, monkeypatch):
    path = bench.put(as_csv(sound_rows(2)))
    monkeypatch.setattr(receiving.shutil, "disk_usage", lambda _: SimpleNamespace(total=1, used=1, free=1))
    with pytest.raises(intake.NoRoom, match=r"visits_2013-06-30.csv: needs .* Free some disk and run again"):
        bench.land(path)
    monkeypatch.undo()
    assert bench.archived() == {} and bench.query("from intake.deliveries") == []
    assert bench.land(path).status == ACCEPTED


def test_disk_that_fills_up_on_the_way_is_said(bench, monkeypatch):
    path = bench.put(as_csv(sound_rows(2)))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(arrival, "fingerprint", full)
    with pytest.raises(intake.NoRoom, match="Nothing of it was taken. Free some disk and run again"):
        bench.land(path)
    assert bench.query("from intake.deliveries") == [] and bench.leftovers() == []


class Failing:
    """A connection that fails at the first statement with a given beginning."""

    def __init__(self, con, beginning: str):
        self.con, self.beginning = con, beginning

    def execute(self, sql, *more):
        if sql.startswith(self.beginning):
            raise KeyboardInterrupt
        return self.con.execute(sql, *more)

    def __getattr__(self, name):
        return getattr(self.con, name)


@pytest.mark.parametrize(
    "beginning", ["insert into raw", "insert into intake.quarantine", "insert into intake.deliveries", "commit"]
)
def test_crash_inside_the_transaction_leaves_no_half_landed_delivery(bench, beginning):
    bench.take(as_csv(sound_rows(3)))
    bench.take(refused := with_bad(20, 6), "visits_2013-07-01.csv")
    tables = ("intake.deliveries", "intake.quarantine", "raw.north__visits")
    before = [bench.query(f"from {t} order by all") for t in tables]
    bench.agree(percent=50, rows=50)
    path = bench.put(refused, "visits_2013-07-01.csv")
    with intake.open_restricted(bench.settings, bench.contracts) as con, pytest.raises(KeyboardInterrupt):
        intake.land(Failing(con, beginning), bench.settings, bench.contracts, path, NOW)
    assert [bench.query(f"from {t} order by all") for t in tables] == before and bench.leftovers() == []
    assert bench.take(refused, "visits_2013-07-01.csv").status == WITH_QUARANTINE


def test_rows_that_landed_and_were_not_registered_are_taken_back_when_the_database_is_next_opened(bench, monkeypatch):
    bench.take(as_csv(sound_rows(3)))
    before = bench.query("from raw.north__visits order by all")
    path = bench.put(as_csv(sound_rows(5)), "visits_2013-07-01.csv")
    monkeypatch.setattr(intake, "_give_up", lambda *_: None)  # as when the process is killed
    monkeypatch.setattr(checks, "find", lambda *_: 1 / 0)
    with intake.open_restricted(bench.settings, bench.contracts) as con, pytest.raises(ZeroDivisionError):
        intake.land(con, bench.settings, bench.contracts, path, NOW)
    assert len(bench.query("from raw.north__visits")) == 8 and len(bench.query("from intake.deliveries")) == 1
    intake.open_restricted(bench.settings, bench.contracts).close()
    assert bench.query("from raw.north__visits order by all") == before and bench.query("from intake.landing") == []


def test_fault_of_the_installation_is_raised_and_leaves_nothing(bench, monkeypatch):
    path = bench.put(as_csv(sound_rows(2)))

    def broken(*_):
        raise duckdb.OutOfMemoryException("no memory")

    monkeypatch.setattr(checks, "find", broken)
    with intake.open_restricted(bench.settings, bench.contracts) as con, pytest.raises(duckdb.OutOfMemoryException):
        intake.land(con, bench.settings, bench.contracts, path, NOW)
    assert bench.query("from intake.deliveries") == [] and bench.leftovers() == []


def test_error_while_rows_land_is_raised_as_it_is(bench):
    path, extract = bench.put(as_csv(sound_rows(3))), bench.contracts.find("north", "visits")
    with intake.open_restricted(bench.settings, bench.contracts) as con:
        columns = ", ".join(f"{c} varchar" for c in COLUMNS)
        con.execute("drop table raw.north__visits")
        con.execute(
            f"create table raw.north__visits ({columns}, _delivery_id varchar, _row_number bigint check (_row_number < 3))"
        )
        with pytest.raises(duckdb.ConstraintException):
            reading.lay_out(con, path, extract, reading.scan(path, extract), "landed")
        assert con.execute("select current_setting('preserve_insertion_order')").fetchall() == [(True,)]
        assert con.execute("from intake.landing").fetchall() == []


def test_what_a_killed_process_left_is_swept_away(bench):
    bench.settings.archive_dir.mkdir(parents=True)
    (bench.settings.archive_dir / ".incoming-1").write_bytes(b"half")
    bench.put(as_csv(sound_rows(2)))
    intake.land_all(bench.settings, bench.contracts, say=lambda _: None)
    assert bench.leftovers() == []


def test_files_are_taken_in_the_order_of_their_names_and_hidden_ones_are_left(bench):
    for name in ("visits_2013-07-01.csv", "visits_2013-06-30.csv", ".visits_2013-05-31.csv"):
        bench.put(as_csv(sound_rows(2, first=len(name))).replace(b"fine", name.encode()), name)
    reports = intake.land_all(bench.settings, bench.contracts, "north", say=lambda _: None)
    assert [r.file.name for r in reports] == ["visits_2013-06-30.csv", "visits_2013-07-01.csv"]


def test_check_of_an_agency_that_there_is_not_names_those_that_there_are():
    said = CliRunner().invoke(cli.main, ["check", "--agency", "nobody", "x.csv"])
    assert said.exit_code == 2 and "'nobody': choose from departments, dwp," in said.output


WHERE_READ = "Put it into landing/north."


@pytest.mark.parametrize(
    "place, why, remedy",
    [
        ("changes_2013-06-30.csv", "it is in no agency's folder", WHERE_READ),
        ("nort/people.csv.gz", "no agency has the folder landing/nort", WHERE_READ),
        ("spare/parts.csv", "no agency has the folder landing/spare", "Put it into the folder of its agency: north."),
        ("north/inbox/x.csv", "it is in a folder within that of north", "Put the file itself into landing/north."),
        ("north/visits_2013-07-31.csv/", "it is a folder", "Put the file itself into landing/north."),
    ],
)
def test_what_lies_where_no_night_reads_it_is_named_with_the_place_where_it_would_be_read(bench, place, why, remedy):
    bench.put(as_csv(sound_rows(3)))
    bench.put(b"", ".hidden.csv")
    (bench.settings.landing_dir / "south").mkdir()  # empty
    path = bench.settings.landing_dir / place
    (path if place.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
    if not path.is_dir():
        path.write_bytes(as_csv(sound_rows(3)))
    found = misplaced.find(bench.settings, bench.contracts)
    assert [(f.says, f.remedy) for f in found] == [(f"File landing/{place.rstrip('/')} is not read: {why}.", remedy)]
    if path.is_file():
        said = intake.check(bench.settings, bench.contracts, path).messages
        assert f"{path.name}: Note: {found[0].says} {remedy}" in said


def test_agency_without_a_folder_has_nothing_waiting(bench):
    assert intake.land_all(bench.settings, bench.contracts, "north", say=lambda _: None) == []


def test_file_named_for_tomorrow_is_still_taken_across_time_zones(bench):
    tomorrow = NOW.date() + timedelta(days=1)
    assert bench.take(as_csv(sound_rows(1)), f"visits_{tomorrow}.csv").status == ACCEPTED


def test_restricted_database_is_for_its_owner_only(bench):
    bench.take(as_csv(sound_rows(1)))
    assert bench.settings.restricted_db.stat().st_mode & 0o077 == 0


def test_memory_limit_reaches_the_database(bench):
    with register.connect(bench.settings) as con:
        assert con.execute("select current_setting('memory_limit')").fetchone()[0].endswith("MiB")
    assert len(COLUMNS) == 8
