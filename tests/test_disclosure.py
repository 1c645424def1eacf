"""What is hidden stays hidden: small counts are not shown, and nobody can work them out from what is.

The attacker adds up like everyone else: areas to regions, countries and the nation; months to quarters, years and the window
of four months (also as a quarter and a month); the counts of one row to its denominator. Between which two numbers a hidden one
lies, the attacker narrows down by all sums together: where a single number is missing, where several add up to nothing, or to
one each. Worlds made here are full of small counts.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from datetime import date
from functools import cache
from itertools import pairwise
from math import inf

import pytest
from compiled import Compiled

SMALL = range(1, 5)
COUNTS = ("numerator", "no_count", "unknown_count", "out_of_scope_count", "denominator")
RATES_OF_UNKNOWN = ("known_rate_pct", "lower_bound_pct", "upper_bound_pct")
MAIN = ("numerator", "denominator", "rate_pct", "interval_low_pct", "interval_high_pct", "is_target_met")
REGIONS = {"R1": ("ENG", "abc"), "R2": ("WAL", "de"), "R3": ("ENG", "fghi")}
MONTHS = {"month": 1, "quarter": 3, "published_window": 4, "financial_year": 12}
VIEWS = (
    ("NI143", "policy", True),
    ("NI143", "sustainable", True),
    ("NI144", "all_terminations", True),
    ("P45", "all_terminations", False),
    ("NI144", "available_for_work", True),
    ("MI014", "official", False),
    ("MI015a", "official", False),
    ("REOFFENDING_1Y", "all_releases", False),
)
TERMINATIONS = ("NI143", "NI144", "P45")
DEFINITIONS = [
    {"indicator_id": i, "view_id": v, "definition_version": 1, "population": "termination" if i in TERMINATIONS else "release"}
    for i, v, _ in VIEWS
]
# what anyone may know of the measures: the same events are in scope of two, one leaves no event out, and views share counts
SAME_SCOPE = {"P45": ("NI143", "NI144")}
LEAVES_NOBODY_OUT = "REOFFENDING_1Y"
VIEWS_SHARE = {"NI143": ("denominator", "unknown_count", "out_of_scope_count"), "NI144": ("numerator", "unknown_count")}
WORLDS = pytest.mark.parametrize(
    ("seed", "share_small"), [(1, 0.03), (2, 0.08), (3, 0.08), (4, 0.2), (5, 0.2), (6, 0.5), (7, 0.9)]
)


@pytest.fixture(scope="module")
def compiled(hand_world) -> Compiled:
    return Compiled(hand_world.settings)


# --- a year of invented figures -----------------------------------------------------------------------------------------


def month(number: int) -> date:
    return date(2009 + (3 + number) // 12, (3 + number) % 12 + 1, 1)


GEOGRAPHIES = [("nation", "EW", None, None), ("country", "ENG", "nation", "EW"), ("country", "WAL", "nation", "EW")]
GEOGRAPHIES += [("region", region, "country", country) for region, (country, _) in REGIONS.items()]
GEOGRAPHIES += [("probation_area", area, "region", region) for region, (_, areas) in REGIONS.items() for area in areas]
PERIODS = [
    (kind, month(n), month(n + months))
    for kind, months in MONTHS.items()
    for n in (range(0, 12, months) if kind != "published_window" else [0])
]
CALENDAR = [{"period_type": kind, "months": months} for kind, months in MONTHS.items()]


def areas_of(code: str) -> str:
    found = "".join(areas for region, (country, areas) in REGIONS.items() if code in ("EW", country, region))
    return found or code


def invented(seed: int, share_small: float) -> list[dict]:
    """Rows of `indicators`: eight views, every geography and period of a year. A share of the months of areas is small."""
    rng = random.Random(seed)
    rows = []
    for indicator, view, unknown_counts in VIEWS:
        if indicator in ("NI143", "MI014") and view != "sustainable":
            cells = {
                (area, n): [
                    rng.choice([0, 0, 1, 2, 3, 5, 8, 12, 20, 30]) if rng.random() < share_small else rng.randint(8, 60)
                    for _ in range(4)
                ]
                for area in areas_of("EW")
                for n in range(12)
            }
        elif indicator == LEAVES_NOBODY_OUT:  # the same events, every one of them asked
            for cell in cells.values():
                cell[1], cell[3] = cell[1] + cell[3], 0
        elif indicator in SAME_SCOPE:  # the same events in scope, and nearly all are known
            counted = {}
            for key, (yes, no, unknown, out_of_scope) in cells.items():
                left = min(unknown, rng.choice([0, 0, 0, 1, 2, 7]))
                counted[key] = [yes, no + unknown - left, left, out_of_scope]
        elif view == "available_for_work":  # whoever is not available is asked no longer
            for cell in cells.values():
                fewer = min(cell[1], rng.choice([0, 0, 1, 3, 6, 15]))
                cell[1], cell[3] = cell[1] - fewer, cell[3] + fewer
        else:  # the same events: some are yes no longer, and of some the question is not asked
            for cell in cells.values():
                fewer = min(cell[0], rng.choice([0, 0, 1, 3, 6, 15]))
                cell[0], cell[1] = cell[0] - fewer, cell[1] + fewer
                if indicator not in VIEWS_SHARE:
                    unasked = min(cell[2], rng.choice([0, 0, 0, 5, 8]))
                    cell[2], cell[3] = cell[2] - unasked, cell[3] + unasked
        if indicator not in SAME_SCOPE:
            counted = cells
        for kind, code, _, _ in GEOGRAPHIES:
            for period_type, start, end in PERIODS:
                inside = [counted[area, n] for area in areas_of(code) for n in range(12) if start <= month(n) < end]
                yes, no, unknown, out_of_scope = (sum(column) for column in zip(*inside, strict=True))
                rows.append(
                    {
                        "indicator_id": indicator, "view_id": view, "definition_version": 1, "geography_type": kind,
                        "geography_code": code, "period_type": period_type, "period_start": start, "period_end": end,
                        "numerator": yes, "no_count": no, "unknown_count": unknown, "out_of_scope_count": out_of_scope,
                        "denominator": yes + no + (unknown if unknown_counts else 0), "unknown_in_denominator": unknown_counts,
                        "rate_pct": 1.0, "known_rate_pct": 1.0, "lower_bound_pct": 1.0, "upper_bound_pct": 1.0,
                        "interval_low_pct": 1.0, "interval_high_pct": 1.0, "is_target_met": True,
                        "basis": "computed", "status": "available", "status_reason": "Computed here",
                    }
                )  # fmt: skip
    return rows


def publish(compiled: Compiled, rows: list[dict], zero_is_published: int = 1) -> list[dict]:
    """The rows as the models of disclosure control publish them."""
    rules = [{"rule_id": "suppress_below", "value": 5}, {"rule_id": "zero_is_published", "value": zero_is_published}]
    tables = {"indicators": rows, "disclosure_rules": rules, "indicator_definitions": DEFINITIONS}
    compiled.run("disclosure_cells", tables, keep=True)
    geographies = [
        dict(zip(("geography_type", "geography_code", "parent_type", "parent_code"), g, strict=True)) for g in GEOGRAPHIES
    ]
    periods = [dict(zip(("period_type", "period_start", "period_end"), p, strict=True)) for p in PERIODS]
    tables = {"geographies": geographies, "reporting_periods": periods, "reporting_calendar": CALENDAR}
    compiled.run("disclosure_groups", tables, keep=True)
    for model in ("disclosure_main", "disclosure_unknown", "disclosure_out_of_scope"):
        compiled.run(model, keep=True)
    return compiled.run("publish_indicators")


@cache
def published_world(compiled: Compiled, seed: int, share_small: float) -> tuple[list[dict], list[dict]]:
    """An invented year before and after disclosure control."""
    rows = invented(seed, share_small)
    return rows, publish(compiled, rows)


# --- the attacker -------------------------------------------------------------------------------------------------------


def series(row: dict) -> tuple:
    return row["indicator_id"], row["view_id"], row["definition_version"]


def place(row: dict) -> tuple:
    return row["geography_type"], row["geography_code"], row["period_type"], row["period_start"]


def sums(rows: list[dict], parents: dict[tuple, tuple]) -> list[tuple]:
    """(whole, parts) of every sum among the places of one series of rows."""
    ends = {(r["period_type"], r["period_start"]): r["period_end"] for r in rows}
    places = {place(r) for r in rows}
    found = []
    children = defaultdict(list)
    for child, parent in parents.items():
        children[parent].append(child)
    for geography in {p[:2] for p in places}:
        for period in {p[2:] for p in places}:
            found.append(((*geography, *period), [(*child, *period) for child in children[geography]]))
    inside = defaultdict(list)
    for kind, start in ends:
        for part_kind, part_start in ends:
            if MONTHS[part_kind] < MONTHS[kind] and start <= part_start and ends[part_kind, part_start] <= ends[kind, start]:
                inside[kind, start].append((part_kind, part_start))
    for geography in {p[:2] for p in places}:
        for period, parts in inside.items():
            months = [p for p in parts if p[0] == "month"]
            quarters = [p for p in parts if p[0] == "quarter"]
            left_over = [m for m in months if not any(q[1] <= m[1] < ends[q] for q in quarters)]
            for way in (months, quarters + left_over):
                found.append(((*geography, *period), [(*geography, *part) for part in way]))
    # a row of the area not known that is not there is a zero: it is published only where something happened
    found = [(whole, [p for p in parts if p in places or p[1] != "ZZ"]) for whole, parts in found]
    return [(whole, parts) for whole, parts in found if parts and whole in places and all(p in places for p in parts)]


def told(rows: list[dict]) -> list[list[tuple]]:
    """What one measure tells of another: one's denominator with its unknown is the other's denominator; views share counts."""
    there = {(*series(r), place(r)) for r in rows}
    views = sorted({series(r) for r in rows if r["indicator_id"] in VIEWS_SHARE})
    found = [
        [(a, where, c), (b, where, c)]
        for a, b in pairwise(views)
        if a[0] == b[0]
        for where in {place(r) for r in rows if series(r) == a} & {place(r) for r in rows if series(r) == b}
        for c in VIEWS_SHARE[a[0]]
    ]
    for row in rows:
        for other in SAME_SCOPE.get(row["indicator_id"], ()):
            for view in ("policy", "all_terminations"):
                if (other, view, row["definition_version"], place(row)) in there:
                    whole = ((other, view, row["definition_version"]), place(row), "denominator")
                    found.append([whole, *((series(row), place(row), c) for c in ("denominator", "unknown_count"))])
    return found


def worked_out(published: list[dict], believed: list, parents: dict[tuple, tuple], populations: dict) -> dict[tuple, float]:
    """(series, place, count) → value of every hidden number that follows from those shown: no other would add up.

    Measures of one population count the same events, so yes, no, unknown and out of scope add up to one number in each.
    """
    rows = [r for r in published if r["status"] in ("available", "suppressed")]
    bounds: dict[tuple, list[float]] = defaultdict(lambda: [0, inf])
    for row in rows:
        for count in COUNTS:
            if row[count] is not None:
                bounds[series(row), place(row), count] = [row[count], row[count]]
        if row["indicator_id"] == LEAVES_NOBODY_OUT:
            bounds[series(row), place(row), "out_of_scope_count"] = [0, 0]
        if row["denominator"] is None and row["view_id"] not in ("sustainable", "available_for_work"):  # nobody would be shown
            bounds[series(row), place(row), "denominator"] = [1, inf]
    equations = list(believed)
    for row in rows:
        which, where = series(row), place(row)
        in_scope = ["denominator"] if row["unknown_in_denominator"] else ["denominator", "unknown_count"]
        counts = ["denominator", "numerator", "no_count"] + (["unknown_count"] if row["unknown_in_denominator"] else [])
        equations.append([(which, where, c) for c in counts])
        equations.append([(populations[which], where, "events")] + [(which, where, c) for c in (*in_scope, "out_of_scope_count")])
    for which in {series(r) for r in rows}:
        of_series = [r for r in rows if series(r) == which]
        equations += [[(which, p, c) for p in (whole, *parts)] for whole, parts in sums(of_series, parents) for c in COUNTS]
    return pinned(equations, bounds)


def pinned(equations: list[list[tuple]], bounds: dict[tuple, list[float]]) -> dict[tuple, float]:
    """Every number that can be one only, if in each equation the first is what the others add up to; bounds are narrowed."""
    by_number = defaultdict(set)
    for nth, equation in enumerate(equations):
        for number in equation:
            by_number[number].add(nth)
    before = {n for n in by_number if bounds[n][0] < bounds[n][1]}
    queue = dict.fromkeys(nth for nth, equation in enumerate(equations) if before & {*equation})  # in turn, each once
    while queue:
        nth = next(iter(queue))
        del queue[nth]
        whole, *parts = equations[nth]
        lows, highs = ([bounds[p][i] for p in parts] for i in (0, 1))
        least, most, boundless = sum(lows), sum(h for h in highs if h < inf), highs.count(inf)
        narrower = {whole: (least, inf if boundless else most)}
        for part, low, high in zip(parts, lows, highs, strict=True):
            others_most = inf if boundless > (high == inf) else most - (0 if high == inf else high)
            narrower[part] = bounds[whole][0] - others_most, bounds[whole][1] - (least - low)
        for number, (low, high) in narrower.items():
            low, high = max(low, bounds[number][0]), min(high, bounds[number][1])
            if [low, high] != bounds[number]:
                assert low <= high, f"no world is like that: {number}, {whole} = {parts}"
                bounds[number] = [low, high]
                queue.update(dict.fromkeys(by_number[number]))
    return {n: bounds[n][0] for n in before if bounds[n][0] == bounds[n][1]}


def holds(equation: list[tuple], true: dict) -> bool:
    """Does what one measure tells of another, which may leave out a few events more, tell the truth here?"""
    whole, *parts = (true[which, where][count] for which, where, count in equation)
    return whole == sum(parts)


def given_away(rows: list[dict], published: list[dict], parents: dict, populations: dict[tuple, str]) -> list[tuple]:
    """Every hidden number that had to stay hidden and can be worked out all the same."""
    true = {(series(r), place(r)): r for r in rows}
    shown = {(series(r), place(r)): r for r in published}
    found = []
    believed = [e for e in told([r for r in published if r["status"] in ("available", "suppressed")]) if holds(e, true)]
    for (which, where, count), value in worked_out(published, believed, parents, populations).items():
        if count == "events":
            continue
        row, of = shown[which, where], true[which, where]["denominator"]
        assert value == true[which, where][count]
        # beside a shown rate of those known, "no" is no secret; nor is how many were asked, if they are many, nor that nobody
        # of many has the outcome, which is shown
        if count == "no_count" and not row["unknown_in_denominator"] and row["status"] == "available":
            continue
        if value not in SMALL and (count not in ("numerator", "no_count") or (value == 0 and of not in SMALL)):
            continue
        # what another view shows is no secret of this one
        views = {w for w, p in shown if w[0] == which[0] and p == where} if count in VIEWS_SHARE.get(which[0], ()) else ()
        if any(shown[view, where][count] is not None for view in views):
            continue
        found.append((which, where, count, value))
    return found


POPULATIONS = {series(d): d["population"] for d in DEFINITIONS}
PARENTS = {(kind, code): (parent_kind, parent) for kind, code, parent_kind, parent in GEOGRAPHIES if parent}


@WORLDS
def test_no_hidden_count_follows_from_sums_over_geography_and_time(compiled, seed, share_small):
    rows, published = published_world(compiled, seed, share_small)
    assert sum(1 for r in published if r["status"] == "suppressed") > 20
    assert given_away(rows, published, PARENTS, POPULATIONS) == []


def test_the_attacker_would_find_a_count_hidden_on_its_own(compiled):
    """The attack is worth something: hide small counts only, and it finds some of them again."""
    rows = invented(4, 0.08)
    small = [{**r, "status": "suppressed", **dict.fromkeys(COUNTS)} if r["numerator"] in SMALL else dict(r) for r in rows]
    assert given_away(rows, small, PARENTS, POPULATIONS)


def test_areas_of_which_none_has_anybody_settled_are_not_told_by_their_region(compiled):
    """Two of three areas have nobody settled among few people: their region less the third would say so of both."""
    rows = [r for r in invented(1, 0.0) if r["view_id"] == "policy" and r["period_type"] == "month"]
    of = {place(r): r for r in rows}
    for area in "ab":
        of["probation_area", area, "month", month(2)] |= {"numerator": 0, "no_count": 3, "unknown_count": 0, "denominator": 3}
    for kind, code in (("region", "R1"), ("country", "ENG"), ("nation", "EW")):
        parts = [of["probation_area", area, "month", month(2)] for area in areas_of(code)]
        of[kind, code, "month", month(2)] |= {c: sum(p[c] for p in parts) for c in COUNTS}
    published = publish(compiled, rows)
    hidden = {place(r)[1] for r in published if r["status"] == "suppressed"}
    assert {"a", "b", "c"} <= hidden and given_away(rows, published, PARENTS, POPULATIONS) == []
    only_two = [p if place(p)[1] in "ab" else row for p, row in zip(published, rows, strict=True)]
    assert given_away(rows, only_two, PARENTS, POPULATIONS), "the attack is worth something"


def test_a_month_of_the_window_does_not_follow_from_the_window_less_its_quarter(compiled):
    rows = [r for r in invented(1, 0.0) if r["view_id"] == "policy"]
    for row in rows:  # few were settled in area a in July, in no other month
        if row["geography_code"] in ("a", "R1", "ENG", "EW") and row["period_start"] <= month(3) < row["period_end"]:
            whole = {"a": 2, "R1": 50, "ENG": 90, "EW": 120}[row["geography_code"]]
            row["numerator"] = whole if row["period_type"] == "month" else row["numerator"]
    published = {place(r): r["numerator"] for r in publish(compiled, rows)}
    july = ("probation_area", "a", "month", month(3))
    assert published[july] is None
    window, quarter = ("probation_area", "a", "published_window", month(0)), ("probation_area", "a", "quarter", month(0))
    assert published[window] is None or published[quarter] is None


@WORLDS
def test_no_small_count_is_shown_and_none_can_be_taken_from_its_own_row(compiled, seed, share_small):
    for row in published_world(compiled, seed, share_small)[1]:
        assert not [c for c in COUNTS if row[c] in SMALL], row
        if row["numerator"] is not None:
            assert row["denominator"] - row["numerator"] not in SMALL


def test_two_views_that_differ_by_few_people_are_not_both_shown(compiled):
    shown = defaultdict(dict)
    for row in published_world(compiled, 6, 0.5)[1]:
        shown[row["indicator_id"], place(row)][row["view_id"]] = row["numerator"]
    pairs = [v for v in shown.values() if v.get("policy") is not None and v.get("sustainable") is not None]
    assert len(pairs) > 20 and not [v for v in pairs if v["policy"] - v["sustainable"] in SMALL]


@pytest.mark.parametrize(("zero_is_published", "is_shown"), [(1, True), (0, False)])
def test_a_zero_is_shown_when_the_rule_says_so_and_hidden_when_it_does_not(compiled, zero_is_published, is_shown):
    rows = [r for r in invented(1, 0.0) if r["view_id"] == "policy"]
    for row in rows:
        if row["geography_code"] == "a":
            row["numerator"], row["no_count"] = 0, row["denominator"] - row["unknown_count"]
    published = [r for r in publish(compiled, rows, zero_is_published) if r["geography_code"] == "a"]
    assert {r["numerator"] for r in published} == ({0} if is_shown else {None})


@WORLDS
def test_a_row_hides_all_that_belongs_together_and_says_which(compiled, seed, share_small):
    assert_rows_hide_together(published_world(compiled, seed, share_small)[1])


def assert_rows_hide_together(published: list[dict]) -> None:
    for row in published:
        shown = {c for c in (*COUNTS, *MAIN, *RATES_OF_UNKNOWN) if row[c] is not None}
        fields = set((row["suppressed_fields"] or "").split(", ")) - {""}
        if row["status"] == "suppressed":
            assert not shown and fields == {"all"}, row
        elif row["status"] == "available":
            assert {"numerator", "denominator"} <= shown, row
            assert not shown & fields, row
            of_unknown = {"no_count", "unknown_count", *RATES_OF_UNKNOWN}
            assert fields in (set(), of_unknown, {"out_of_scope_count"}, of_unknown | {"out_of_scope_count"}), row
            assert bool(fields) == row["status_reason"].endswith("; some counts hidden"), row
            if row["basis"] == "computed":
                assert {"no_count", "unknown_count", "out_of_scope_count"} - fields <= shown, row
        else:
            assert not shown and not fields, row


# --- the hand-computed world --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hand_figures(hand_world) -> tuple[list[dict], list[dict]]:
    """Every row before and after disclosure control."""
    rows = hand_world.query("select * from warehouse.indicators.indicators")
    return rows, hand_world.query("select * from warehouse.publish.indicators")


def test_the_published_hand_world_shows_no_small_count_and_hides_together(hand_figures):
    rows, published = hand_figures
    assert len(rows) == len(published) and any(r["status"] == "suppressed" for r in published)
    assert not [r for r in published if any(r[c] in SMALL for c in COUNTS)]
    returned = {
        (r["indicator_id"], r["geography_code"]): r["status"]
        for r in published
        if r["basis"] == "returned" and r["period_start"].year == 2010
    }
    assert {k: s for k, s in returned.items() if s == "suppressed"}.keys() == {("NI149", "ENG"), ("NI145", "WAL")}
    assert returned["NI145", "ENG"] == returned["NI150", "ENG"] == "available", "large returns stay"
    assert_rows_hide_together(published)


def test_disclosure_control_changes_nothing_but_what_it_hides(hand_figures):
    rows, published = hand_figures
    true = {(series(r), place(r)): r for r in rows}
    for row in published:
        before = true[series(row), place(row)]
        for column in (*COUNTS, *MAIN, *RATES_OF_UNKNOWN):
            assert row[column] in (None, before[column]), (column, row)
        if row["status"] != "suppressed":
            assert row["status"] == before["status"]


def test_no_hidden_count_of_the_hand_world_follows_from_what_is_published(hand_figures, hand_world):
    rows, published = hand_figures
    seeds = hand_world.settings.seeds_dir
    parents = {}
    for area in csv.DictReader(open(seeds / "areas.csv", encoding="utf-8")):
        parents["probation_area", area["area_code"]] = ("region", area["region_code"])
    for region in csv.DictReader(open(seeds / "regions.csv", encoding="utf-8")):
        parents["region", region["region_code"]] = ("country", region["country_code"])
        parents["country", region["country_code"]] = ("nation", region["nation_code"])
    with open(seeds / "indicator_definitions.csv", encoding="utf-8") as file:
        definitions = list(csv.DictReader(file))
    populations = {
        (d["indicator_id"], d["view_id"], int(d["definition_version"])): d["population"] + d["order_group"] for d in definitions
    }
    busy = {series(r) for r in rows if r["basis"] == "computed" and r["numerator"]}
    kept = [[r for r in figures if series(r) in busy] for figures in (rows, published)]
    there = {c: p for c, p in parents.items() if any(c == place(r)[:2] for r in kept[0])}
    assert len(busy) >= 8 and given_away(*kept, there, populations) == []
