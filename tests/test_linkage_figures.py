"""What linkage does to figures, as it is worked out, published and said; and how well subgroups are linked, up to the gate."""

from __future__ import annotations

import random
import re
from datetime import date
from fractions import Fraction

import duckdb
import pytest
from compiled import Compiled
from damages import missing
from gate_world import QuickEngine, damaged, noticed, open_gate
from small_release import PROJECT, build_world, copy_tables

from dagster_project import linkage_words, summary_pages
from dagster_project.suites import load_suites

PLACE = {"geography_type": "nation", "geography_code": "EW", "period_type": "month", "period_start": date(2009, 4, 1)}
KEY = {"indicator_id": "X", "view_id": "v", "definition_version": 1, **PLACE}
DEFINITION = {"indicator_id": "X", "view_id": "v", "definition_version": 1, "population": "termination", "outcome": "o"}
FIGURE = {**KEY, "numerator": 100, "denominator": 400, "rate_pct": 25.0, "status": "available", "basis": "computed"}
NEEDS = [{"population": "termination", "outcome": "o", "agency": a, "extract": "e"} for a in ("one", "another")]


@pytest.fixture(scope="module")
def models(hand_world) -> Compiled:
    return Compiled(hand_world.settings)


def figures(models, more: list[dict], model: str, needs=NEEDS, **figure) -> list[dict]:
    rules = [{"rule_id": "resamples", "value": 200}, {"rule_id": "resample_interval_pct", "value": 95}]
    levels = [{"level_id": n, "label": n, "is_default": "Y" if n == "medium" else "N"} for n in ("high", "medium", "low")]
    tables = {
        "indicators": [{**FIGURE, "unknown_in_denominator": False, **figure}],
        "indicator_definitions": [DEFINITION],
        "indicator_needs": needs,
        "linkage_counts": [{**KEY, "yes_more": 0, "no_more": 0, "unknown_more": 0, **row} for row in more],
    }
    return models.run(model, tables | ({"linkage_rules": rules} if model == "linkage_intervals" else {"linkage_levels": levels}))


def test_a_figure_at_a_level_is_the_figure_and_what_that_level_counts_more(models):
    more = [{"level_id": "high", "yes_more": -10, "no_more": 4, "unknown_more": 6}, {"draw": 1, "yes_more": 50}]
    rows = {r["level_id"]: (r["numerator"], r["denominator"], r["rate_pct"]) for r in figures(models, more, "indicator_levels")}
    assert rows == {"high": (90, 394, round(9000 / 394, 4)), "medium": (100, 400, 25.0), "low": (100, 400, 25.0)}


def test_unknown_outcomes_count_at_a_level_only_where_they_count_in_the_figure(models):
    more = [{"level_id": "high", "yes_more": -10, "unknown_more": 6}]
    rows = figures(models, more, "indicator_levels", unknown_in_denominator=True)
    assert {r["level_id"]: r["denominator"] for r in rows} == {"high": 396, "medium": 400, "low": 400}


@pytest.mark.parametrize("model", ["indicator_levels", "linkage_intervals"])
def test_what_rests_on_the_records_of_one_agency_has_no_levels(models, model):
    assert figures(models, [], model, needs=NEEDS[:1]) == []


def test_the_interval_is_from_the_fifth_lowest_of_200_draws_to_the_fifth_highest(models):
    shifts = random.Random(1).sample([*range(-60, 0), *range(1, 60)], 100)  # the other hundred draws count what the figure does
    more = [{"draw": n + 1, "yes_more": by, "no_more": -by} for n, by in enumerate(shifts)]
    (row,) = figures(models, more, "linkage_intervals")
    drawn = sorted(Fraction(100 + by, 4) for by in [*shifts, *[0] * 100])
    assert (row["linkage_low_pct"], row["linkage_high_pct"]) == (float(drawn[4]), float(drawn[195]))


def test_draws_that_change_nothing_give_an_interval_of_no_width(models):
    (row,) = figures(models, [], "linkage_intervals")
    assert (row["linkage_low_pct"], row["linkage_high_pct"]) == (25.0, 25.0)


def published(models, numerator: int, denominator: int, low: float, high: float, figure: dict = FIGURE) -> dict[str, dict]:
    counts = {name: figure[name] for name in ("numerator", "denominator")}
    levels = [{**KEY, "level_id": n, "level_name": n, "is_default": n == "medium", **counts} for n in ("high", "medium")]
    levels[0] |= {"numerator": numerator, "denominator": denominator}
    rows = models.run(
        "publish_indicator_linkage",
        {
            "indicators": [figure],
            "indicator_levels": levels,
            "linkage_intervals": [{**KEY, "linkage_low_pct": low, "linkage_high_pct": high}],
            "disclosure_rules": [{"rule_id": "suppress_below", "value": 5}],
        },
    )
    return {row["level_id"]: row for row in rows}


@pytest.mark.parametrize(("more", "shown"), [(0, 0), (1, 0), (-2, 0), (3, 5), (-4, -5), (7, 5), (-11, -10)])
def test_what_is_published_of_a_level_differs_by_fives(models, more, shown):
    row = published(models, 100 + more, 400 + more, 25, 25)["high"]
    assert (row["numerator"], row["denominator"]) == (100 + shown, 400 + shown)
    assert row["rate_pct"] == round(100 * (100 + shown) / (400 + shown), 4)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (25, 25, (25, 25)),
        (24.75, 25, (23.75, 25)),
        (24, 26.5, (23.75, 27.5)),
        (23.75, 26.25, (23.75, 26.25)),
        (25.3, 26, (25, 26.25)),  # both ends above the figure
        (26.5, 27, (26.25, 27.5)),
        (22.5, 23.8, (22.5, 25)),  # and below
        (22.5, 23.5, (22.5, 23.75)),
        (23.749, 26.251, (22.5, 27.5)),  # a hair beyond a five: a night of the whole country was refused for it
    ],
)
def test_the_published_interval_is_moved_outwards_to_fives(models, low, high, shown):
    rows = published(models, 100, 400, low, high)
    assert (rows["medium"]["linkage_low_pct"], rows["medium"]["linkage_high_pct"]) == shown
    assert rows["high"]["linkage_low_pct"] is None


def test_of_figures_of_any_size_the_published_interval_holds_the_computed_one_and_is_in_order(models):
    chance, figures, levels, intervals = random.Random(3), [], [], []
    for n in range(3000):
        denominator = round(10 ** chance.uniform(1.5, 7))
        numerator = chance.randint(1, denominator - 1)
        key, rate = {**KEY, "geography_code": f"{n}"}, round(100 * numerator / denominator, 4)
        # draws count a few events otherwise, of as many and fewer, so both ends may lie on one side of the figure
        drawn = sorted(
            100 * (numerator + chance.randint(-40, 40)) / (denominator + chance.randint(-9, 9)) + chance.choice([0, 1e-5])
            for _ in range(2)
        )
        low, high = (round(min(max(end, 0), 100), 4) for end in drawn)
        low = chance.choice([low, low, high])
        figures.append({**FIGURE, **key, "numerator": numerator, "denominator": denominator, "rate_pct": rate})
        counts = {"numerator": numerator, "denominator": denominator}
        levels.append({**key, "level_id": "medium", "level_name": "medium", "is_default": True, **counts})
        intervals.append({**key, "linkage_low_pct": low, "linkage_high_pct": high})
    rules = {"disclosure_rules": [{"rule_id": "suppress_below", "value": 5}]}
    tables = {"indicators": figures, "indicator_levels": levels, "linkage_intervals": intervals} | rules
    rows = {row["geography_code"]: row for row in models.run("publish_indicator_linkage", tables)}
    for figure, computed in zip(figures, intervals, strict=True):
        row, five = rows[figure["geography_code"]], 500 / figure["denominator"]
        low, high = row["linkage_low_pct"], row["linkage_high_pct"]
        assert low <= computed["linkage_low_pct"] + 0.0002 and high >= computed["linkage_high_pct"] - 0.0002, (figure, computed)
        assert low <= high
        assert low > computed["linkage_low_pct"] - five - 0.0002 or low == 0, "and no wider than by five events"
        assert high < computed["linkage_high_pct"] + five + 0.0002 or high == 100


@pytest.mark.parametrize("at", [29.471, 29.5, 29.4])
def test_an_interval_of_no_width_has_none_however_many_events_there_are(models, at):
    figure = {**FIGURE, "numerator": 2_307_378, "denominator": 7_829_316, "rate_pct": 29.471}
    row = published(models, 2_307_378, 7_829_316, at, at, figure)["medium"]
    low, high = row["linkage_low_pct"], row["linkage_high_pct"]
    assert at - 0.0002 < low <= high < at + 0.0002  # ten million people were refused, for their low ends lay above the high


# subgroups -------------------------------------------------------------------------------------------------------------------


def person(agency: str, person_id: int, **known) -> dict:
    return {"agency": agency, "person_id": person_id, "cluster_id": person_id, **known}


def subgroups(models, people: list[dict], made: list[tuple]) -> dict[tuple, tuple]:
    places = [
        {"person_id": 1, "area_code": "02", "start_date": "2010-01-01"},
        {"person_id": 1, "area_code": "01", "start_date": "2009-01-01"},
    ]
    groups = models.run(
        "int_linkage_subgroups",
        {
            "int_people": people,
            "int_people_joins": [{"cluster_a": a, "cluster_b": b, "probability": p, "verdict": "below"} for a, b, p in made],
            "int_order_records": places,
            "int_custody_records": [],
            "linkage_rules": [{"rule_id": "review_age_band_years", "value": 15}],
            "int_observation": [{"observed_until": "2013-06-30"}],
        },
        keep=True,
    )
    assert groups
    rules = [{"rule_id": "subgroup_least_references", "value": 1}, {"rule_id": "subgroup_least_matches", "value": 0.5}]
    rows = models.run("linkage_by_subgroup", {"linkage_rules": rules})
    return {
        (r["agency"], r["other_agency"], r["subgroup_type"], r["subgroup"]): (
            r["reference_count"], r["linked_count"], r["expected_missed"], r["linkage_rate_pct"], r["missed_match_rate_pct"],
            r["is_judged"],
        )
        for r in rows
    }  # fmt: skip


def test_linked_and_missed_matches_are_counted_for_each_two_agencies_and_subgroup(models):
    people = [
        person("probation", 1, sex="F", ethnicity="W", date_of_birth="1980-01-01"),
        person("hmrc", 1),
        person("probation", 2, sex="M", ethnicity="W", date_of_birth="1990-01-01"),
        person("probation", 3, sex="M"),
        person("hmrc", 4),
        person("hmrc", 5),
    ]
    # 2 may be 4 or 5, of which one excludes the other; 3 may be 5
    rows = subgroups(models, people, [(2, 4, 0.4), (2, 5, 0.3), (3, 5, 0.1), (1, 1, 1.0)])
    assert rows["probation", "hmrc", "all", "all"] == (3, 1, 0.8, 33.3333, 44.4444, True)
    assert rows["probation", "hmrc", "sex", "F"] == (1, 1, 0, 100, 0, True)
    assert rows["probation", "hmrc", "sex", "M"] == (2, 0, 0.8, 0, 100, True)
    assert rows["probation", "hmrc", "age_band", "30 to 44"][:2] == (1, 1)
    assert rows["probation", "hmrc", "area", "02"][:2] == (1, 1)
    assert rows["hmrc", "probation", "sex", "F"][:2] == (1, 1)  # what HMRC does not say of a person, probation does
    assert rows["hmrc", "probation", "sex", "not known"] == (2, 0, 0.8, 0, 100, False)  # of nobody is more known than by links


def test_a_link_that_was_made_is_not_missed_and_no_more_than_one_match_is(models):
    people = [person("probation", 1), person("hmrc", 1), person("probation", 2), *(person("hmrc", n) for n in (3, 4))]
    rows = subgroups(models, people, [(1, 3, 0.5), (2, 3, 0.9), (2, 4, 0.8)])
    assert rows["probation", "hmrc", "all", "all"][:3] == (2, 1, 1.0)


# words and gate --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small release as readers open it."""
    folder = tmp_path_factory.mktemp("small")
    copy_tables(build_world(folder).warehouse_db, folder / "release.duckdb")
    with duckdb.connect(str(folder / "release.duckdb")) as con:
        yield con


def test_a_figure_says_in_plain_words_what_linkage_does_to_it(small):
    (line,) = linkage_words.national(small)
    assert re.fullmatch(
        r"MI014 official, England and Wales, financial year from 1 April 2009: [\d.]+ %\. "
        r"At the strict level of linking this would be [\d.]+ %, at the loose level [\d.]+ %\. "
        r"If doubtful links were decided the other way as often as they are doubtful, the figure would lie between "
        r"[\d.]+ % and [\d.]+ %\.",
        line,
    )


def test_an_interval_without_width_is_said_as_one_figure(small):
    (figure,) = small.execute(
        "from indicators where indicator_id = 'MI014' and period_type = 'financial_year' limit 1"
    ).fetchall()
    figure = dict(zip([d[0] for d in small.description], figure, strict=True))
    small.execute("begin; update indicator_linkage set linkage_low_pct = 71.2, linkage_high_pct = 71.2 where is_default")
    assert linkage_words.sentences(small, figure)[1].endswith("as often as they are doubtful, the figure would be 71.2 %.")
    small.execute("rollback")


def test_the_page_of_the_night_says_it_and_says_nothing_where_there_is_nothing_to_say(small):
    line = linkage_words.national(small)
    (section,) = summary_pages._linkage({"linkage": line})
    assert section.blocks[1] == line
    assert summary_pages._linkage({"linkage": []}) == summary_pages._linkage({}) == []


def test_a_release_from_before_and_a_figure_that_rests_on_no_linkage_say_nothing_of_it(small):
    figure = dict.fromkeys(linkage_words.CELL, None)
    assert linkage_words.sentences(small, figure) == []
    small.execute("begin; drop table indicator_linkage")
    assert linkage_words.national(small) == []
    small.execute("rollback")


@pytest.mark.parametrize(
    ("percent", "outcomes"),
    [
        (4.9, {}),
        (5.1, {"subgroup_is_linked_worse_than_the_whole": "warned"}),
        (-1.1, {"subgroup_is_linked_worse_than_the_whole": "warned"}),
        (12.1, {"subgroup_is_linked_worse_than_the_whole": "warned", "subgroup_is_linked_much_worse_than_the_whole": "failed"}),
    ],
)
def test_a_subgroup_far_from_the_whole_warns_and_farther_blocks(gate, percent, outcomes):
    engine, suites = gate  # the whole misses 2 per cent; the distances are 3 and 10 points
    with damaged(engine, missing(percent)):
        assert noticed(engine, suites, missing(percent)) == outcomes


def test_a_subgroup_that_is_too_small_is_not_judged(gate):
    engine, suites = gate
    damage = "update warehouse.marts.linkage_by_subgroup set missed_match_rate_pct = 90 where subgroup = 'not known'"
    with damaged(engine, damage):
        assert noticed(engine, suites, damage) == {}


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with open_gate(tmp_path_factory.mktemp("gate"), QuickEngine) as engine:
        yield engine, load_suites(PROJECT / "expectations" / "releases")
