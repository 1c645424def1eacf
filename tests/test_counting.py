"""Counting, on the hand-computed world: every figure is counted again in Python from the events, row by row, and must agree.

Nothing is lost, nothing is counted twice, everything adds up, and what is missing is a row that says so.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise

import pytest
from compiled import Compiled

MARTS = {"termination": "minimum_outcomes", "release": "release_outcomes", "disposal": "disposal_outcomes"}
COUNTS = ("numerator", "no_count", "unknown_count", "out_of_scope_count")
FIGURES = (
    *COUNTS,
    "denominator",
    "rate_pct",
    "known_rate_pct",
    "lower_bound_pct",
    "upper_bound_pct",
    "interval_low_pct",
    "interval_high_pct",
)
ROUNDING = 0.0001


def seed(hand_world, name: str) -> list[dict]:
    path = next(hand_world.settings.seeds_dir.rglob(f"{name}.csv"))
    with open(path, newline="", encoding="utf-8") as file:
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def figures(hand_world) -> list[dict]:
    return hand_world.query("select * from indicators.indicators")


@pytest.fixture(scope="module")
def events(hand_world) -> dict[str, list[dict]]:
    return {population: hand_world.query(f"select * from marts.{mart}") for population, mart in MARTS.items()}


@pytest.fixture(scope="module")
def definitions(hand_world) -> dict[tuple, dict]:
    return {(d["indicator_id"], d["view_id"], int(d["definition_version"])): d for d in seed(hand_world, "indicator_definitions")}


@pytest.fixture(scope="module")
def parents(hand_world) -> dict[tuple, tuple]:
    """Each geography's parent, from the seeds."""
    found = {("probation_area", a["area_code"]): ("region", a["region_code"]) for a in seed(hand_world, "areas")}
    for region in seed(hand_world, "regions"):
        found["region", region["region_code"]] = ("country", region["country_code"])
        found["country", region["country_code"]] = ("nation", region["nation_code"])
    return found


def definition(row: dict) -> tuple:
    return row["indicator_id"], row["view_id"], row["definition_version"]


def place(row: dict) -> tuple:
    return row["geography_type"], row["geography_code"]


def period(row: dict) -> tuple:
    return row["period_type"], row["period_start"]


def answer(event: dict, outcome: str) -> str:
    """What an event counts as: yes, no, unknown, or out of scope with what is not applicable."""
    status = event[f"{outcome}_status"] if event["is_in_scope"] else "out_of_scope"
    return {"yes": "numerator", "no": "no_count", "unknown": "unknown_count"}.get(status, "out_of_scope_count")


def chain(area: str, parents: dict[tuple, tuple]) -> list[tuple]:
    """An area and every geography it is a part of."""
    found = [("probation_area", area)]
    while found[-1] in parents:
        found.append(parents[found[-1]])
    return found


def recounted(figures, events, definitions, parents) -> dict[tuple, Counter]:
    """(definition, place, period) → counts, by walking over the events."""
    periods = {(*period(r), r["period_end"]) for r in figures}
    known_areas = {code for kind, code in parents if kind == "probation_area"}
    counts = defaultdict(Counter)
    for key, wanted in definitions.items():
        for event in events.get(wanted["population"], []):
            if wanted["order_group"] in (None, event["order_group"]):
                area = event["area_code"] if event["area_code"] in known_areas else "ZZ"
                for kind, start, end in periods:
                    if start <= event["event_date"] < end:
                        for where in chain(area, parents):
                            counts[key, where, (kind, start)][answer(event, wanted["outcome"])] += 1
    return counts


def test_every_available_figure_is_the_count_of_its_events(figures, events, definitions, parents):
    expected = recounted(figures, events, definitions, parents)
    computed = [r for r in figures if r["basis"] == "computed" and r["status"] == "available"]
    assert sum(1 for r in computed if r["numerator"]) > 100
    for row in computed:
        counts = expected[definition(row), place(row), period(row)]
        assert {c: row[c] for c in COUNTS} == {c: counts[c] for c in COUNTS}, row


def test_yes_and_no_and_unknown_are_all_that_is_in_scope(figures, events, definitions, parents):
    in_scope = Counter()
    for key, counts in recounted(figures, events, definitions, parents).items():
        in_scope[key] = counts.total() - counts["out_of_scope_count"]
    for row in figures:
        if row["basis"] == "computed" and row["status"] == "available":
            assert (
                row["numerator"] + row["no_count"] + row["unknown_count"] == in_scope[definition(row), place(row), period(row)]
            ), row


def test_the_denominator_holds_the_unknown_where_the_definition_says_so_and_only_there(figures, definitions):
    seen = Counter()
    for row in figures:
        if row["basis"] == "computed" and row["status"] == "available":
            is_counted = definitions[definition(row)]["unknown_in_denominator"] == "Y"
            assert row["unknown_in_denominator"] is is_counted
            assert row["denominator"] == row["numerator"] + row["no_count"] + (row["unknown_count"] if is_counted else 0), row
            seen[is_counted, row["unknown_count"] > 0] += 1
    assert seen[True, True] and seen[False, True], "both kinds of definition meet unknowns"


def test_figures_add_up_over_geography(figures, parents):
    available = {
        (definition(r), place(r), period(r)): r for r in figures if r["basis"] == "computed" and r["status"] == "available"
    }
    all_rows = {(definition(r), place(r), period(r)) for r in figures}
    summed, checked = defaultdict(Counter), Counter()
    for key, where, when in all_rows:
        if where in parents and (key, where, when) in available:
            summed[key, parents[where], when].update({c: available[key, where, when][c] for c in (*COUNTS, "denominator")})
    for cell, counts in summed.items():
        if cell in available:  # a whole is available only when all its parts are
            assert {c: available[cell][c] for c in counts} == dict(counts), cell
            checked[cell[1][0]] += counts.total() > 0
    assert min(checked[kind] for kind in ("region", "country", "nation")) > 20


@pytest.mark.parametrize(
    ("part", "whole", "number"),
    [
        ("month", "quarter", 3),
        ("quarter", "financial_year", 4),
        ("month", "financial_year", 12),
        ("month", "published_window", 4),
    ],
)
def test_figures_add_up_over_time(figures, part, whole, number):
    parts, checked = defaultdict(list), 0
    ends = {period(r): r["period_end"] for r in figures}
    for row in figures:
        if row["basis"] == "computed" and row["period_type"] == part and row["status"] == "available":
            parts[definition(row), place(row)].append(row)
    for row in figures:
        if row["basis"] == "computed" and row["period_type"] == whole and row["status"] == "available":
            inside = [
                r for r in parts[definition(row), place(row)] if row["period_start"] <= r["period_start"] < ends[period(row)]
            ]
            assert len(inside) == number or row["geography_code"] == "ZZ", row  # of the area not known, only what holds events
            for column in (*COUNTS, "denominator"):
                assert row[column] == sum(r[column] for r in inside), (column, row)
            checked += row["numerator"] > 0
    assert checked >= 5


def test_a_whole_is_available_only_when_each_of_its_parts_is(figures, parents):
    status = {(definition(r), place(r), period(r)): r["status"] for r in figures if r["basis"] == "computed"}
    for (key, where, when), of_part in status.items():
        if where in parents and status[key, parents[where], when] == "available":
            assert of_part == "available", (key, where, when)


def test_bounds_hold_the_known_rate_and_the_rate_with_unknown_in_the_denominator(figures):
    checked = 0
    for row in figures:
        if row["basis"] == "computed" and row["lower_bound_pct"] is not None:
            low, high = row["lower_bound_pct"] - ROUNDING, row["upper_bound_pct"] + ROUNDING
            in_scope = row["numerator"] + row["no_count"] + row["unknown_count"]
            assert low <= 100 * row["numerator"] / in_scope <= high, row
            assert row["rate_pct"] is None or low <= row["rate_pct"] <= high, row
            assert row["known_rate_pct"] is None or low <= row["known_rate_pct"] <= high, row
            assert 0 <= row["lower_bound_pct"] <= row["upper_bound_pct"] <= 100
            assert (row["lower_bound_pct"] == row["upper_bound_pct"]) == (row["unknown_count"] == 0), row
            checked += row["unknown_count"] > 0
    assert checked > 50


def test_every_termination_of_the_calendar_is_counted_exactly_once(figures, events, definitions):
    first, last = date(2008, 4, 1), date(2013, 4, 1)
    expected = sum(1 for e in events["termination"] if first <= e["event_date"] < last)
    assert expected > 30
    for key in (k for k, d in definitions.items() if d["population"] == "termination"):
        for kind in ("probation_area", "region", "country", "nation"):
            for period_type in ("month", "quarter", "financial_year"):
                rows = [r for r in figures if (definition(r), r["geography_type"], r["period_type"]) == (key, kind, period_type)]
                assert {r["status"] for r in rows} == {"available"}
                assert sum(r[c] for r in rows for c in COUNTS) == expected, (key, kind, period_type)


def test_every_order_that_ended_and_every_release_of_the_warehouse_is_one_event(hand_world, events):
    ended = hand_world.restricted("select count(*) as n from staging.stg_probation__orders where termination_date is not null")
    assert len(events["termination"]) == ended[0]["n"]
    for population, of_population in events.items():
        keys = [(e["_delivery_id"], e["_row_number"]) for e in of_population]
        assert len(keys) == len(set(keys)), population


def in_force(row: dict, on: date, until: date | None = None) -> bool:
    """Does a row hold on a day, or on any day from it to another, half-open?"""
    start, end = (date.fromisoformat(row[c]) if row[c] else None for c in ("valid_from", "valid_to"))
    return (start is None or start < (until or on + timedelta(days=1))) and (end is None or on < end)


def months_after(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, 1)


def test_every_figure_that_a_reader_may_ask_for_is_a_row_whether_or_not_anything_happened(
    hand_world, figures, definitions, parents
):
    areas, regions = seed(hand_world, "areas"), seed(hand_world, "regions")
    periods = []
    for kind in seed(hand_world, "reporting_calendar"):
        start, months = date.fromisoformat(kind["first_start"]), int(kind["months"])
        while months_after(start, months) <= date.fromisoformat(kind["last_end"]):
            periods.append((kind["period_type"], start, months_after(start, months)))
            start = months_after(start, months)
    expected = set()
    for key, wanted in definitions.items():
        for kind, start, end in periods:
            there = [r for r in regions if in_force(r, start, end)]
            places = {("probation_area", a["area_code"]) for a in areas if in_force(a, start, end)} | {("nation", "EW")}
            places |= {("region", r["region_code"]) for r in there} | {("country", r["country_code"]) for r in there}
            for where in places:
                is_returned_row = where[0] == "country" and kind == "financial_year"
                if where[1] != "ZZ" and (wanted["basis"] == "computed" or is_returned_row):
                    expected.add((key, where, (kind, start)))
    found = [(definition(r), place(r), period(r)) for r in figures]
    assert len(found) == len(set(found))
    assert {f for f in found if f[1][1] != "ZZ"} == expected


def test_an_area_that_begins_or_ends_within_a_period_is_a_place_of_it_once_and_adds_up(hand_world):
    compiled = Compiled(hand_world.settings)
    area, region = {"geography_type": "probation_area"}, {"geography_type": "region", "geography_code": "R"}
    area |= {"parent_type": "region", "parent_code": "R"}
    geographies = [
        {**area, "geography_code": "12", "geography_name": "Old", "valid_from": date(2001, 4, 1), "valid_to": date(2009, 7, 10)},
        {**area, "geography_code": "99", "geography_name": "New", "valid_from": date(2009, 7, 10), "valid_to": date(2009, 9, 1)},
        {**area, "geography_code": "99", "geography_name": "Renamed", "valid_from": date(2009, 9, 1)},
        {**region, "geography_name": "Region", "parent_type": "country", "parent_code": "C", "valid_from": date(2001, 4, 1)},
    ]
    quarters = [date(2009, 4, 1), date(2009, 7, 1), date(2009, 10, 1), date(2010, 1, 1)]
    periods = [{"period_type": "quarter", "period_start": s, "period_end": e} for s, e in pairwise(quarters)]
    definitions = [{"indicator_id": "NI143", "view_id": "policy", "definition_version": 1, "basis": "computed"}]
    tables = {"geographies": geographies, "reporting_periods": periods}
    index = compiled.run("indicator_index", {**tables, "indicator_definitions": definitions, "indicator_counts": []})
    assert sorted((r["period_start"], r["geography_name"]) for r in index) == sorted(
        (start, name)
        for names, start in zip((["Old"], ["Old", "Renamed"], ["Renamed"]), quarters, strict=False)
        for name in [*names, "Region"]
    )
    cells = [{**{k: v for k, v in row.items() if k != "geography_name"}, "cell_id": n} for n, row in enumerate(index)]
    calendar = [{"period_type": "quarter", "months": 3}]
    groups = compiled.run("disclosure_groups", {"disclosure_cells": cells, "reporting_calendar": calendar, **tables})
    of = {c["cell_id"]: (c["period_start"], c["geography_code"]) for c in cells}
    assert sorted((*of[g["cell_id"]], g["is_whole"]) for g in groups) == sorted(
        (start, code, code == "R")
        for codes, start in zip((["12"], ["12", "99"], ["99"]), quarters, strict=False)
        for code in [*codes, "R"]
    )


def test_events_without_an_area_are_shown_as_such_where_there_are_any_and_only_there(figures, events, definitions, parents):
    counted = recounted(figures, events, definitions, parents)
    expected = {cell for cell, counts in counted.items() if cell[1][1] == "ZZ" and definitions[cell[0]]["basis"] == "computed"}
    assert {(definition(r), place(r), period(r)) for r in figures if r["geography_code"] == "ZZ"} == expected and expected


def test_what_is_missing_is_a_row_with_a_status_and_a_reason_and_no_figure(figures):
    statuses = Counter(r["status"] for r in figures)
    assert set(statuses) == {"available", "not_applicable", "not_available"}
    for row in figures:
        assert row["status_reason"]
        if row["status"] != "available":
            assert [c for c in FIGURES if row[c] is not None] == [], row
        elif row["basis"] == "computed":
            assert [c for c in (*COUNTS, "denominator") if row[c] is None] == [], row


def test_a_measure_outside_its_time_is_not_applicable(figures, definitions):
    for row in figures:
        wanted = definitions[definition(row)]
        is_covered = in_force(wanted, row["period_start"]) and (in_force(wanted, row["period_end"] - timedelta(days=1)))
        assert (row["status"] == "not_applicable") == (not is_covered), row


def test_a_period_with_a_follow_up_that_is_not_yet_due_is_not_available(figures):
    late = [r for r in figures if r["status"] == "not_available" and r["basis"] == "computed"]
    assert late and all("follow-up of some events" in r["status_reason"] for r in late)
    # the releases of 30 December 2012 and 11 February 2013, and the extract of 30 June 2013
    assert {r["indicator_id"] for r in late} == {"MI017a", "P45_6M", "REOFFENDING_1Y"}


def test_a_department_that_returned_nothing_is_a_row_that_says_so(figures):
    returned = [r for r in figures if r["basis"] == "returned"]
    assert {r["status"] for r in returned} == {"available", "not_available"}
    assert all("returned" in r["status_reason"] for r in returned)


def test_suppressed_and_zero_and_not_applicable_and_not_available_are_told_apart_when_published(hand_world):
    rows = hand_world.query("select * from warehouse.publish.indicators")
    kinds = defaultdict(list)
    for row in rows:
        kinds["zero" if row["status"] == "available" and row["denominator"] == 0 else row["status"]].append(row)
    assert set(kinds) == {"available", "zero", "suppressed", "not_applicable", "not_available"}
    reasons = {kind: {r["status_reason"].split(":")[0] for r in members} for kind, members in kinds.items()}
    for kind in ("suppressed", "not_applicable", "not_available"):
        assert [r for r in kinds[kind] if any(r[c] is not None for c in FIGURES)] == []
    assert all(r["suppressed_fields"] == "all" for r in kinds["suppressed"])
    assert all(r["suppressed_fields"] is None for kind in ("not_applicable", "not_available") for r in kinds[kind])
    assert all(r["numerator"] == 0 and r["rate_pct"] is None for r in kinds["zero"])
    for one, other in (("suppressed", "not_applicable"), ("suppressed", "not_available"), ("not_applicable", "not_available")):
        assert not reasons[one] & reasons[other]
    assert not (reasons["suppressed"] | reasons["not_applicable"] | reasons["not_available"]) & reasons["zero"]
