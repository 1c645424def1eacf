"""Readers get answers, plain words when there is none, and no way to change or leave a release."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from click.testing import CliRunner
from small_release import build_world

from dagster_project import cli_reader, gate, reader, release
from dagster_project.cli_plain import PlainGroup
from dagster_project.manifest import code_state
from dagster_project.trace import NotFound, period_names, trace

NOW = datetime(2013, 6, 30, 2, 0, tzinfo=UTC)


def _verdict(outcome: str) -> gate.Verdict:
    common = {
        "table": "indicators",
        "description": "d",
        "severity": "block",
        "limit_percent": 0.0,
        "limit_count": 0,
        "remedy": "r",
    }
    rules = [("everything", ("all",)), ("only_143", ("NI143",)), ("only_144", ("NI144",))]
    return gate.Verdict(
        tuple(gate.RuleResult(rule_id=i, numerator=0, denominator=9, outcome=outcome, endangers=e, **common) for i, e in rules)
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two releases, the second current, and a refused one."""
    settings = build_world(tmp_path_factory.mktemp("reader"))
    with pytest.MonkeyPatch.context() as patch:
        for day, outcome in enumerate(("passed", "passed", "failed")):
            patch.setattr(gate, "run", lambda *_, outcome=outcome: _verdict(outcome))
            release.publish(settings, NOW + timedelta(days=day), log=lambda _: None)
            with duckdb.connect(str(settings.warehouse_db)) as con:
                con.execute("update publish.linkage_rates set linked_count = linked_count + 1")
    return settings


@pytest.fixture
def run(world, monkeypatch):
    """Call ``outcomes`` with the readers' commands."""
    monkeypatch.setattr(cli_reader, "load_settings", lambda: world)
    group = PlainGroup(commands={c.name: c for c in cli_reader.COMMANDS})
    return lambda *arguments, stdin=None: CliRunner().invoke(group, list(arguments), input=stdin)


@pytest.fixture
def folder(world):
    return reader.release_folder(world)


def test_a_table_is_aligned_and_shows_nulls_as_a_dash_and_counts_rows(run):
    result = run("query", "select 'a' as name, 12 as n, null as nothing union all select 'bbb', 3, null order by 1")
    assert result.output.splitlines() == ["name   n  nothing", "----  --  -------", "a     12  –", "bbb    3  –", "2 rows"]


def test_long_text_is_cut_unless_wide(run):
    assert "x" * 39 + "…" in run("query", "select repeat('x', 60)").output
    assert "x" * 60 in run("query", "--wide", "select repeat('x', 60)").output


def test_csv_is_machine_readable_and_harmless_in_a_spreadsheet(run):
    output = run("query", "--format", "csv", "select '=1+1' as a, null as b, 'x,\"y' as c").output
    assert list(csv.reader(io.StringIO(output))) == [["a", "b", "c"], ["'=1+1", "", 'x,"y']]


def test_json_is_machine_readable(run):
    output = run("query", "--format", "json", "select date '2009-04-01' as d, null as b, true as c, 1.5::double as n").output
    assert json.loads(output) == [{"d": "2009-04-01", "b": None, "c": True, "n": 1.5}]


@pytest.mark.parametrize(
    "sql", ["delete from indicators", "create table x (a int)", "update indicators set numerator = 1", "drop table indicators"]
)
def test_a_release_cannot_be_changed_through_the_reader(run, folder, sql):
    before = (folder / "outcomes.duckdb").read_bytes()
    result = run("query", sql)
    assert result.exit_code == 1 and "cannot be changed" in result.output and len(result.output.splitlines()) == 1
    assert (folder / "outcomes.duckdb").read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "from read_csv('/etc/passwd')",
        "copy indicators to '/tmp/stolen.csv'",
        "attach '/tmp/other.duckdb'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "select * from '/etc/hostname'",
    ],
)
def test_nothing_outside_the_release_can_be_reached(run, sql):
    result = run("query", sql)
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1


def test_an_error_in_sql_is_one_plain_line(run):
    result = run("query", "select numrator from indicators")
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1 and "numrator" in result.output


def test_several_statements_at_once_are_refused_and_a_last_semicolon_is_none(run):
    result = run("query", "select 1; select 2")
    assert result.exit_code == 1 and result.output.splitlines() == [
        "These are several statements. Ask one at a time, each on a line of its own."
    ]
    assert run("query", "select 1 as one; -- that is all").exit_code == 0
    assert run("query", stdin="select 1 as one;\nselect 2 as two;\n").output.count("1 row") == 2


@pytest.mark.parametrize("before", ["", "begin;\n"])
def test_a_table_that_is_not_there_lists_those_that_are(run, before):
    result = run("query", stdin=f"{before}select * from psa16")
    said = result.output.splitlines()[-1]
    assert result.exit_code == 1 and "pg_am" not in result.output
    assert "psa16" in said and "The tables are: deliveries_due, " in said


def test_an_older_release_can_be_asked_and_an_unknown_one_lists_what_there_is(run, world):
    ids = [line.release_id for line in reader.releases(world) if line.status != "refused"]
    newest, oldest = (
        run("query", "--release", i, "--format", "csv", "select sum(linked_count) as n from linkage_rates").output for i in ids
    )
    assert newest.split() == ["n", "2302"] and oldest.split() == ["n", "2300"]
    unknown = run("query", "--release", "nope", "select 1")
    assert unknown.exit_code == 1 and all(i in unknown.output for i in ids)
    assert run("query", "--release", "../..", "select 1").exit_code == 1


def test_no_release_yet_says_what_to_do(run, world, monkeypatch, tmp_path):
    empty = type(world)(world.project_dir, tmp_path, "1GB", 2)
    monkeypatch.setattr(cli_reader, "load_settings", lambda: empty)
    result = run("query", "select 1")
    assert result.exit_code == 1 and "make run" in result.output
    assert "make run" in run("releases").output


def test_piped_statements_go_on_after_an_error_and_end_at_the_end(run):
    result = run(
        "query", stdin=".tables\nselect 1 as one,\n  2 as two;\nselec;\n.columns linkage_rates\n.nonsense\nselect 7 as last"
    )
    for words in ("evidence_mix", "one  two", "syntax error", "linked_count", "'.nonsense' is not known", "last"):
        assert words in result.output
    assert result.exit_code == 1  # because of the errors
    assert run("query", stdin="select 1;\n.quit\nselec;").exit_code == 0


def test_a_semicolon_in_a_line_does_not_end_a_statement_and_columns_of_nothing_is_an_error(run):
    assert "a;b" in run("query", stdin="select 'a;b'\n as x;\n").output
    assert "no table 'nothing'" in run("query", stdin=".columns nothing\n").output


def test_releases_are_listed_latest_first_with_the_refused_ones(run):
    lines = run("releases").output.splitlines()
    assert [line.split()[-1] for line in lines[2:-1]] == ["refused", "current", "published"] and lines[-1] == "3 rows"
    assert "2013-07-01 02:00:00      10       3" in lines[3]


def test_a_trace_says_everything_behind_a_figure_within_a_second(folder):
    start = time.monotonic()
    text = trace(folder, "NI143", "Northshire", "2009-04..2009-07")
    assert time.monotonic() - start < 1
    for words in (
        "NI143 policy, version 1",
        "What NI143 means in words.",
        "computed; the definition is not an assumption",
        "Made for the tests",
        "227",
        "345",
        "65.8 %",
        "75.0 %, missed",
        "available: Computed here",
        "probation           85.0 %",
        "1abc1abc1abc  2009-08-01",
        "prisons/people_2009-08-02.csv",
        "everything (0 failing of 9)",
        "only_143",
        f"Code {code_state()['commit']}",
        folder.name,
    ):
        assert words in text
    assert "only_144" not in text and "dwp" not in text


@pytest.mark.parametrize("area", ["A3", "a3", "Westland", "westland"])
@pytest.mark.parametrize("period", ["published_window", "2009-04..2009-07"])
def test_area_by_code_or_name_and_period_in_every_form(folder, area, period):
    assert "378" in trace(folder, "ni143", area, period)


def test_the_nation_has_three_names(folder):
    texts = {trace(folder, "NI 143", name, "2009/10") for name in ("nation", "EW", "England and Wales")}
    assert len(texts) == 1


def test_a_place_name_that_is_used_twice_is_pointed_out(folder):
    assert "also a region of that name: ask for R2" in trace(folder, "NI143", "Wales", "2009/10")


def test_a_suppressed_cell_shows_nothing_and_says_why(folder):
    text = trace(folder, "NI143", "A1", "2009-04")
    assert "suppressed: Small numbers" in text and "none shown" in text
    assert next(line for line in text.splitlines() if "denominator  " in line).split()[-1] == "–"


def test_quarters_and_months_are_told_apart(folder):
    assert "quarter 2009-04-01 to before 2009-07-01" in trace(folder, "NI144", "EW", "2009-Q2")
    assert "month 2009-06-01 to before 2009-07-01" in trace(folder, "NI144", "EW", "2009-06")
    with pytest.raises(NotFound, match="could be any of"):
        trace(folder, "NI144", "EW", "2009-04-01")
    names = period_names("financial_year", datetime(1999, 4, 1).date(), datetime(2000, 4, 1).date())
    assert names[0] == "1999/00"


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("NI14", "EW", "2009/10"), "NI143"),
        (("NI143", "Northshre", "2009/10"), "Northshire (A1)"),
        (("NI143", "EW", "2009/11"), "2009/10"),
        (("NI143", "EW", "2009/10", "--view", "polcy"), "policy"),
        (("NI145", "A1", "2009/10"), "nation"),
    ],
)
def test_what_is_not_there_lists_what_is_near_and_ends_with_2(run, arguments, near):
    result = run("trace", *arguments)
    assert result.exit_code == 2 and near in result.output and len(result.output.splitlines()) == 1


def test_a_returned_figure_says_that_it_was_returned(folder):
    assert "returned; the definition" in trace(folder, "NI145", "England", "2009/10")


def test_a_damaged_release_is_named(folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "manifest.json").write_text("{")
    with pytest.raises(reader.ReaderError, match="damaged"):
        trace(broken, "NI143", "EW", "2009/10")


def test_a_rate_is_rounded_once_from_its_counts():
    figure = {"numerator": 501, "denominator": 1001, "rate_pct": 50.05}
    assert reader.percent(figure["rate_pct"]) == "50.1 %" and reader.rate(figure) == "50.0 %"
    assert reader.rate({"numerator": None, "denominator": None, "rate_pct": 71.04}) == "71.0 %"
    assert reader.rate({"numerator": 0, "denominator": 0, "rate_pct": None}) == reader.NULL


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (";", "That is no question"),
        ("select interval '100000000 years'", "cannot be told"),
        ("select '\udcff'", "cannot be told"),
    ],
)
def test_a_question_that_python_cannot_pass_on_is_answered_in_a_line(question, says):
    with duckdb.connect() as con, pytest.raises(reader.ReaderError, match=says):
        reader.ask(con, question)


def test_json_keeps_every_column_and_is_json():
    told = reader.as_json(reader.Answer(["a", "b"], [(float("nan"), float("inf")), (1.5, None)]))
    assert json.loads(told) == [{"a": None, "b": None}, {"a": 1.5, "b": None}]
    with pytest.raises(reader.ReaderError, match="Two columns have one name"):
        reader.as_json(reader.Answer(["a", "a"], [(1, 2)]))
