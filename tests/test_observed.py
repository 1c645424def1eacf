"""A figure is of a time that every extract it rests on has reached, and of the places that held then."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from compiled import Compiled

MARCH, DECEMBER = date(2013, 3, 31), date(2012, 12, 31)
P45 = {"population": "termination", "outcome": "employed_p45"}
NEEDS = [
    {**P45, "agency": agency, "extract": extract}
    for agency, extract in (("probation", "orders"), ("probation", "people"), ("hmrc", "employment_spells"))
] + [{"population": "termination", "outcome": "employed", "agency": "probation", "extract": "orders"}]
FIGURE = {"indicator_id": "P45", "view_id": "all", "definition_version": 1}
DISCLOSURE_RULES = [
    {"rule_id": rule, "value": value}
    for rule, value in (("suppress_below", 5), ("zero_is_published", 1), ("share_rounding_base", 5))
]
PERIOD = {"period_type": "month", "period_start": date(2013, 2, 1), "period_end": date(2013, 3, 1)}
PLACE = {"geography_type": "nation", "geography_code": "EW", "geography_name": "England and Wales"}


@pytest.fixture(scope="module")
def compiled(hand_world) -> Compiled:
    return Compiled(hand_world.settings)


def observed(compiled, observed_until=MARCH, **reached) -> dict[str, tuple]:
    """Outcome → (observed until, what is behind); ``reached``: extract → its latest date, where it is not March."""
    extracts = {(n["agency"], n["extract"]) for n in NEEDS}
    deliveries = [{"agency": a, "extract": e, "latest_extract_date": reached.get(e, MARCH)} for a, e in extracts]
    tables = {"indicator_needs": NEEDS, "delivery_status": deliveries, "observation": [{"observed_until": observed_until}]}
    return {r["outcome"]: (r["observed_until"], r["behind"]) for r in compiled.run("outcome_observation", tables, keep=True)}


def test_an_outcome_is_observed_as_far_as_every_extract_reaches_that_it_needs(compiled):
    assert observed(compiled, employment_spells=DECEMBER) == {
        "employed_p45": (DECEMBER, "hmrc employment_spells"),
        "employed": (MARCH, None),
    }


def test_a_list_of_people_that_is_late_stands_in_and_what_never_came_is_not_observed(compiled):
    assert observed(compiled, people=DECEMBER)["employed_p45"] == (MARCH, None)
    assert observed(compiled, employment_spells=None)["employed_p45"] == (None, None)


def test_nothing_is_observed_further_than_probation_reaches(compiled):
    assert observed(compiled, observed_until=DECEMBER)["employed_p45"] == (DECEMBER, None)


@pytest.mark.parametrize(
    ("hmrc", "status"), [(MARCH, "available"), (date(2013, 2, 28), "available"), (DECEMBER, "not_available")]
)
def test_no_figure_is_published_of_a_period_that_an_agency_has_not_reached(compiled, hmrc, status):
    observed(compiled, employment_spells=hmrc)
    definition = {**FIGURE, **P45, "basis": "computed", "unknown_in_denominator": "Y", "valid_from": date(2000, 1, 1)}
    counts = {**FIGURE, **PLACE, **PERIOD, "yes_count": 0, "no_count": 20, "unknown_count": 0, "out_of_scope_count": 0}
    del counts["geography_name"], counts["period_end"]
    tables = {
        "indicator_index": [{**FIGURE, **PLACE, **PERIOD}],
        "indicator_definitions": [definition],
        "indicator_counts": [{**counts, "not_due_count": 0}],
    }
    tables |= {name: [] for name in ("psa16_returns", "outcome_deliveries", "indicator_notes", "targets")}
    (row,) = compiled.run("indicators", tables)
    assert (row["status"], row["denominator"]) == (status, 20 if status == "available" else None)
    if status == "not_available":
        assert row["status_reason"].endswith("the latest delivery of hmrc employment_spells, which reaches to 2012-12-31")


def test_an_area_that_changes_its_region_is_counted_once_in_the_nation_and_in_each_region_in_its_time(compiled):
    area = {"area_code": "34", "area_name": "Changing"}
    areas = [
        {**area, "region_code": "NW", "valid_from": date(2001, 4, 1), "valid_to": date(2009, 7, 1)},
        {**area, "region_code": "GM", "valid_from": date(2009, 7, 1), "valid_to": None},
    ]
    whole = {"country_code": "ENG", "nation_code": "EW", "valid_from": date(2001, 4, 1)}
    compiled.run("area_memberships", {"areas": areas, "regions": [{"region_code": r, **whole} for r in ("NW", "GM")]}, keep=True)
    event = {"population": "termination", "outcome": "settled", "area_code": "34", "status": "yes", "not_due_count": 0}
    months = [date(2009, month, 1) for month in (5, 6, 7)]
    definition = {**FIGURE, "population": "termination", "outcome": "settled", "basis": "computed"}
    tables = {
        "outcome_counts": [{**event, "month_start": m, "event_count": 100} for m in months],
        "indicator_definitions": [definition],
        "reporting_periods": [
            {"period_type": "year", "period_start": date(2009, 4, 1), "period_end": date(2010, 4, 1)},
        ],
    }
    found = Counter()
    for row in compiled.run("indicator_counts", tables):
        found[row["geography_code"]] += row["yes_count"]
    assert found == {"34": 300, "NW": 200, "GM": 100, "ENG": 300, "EW": 300}


@pytest.mark.parametrize(("counts", "shares"), [((12, 8), [60, 40]), ((193, 7), [95, 5]), ((196, 4), [100, 0]), ((20,), [100])])
def test_the_share_of_each_agency_is_rounded(compiled, counts, shares):
    month = date(2013, 2, 1)
    place = {"area_code": "34", "geography_type": "nation", "geography_code": "EW", "valid_from": date(2001, 4, 1)}
    event = {"is_in_scope": True, "event_date": month, "area_code": "34", "employed_p45_status": "yes"}
    tables = {name: [] for name in compiled.inputs("evidence_mix")} | {
        "minimum_outcomes": [
            {**event, "p45_evidence_agency": f"agency {n}"} for n, count in enumerate(counts) for _ in range(count)
        ],
        "indicator_definitions": [{**FIGURE, **P45}],
        "areas": [{"area_code": "34", "valid_from": date(2001, 4, 1)}],
        "area_memberships": [place, place | {"area_code": "ZZ"}],
        "reporting_periods": [PERIOD],
        "disclosure_rules": DISCLOSURE_RULES,
    }
    found = compiled.run("evidence_mix", tables)
    assert sorted((row["share_pct"] for row in found), reverse=True) == shares
    assert {row["least_events"] for row in found} == {200}
    for of_nowhere in ({"area_code": None}, {"area_code": "99"}):  # counted in the nation, so in its mix
        events = [{**event, **of_nowhere, "p45_evidence_agency": "agency of nowhere"} for _ in range(sum(counts))]
        found = compiled.run("evidence_mix", tables | {"minimum_outcomes": tables["minimum_outcomes"] + events})
        assert {row["agency"]: row["share_pct"] for row in found}["agency of nowhere"] == 50


@pytest.mark.parametrize(("denominator", "unknown_count", "is_shown"), [(200, 8, True), (199, 8, False), (200, None, False)])
def test_the_mix_is_published_beside_a_figure_with_its_unknowns_and_of_many_events_only(
    compiled, denominator, unknown_count, is_shown
):
    key = {**FIGURE, "geography_type": "nation", "geography_code": "EW", "period_type": "month", "period_start": date(2013, 2, 1)}
    tables = {
        "evidence_mix": [
            {**key, "agency": agency, "least_events": 200, "share_pct": share}
            for agency, share in (("hmrc", 95.0), ("no record", 5.0), ("dwp", 0.0))
        ],
        "indicators": [{**key, "status": "available", "denominator": denominator, "unknown_count": unknown_count}],
    }
    found = compiled.run("publish_evidence_mix", tables)
    # four of 200 events are 0 %, as none are: neither is told
    assert {row["agency"] for row in found} == ({"hmrc", "no record"} if is_shown else set())
