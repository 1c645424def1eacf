"""What is due when, what is late, and what follows: rule by rule on the compiled models, then once through a whole warehouse."""

from __future__ import annotations

import csv
import random
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from compiled import Compiled
from intake_bench import contract

from dagster_project.contracts import ContractError, load_contracts, read_contract
from dagster_project.settings import load_settings
from dagster_project.suites import Suite, load_suites
from dagster_project.waivers import load_waivers

DAY = timedelta(days=1)
MONTHLY = {"frequency_months": 1, "latency_days": 10, "carry_forward_days": 45}


@pytest.fixture(scope="module")
def compiled(hand_world) -> Compiled:
    return Compiled(hand_world.settings)


def term(latest: date | None, today: date, first: date | None = None, **levels) -> dict:
    """A row of int_delivery_terms."""
    return {
        **MONTHLY,
        "agency": "north",
        "extract": "visits",
        "first_extract_date": first or latest,
        "latest_extract_date": latest,
        "today": today,
        **levels,
    }


def standing(compiled: Compiled, *terms: dict) -> list[dict]:
    return compiled.run("delivery_status", {"int_delivery_terms": list(terms)})


def received(extract_date: date, at: datetime, delivery_id: str = "d") -> dict:
    """A row of stg_intake__deliveries."""
    return {
        "delivery_id": delivery_id,
        "agency": "north",
        "extract": "visits",
        "extract_date": extract_date,
        "received_at": at,
    }


def periods(compiled: Compiled, today: date, deliveries: list[dict], **levels) -> dict[date, dict]:
    """The rows of int_delivery_periods by the last day of the period."""
    dates = [d["extract_date"] for d in deliveries]
    tables = {
        "int_delivery_terms": [term(max(dates), today, min(dates), **levels)],
        "stg_intake__deliveries": deliveries,
    }
    return {row["period_end"]: row for row in compiled.run("int_delivery_periods", tables)}


# --- the day ------------------------------------------------------------------------------------------------------------


REGISTER = [
    {"extract_date": date(2013, 5, 31), "status": "accepted"},
    {"extract_date": date(2013, 6, 30), "status": "accepted_with_quarantine"},
    {"extract_date": date(2099, 1, 1), "status": "refused"},
]


def test_the_day_is_the_one_that_the_night_names(compiled):
    clock = [{"today": date(2013, 8, 1)}]
    assert compiled.run("stg_intake__clock", {"clock": clock, "deliveries": REGISTER}) == clock


def test_where_no_day_is_named_it_is_that_of_the_latest_extract_taken_so_that_nothing_is_late(compiled):
    assert compiled.run("stg_intake__clock", {"clock": [], "deliveries": REGISTER}) == [{"today": date(2013, 6, 30)}]
    assert compiled.run("stg_intake__clock", {"clock": [], "deliveries": []}) == [{"today": None}]


def test_the_service_levels_are_those_of_the_contracts_extract_by_extract(hand_world):
    settings = hand_world.settings
    asked = {
        (e.agency, e.name): (e.service.frequency_months, e.service.latency_days, e.service.carry_forward_days)
        for e in load_contracts(settings.contracts_dir, settings.seeds_dir).extracts
        if e.service
    }
    found = hand_world.query("select * from warehouse.calendar.int_delivery_terms")
    levels = ("frequency_months", "latency_days", "carry_forward_days")
    assert {(r["agency"], r["extract"]): tuple(r[name] for name in levels) for r in found} == asked


# --- due, late, overdue -------------------------------------------------------------------------------------------------

DUE, LAST_CARRIED = date(2013, 7, 10), date(2013, 8, 24)


@pytest.mark.parametrize(
    ("today", "status", "days_late"),
    [
        (DUE - DAY, "on_time", 0),
        (DUE, "on_time", 0),
        (DUE + DAY, "late", 1),
        (LAST_CARRIED, "late", 45),
        (LAST_CARRIED + DAY, "overdue", 46),
        (date(2033, 7, 10), "overdue", 7305),
    ],
    ids=["day_before", "due_day", "day_after", "last_day_carried", "day_after_that", "twenty_years"],
)
def test_a_delivery_is_late_the_day_after_it_was_due_and_overdue_the_day_after_it_may_be_carried(
    compiled, today, status, days_late
):
    (row,) = standing(compiled, term(date(2013, 5, 31), today))
    assert (row["status"], row["days_late"]) == (status, days_late)
    assert (row["period_end"], row["due_date"], row["carry_forward_until"]) == (date(2013, 6, 30), DUE, LAST_CARRIED)


@pytest.mark.parametrize(
    ("months", "latest", "period_end"),
    [
        (1, date(2013, 1, 31), date(2013, 2, 28)),
        (1, date(2012, 1, 31), date(2012, 2, 29)),
        (1, date(2013, 2, 27), date(2013, 2, 28)),
        (1, date(2013, 2, 28), date(2013, 3, 31)),
        (1, date(2012, 12, 31), date(2013, 1, 31)),
        (1, date(2013, 6, 29), date(2013, 6, 30)),
        (3, date(2013, 3, 30), date(2013, 3, 31)),
        (3, date(2013, 3, 31), date(2013, 6, 30)),
        (3, date(2012, 11, 15), date(2012, 12, 31)),
        (6, date(2013, 3, 31), date(2013, 9, 30)),
        (12, date(2013, 3, 30), date(2013, 3, 31)),
        (12, date(2013, 3, 31), date(2014, 3, 31)),
        (12, date(2012, 12, 31), date(2013, 3, 31)),
    ],
)
def test_the_next_period_ends_on_the_last_day_of_a_month_quarter_or_financial_year(compiled, months, latest, period_end):
    (row,) = standing(compiled, term(latest, latest, frequency_months=months))
    assert row["period_end"] == period_end and row["due_date"] == period_end + 10 * DAY


def test_an_extract_that_never_came_is_neither_late_nor_on_time(compiled):
    (row,) = standing(compiled, term(None, date(2013, 7, 1)))
    assert row["status"] == "never_came" and row["due_date"] is row["days_late"] is None
    assert compiled.run("int_delivery_periods", {"int_delivery_terms": [term(None, DUE)], "stg_intake__deliveries": []}) == []


# --- period by period ---------------------------------------------------------------------------------------------------

MARCH, APRIL, MAY, JUNE = date(2013, 3, 31), date(2013, 4, 30), date(2013, 5, 31), date(2013, 6, 30)


def statuses(found: dict[date, dict]) -> dict[date, str]:
    return {day: row["status"] for day, row in sorted(found.items())}


def test_each_period_came_came_late_is_awaited_or_is_missing(compiled):
    sent = [received(MARCH, datetime(2013, 4, 10)), received(APRIL, datetime(2013, 5, 11), "e")]
    found = periods(compiled, date(2013, 7, 10), sent)
    assert statuses(found) == {MARCH: "came", APRIL: "came_late", MAY: "missing", JUNE: "awaited"}
    assert [found[d]["days_late"] for d in (MARCH, APRIL, MAY, JUNE)] == [0, 1, 30, 0]
    assert found[APRIL]["delivered_date"] == date(2013, 5, 11) and found[MAY]["delivered_date"] is None
    assert statuses(periods(compiled, date(2013, 7, 11), sent))[JUNE] == "missing"


def test_a_later_delivery_makes_good_for_one_that_was_missed(compiled):
    sent = [received(MARCH, datetime(2013, 4, 5)), received(MAY, datetime(2013, 6, 5), "e")]
    found = periods(compiled, date(2013, 6, 20), sent)
    assert statuses(found) == {MARCH: "came", APRIL: "came_late", MAY: "came"}
    assert found[APRIL]["days_late"] == 26 and found[APRIL]["extract_date"] == MAY


def test_the_order_in_which_deliveries_come_does_not_change_what_is_missing(compiled):
    sent = [
        received(MAY, datetime(2013, 6, 5)),
        received(MARCH, datetime(2013, 6, 7), "e"),
        received(APRIL, datetime(2013, 6, 6)),
    ]
    found = periods(compiled, date(2013, 6, 20), sent)
    assert {row["delivered_date"] for row in found.values()} == {date(2013, 6, 5)}, "the first delivery served every period"
    assert "missing" not in statuses(found).values()


def test_the_day_of_a_receipt_is_the_day_in_london(compiled):
    assert statuses(periods(compiled, JUNE + 20 * DAY, [received(JUNE, datetime(2013, 7, 10, 22, 59))])) == {JUNE: "came"}
    assert statuses(periods(compiled, JUNE + 20 * DAY, [received(JUNE, datetime(2013, 7, 10, 23))])) == {JUNE: "came_late"}
    winter = date(2013, 1, 31)
    assert statuses(periods(compiled, winter + 20 * DAY, [received(winter, datetime(2013, 2, 10, 23, 59))])) == {winter: "came"}


def test_in_a_world_that_stands_still_what_is_here_came_by_the_named_day(compiled):
    (row,) = periods(compiled, date(2013, 7, 9), [received(JUNE, datetime(2026, 11, 22))]).values()
    assert (row["status"], row["delivered_date"]) == ("came", date(2013, 7, 9))


def test_the_calendar_has_no_rows_for_centuries(compiled):
    found = periods(compiled, date(2999, 7, 9), [received(date(1850, 1, 31), datetime(2013, 7, 1))])
    assert len(found) == 1200 and max(found) == date(2999, 6, 30)


def test_what_is_missing_in_the_calendar_is_what_the_standing_calls_late(compiled):
    rng = random.Random(3)
    kinds = set()
    for _ in range(60):
        today = date(2012, 1, 1) + rng.randrange(900) * DAY
        sent = [
            received(today - rng.randrange(1, 400) * DAY, datetime(2011, 1, 1) + rng.randrange(9000) * timedelta(hours=1), str(n))
            for n in range(rng.randrange(1, 6))
        ]
        levels = {"frequency_months": rng.choice([1, 2, 3, 6, 12]), "latency_days": rng.randrange(60)}
        found = periods(compiled, today, sent, **levels)
        (row,) = standing(compiled, term(max(d["extract_date"] for d in sent), today, **levels))
        missing = [day for day, period in found.items() if period["status"] == "missing"]
        assert (row["status"] != "on_time") == bool(missing)
        if missing:
            assert (min(missing), found[min(missing)]["due_date"]) == (row["period_end"], row["due_date"])
            assert found[min(missing)]["days_late"] == row["days_late"]
        kinds.add(row["status"])
    assert kinds == {"on_time", "late", "overdue"}


# --- what follows for the outcomes --------------------------------------------------------------------------------------


def delivery(extract: str, status: str) -> dict:
    """A row of delivery_status of the agency `north`."""
    return {
        "agency": "north",
        "extract": extract,
        "status": status,
        "latest_extract_date": None if status == "never_came" else MAY,
        "due_date": None if status == "never_came" else DUE,
        "carry_forward_until": None if status == "never_came" else LAST_CARRIED,
        "today": date(2013, 9, 1),
    }


NEEDS = [
    {"population": "release", "outcome": "housed", "agency": "north", "extract": "custody"},
    {"population": "release", "outcome": "housed", "agency": "north", "extract": "visits"},
    {"population": "release", "outcome": "employed", "agency": "north", "extract": "jobs"},
    {"population": "return", "agency": "north", "extract": "returns"},
]


def outcomes(compiled: Compiled, **status: str) -> dict[str, tuple]:
    """Outcome → why it is held, what is carried forward."""
    rows = [delivery(n["extract"], status.get(n["extract"], "on_time")) for n in NEEDS]
    found = compiled.run("outcome_deliveries", {"indicator_needs": NEEDS, "delivery_status": rows})
    return {row["outcome"]: (row["held_reason"], row["carried_note"]) for row in found}


def test_nothing_is_said_of_what_is_on_time(compiled):
    assert outcomes(compiled) == {"housed": (None, None), "employed": (None, None), "": (None, None)}


def test_a_late_delivery_is_carried_forward_and_said_of_what_needs_it_only(compiled):
    note = "Rests on north visits of 31 May 2013, carried forward: the delivery due on 10 July 2013 has not come"
    assert outcomes(compiled, visits="late") == {"housed": (None, note), "employed": (None, None), "": (None, None)}


def test_an_overdue_delivery_holds_what_needs_it_only_and_says_since_when(compiled):
    reason = "Held since 25 August 2013: the delivery of north jobs due on 10 July 2013 has not come"
    assert outcomes(compiled, jobs="overdue") == {"housed": (None, None), "employed": (reason, None), "": (None, None)}


def test_a_needed_extract_that_never_came_holds_as_well_and_several_reasons_stand_side_by_side(compiled):
    assert outcomes(compiled, returns="never_came")[""][0] == "Held: no delivery of north returns has come"
    held, carried = outcomes(compiled, visits="overdue", custody="never_came")["housed"]
    assert held == (
        "Held: no delivery of north custody has come; "
        "Held since 25 August 2013: the delivery of north visits due on 10 July 2013 has not come"
    )
    assert carried is None


# --- what follows for the figures ---------------------------------------------------------------------------------------

PERIOD = {"period_type": "month", "period_start": date(2013, 4, 1), "period_end": date(2013, 5, 1)}
VERSION = {"view_id": "policy", "definition_version": 1}
FIGURES = [
    *("numerator", "no_count", "denominator", "unknown_count", "out_of_scope_count", "rate_pct", "known_rate_pct"),
    *("lower_bound_pct", "upper_bound_pct", "interval_low_pct", "interval_high_pct", "is_target_met"),
]


def figures(compiled: Compiled, held_reason: str | None) -> dict[str, dict]:
    """The indicators of one place and month: NEW is not in force yet, OLD rests on housed, WORK on employed."""
    place = {"geography_type": "nation", "geography_code": "EW", "geography_name": "England and Wales"}
    ids = {"NEW": "housed", "OLD": "housed", "WORK": "employed"}
    index = [{"indicator_id": i, **VERSION, **place, **PERIOD} for i in ids]
    definitions = [
        {
            **VERSION,
            "indicator_id": i,
            "title": i,
            "population": "release",
            "outcome": outcome,
            "basis": "computed",
            "is_assumption": "N",
            "unknown_in_denominator": "Y",
            "valid_from": date(2024, 5, 1) if i == "NEW" else date(2001, 4, 1),
        }
        for i, outcome in ids.items()
    ]
    key = {k: v for k, v in (index[0] | PERIOD).items() if k not in ("geography_name", "period_end", "indicator_id")}
    counts = [
        {
            **key,
            "indicator_id": i,
            "yes_count": 60,
            "no_count": 30,
            "unknown_count": 10,
            "out_of_scope_count": 5,
            "not_due_count": 0,
        }
        for i in ids
    ]
    target = {"view_id": "policy", "geography_type": "nation", "geography_code": "EW", "target_pct": 50}
    tables = {
        "indicator_index": index,
        "psa16_returns": [],
        "indicator_definitions": definitions,
        "outcome_observation": [
            {"population": "release", "outcome": o, "observed_until": date(2013, 6, 30)} for o in set(ids.values())
        ],
        "indicator_counts": counts,
        "targets": [{**target, "indicator_id": i, "valid_from": date(2001, 4, 1)} for i in ids],
        "outcome_deliveries": [
            {"population": "release", "outcome": "housed", "held_reason": held_reason},
            {"population": "release", "outcome": "employed"},
        ],
        "indicator_notes": [{**key, "indicator_id": i, "notes": "Something to know"} for i in ids],
    }
    return {row["indicator_id"]: row for row in compiled.run("indicators", tables, keep=True)}


def test_a_held_row_says_why_and_shows_no_figure_and_the_others_go_out(compiled):
    free, held = figures(compiled, None), figures(compiled, "Held since long ago")
    assert free["OLD"]["status"] == "available" and all(free["OLD"][name] is not None for name in FIGURES)
    assert (held["OLD"]["status"], held["OLD"]["status_reason"]) == ("held", "Held since long ago")
    assert [name for name in FIGURES if held["OLD"][name] is not None] == []
    assert held["WORK"] == free["WORK"], "it needs nothing that is overdue"
    assert held["NEW"] == free["NEW"] and held["NEW"]["status"] == "not_applicable", "no measure, so nothing to hold"


def test_notes_stand_beside_figures_and_nowhere_else(compiled):
    found = figures(compiled, "Held since long ago")
    assert {i: row["notes"] for i, row in found.items()} == {"NEW": None, "OLD": None, "WORK": "Something to know"}


def test_a_held_row_is_no_cell_of_disclosure_control_so_nothing_hidden_follows_from_it(compiled):
    figures(compiled, "Held since long ago")
    tables = {
        "indicator_definitions": [{**VERSION, "indicator_id": i, "population": "release"} for i in ("NEW", "OLD", "WORK")],
        "disclosure_rules": [{"rule_id": "suppress_below", "value": 5}, {"rule_id": "zero_is_published", "value": 1}],
    }
    cells = compiled.run("disclosure_cells", tables, keep=True)
    assert [cell["indicator_id"] for cell in cells] == ["WORK"]
    for part in ("main", "unknown", "out_of_scope"):
        compiled.put(compiled._relation(f"disclosure_{part}"), [{"cell_id": c["cell_id"], "is_hidden": True} for c in cells])
    shown = {row["indicator_id"]: row for row in compiled.run("publish_indicators")}
    assert shown["WORK"]["status"] == "suppressed" and shown["WORK"]["notes"] == "Something to know"
    assert shown["OLD"]["status"] == "held" and shown["OLD"]["suppressed_fields"] is None
    assert [name for name in FIGURES if shown["OLD"][name] is not None] == []


def test_the_comparison_with_print_says_neither_yes_nor_no_while_the_figure_is_held(compiled):
    key = {"view_id": "policy", "geography_type": "nation", "geography_code": "EW", **PERIOD}
    rows = [
        {**key, "indicator_id": i, "status": s, "numerator": n} for i, s, n in (("A", "held", None), ("B", "suppressed", None))
    ]
    printed = [{**key, "indicator_id": i, "numerator": 1, "denominator": 2, "published_pct": 50} for i in "AB"]
    found = compiled.run("publish_published_comparison", {"published_figures": printed, "indicators": rows})
    assert {row["indicator_id"]: row["is_reproduced"] for row in found} == {"A": None, "B": False}


@pytest.mark.parametrize(("outcome", "status"), [("employed", "held"), ("employed_p45", "held"), ("settled_policy", "available")])
def test_the_agreement_of_two_sources_is_held_with_either_of_them(compiled, outcome, status):
    event = {"is_in_scope": True, "event_date": date(2013, 4, 2), "area_code": "A", "employed_status": "yes"}
    tables = {
        "minimum_outcomes": [{**event, "employed_p45_status": "no"}] * 9,
        "areas": [{"area_code": "A", "valid_from": date(2001, 4, 1)}],
        "disclosure_rules": [{"rule_id": "suppress_below", "value": 5}],
        "area_memberships": [
            {"area_code": "A", "geography_type": "nation", "geography_code": "EW", "valid_from": date(2001, 4, 1)}
        ],
        "outcome_observation": [
            {"population": "termination", "outcome": o, "observed_until": date(2099, 1, 1)} for o in ("employed", "employed_p45")
        ],
        "reporting_periods": [{**PERIOD, "period_type": "financial_year"}],
        "outcome_deliveries": [{"population": "termination", "outcome": outcome, "held_reason": "Held since long ago"}],
    }
    (row,) = compiled.run("employment_agreement", tables)
    assert (row["status"], row["event_count"]) == (status, 9 if status == "available" else None)


# --- waivers ------------------------------------------------------------------------------------------------------------

TODAY = date(2013, 7, 15)
SOUND = {
    "waiver_id": "W1",
    "rule_id": "national_unknown_share_is_high",
    "indicator_id": "NI143",
    "geography_code": "EW",
    "period_start": "2013-04-01",
    "reason": "Two areas changed their system",
    "requested_by": "Ann Ash",
    "approved_by": "Bob Birch",
    "valid_from": "2013-07-01",
    "valid_to": "2013-08-01",
}


def waiver(**changes: str) -> dict[str, str]:
    return SOUND | changes


ROWS = {  # claim → rows of seeds/waivers.csv, ids of those in force on TODAY
    "31_days": ([waiver()], {"W1"}),
    "32_days": ([waiver(valid_to="2013-08-02")], set()),
    "first_day": ([waiver(valid_from="2013-07-15")], {"W1"}),
    "day_before_the_first": ([waiver(valid_from="2013-07-16")], set()),
    "last_day": ([waiver(valid_to="2013-07-16")], {"W1"}),
    "day_on_which_it_is_over": ([waiver(valid_to="2013-07-15")], set()),
    "ends_before_it_starts": ([waiver(valid_to="2013-06-01")], set()),
    "one_person": ([waiver(approved_by="ann  ASH")], set()),
    "nobody_agreed": ([waiver(approved_by=" ")], set()),
    "nobody_asked": ([waiver(requested_by="")], set()),
    "no_reason": ([waiver(reason="")], set()),
    "no_rule": ([waiver(rule_id="")], set()),
    "no_id": ([waiver(waiver_id="")], set()),
    "no_date": ([waiver(valid_from="July")], set()),
    "a_period_that_is_no_date": ([waiver(period_start="2013")], set()),
    "an_indicator_that_is_not_known": ([waiver(indicator_id="NI999")], set()),
    "a_place_that_is_not_known": ([waiver(geography_code="XX")], set()),
    "everything": ([waiver(indicator_id="", geography_code="All", period_start="")], {"W1"}),
    "one_id_twice": ([waiver(), waiver(waiver_id="w1", reason="Another")], set()),
    "blanks_around": ([{name: f" {value} " for name, value in SOUND.items()}], {"W1"}),
    "two": ([waiver(), waiver(waiver_id="W2")], {"W1", "W2"}),
}


def in_force(compiled: Compiled, rows: list[dict]) -> list[dict]:
    tables = {
        "waivers": [{name: value or None for name, value in row.items()} for row in rows],  # blank is null, as dbt reads it
        "waiver_rules": [{"rule_id": "longest_days", "value": 31}],
        "delivery_status": [{"today": TODAY}],
        "indicator_definitions": [{"indicator_id": "NI143"}],
        "geographies": [{"geography_code": "EW"}],
    }
    return compiled.run("waivers_in_force", tables, keep=True)


@pytest.fixture(scope="module")
def suites(hand_world) -> list[Suite]:
    return load_suites(hand_world.settings.suites_dir)


@pytest.mark.parametrize("claim", ROWS)
def test_a_waiver_is_in_force_in_the_release_as_it_is_in_the_gate(compiled, hand_world, suites, tmp_path, claim):
    rows, ids = ROWS[claim]
    assert {row["waiver_id"] for row in in_force(compiled, rows)} == ids
    settings = replace(hand_world.settings, project_dir=tmp_path)
    settings.seeds_dir.mkdir()
    for name in ("waiver_rules", "indicator_definitions", "areas", "regions"):
        shutil.copy(hand_world.settings.seeds_dir / f"{name}.csv", settings.seeds_dir)
    with open(settings.seeds_dir / "waivers.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(SOUND))
        writer.writeheader()
        writer.writerows(rows)
    judged = load_waivers(settings, TODAY, suites)
    assert {w.waiver_id for w in judged.in_force} == ids, "the gate and the release must agree"


@pytest.mark.parametrize(
    ("changes", "noted"),
    [
        ({}, {("NI143", "EW", 4)}),
        ({"geography_code": "all"}, {("NI143", "EW", 4), ("NI143", "ENG", 4)}),
        ({"period_start": ""}, {("NI143", "EW", 4), ("NI143", "EW", 5)}),
        ({"indicator_id": "all", "geography_code": "ENG"}, {("NI143", "ENG", 4), ("NI144", "ENG", 4)}),
    ],
)
def test_a_waiver_is_noted_on_every_figure_of_its_scope_and_on_no_other(compiled, changes, noted):
    assert len(in_force(compiled, [waiver(**(changes | {"geography_code": "EW"}))])) == 1  # sound but for the place
    place = changes.get("geography_code", "EW")
    rows = [{**r, "geography_code": place} for r in compiled.run("waivers_in_force")]
    index = [
        {
            **VERSION,
            "indicator_id": i,
            "geography_type": "x",
            "geography_code": g,
            "period_type": "month",
            "period_start": date(2013, m, 1),
        }
        for i in ("NI143", "NI144")
        for g in ("EW", "ENG")
        for m in (4, 5)
    ]
    tables = {
        "indicator_index": index,
        "indicator_definitions": [{**VERSION, "indicator_id": i, "population": "p", "outcome": i} for i in ("NI143", "NI144")],
        "outcome_deliveries": [{"population": "p", "outcome": "NI144", "carried_note": "Rests on old news"}],
        "waivers_in_force": rows,
    }
    found = compiled.run("indicator_notes", tables)
    words = "Waiver W1 of the rule national_unknown_share_is_high, until before 1 August 2013: Two areas changed their system"
    with_waiver = {(r["indicator_id"], r["geography_code"], r["period_start"].month) for r in found if words in r["notes"]}
    assert with_waiver == noted
    for row in found:
        late = row["indicator_id"] == "NI144"
        assert row["notes"] == "; ".join(["Rests on old news"] * late + [words] * (words in row["notes"]))
    assert sum(r["indicator_id"] == "NI144" for r in found) == 4


def test_every_waiver_of_the_project_is_sound(hand_world, suites):
    assert load_waivers(hand_world.settings, TODAY, suites).unsound == ()


# --- what figures rest on -----------------------------------------------------------------------------------------------

MARTS = {
    "termination": "minimum_outcomes",
    "release": "release_outcomes",
    "disposal": "disposal_outcomes",
    "return": "psa16_returns",
}
EVIDENCE = {  # outcome → what the columns of its evidence begin with
    "settled_policy": "accommodation",
    "settled_sustainable": "accommodation",
    "employed": "employment",
    "employed_if_available": "employment",
    "employed_p45": "p45",
    "employed_combined": "p45",
    "housed": "accommodation",
    "available_for_work": "employment",
    "housed_first_night": "first_night",
    "settled_three_months": "three_months",
    "employed_six_weeks": "six_weeks",
    "employed_six_months": "six_months",
    "employed_p45_six_weeks": "p45_six_weeks",
    "employed_p45_six_months": "p45_six_months",
    "out_of_work_benefit_one_month": "benefit_one_month",
    "reoffended_one_year": "reoffence",
}


@pytest.fixture(scope="module")
def needs(hand_world) -> dict[tuple[str, str], set[tuple[str, str]]]:
    with open(hand_world.settings.seeds_dir / "indicator_needs.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all(row["why"] for row in rows)
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault((row["population"], row["outcome"]), set()).add((row["agency"], row["extract"]))
    return found


def test_every_outcome_that_an_indicator_counts_says_what_it_needs_of_extracts_that_exist(hand_world, needs):
    settings = hand_world.settings
    with open(settings.seeds_dir / "indicator_definitions.csv", newline="", encoding="utf-8") as file:
        counted = {(row["population"], row["outcome"]) for row in csv.DictReader(file)}
    assert counted <= set(needs)
    statuses = {  # so that an indicator on any outcome there is can be a row
        (population, r["column_name"].removesuffix("_status"))
        for population, mart in MARTS.items()
        if population != "return"
        for r in hand_world.query(f"describe warehouse.marts.{mart}")
        if r["column_name"].endswith("_status")
    }
    assert set(needs) == statuses | {("return", "")}
    known = {(e.agency, e.name) for e in load_contracts(settings.contracts_dir, settings.seeds_dir).extracts}
    assert set.union(*needs.values()) <= known


def test_every_need_is_an_ancestor_of_the_table_that_holds_the_outcome(compiled, needs):
    parents = {name: node["depends_on"].get("nodes", []) for name, node in compiled.manifest["nodes"].items()}

    def ancestors(name: str) -> set[str]:
        return {name}.union(*(ancestors(parent) for parent in parents.get(name, [])))

    lineage = {population: ancestors(f"model.outcomes.{mart}") for population, mart in MARTS.items()}
    for (population, outcome), extracts in needs.items():
        for agency, extract in extracts:
            assert f"source.outcomes.{agency}.{extract}" in lineage[population], (population, outcome, agency, extract)
    assert "source.outcomes.sharing.protocols" not in set.union(*lineage.values())  # the lineage is not simply everything


def test_every_record_that_decides_an_outcome_is_of_an_extract_that_it_is_said_to_need(hand_world, needs):
    register = {r["delivery_id"]: (r["agency"], r["extract"]) for r in hand_world.restricted("select * from intake.deliveries")}
    seen = set()
    for (population, outcome), extracts in needs.items():
        columns = ["_delivery_id"] if population != "return" else []
        columns += [f"{EVIDENCE[outcome]}_evidence_delivery_id"] if outcome else []
        for column in columns:
            for row in hand_world.query(f"select distinct {column} as id from warehouse.marts.{MARTS[population]}"):
                if row["id"]:
                    assert register[row["id"]] in extracts, (population, outcome, register[row["id"]])
                    seen.add(register[row["id"]])
    assert len(seen) >= 7  # orders, accommodation, employment, custody, P45, benefits, offences


# --- terms of a contract ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("value: 45, unit: d", "value: 2, unit: m", "'carryForward' in slaProperties is not a whole number in unit d"),
        ("value: 10, unit: d", "value: -1, unit: d", "'latency' in slaProperties is not a whole number"),
        ("value: 1, unit: m", "value: 5, unit: m", "5 months, which do not divide a year"),
        ("value: 1, unit: m", "value: 0, unit: m", "0 months, which do not divide a year"),
    ],
)
def test_service_levels_that_no_calendar_can_keep_are_refused_with_a_remedy(tmp_path, old, new, says):
    path = tmp_path / "north.odcs.yaml"
    text = contract()
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContractError, match=says):
        read_contract(path)


def test_an_agency_that_promises_no_service_levels_is_never_due_and_all_but_readers_of_pairs_promise_them(tmp_path):
    path = tmp_path / "north.odcs.yaml"
    path.write_text(contract().replace("{property: latency, value: 10, unit: d}, ", ""), encoding="utf-8")
    assert [extract.service for extract in read_contract(path)] == [None, None]
    settings = load_settings()
    extracts = load_contracts(settings.contracts_dir, settings.seeds_dir).extracts
    assert {(e.agency, e.name) for e in extracts if not e.service} == {("linkage", "decisions")}
