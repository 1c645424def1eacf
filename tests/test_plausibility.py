"""Claims about a delivery beside what was taken before it, where the table of dirty deliveries leaves them open."""

from __future__ import annotations

from datetime import timedelta

import pytest
from intake_bench import NOW, Bench, as_csv, row, sha256, sound_rows

from dagster_project import examine, intake

ACCEPTED, REFUSED = intake.ACCEPTED, intake.REFUSED
JUNE, JULY = "visits_2013-06-30.csv", "visits_2013-07-31.csv"
HEADER = "agency,extract,content_hash,reason,confirmed_by,confirmed_date\n"


@pytest.fixture
def bench(tmp_path) -> Bench:
    bench = Bench(tmp_path)
    bench.agree(compared_from=10, has_people=True)
    return bench


def people(*numbers: int) -> bytes:
    return as_csv([[f"P{n}", "1980-01-01"] for n in numbers], "person_ref,born")


def of(report: intake.Report, words: str) -> list[str]:
    return [m for m in report.messages if words in m]


def test_check_without_a_register_says_that_it_did_not_compare(bench):
    path = bench.put(as_csv(sound_rows(3)))
    assert of(intake.check(bench.settings, bench.contracts, path), "not compared with earlier deliveries")
    intake.open_restricted(bench.settings, bench.contracts).close()
    assert not of(intake.check(bench.settings, bench.contracts, path), "not compared")


def test_check_compares_though_the_register_is_damaged_or_of_an_earlier_version_by_saying_that_it_cannot(bench):
    path = bench.put(as_csv(sound_rows(3)))
    bench.settings.data_dir.mkdir(exist_ok=True)
    bench.settings.restricted_db.write_bytes(b"no database" * 1000)
    report = intake.check(bench.settings, bench.contracts, path)
    assert report.status == ACCEPTED and of(report, "not compared")


def test_check_of_a_file_that_was_taken_says_so(bench):
    bench.take(data := as_csv(sound_rows(3)))
    assert intake.check(bench.settings, bench.contracts, bench.put(data)).status == intake.REPLAY


@pytest.mark.parametrize("row_text", ["north,visits,{hash},,A. Clerk,2013-07-02", "north,visits,{hash},quiet,,2013-07-02"])
def test_confirmation_without_a_reason_or_a_name_confirms_nothing(bench, row_text):
    bench.take(data := as_csv(sound_rows(3)))
    (bench.seeds_dir / "delivery_confirmations.csv").write_text(HEADER + row_text.format(hash=sha256(data)) + "\n")
    assert bench.take(data, JULY).status == REFUSED


def test_confirmation_is_of_one_file_only(bench):
    bench.take(as_csv(sound_rows(20)))
    data = as_csv(sound_rows(5))
    (bench.seeds_dir / "delivery_confirmations.csv").write_text(
        f"{HEADER}north,visits,{sha256(data)},quiet,A. Clerk,2013-07-02\n"
    )
    assert [bench.take(d, JULY).status for d in (as_csv(sound_rows(6)), data)] == [REFUSED, ACCEPTED]


def test_size_is_compared_with_the_nearest_earlier_delivery_that_was_taken(bench):
    bench.take(as_csv(sound_rows(100)), "visits_2013-06-10.csv")
    assert bench.take(as_csv(sound_rows(40)), "visits_2013-06-20.csv").status == REFUSED
    assert bench.take(as_csv(sound_rows(70)), "visits_2013-06-20_2.csv").status == ACCEPTED
    assert bench.take(as_csv(sound_rows(45)), JUNE).status == ACCEPTED  # 64 % of 70, 45 % of 100
    assert bench.take(as_csv(sound_rows(10)), "visits_2013-06-01.csv").status == ACCEPTED  # none before it


def test_size_is_compared_with_the_delivery_that_would_be_replaced(bench):
    bench.take(whole := as_csv(sound_rows(100)))
    report = bench.take(cut := as_csv(sound_rows(10)))
    assert "is far smaller than the one it replaces: 10 rows, 10 % of the 100 in 'visits_2013-06-30.csv'" in report.reason
    assert bench.take(whole).status == intake.REPLAY
    (bench.seeds_dir / "delivery_confirmations.csv").write_text(
        f"{HEADER}north,visits,{sha256(cut)},by mistake,A. Clerk,2013-07-02\n"
    )
    assert [bench.take(data).status for data in (cut, whole)] == [ACCEPTED, ACCEPTED]  # to undo it needs no confirmation


def test_full_extract_of_an_earlier_day_than_the_one_in_force_is_taken_with_a_note(bench):
    bench.take(as_csv(sound_rows(3)), JULY)
    assert of(bench.take(as_csv(sound_rows(4))), "Note: it is kept, and 'visits_2013-07-31.csv' of 2013-07-31 stays in force.")
    bench.take(as_csv(sound_rows(3)), JULY.replace("visits", "changes"))
    assert not of(bench.take(as_csv(sound_rows(4)), JUNE.replace("visits", "changes")), "in force")


def test_same_rows_are_a_repeat_whichever_date_comes_first(bench):
    bench.take(data := as_csv(sound_rows(3)), JULY)
    assert "under another date" in bench.take(data, JUNE).reason


def test_refused_delivery_is_no_earlier_one(bench):
    bad = as_csv([row(n, hours="x") for n in range(1, 9)])
    assert [bench.take(bad, name).reason for name in (JUNE, JULY)] == ["none of its 8 rows can be taken"] * 2


def test_verdict_does_not_depend_on_what_was_received_later(bench):
    """A receipt that is taken again from the archive is judged by what had come before it then."""
    bench.take(as_csv(sound_rows(30)))
    with intake.open_restricted(bench.settings, bench.contracts) as con:
        con.execute("update intake.deliveries set received_at = ?", [NOW + timedelta(days=60)])
        path = bench.put(as_csv(sound_rows(12)), JULY)
        report = intake.Report(path, bench.contracts.find("north", "visits"), ACCEPTED, read_count=12, received_at=NOW)
        report.extract_date = (NOW + timedelta(days=26)).date()
        examine.plausibility.compare(con, bench.contracts, report)  # raises FileRefused, were it judged by what came later
    assert not report.messages


def test_parents_are_those_that_were_taken_and_those_in_the_newest_file_beside(bench):
    bench.take(people(1), "people_2013-05-31.csv")
    bench.put(people(1, 2), "people_2013-06-30.csv")
    bench.put(people(3), "people_2013-06-01.csv")
    report = bench.take(as_csv(sound_rows(4)))
    assert (report.status, report.orphan_count) == (ACCEPTED, 2)
    assert [m.split(": ")[1] for m in of(report, "no parent")] == ["line 4, column person_ref", "line 5, column person_ref"]


def test_rows_without_a_parent_are_counted_and_only_the_first_are_listed(bench):
    bench.take(people(1), "people_2013-05-31.csv")
    report = bench.take(as_csv([*sound_rows(30), row(31, hours="x", person_ref="P99")]))
    assert report.orphan_count == 29 and len(of(report, "no parent")) == examine.SHOWN_FINDINGS  # the faulty row is not one
    assert report.messages[-1] == f"{JUNE}: and 9 more without a parent"


def test_reference_is_shown_by_check_and_not_repeated_by_intake(bench):
    bench.take(people(1), "people_2013-05-31.csv")
    path = bench.put(as_csv([row(1), row(2, person_ref="Jane Doe")]))
    assert of(intake.check(bench.settings, bench.contracts, path), "no parent: 'Jane Doe'.")
    report = bench.land(path)
    assert of(report, "no parent") and not of(report, "Jane")


def test_file_of_parents_that_cannot_be_read_is_as_good_as_none(bench):
    bench.put(b"PK\x03\x04", "people_2013-06-30.csv")
    assert of(bench.take(as_csv(sound_rows(2))), "was not looked up, for no north/people is here")


def test_file_without_a_date_holds_nothing_later_than_the_day_it_came(bench):
    report = bench.take(as_csv([row(1), row(2, start_date="2013-08-05", end_date="")]), "visits.csv")
    assert report.status == ACCEPTED  # NOW
    late = bench.land(bench.put(as_csv([row(1), row(2, start_date="2013-08-06", end_date="")]), "visits.csv"))
    assert of(late, "future date: Later than the extract date 2013-08-05")
