"""Two people may let a release off a failed rule, within a scope and for a time; one person, or a slip, lets nothing off."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from damages import DAMAGES
from gate_world import clean_files, damaged, open_gate, suite_of
from small_release import build_world

from dagster_project import gate, reader, release
from dagster_project.report import print_headline
from dagster_project.suites import GateError, load_suites
from dagster_project.trace import trace
from dagster_project.waivers import COLUMNS, Waiver, Waivers, load_waivers

TODAY = date(2009, 8, 20)
ROW = {
    "waiver_id": "W1",
    "rule_id": "area_unknown_share_is_high",
    "indicator_id": "NI143",
    "geography_code": "A3",
    "period_start": "2009-05-01",
    "reason": "Westland sends its records in September",
    "requested_by": "Ann Smith",
    "approved_by": "Bob Jones",
    "valid_from": "2009-08-01",
    "valid_to": "2009-09-01",
}
RANGE = "indicators_percentages_are_within_0_and_100"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build_world(tmp_path_factory.mktemp("waivers"))


@pytest.fixture(scope="module")
def suites(world):
    return load_suites(world.suites_dir)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with open_gate(tmp_path_factory.mktemp("waived")) as engine:
        yield engine


@pytest.fixture
def load(world, suites, tmp_path):
    """Write rows to a seed of waivers and load them; each argument changes the row above."""

    def load(*changes: dict, today: date = TODAY, text: str | None = None) -> Waivers:
        folder = tmp_path / "project"
        shutil.copytree(world.seeds_dir, folder / "seeds", dirs_exist_ok=True)
        write_waivers(folder / "seeds" / "waivers.csv", changes, text)
        return load_waivers(dataclasses.replace(world, project_dir=folder), today, suites)

    return load


def write_waivers(path: Path, changes, text: str | None = None) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(ROW | change for change in changes)
        file.write(text or "")


def waiver(rule_id: str = RANGE, waiver_id: str = "W1", **scope) -> Waiver:
    scope = {"indicator_id": None, "geography_code": None, "period_start": None} | scope
    rest = {n: ROW[n] for n in ("reason", "requested_by", "approved_by")}
    return Waiver(waiver_id, rule_id, **scope, **rest, valid_from=date(2009, 8, 1), valid_to=date(2009, 9, 1))


CELL = {"indicator_id": "NI143", "geography_code": "A3", "period_start": date(2009, 5, 1)}


# What is a waiver?
def test_a_row_of_two_people_with_a_reason_is_in_force(load):
    waivers = load({})
    assert [w.waiver_id for w in waivers.in_force] == ["W1"] and not waivers.unsound
    assert waivers.in_force[0].scope == {"indicator_id": "NI143", "geography_code": "A3", "period_start": "2009-05-01"}
    words = waivers.in_force[0].words
    assert all(word in words for word in ("Ann Smith", "Bob Jones", "1 September 2009", "Westland sends", "W1", "A3"))


@pytest.mark.parametrize(
    ("change", "column", "says"),
    [
        ({"approved_by": "Ann Smith"}, "approved_by", "is the person who asked"),
        ({"approved_by": " ann  smith"}, "approved_by", "is the person who asked"),
        ({"approved_by": ""}, "approved_by", "is blank"),
        ({"requested_by": " "}, "requested_by", "is blank"),
        ({"reason": " "}, "reason", "is blank"),
        ({"waiver_id": ""}, "waiver_id", "is blank"),
        ({"rule_id": ""}, "rule_id", "is blank"),
        ({"valid_to": "2009-09-02"}, "valid_to", "is 32 days after valid_from; 31 are allowed"),
        ({"valid_to": "2009-08-01"}, "valid_to", "is not after valid_from"),
        ({"valid_to": "2009-07-01"}, "valid_to", "is not after valid_from"),
        ({"valid_to": ""}, "valid_to", "is not a date"),
        ({"valid_from": "1/8/2009"}, "valid_from", "is not a date"),
        ({"valid_from": "20090801"}, "valid_from", "is not a date"),
        ({"period_start": "2009-02-30"}, "period_start", "is not a date"),
        ({"rule_id": "no_such_rule"}, "rule_id", "there is no rule 'no_such_rule'"),
        ({"rule_id": "indicators_show_no_small_count"}, "rule_id", "may not be waived"),
        ({"rule_id": "release_has_no_identifiers"}, "rule_id", "may not be waived"),
        ({"rule_id": "indicators_has_rows"}, "rule_id", "may not be waived"),
        ({"indicator_id": "NI999"}, "indicator_id", "'NI999' is not known"),
        ({"geography_code": "A9"}, "geography_code", "'A9' is not known"),
    ],
)
def test_a_row_that_is_not_sound_waives_nothing_and_is_named_by_file_line_column_and_remedy(load, change, column, says):
    waivers = load({"waiver_id": "good"}, change)
    assert [w.waiver_id for w in waivers.in_force] == ["good"] and not waivers.expired and not waivers.not_yet
    (fault,) = waivers.unsound
    assert (fault.line, fault.column) == (3, column) and says in fault.says
    assert fault.says.startswith(f"waivers.csv, line 3, {column}: ") and fault.says.endswith(".")


def test_an_id_that_is_there_twice_waives_nothing_by_either_row(load):
    waivers = load({}, {"waiver_id": "w1 ", "geography_code": "A2"})
    assert not waivers.in_force and [f.line for f in waivers.unsound] == [2, 3]


def test_every_fault_of_a_row_is_said_at_once(load):
    assert len(load({"approved_by": "", "reason": "", "rule_id": "x"}).unsound) == 3


def test_blank_and_all_are_everything(load):
    for word in ("", "all", " ALL "):
        (found,) = load({"indicator_id": word, "geography_code": word, "period_start": word}).in_force
        assert found.scope == {} and "for everything" in found.words


def test_a_waiver_runs_for_31_days_from_its_first_and_is_over_on_its_last(load):
    by_day = {}
    for day in (date(2009, 7, 31), date(2009, 8, 1), date(2009, 8, 31), date(2009, 9, 1)):
        waivers = load({}, today=day)
        by_day[day.isoformat()[5:]] = [k for k in ("not_yet", "in_force", "expired") if getattr(waivers, k)]
    assert by_day == {"07-31": ["not_yet"], "08-01": ["in_force"], "08-31": ["in_force"], "09-01": ["expired"]}


def test_the_longest_time_is_the_one_of_the_seed(load, world, suites, tmp_path):
    load({"valid_to": "2009-08-08"}, {"waiver_id": "W2", "valid_to": "2009-08-09"}, today=date(2009, 8, 2))
    settings = dataclasses.replace(world, project_dir=tmp_path / "project")
    rules = settings.seeds_dir / "waiver_rules.csv"
    rules.write_text("rule_id,value,why\nlongest_days,7,x\n")
    assert [f.waiver_id for f in load_waivers(settings, date(2009, 8, 2), suites).unsound] == ["W2"]
    rules.write_text("rule_id,value,why\n")
    with pytest.raises(GateError, match="waiver_rules.csv: no row 'longest_days'"):
        load_waivers(settings, TODAY, suites)


def test_a_file_that_cannot_be_read_waives_nothing_and_stops_nothing(load, world, suites, tmp_path):
    assert load() == Waivers()
    ragged = load({}, text="W2,area_unknown_share_is_high,NI143\n\n")
    assert [w.waiver_id for w in ragged.in_force] == ["W1"] and "line 3: 3 columns, not 10" in ragged.unsound[0].says
    path = tmp_path / "project" / "seeds" / "waivers.csv"
    settings = dataclasses.replace(world, project_dir=tmp_path / "project")
    for content, says in ((b"waiver;rule\n", "line 1: the columns are not"), (b"", "line 1"), (b"\xff\xfe\x00", "UTF-8")):
        path.write_bytes(content)
        waivers = load_waivers(settings, TODAY, suites)
        assert not waivers.in_force and says in waivers.unsound[0].says
    path.unlink()
    assert load_waivers(settings, TODAY, suites) == Waivers()


# What does a waiver cover?
def ask(engine, suites, sql: str, rule_id: str, *waivers: Waiver) -> gate.RuleResult:
    with damaged(engine, sql):
        (result,) = gate.judge(engine, suite_of(suites, rule_id), {rule_id}, Waivers(in_force=waivers))
    return result


def test_a_waiver_whose_scope_is_the_failing_row_waives_its_rule_and_the_counts_stay_those_of_the_whole_table(engine, suites):
    failed = ask(engine, suites, DAMAGES[RANGE], RANGE)
    waived = ask(engine, suites, DAMAGES[RANGE], RANGE, waiver(**CELL))
    assert (failed.outcome, waived.outcome, waived.waived_by) == ("failed", "waived", ("W1",))
    assert (waived.numerator, waived.denominator) == (failed.numerator, failed.denominator) and waived.numerator == 1
    assert waived.note == waiver(**CELL).words
    verdict = gate.Verdict((waived,))
    assert verdict.is_passed and verdict.waived == [waived]
    assert verdict.counts == {"passed": 0, "failed": 0, "warned": 0, "waived": 1, "not_applicable": 0}


@pytest.mark.parametrize("other", [{"indicator_id": "NI144"}, {"geography_code": "A2"}, {"period_start": date(2009, 6, 1)}])
def test_a_waiver_of_another_indicator_area_or_period_covers_nothing(engine, suites, other):
    result = ask(engine, suites, DAMAGES[RANGE], RANGE, waiver(**CELL | other))
    assert result.outcome == "failed" and not result.waived_by and "Not covered by waiver W1" in result.note


def test_a_waiver_that_covers_some_of_the_failing_rows_waives_nothing(engine, suites):
    sql = DAMAGES[RANGE].replace("'A3'", "'A3' or geography_code = 'R1'")
    result = ask(engine, suites, sql, RANGE, waiver(**CELL))
    assert result.outcome == "failed" and result.numerator > 1
    assert f"outside the scope {result.numerator - 1:,} of {result.denominator - 1:,} still fail" in result.note


def test_waivers_of_one_rule_cover_together_and_only_those_that_are_needed_are_used(engine, suites):
    sql = f"{DAMAGES[RANGE]}; {DAMAGES[RANGE].replace('A3', 'R2')}"
    area, region = waiver(**CELL), waiver(waiver_id="W2", **CELL | {"geography_code": "R2"})
    assert ask(engine, suites, sql, RANGE, area).outcome == "failed"
    both = ask(engine, suites, sql, RANGE, area, region, waiver(waiver_id="W3", **CELL | {"geography_code": "A1"}))
    assert both.outcome == "waived" and both.waived_by == ("W1", "W2")


def test_a_rule_that_warns_is_waived_too(engine, suites):
    rule_id = "area_unknown_share_is_high"
    cell = CELL | {"period_start": None}
    assert ask(engine, suites, DAMAGES[rule_id], rule_id).outcome == "warned"
    assert ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, **cell)).outcome == "waived"


def test_a_table_without_areas_can_only_be_waived_as_a_whole(engine, suites):
    rule_id = "linkage_counts_and_rate_agree"
    narrow = ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, geography_code="A3"))
    assert narrow.outcome == "failed" and "linkage_rates has no geography_code" in narrow.note
    assert ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id)).outcome == "waived"


def test_a_sum_that_is_wrong_is_waived_where_it_is_found(engine, suites):
    rule_id = "areas_add_up_to_regions"
    found = ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, geography_code="R2"))
    part = ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, geography_code="A3"))
    assert (found.outcome, part.outcome) == ("waived", "failed")


def test_a_row_that_is_missing_is_waived_by_the_cell_that_it_would_stand_in(engine, suites):
    rule_id = "indicators_cover_the_index"
    cell = CELL | {"period_start": date(2010, 1, 1)}
    assert ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, **cell)).outcome == "waived"
    assert ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, **CELL)).outcome == "failed"


def test_what_a_rule_finds_that_has_no_area_is_in_the_scope_of_no_area(engine, suites):
    rule_id = "indicators_hold_every_definition"
    result = ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, geography_code="ENG"))
    assert result.outcome == "failed" and "Not covered by waiver W1" in result.note
    named = waiver(rule_id, indicator_id="NI145")
    assert ask(engine, suites, DAMAGES[rule_id], rule_id, named).outcome == "waived"


def test_a_rule_that_is_not_written_in_sql_sees_the_table_without_the_rows_in_scope(engine, suites):
    rule_id, year = "evidence_shares_are_within_0_and_100", CELL | {"period_start": date(2009, 4, 1)}
    assert ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, **year)).outcome == "waived"
    assert ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id, **year | {"indicator_id": "NI144"})).outcome == "failed"
    assert ask(engine, suites, "update release.main.linkage_rates set linked_count = linked_count", rule_id).outcome == "passed"


def test_a_rule_that_protects_people_is_not_even_asked_again(engine, suites, monkeypatch):
    rule_id = "indicators_show_no_small_count"
    monkeypatch.setattr(engine, "without", lambda *_: pytest.fail("asked again"))
    assert ask(engine, suites, DAMAGES[rule_id], rule_id, waiver(rule_id)).outcome == "failed"


def test_a_rule_that_passes_costs_nothing_more(engine, suites, monkeypatch):
    monkeypatch.setattr(engine, "without", lambda *_: pytest.fail("asked again"))
    sql = "update release.main.linkage_rates set linked_count = linked_count"
    assert ask(engine, suites, sql, RANGE, waiver()).outcome == "passed"


# What does the verdict say?
def test_a_waived_release_can_leave_and_its_verdict_says_what_became_of_every_waiver(world, tmp_path):
    files = clean_files(world)
    project = Path(shutil.copytree(world.project_dir, tmp_path / "project"))
    cell = {"rule_id": RANGE}
    rows = [
        cell,
        cell
        | {"waiver_id": "idle", "rule_id": "linkage_is_low", **dict.fromkeys(("indicator_id", "geography_code", "period_start"))},
        cell | {"waiver_id": "spare", "geography_code": "A2"},
        cell | {"waiver_id": "secret", "geography_code": "A1"},
        cell | {"waiver_id": "over", "valid_from": "2009-07-20", "valid_to": "2009-08-20"},
        cell | {"waiver_id": "tomorrow", "valid_from": "2009-08-21", "valid_to": "2009-09-01"},
        cell | {"waiver_id": "alone", "approved_by": "Ann Smith"},
        cell | {"waiver_id": "astray", "rule_id": "no_such_rule"},
    ]
    write_waivers(project / "seeds" / "waivers.csv", rows)
    with duckdb.connect(str(files["release"])) as con:
        con.execute(DAMAGES[RANGE].replace("release.main.", ""))
        for row in (ROW | r for r in rows[:3]):
            values = [row[n] if row[n] or n == "period_start" else "all" for n in COLUMNS]
            con.execute("insert into waivers values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        con.execute("update indicators set notes = 'Waiver W1 and Waiver spare and Waiver idle '")
    settings = dataclasses.replace(world, project_dir=project)
    verdict = gate.run(files["release"], settings, files["previous"], files["warehouse"], TODAY)
    assert [(r.rule_id, r.waived_by) for r in verdict.waived] == [(RANGE, ("W1",))]
    assert verdict.is_passed, [(r.rule_id, r.note) for r in verdict.failed]
    said = json.loads(json.dumps(verdict.to_dict()))
    assert said["is_passed"] and said["counts"]["waived"] == 1
    assert {k: [w["waiver_id"] for w in found] for k, found in said["waivers"].items()} == {
        "used": ["W1"],
        "unused": ["idle", "spare"],
        "not_yet": ["tomorrow"],
        "expired": ["over"],
        "unsound": ["alone", "astray", "secret"],
    }
    says = {w["waiver_id"]: w["says"] for found in said["waivers"].values() for w in found}
    assert "Bob Jones" in says["W1"] and "did not fail" in says["idle"] and "was not needed" in says["spare"]
    assert "over on 20 August 2009" in says["over"] and "from 21 August 2009" in says["tomorrow"]
    assert "Somebody else" in says["alone"] and "no rule 'no_such_rule'" in says["astray"] and "print" in says["secret"]

    verdict = gate.run(files["release"], settings, files["previous"], files["warehouse"], date(2009, 9, 1))
    assert not verdict.is_passed and RANGE in {r.rule_id for r in verdict.failed}  # all are over


def test_a_waived_release_is_published_and_says_so_wherever_it_is_read_until_the_waiver_is_over(tmp_path):
    settings = dataclasses.replace(build_world(tmp_path), today=str(TODAY))
    write_waivers(settings.seeds_dir / "waivers.csv", [{"rule_id": RANGE}])
    with duckdb.connect(str(settings.warehouse_db)) as con:
        con.execute(DAMAGES[RANGE].replace("release.main.", "publish."))
        con.execute("insert into publish.waivers values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*(ROW | {"rule_id": RANGE}).values()])
        con.execute("update publish.indicators set notes = 'Waiver W1 '")
    said: list[str] = []
    outcome = release.publish(settings, datetime(2009, 8, 20, 1, tzinfo=UTC), log=said.append)
    assert outcome.is_published and "1 waived" in said[-1], outcome.why and outcome.why.read_text(encoding="utf-8")
    written = reader.load_json(outcome.folder, "verdict")
    assert written["counts"]["waived"] == 1 and written["waivers"]["used"][0]["approved_by"] == "Bob Jones"
    assert reader.releases(settings)[0].waived == 1
    assert f"{RANGE} failed. Waived by Bob Jones, asked for by Ann Smith" in print_headline(settings)
    told = trace(outcome.folder, "NI143", "A3", "2009-05")
    assert f"W1: {RANGE}, asked for by Ann Smith, agreed by Bob Jones, until before 2009-09-01: Westland" in told
    assert "waived by W1" in told
    for other in (("NI144", "A3", "2009-05"), ("NI143", "A2", "2009-06"), ("NI143", "A3", "2009-06")):
        assert "Waivers in whose scope" not in trace(outcome.folder, *other)

    later = dataclasses.replace(settings, today="2009-09-01")
    refused = release.publish(later, datetime(2009, 9, 1, 1, tzinfo=UTC), log=said.append)
    page = refused.why.read_text(encoding="utf-8")
    assert not refused.is_published and f"expired: W1 {RANGE}: It was over on 1 September 2009" in page
