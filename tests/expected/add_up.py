"""Adds the hand-written event answers up into indicators.csv; run from anywhere: python tests/expected/add_up.py.

Reads only the CSV files beside it and two seeds (areas, targets). A cell is written when it holds at least one event.
"""

import csv
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

HERE = Path(__file__).parent
SEEDS = HERE.parents[1] / "seeds"
Z = Decimal("1.959963984540054")
YEARS = [("financial_year", f"{y}-04-01", f"{y + 1}-04-01") for y in range(2008, 2013)]
WINDOW = [("published_window", "2009-04-01", "2009-08-01")]
MONTHS = [("month", f"2009-0{m}-01", f"2009-0{m + 1}-01") for m in range(4, 8)]  # for West Yorkshire only
FEEDS = [  # indicator, view, event file, event date, answer, unknown in the denominator
    ("NI143", "policy", "minimum_outcomes", "termination_date", "settled_policy", True),
    ("NI143", "sustainable", "minimum_outcomes", "termination_date", "settled_sustainable", True),
    ("NI144", "all_terminations", "minimum_outcomes", "termination_date", "employed", True),
    ("NI144", "available_for_work", "minimum_outcomes", "termination_date", "employed_if_available", True),
    ("MI014", "official", "release_outcomes", "release_date", "housed_first_night", False),
    ("MI015a", "official", "release_outcomes", "release_date", "settled_three_months", False),
    ("MI015b", "official", "disposal_outcomes", "start_date", "settled_three_months", False),
    ("MI016", "official", "release_outcomes", "release_date", "employed_six_weeks", False),
    ("MI017a", "official", "release_outcomes", "release_date", "employed_six_months", False),
    ("MI017b", "official", "disposal_outcomes", "start_date", "employed_six_months", False),
    ("P45", "all_terminations", "minimum_outcomes", "termination_date", "employed_p45", False),
    ("P45_6W", "all_releases", "release_outcomes", "release_date", "employed_p45_six_weeks", False),
    ("P45_6M", "all_releases", "release_outcomes", "release_date", "employed_p45_six_months", False),
    ("BENEFIT_1M", "all_releases", "release_outcomes", "release_date", "out_of_work_benefit_one_month", False),
    ("REOFFENDING_1Y", "all_releases", "release_outcomes", "release_date", "reoffended_one_year", False),
]
# the follow-up of BKG3801, or also of BKG3901, is later than the extract date 2013-06-30: the geographies that hold one; the
# others of that year are left open
HOLDS_ONE = {"11", "SW", "ENG", "EW"}
NOT_YET_DUE = {
    ("MI017a", "2012-04-01"): HOLDS_ONE,
    ("P45_6M", "2012-04-01"): HOLDS_ONE,
    ("REOFFENDING_1Y", "2012-04-01"): HOLDS_ONE | {"57", "WALES", "WAL"},
}
COLUMNS = """
indicator_id view_id geography_type geography_code period_type period_start period_end is_available
numerator no_count unknown_count denominator out_of_scope_count
rate_pct known_rate_pct lower_bound_pct upper_bound_pct interval_low_pct interval_high_pct
target_pct is_target_met
""".split()


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pct(part, whole):
    return "" if not whole else four(Decimal(100 * part) / whole)


def four(value):
    return str(abs(value.quantize(Decimal("0.0001"), ROUND_HALF_UP)))


def wilson(yes, n):
    if not n:
        return "", ""
    p, z2 = Decimal(yes) / n, Z * Z / n
    half = Z * (p * (1 - p) / n + z2 / (4 * n)).sqrt()
    return tuple(four(100 * (p + z2 / 2 + side * half) / (1 + z2)) for side in (-1, 1))


def table():
    """The lines of indicators.csv, the header first, every value as text."""
    region = {row["area_code"]: row["region_code"] for row in read(SEEDS / "areas.csv")}
    keys = ("indicator_id", "view_id", "geography_type", "geography_code", "valid_from")
    targets = {tuple(row[key] for key in keys): row["target_pct"] for row in read(SEEDS / "targets.csv")}  # all are of 2009/10
    rows = []
    for indicator, view, file, day, answer, unknown_counts in FEEDS:
        cells = {}
        for event in read(HERE / f"{file}.csv"):
            area = event["area_code"]
            places = [("probation_area", area), ("nation", "EW")]
            if area != "ZZ":
                country = "WAL" if region[area] == "WALES" else "ENG"
                places += [("region", region[area]), ("country", country)]
            for place in places:
                for period in YEARS + WINDOW + (MONTHS if place[1] == "53" else []):
                    if period[1] <= event[day] < period[2]:
                        said = "not_applicable" if event.get("is_in_scope") == "N" else event[answer]
                        cells.setdefault((place, period), Counter())[said] += 1
        for (place, period), said in sorted(cells.items()):
            head = [indicator, view, *place, *period]
            if (indicator, period[1]) in NOT_YET_DUE:
                rows += [head + ["N"] + [""] * 13] if place[1] in NOT_YET_DUE[indicator, period[1]] else []
                continue
            yes, no, unknown = said["yes"], said["no"], said["unknown"]
            bottom = yes + no + (unknown if unknown_counts else 0)
            every = yes + no + unknown
            target = targets.get((*head[:4], "2009-04-01"), "") if "2009-04-01" <= period[1] < "2010-04-01" else ""
            met = "" if not (target and bottom) else "Y" if 100 * yes >= Decimal(target) * bottom else "N"
            counts = [yes, no, unknown, bottom, said["not_applicable"]]
            rates = [pct(yes, bottom), pct(yes, yes + no), pct(yes, every), pct(yes + unknown, every)]
            rows.append([*head, "Y", *counts, *rates, *wilson(yes, bottom), target, met])
    return [COLUMNS, *([str(value) for value in row] for row in rows)]


if __name__ == "__main__":
    with (HERE / "indicators.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows(table())
