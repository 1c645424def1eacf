"""The seeds hold what they promise: each code has one meaning on each day, each row says why, each name leads somewhere."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from dagster_project.contracts import load_contracts

PROJECT = Path(__file__).resolve().parents[1]
SEEDS = PROJECT / "seeds"
FILES = {path.stem: path for path in sorted(SEEDS.rglob("*.csv"))}
ALWAYS, NEVER = date(1900, 1, 1), date(9999, 12, 31)
TOLD = {node["name"]: node for node in yaml.safe_load((SEEDS / "seeds.yml").read_text(encoding="utf-8"))["seeds"]}
MAPPINGS = {path.stem: TOLD[path.stem]["config"]["meta"]["one_of"] for path in sorted((SEEDS / "mappings").glob("*.csv"))}
EVERY_MAPPING = pytest.mark.parametrize("mapping", MAPPINGS)


def rows(name: str) -> list[dict]:
    with open(FILES[name], newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def day(text: str, blank: date) -> date:
    return date.fromisoformat(text) if text else blank


def span(row: dict, start: str = "valid_from", end: str = "valid_to") -> tuple[date, date]:
    """Half-open time in force."""
    return day(row[start], ALWAYS), day(row[end], NEVER)


def holes(spans: list[tuple[date, date]], start: date, end: date) -> list[str]:
    """What of a time is covered by no span, or by more than one."""
    found, reached = [], start
    for first, last in sorted(spans):
        if first >= end or last <= start:
            continue
        if first > reached:
            found.append(f"nothing from {reached} to {first}")
        if first < reached and first > start:
            found.append(f"two from {first}")
        if first <= start and reached > start:
            found.append(f"two from {start}")
        reached = max(reached, last)
    return found + ([f"nothing from {reached} to {end}"] if reached < end else [])


def test_the_search_for_holes_finds_gaps_and_overlaps():
    d = [date(2009, month, 1) for month in range(1, 10)]
    assert holes([(d[0], d[2]), (d[2], d[8])], d[0], d[8]) == []
    assert holes([(ALWAYS, NEVER)], d[0], d[8]) == []
    assert holes([(d[0], d[2]), (d[3], d[8])], d[0], d[8]) and holes([(d[0], d[3]), (d[2], d[8])], d[0], d[8])
    assert holes([], d[0], d[8]) and holes([(ALWAYS, NEVER), (ALWAYS, NEVER)], d[0], d[8]) and holes([(d[1], d[8])], d[0], d[8])


@EVERY_MAPPING
def test_every_code_has_exactly_one_meaning_per_view_on_each_day(mapping):
    spans = defaultdict(list)
    for row in rows(mapping):
        spans[row["view_id"], row["code_list"], row["code"]].append(span(row))
    wrong = {}
    for view in MAPPINGS[mapping]["view_id"]:
        for code_list in MAPPINGS[mapping]["code_list"]:
            for code in rows(code_list):
                # an old code still stands in old records that are in force, so its meaning has no end
                wrong[view, code_list, code["code"]] = holes(spans[view, code_list, code["code"]], ALWAYS, NEVER)
    assert {key: found for key, found in wrong.items() if found} == {} and wrong


@EVERY_MAPPING
def test_a_mapping_has_rows_of_each_view_and_code_list_that_it_may_have(mapping):
    for column in ("view_id", "code_list"):
        assert {row[column] for row in rows(mapping)} == set(MAPPINGS[mapping][column])


def test_every_seed_but_the_lists_of_codes_and_the_disabled_one_is_told_of_in_seeds_yml():
    codes = {path.stem for path in (SEEDS / "codes").glob("*.csv")}
    assert set(TOLD) == set(FILES) - codes - {"linkage_frequencies"}


def test_what_is_ignored_as_work_is_ignored_as_availability_and_nothing_else_is():
    ignored = [{r["code"] for r in rows(mapping) if r["status"] == "ignored"} for mapping in ("employed", "available_for_work")]
    assert ignored[0] == ignored[1] and ignored[0]


@pytest.mark.parametrize("name", FILES)
def test_every_row_says_where_it_comes_from_or_why(name):
    with open(FILES[name], newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        found = list(reader)
    columns = [c for c in ("source", "why", "reason") if c in reader.fieldnames]
    assert columns, "a seed has a column source or why"
    assert [row for row in found if not any((row[c] or "").strip() for c in columns)] == []
    assert [row for row in found if None in row or None in row.values()] == [], "as many fields as the header"


@pytest.mark.parametrize("name", [n for n, p in FILES.items() if p.parent.name == "codes"])
def test_a_code_is_listed_once_and_its_time_does_not_run_backwards(name):
    codes = [row["code"] for row in rows(name)]
    assert codes and len(codes) == len(set(codes))
    assert [row for row in rows(name) if not span(row)[0] < span(row)[1] or not row["label"].strip()] == []


def test_every_code_list_that_a_contract_names_is_there():
    contracts = load_contracts(PROJECT / "expectations" / "contracts", SEEDS)
    lists = {c.code_list for e in contracts.extracts for c in e.columns if c.code_list}
    assert lists and all(contracts.codes(code_list) for code_list in lists)


def test_returned_indicators_are_the_codes_that_departments_may_return():
    returned = {row["indicator_id"] for row in rows("indicator_definitions") if row["basis"] == "returned"}
    assert returned == {row["code"] for row in rows("psa16_returned_codes")}


def test_every_area_has_one_region_throughout_its_time():
    regions = defaultdict(list)
    for row in rows("regions"):
        regions[row["region_code"]].append(span(row))
    for row in rows("areas"):
        assert holes(regions[row["region_code"]], *span(row)) == [], row["area_code"]


def test_an_area_is_in_one_region_on_any_day_and_changes_it_between_months_only():
    times = defaultdict(list)
    for row in rows("areas"):
        times[row["area_code"]].append(span(row))
    for code, spans in times.items():
        for (_, end), (start, _) in pairwise(sorted(spans)):
            assert end <= start and (end, start) == (end.replace(day=1), start.replace(day=1)), code


def test_every_region_and_country_has_one_name_and_one_parent():
    for child, parents in (("region_code", ("region_name", "country_code")), ("country_code", ("country_name", "nation_code"))):
        of_child = defaultdict(set)
        for row in rows("regions"):
            of_child[row[child]].add(tuple(row[p] for p in parents))
        assert [c for c, found in of_child.items() if len(found) > 1] == []


def geographies() -> dict[tuple[str, str], list[tuple[date, date]]]:
    found = defaultdict(list)
    for row in rows("areas"):
        found["probation_area", row["area_code"]].append(span(row))
    for row in rows("regions"):
        for kind in ("region", "country", "nation"):
            found[kind, row[f"{kind}_code"]].append(span(row))
    return found


@pytest.mark.parametrize(
    ("name", "start", "end"), [("targets", "valid_from", "valid_to"), ("published_figures", "period_start", "period_end")]
)
def test_targets_and_printed_figures_are_of_geographies_and_definitions_of_their_time(name, start, end):
    places = geographies()
    defined = {(r["indicator_id"], r["view_id"]): span(r) for r in rows("indicator_definitions")}
    keys = [(r["indicator_id"], r["view_id"], r["geography_type"], r["geography_code"], r[start]) for r in rows(name)]
    assert len(keys) == len(set(keys)) == 43
    for row in rows(name):
        first, last = span(row, start, end)
        assert first < last
        assert any(a <= first and last <= b for a, b in places[row["geography_type"], row["geography_code"]]), row
        since, until = defined[row["indicator_id"], row["view_id"]]
        assert since <= first and last <= until, row


def test_printed_periods_are_periods_of_the_calendar():
    calendar = {row["period_type"]: row for row in rows("reporting_calendar")}
    for row in rows("published_figures"):
        kind = calendar[row["period_type"]]
        assert kind["first_start"] <= row["period_start"] and row["period_end"] <= kind["last_end"]


def test_the_42_areas_printed_sum_to_the_nation_printed():
    printed = rows("published_figures")
    areas = [r for r in printed if r["geography_type"] == "probation_area"]
    nation = [r for r in printed if r["geography_type"] == "nation"]
    assert len(areas) == 42 and len(nation) == 1
    for column in ("numerator", "denominator"):
        assert sum(int(r[column]) for r in areas) == int(nation[0][column])
    assert {r["geography_code"] for r in areas} == {r["area_code"] for r in rows("areas")} - {"ZZ"}


def test_a_printed_percentage_is_the_whole_per_cent_of_its_counts():
    for row in rows("published_figures"):
        exact = 100 * int(row["numerator"]) / int(row["denominator"])
        assert int(exact + 0.5) == int(row["published_pct"]), row


def test_every_kind_of_spell_has_one_rule_of_at_least_a_day():
    kinds = [row["spell_type"] for row in rows("spell_rules")]
    assert len(kinds) == len(set(kinds)) and all(int(row["gap_days"]) >= 1 for row in rows("spell_rules"))
    models = "".join(p.read_text(encoding="utf-8") for p in (PROJECT / "dbt" / "models").rglob("*_spells.sql"))
    assert [kind for kind in kinds if f"'{kind}')" not in models] == []
