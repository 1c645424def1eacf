"""What each agency must fix is named in its own keys and ranked by how far it could move an indicator."""

from __future__ import annotations

import csv
import shutil
from datetime import datetime

import duckdb
import pytest
from click.testing import CliRunner

from dagster_project import cli_operator, fix_lists, fixes, intake
from dagster_project.contracts import load_contracts
from dagster_project.manifest import deliveries_in_force
from dagster_project.settings import load_settings

LONG_AGO = datetime(2000, 1, 1)
NOW = datetime(2100, 1, 1)


@pytest.fixture(scope="module")
def contracts(hand_world):
    return load_contracts(hand_world.settings.contracts_dir, hand_world.settings.seeds_dir)


@pytest.fixture(scope="module")
def found(hand_world, contracts) -> list[fixes.Fix]:
    with fixes.Fixes(hand_world.settings, contracts) as both:
        return [_with_rows(both, fix) for fix in both.all(NOW)]


def _with_rows(both: fixes.Fixes, fix: fixes.Fix) -> fixes.Fix:
    """A fix that keeps its rows when the databases are closed."""
    fix.rows = both.rows(fix)
    return fix


@pytest.fixture(scope="module")
def figures(hand_world) -> dict[tuple[str, str], fixes.Figure]:
    with duckdb.connect(str(hand_world.settings.warehouse_db), read_only=True) as con:
        return fixes.national(con, "indicators.indicators")


def _of(found: list[fixes.Fix], kind: str) -> list[fixes.Fix]:
    return [f for f in found if f.kind == kind]


def test_the_latest_national_figure_is_of_the_longest_period_and_the_last(hand_world, figures):
    rows = hand_world.query(
        "select max(period_start) as latest from indicators.indicators where status = 'available' and denominator > 0 "
        "and indicator_id = 'NI143' and view_id = 'policy' and geography_type = 'nation' and period_type = 'financial_year'"
    )
    assert figures["NI143", "policy"].period_start == rows[0]["latest"]
    assert (figures["NI143", "policy"].period_end - figures["NI143", "policy"].period_start).days >= 365


@pytest.mark.parametrize(
    ("mart", "population", "indicator", "view", "status"),
    [
        ("minimum_outcomes", "termination", "NI143", "policy", "settled_policy"),
        ("minimum_outcomes", "termination", "NI144", "all_terminations", "employed"),
        ("release_outcomes", "release", "MI014", "official", "housed_first_night"),
        ("disposal_outcomes", "disposal", "MI015b", "official", "settled_three_months"),
    ],
)
def test_every_event_without_an_outcome_is_listed_by_its_agencys_own_key(
    hand_world, found, figures, mart, population, indicator, view, status
):
    until = figures[indicator, view].period_end
    unknown = hand_world.query(
        f"select event_ref from marts.{mart} where is_in_scope and {status}_status = 'unknown' and event_date < date '{until}'"
    )
    listed = {
        row[fixes.COLUMNS.index("record")]
        for f in _of(found, fixes.UNKNOWN)
        for row in f.rows
        if f"{indicator} {view}" in row[fixes.COLUMNS.index("indicator")] and f"these {population}s" in f.what
    }
    assert listed >= {row["event_ref"] for row in unknown}
    assert len(unknown) > 0


def test_a_move_is_the_unknown_events_of_the_latest_national_figure_over_its_denominator(hand_world, found, figures):
    figure = figures["NI143", "policy"]
    unknown = hand_world.query(
        "select count(*) as n from marts.minimum_outcomes where is_in_scope and settled_policy_status = 'unknown' "
        f"and person_id is not null and event_date >= date '{figure.period_start}' and event_date < date '{figure.period_end}'"
    )[0]["n"]
    moves = [
        p
        for f in _of(found, fixes.UNKNOWN)
        for i, v, p in f.moves
        if (i, v) == ("NI143", "policy") and f.extract == "accommodation"
    ]
    assert moves == ([pytest.approx(100 * unknown / figure.denominator)] if unknown else [])


def test_an_unknown_outcome_is_asked_of_the_extract_whose_records_decided_the_others(found):
    asked = {(i, f.agency, f.extract) for f in _of(found, fixes.UNKNOWN) for i, _, _ in f.moves}
    assert ("NI143", "probation", "accommodation") in asked or ("NI144", "probation", "employment") in asked
    assert not {a for a in asked if a[0] == "NI143"} & {("NI143", "probation", "employment")}


def test_every_row_in_quarantine_of_the_deliveries_in_force_is_listed_once_for_each_reason(hand_world, found):
    in_force = tuple(d["delivery_id"] for d in deliveries_in_force(hand_world.settings))
    rows = hand_world.restricted(
        "select agency, extract, column_name, reason, line, file_name from intake.quarantine "
        f"where delivery_id in {in_force} group by all order by all"
    )
    listed = [row for f in _of(found, fixes.QUARANTINE) for row in f.rows]
    assert len(listed) == len(rows) > 0


def test_a_list_that_duckdb_writes_holds_every_row_in_order_and_is_for_its_owner_only(hand_world, contracts, found, tmp_path):
    name = next(f.agency for f in found if f.kind == fixes.UNKNOWN)
    own = [f for f in found if f.agency == name]
    with fixes.Fixes(hand_world.settings, contracts) as both:
        both.write([f for f in both.all(NOW) if f.agency == name], tmp_path / "fix.csv")
    with open(tmp_path / "fix.csv", newline="", encoding="utf-8") as file:
        header, *written = csv.reader(file)
    assert header == fixes.COLUMNS
    assert written == [["" if cell is None else cell for cell in row] for f in own for row in f.rows]
    assert [p.name for p in tmp_path.iterdir()] == ["fix.csv"] and (tmp_path / "fix.csv").stat().st_mode & 0o777 == 0o600
    for fix in (f for f in own if f.kind == fixes.UNKNOWN):
        days = [row[fixes.COLUMNS.index("reason")] for row in fix.rows]
        assert days == sorted(days, reverse=True)


def test_text_from_an_agency_is_written_so_that_any_reader_gets_it_back_and_no_spreadsheet_runs_it(tmp_path):
    texts = ["plain", "a,b", 'say "so"', "two\nlines", "a\rb", "#1", "=1+1", "+1", "-1", "@x", "\tx", "é", "", None, "'x", "9"]
    safe = [f"'{t}" if t and t[0] in "=+-@\t\r" else t or "" for t in texts]
    with duckdb.connect() as con:
        con.execute("create table sent (place integer, said varchar)")
        con.executemany("insert into sent values (?, ?)", [[i, t] for i, t in enumerate(texts)])
        cells = [fix_lists.Sql("said") if c == "record" else "=same" if c == "kind" else None for c in fixes.COLUMNS]
        fix = fixes.Fix("", "", "", "", 0, [], "", lists=[fix_lists.listed(cells, "(from sent order by place)")])
        fix_lists.write(con, [fix, fix], tmp_path / "fix.csv")
    with open(tmp_path / "fix.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["record"] for row in rows] == safe * 2
    assert {row["kind"] for row in rows} == {"'=same"}


def test_a_list_that_cannot_be_read_leaves_nothing_behind(tmp_path):
    fix = fixes.Fix("", "", "", "", 0, [], "", lists=["select nothing"])
    with duckdb.connect() as con, pytest.raises(duckdb.Error):
        fix_lists.write(con, [fix], tmp_path / "fix.csv")
    assert list(tmp_path.iterdir()) == []


def test_the_largest_move_comes_first_and_none_is_more_than_all(found):
    largest = [f.largest for f in found]
    assert largest == sorted(largest, reverse=True)
    assert 0 < largest[0] <= 100
    assert all(f.moves == sorted(f.moves, key=lambda m: -m[2]) for f in found)


def test_rows_that_no_indicator_needs_move_none(found):
    assert all(not f.moves for f in found if f.agency == "housing")
    assert any(f.agency == "housing" for f in found)


@pytest.mark.parametrize(
    ("indicator", "extracts"),
    [
        ("P45_6W", {("hmrc", "employment_spells")}),
        ("BENEFIT_1M", {("dwp", "benefit_claims")}),
        ("REOFFENDING_1Y", {("police", "offences")}),
        ("MI014", {("probation", "accommodation"), ("prisons", "custody")}),
    ],
)
def test_what_is_unknown_after_a_release_is_asked_of_who_could_say_it_and_of_nobody_else(found, indicator, extracts):
    which = fixes.COLUMNS.index("indicator")
    asked = {(f.agency, f.extract) for f in _of(found, fixes.UNKNOWN) if any(f"{indicator} " in row[which] for row in f.rows)}
    assert asked == extracts


@pytest.fixture
def copied(hand_world, tmp_path):
    """A copy of both databases, to be changed."""
    settings = load_settings(home=tmp_path)
    settings.data_dir.mkdir()
    for database in (hand_world.settings.restricted_db, hand_world.settings.warehouse_db):
        shutil.copy(database, settings.data_dir)
    return settings


def test_what_is_unknown_is_not_asked_of_those_who_only_say_who_was_released(copied, contracts):
    """Of P45 work most is known and little has a record, so that where people slept is known as it is: custody never says it."""
    with duckdb.connect(str(copied.warehouse_db)) as con:
        con.execute(
            "update marts.release_outcomes set p45_six_weeks_evidence_delivery_id = null, first_night_evidence_delivery_id = "
            "if(employed_p45_six_weeks_status = 'unknown', null, _delivery_id)"
        )
    with fixes.Fixes(copied, contracts) as both:
        unknown = [_with_rows(both, f) for f in both.all(NOW) if f.kind == fixes.UNKNOWN]
    which = fixes.COLUMNS.index("indicator")
    asked = {(f.agency, f.extract) for f in unknown if any("P45_6W " in row[which] for row in f.rows)}
    assert asked == {("hmrc", "employment_spells")}


def test_a_row_of_a_delta_that_was_sent_again_is_no_longer_asked_for(copied, contracts, found):
    delta = next(f for f in _of(found, fixes.QUARANTINE) if contracts.find(f.agency, f.extract).mode == "delta" and f.rows[0][5])
    extract, key, file = contracts.find(delta.agency, delta.extract), delta.rows[0][5], delta.rows[0][2]
    with duckdb.connect(str(copied.restricted_db)) as con:
        con.execute(
            "insert into intake.deliveries select * replace ('later' as delivery_id, extract_date + 31 as extract_date) "
            f"from intake.deliveries where file_name = '{file}' and extract = '{extract.name}'"
        )
        con.execute(f"insert into raw.{extract.table} (_delivery_id, _row_number, {extract.key[0]}) values ('later', 1, '{key}')")
    with fixes.Fixes(copied, contracts) as both:
        after = [(row[2], row[5]) for f in both.quarantined() for row in both.rows(f)]
    assert (file, key) in [(row[2], row[5]) for f in _of(found, fixes.QUARANTINE) for row in f.rows]
    assert (file, key) not in after


def test_a_refused_file_could_move_what_needs_it_as_far_as_can_be_and_comes_first(copied, contracts):
    orders = copied.landing_dir / "probation" / "orders_2013-07-31.csv"
    orders.parent.mkdir(parents=True)
    orders.write_text("wrong;header\n")
    intake.land_all(copied, contracts, "probation", say=lambda _: None)
    with fixes.Fixes(copied, contracts) as both:
        first = both.all(LONG_AGO)[0]
    assert (first.kind, first.agency, first.extract, first.largest) == (fixes.REFUSED_FILE, "probation", "orders", 100.0)
    assert "orders_2013-07-31.csv" in first.what and first.content_hash
    assert first.remedy.startswith("Send every column of the contract")


def test_a_list_of_a_night_is_cut_to_the_latest_records_of_each_thing_and_says_so(hand_world, contracts, found, tmp_path):
    name = next(f.agency for f in found if f.kind == fixes.UNKNOWN and len(f.rows) > 2)
    own = [f for f in found if f.agency == name]
    with fixes.Fixes(hand_world.settings, contracts, most=2) as both:
        asked = [f for f in both.all(NOW) if f.agency == name]
        both.write(asked, tmp_path / "fix.csv")
    assert [f.is_cut for f in asked] == [len(f.rows) > 2 for f in own] and any(f.is_cut for f in asked)
    with fixes.Fixes(hand_world.settings, contracts, most=max(len(f.rows) for f in own)) as both:
        assert not any(f.is_cut for f in both.all(NOW) if f.agency == name)
    with open(tmp_path / "fix.csv", newline="", encoding="utf-8") as file:
        written = list(csv.reader(file))[1:]
    assert written == [["" if cell is None else cell for cell in row] for f in own for row in f.rows[:2]]


def test_every_record_can_be_had_of_one_agency(hand_world, found, tmp_path, monkeypatch):
    monkeypatch.setenv("OUTCOMES_HOME", str(hand_world.settings.home))
    name = next(f.agency for f in found if f.kind == fixes.UNKNOWN)
    told = CliRunner().invoke(cli_operator.fixes, [name, "--to", str(tmp_path / "all.csv")])
    assert told.exit_code == 0 and str(tmp_path / "all.csv") in told.output
    with open(tmp_path / "all.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == 1 + sum(len(f.rows) for f in found if f.agency == name)
    refused = CliRunner().invoke(cli_operator.fixes, ["nobody"])
    assert refused.exit_code == 2 and "choose from" in refused.output
