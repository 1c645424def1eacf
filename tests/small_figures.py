"""The figures of the small world: five indicators, three areas, one year, with arithmetic that holds."""

from __future__ import annotations

import math
from datetime import date

DEFINITIONS = [
    ("NI143", "policy", "Y", "computed", "2001-04-01"),
    ("NI144", "all_terminations", "Y", "computed", "2001-04-01"),
    ("MI014", "official", "N", "computed", "2001-04-01"),
    ("MI014R", "official", "N", "computed", "2024-05-01"),
    ("NI145", "returned", "N", "returned", "2008-04-01"),
]
LINKED = ("MI014", "MI014R")  # they rest on records of two agencies
AREAS = [("A1", "Northshire", "R1"), ("A2", "Southshire", "R1"), ("A3", "Westland", "R2"), ("ZZ", "Area not known", "ZZ")]
REGIONS = [
    ("R1", "The Shires", "ENG", "England"),
    ("R2", "Wales", "WAL", "Wales"),
    ("ZZ", "Region not known", "ZZ", "Country not known"),
]
NAMES = {
    **{c: n for c, n, _ in AREAS},
    **{c: n for c, n, _, _ in REGIONS},
    **{c: n for _, _, c, n in REGIONS},
    "EW": "England and Wales",
}
SEEDS = {
    "indicator_definitions": [
        "indicator_id,view_id,definition_version,title,definition,population,outcome,order_group,"
        "unknown_in_denominator,follow_up_id,valid_from,valid_to,basis,is_assumption,source"
    ]
    + [
        f"{i},{v},1,Title of {i},What {i} means in words.,{'w,z' if i in LINKED else 'x,y'},,{u},,"
        f"{since},,{b},N,Made for the tests"
        for i, v, u, b, since in DEFINITIONS
    ],
    "areas": ["area_code,area_name,region_code,valid_from,valid_to,source"]
    + [f"{c},{n},{r},2001-04-01,,Made" for c, n, r in AREAS],
    "regions": ["region_code,region_name,country_code,country_name,nation_code,nation_name,valid_from,valid_to,source"]
    + [f"{c},{n},{k},{m},EW,England and Wales,2001-04-01,,Made" for c, n, k, m in REGIONS],
    "reporting_calendar": [
        "period_type,first_start,last_end,months,source",
        "month,2009-04-01,2010-04-01,1,x",
        "quarter,2009-04-01,2010-04-01,3,x",
        "financial_year,2009-04-01,2010-04-01,12,x",
        "published_window,2009-04-01,2009-08-01,4,x",
    ],
    "waivers": ["waiver_id,rule_id,indicator_id,geography_code,period_start,reason,requested_by,approved_by,valid_from,valid_to"],
    "waiver_rules": ["rule_id,value,why", "longest_days,31,x"],
    "indicator_needs": [
        "population,outcome,agency,extract,why",
        "x,y,probation,orders,Made",
        "termination,employed,probation,employment,Made",
        "w,z,prisons,custody,Made",
        "w,z,probation,orders,Made",
    ],
    "linkage_levels": [
        "level_id,rank,least_probability,label,is_default,why",
        "high,1,0.99,strict,N,x",
        "medium,2,0.9,usual,Y,x",
        "low,3,0.5,loose,N,x",
    ],
    "linkage_rules": ["rule_id,value,why", "subgroup_warn_points,3,x", "subgroup_block_points,10,x"],
    "disclosure_rules": ["rule_id,value,why", "suppress_below,5,x", "zero_is_published,1,x", "share_rounding_base,5,x"],
}
COLUMNS = """indicator_id varchar, view_id varchar, definition_version integer, title varchar, geography_type varchar,
    geography_code varchar, geography_name varchar, period_type varchar, period_start date, period_end date, numerator bigint,
    no_count bigint, denominator bigint, unknown_count bigint, out_of_scope_count bigint, rate_pct double, known_rate_pct double,
    lower_bound_pct double, upper_bound_pct double, interval_low_pct double, interval_high_pct double, target_pct double,
    is_target_met boolean, basis varchar, is_assumption boolean, unknown_in_denominator boolean, status varchar,
    status_reason varchar, notes varchar"""
FIGURES = [
    "numerator",
    "no_count",
    "denominator",
    "unknown_count",
    "out_of_scope_count",
    "rate_pct",
    "known_rate_pct",
    "lower_bound_pct",
    "upper_bound_pct",
    "interval_low_pct",
    "interval_high_pct",
]
KEY = "indicator_id, view_id, geography_type, geography_code, period_type, period_start"


def _month(number: int) -> date:
    return date(2009 + (3 + number) // 12, (3 + number) % 12 + 1, 1)


def _cell(indicator: str, area: str, month: int) -> list[int]:
    """Yes, no, unknown, out of scope of one area and month; nothing happens after July or nowhere."""
    if area == "ZZ" or month > 3:
        return [0, 0, 0, 0]
    a, d = int(area[1]), int(indicator[4])
    yes, no, unknown, out = 60 + 10 * a + month + d, 20 + 2 * a + month, 6 + a, 5 + a
    if indicator == "NI143" and (area, month) == ("A1", 0):
        yes = 2
    if indicator == "NI143" and area in ("A1", "A2") and month == 2:
        unknown = 3
    return [yes, no, unknown, out]


def _places() -> list[tuple[str, str, list[str]]]:
    places = [("probation_area", c, [c]) for c, _, _ in AREAS if c != "ZZ"]
    places += [("region", c, [a for a, _, r in AREAS if r == c]) for c, *_ in REGIONS if c != "ZZ"]
    countries = [("country", k, [a for a, _, r in AREAS if r == c]) for c, _, k, _ in REGIONS if c != "ZZ"]
    return places + countries + [("nation", "EW", [c for c, _, _ in AREAS])]


def _row(indicator: str, view: str, in_base: bool, place: tuple, period: tuple) -> list:
    kind, code, areas = place
    period_type, first, months = period
    yes, no, unknown, out = (
        sum(n) for n in zip(*(_cell(indicator, a, m) for a in areas for m in range(first, first + months)), strict=True)
    )
    n = yes + no + (unknown if in_base else 0)
    every, target = yes + no + unknown, 75.0 if indicator == "NI143" else None
    rates: list = [None] * 6
    if n:
        p, z = yes / n, 1.959964
        middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        low, high = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
        rates = [round(100 * x, 4) for x in (p, yes / (yes + no), yes / every, (yes + unknown) / every, low, high)]
    if indicator.endswith("R"):
        figures: list = [None] * 11
        status = ("not_applicable", "The measure is in force from 2024-05-01")
    else:
        figures = [yes, no, n, unknown, out, *rates]
        status = ("available", "Computed here" if n else "No event in scope in the period: counts are zero and there is no rate")
    return [
        indicator,
        view,
        1,
        f"Title of {indicator}",
        kind,
        code,
        NAMES[code],
        period_type,
        _month(first),
        _month(first + months),
        *figures,
        target,
        (100 * yes >= target * n) if target and n else None,
        "computed",
        False,
        in_base,
        *status,
        None,
    ]


def indicator_rows() -> list[list]:
    """Every row of the unsuppressed table."""
    periods = [("month", m, 1) for m in range(12)] + [("quarter", q, 3) for q in range(0, 12, 3)]
    periods += [("financial_year", 0, 12), ("published_window", 0, 4)]
    rows = [
        _row(i, v, u == "Y", place, period)
        for i, v, u, b, _ in DEFINITIONS
        if b == "computed"
        for place in _places()
        for period in periods
    ]
    sent = {"ENG": [300, 100, 400, None, None, 75.0, 75.0, 75.0, 75.0, 70.5254, 78.9925], "WAL": [None] * 11}
    for code, figures in sent.items():
        status = (
            ("available", "As returned by the department")
            if figures[0]
            else ("not_available", "The department has returned no figure")
        )
        rows.append(
            [
                "NI145",
                "returned",
                1,
                "Title of NI145",
                "country",
                code,
                NAMES[code],
                "financial_year",
                _month(0),
                _month(12),
                *figures,
                None,
                None,
                "returned",
                False,
                False,
                *status,
                None,
            ]
        )
    return rows
