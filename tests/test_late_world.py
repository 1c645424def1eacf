"""A late night from end to end: the hand-computed world on a day in August 2013. One delivery is overdue, others are late.

Only what follows from the calendar is built again. The gate judges the result, Dagster's checks and the accessor read it.
"""

from __future__ import annotations

import re
import shutil
from datetime import date

import dagster as dg
import duckdb
import pytest
from gate_world import QuickEngine
from small_release import copy_tables

from dagster_project import edge, gate, warehouse
from dagster_project.components import agency_extracts
from dagster_project.contracts import load_contracts
from dagster_project.delivery_calendar import Delivery, deliveries_due
from dagster_project.settings import load_settings
from dagster_project.suites import load_suites

TODAY = date(2013, 8, 25)
RETURNED = {"NI145", "NI146", "NI147", "NI148", "NI149", "NI150"}  # the departments are on time
HELD = {"MI014", "MI015a", "MI015b", "MI016", "MI017a", "MI017b"}  # they need prisons custody
HELD |= {"P45_6W", "P45_6M", "BENEFIT_1M", "REOFFENDING_1Y"}
OF_THE_WORLD = {  # what the gate says of the hand-computed world on any day: it is small, and much in it is unknown
    "national_unknown_share_is_too_high",
    "national_unknown_share_is_high",
    "area_unknown_share_is_high",
    "comparison_figures_are_reproduced",
}


@pytest.fixture(scope="module")
def late_world(hand_world, tmp_path_factory):
    """Custody came a month ago for the last time, so it is overdue; the other deliveries of June are carried forward."""
    home = tmp_path_factory.mktemp("late_world")
    shutil.copytree(hand_world.settings.home, home, dirs_exist_ok=True)
    settings = load_settings(home=home)
    with duckdb.connect(str(settings.restricted_db)) as con:
        con.execute("update intake.deliveries set extract_date = date '2013-05-31' where extract = 'custody'")
    with warehouse.built_aside(settings, TODAY, is_whole=False) as put_in_place:
        result = warehouse.run_dbt(settings, "build", "--select", "int_delivery_terms+")
        assert result.success, [f"{r.node.name}: {r.message}" for r in result.result.results if r.message]
        put_in_place()
    return settings


@pytest.fixture(scope="module")
def verdict(late_world) -> dict[str, str]:
    """Rule → outcome of each rule that noticed something in the release that would be made."""
    candidate = late_world.home / "candidate.duckdb"
    copy_tables(late_world.warehouse_db, candidate)
    with QuickEngine(late_world, {"release": candidate, "warehouse": late_world.warehouse_db}) as engine:
        suites = load_suites(late_world.suites_dir)
        gate.open_suites(engine, suites)
        results = [result for suite in suites for result in gate.judge(engine, suite)]
    return {r.rule_id: r.outcome for r in results if r.outcome in ("failed", "warned")}


def rows(settings, sql: str) -> list[tuple]:
    with duckdb.connect(str(settings.warehouse_db), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_indicators_that_need_an_overdue_delivery_are_held_and_the_others_go_out_with_a_note(late_world):
    found = rows(
        late_world,
        "select indicator_id, status, count(*), count(notes), count(coalesce(numerator, denominator, out_of_scope_count)) "
        "from publish.indicators group by 1, 2",
    )
    by_status: dict[str, set[str]] = {}
    for indicator, status, _, _, _ in found:
        by_status.setdefault(status, set()).add(indicator)
    assert by_status["held"] == HELD
    assert {"NI143", "NI144", "NI145"} <= by_status["available"] and not by_status["available"] & HELD
    assert by_status["not_applicable"] >= {"MI014R", "MI017Rb"}
    for indicator, status, count, notes, figures in found:
        if status == "held":
            assert notes == figures == 0
        elif status in ("available", "suppressed"):
            assert notes == (0 if indicator in RETURNED else count), indicator


def test_the_release_table_names_what_is_late_and_what_is_held_for_it_and_no_days(late_world):
    found = {
        (a, e): (s, h)
        for a, e, s, h in rows(late_world, "select agency, extract, status, held_indicators from publish.deliveries_due")
    }
    assert found["prisons", "custody"] == ("overdue", ", ".join(sorted(HELD)))
    assert found["prisons", "people"] == found["probation", "orders"] == ("late", None)
    assert found["departments", "psa16_returns"] == found["dwp", "customers"] == ("on_time", None)
    columns = {name for (name,) in rows(late_world, "select column_name from duckdb_columns() where schema_name = 'publish'")}
    assert not {name for name in columns if re.search("days|today", name)}, (
        "what changes every night would make a release every night"
    )


def test_the_gate_lets_a_late_night_out_with_a_warning(verdict):
    assert verdict.pop("deliveries_are_on_time") == "warned"
    assert set(verdict) <= OF_THE_WORLD


def test_the_deliveries_are_read_from_the_warehouse_the_worst_first(late_world, tmp_path):
    found = deliveries_due(late_world)
    assert [d.status for d in found] == sorted((d.status for d in found), key=["overdue", "late", "on_time"].index)
    custody = found[0]
    assert (custody.agency, custody.extract, custody.days_late) == ("prisons", "custody", 46)
    assert set(custody.held_indicators) == HELD and custody.today == TODAY
    assert custody.says.startswith(
        "The delivery of prisons custody due on 10 July 2013 is 46 days late; "
        "the one of 31 May 2013 could be carried forward until 24 August 2013. Held: BENEFIT_1M, MI014, "
    )
    orders = next(d for d in found if d.extract == "orders")
    assert orders.says.endswith(
        "due on 10 August 2013 is 15 days late; the one of 30 June 2013 is carried forward until 24 September 2013."
    )
    assert found[-1].says.startswith("The latest delivery of ")
    assert deliveries_due(load_settings(home=tmp_path)) == [], "nothing was built yet"


def test_what_never_came_is_said_plainly():
    never = Delivery("north", "visits", "never_came", *[None] * 6, TODAY, ("NI143",))
    assert never.says == "No delivery of north visits has ever come. Held: NI143."
    assert set(agency_extracts._freshness(never)) == {"status"}


def test_dagster_has_a_check_per_extract_that_says_what_the_calendar_says(late_world, monkeypatch):
    monkeypatch.setattr(edge, "settings", lambda: late_world)
    contracts = load_contracts(late_world.contracts_dir, late_world.seeds_dir)
    checks = agency_extracts._calendar_checks(contracts)
    job = dg.Definitions(
        asset_checks=[checks], jobs=[dg.define_asset_job("ask", selection=dg.AssetSelection.checks(checks))]
    ).resolve_job_def("ask")
    result = job.execute_in_process()
    found = {tuple(c.asset_key.path): c for c in result.get_asset_check_evaluations()}
    assert set(found) == {(e.agency, e.name) for e in contracts.extracts if e.service}
    assert {c.severity for c in found.values()} == {dg.AssetCheckSeverity.WARN}
    assert found["dwp", "customers"].passed and not found["probation", "orders"].passed
    custody = found["prisons", "custody"]
    said = {name: value.value for name, value in custody.metadata.items()}
    assert (said["status"], said["days late"], said["due date"]) == ("overdue", 46, "2013-07-10")
    assert said["dagster/fresh_until_timestamp"] == 1373497200  # midnight after it, in London
    assert said["dagster/last_updated_timestamp"] > 0
