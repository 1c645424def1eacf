"""A small, coherent warehouse for the tests of gate, release and reader: five indicators, three areas, one year.

Two cells are small: area A1 had two people settled in April 2009, and A1 and A2 had few unknown in June 2009. Disclosure
control hid what it must (A1 and A2 in April and May; the unknowns of June), so that the clean release passes every rule.
"""

from __future__ import annotations

import math
import shutil
from datetime import date, datetime
from pathlib import Path

import duckdb

from dagster_project.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
DEFINITIONS = [("NI143", "policy", "Y", "computed", "2001-04-01"), ("NI144", "all_terminations", "Y", "computed", "2001-04-01"),
               ("MI014", "official", "N", "computed", "2001-04-01"), ("MI014R", "official", "N", "computed", "2024-05-01"),
               ("NI145", "returned", "N", "returned", "2008-04-01")]
AREAS = [("A1", "Northshire", "R1"), ("A2", "Southshire", "R1"), ("A3", "Westland", "R2"), ("ZZ", "Area not known", "ZZ")]
REGIONS = [("R1", "The Shires", "ENG", "England"), ("R2", "Wales", "WAL", "Wales"), ("ZZ", "Region not known", "ZZ", "Country not known")]
NAMES = {**{c: n for c, n, _ in AREAS}, **{c: n for c, n, _, _ in REGIONS}, **{c: n for _, _, c, n in REGIONS}, "EW": "England and Wales"}
SEEDS = {
    "indicator_definitions": ["indicator_id,view_id,definition_version,title,definition,population,outcome,order_group,"
                              "unknown_in_denominator,follow_up_id,valid_from,valid_to,basis,is_assumption,source"]
    + [f"{i},{v},1,Title of {i},What {i} means in words.,x,y,,{u},,{since},,{b},N,Made for the tests"
       for i, v, u, b, since in DEFINITIONS],
    "areas": ["area_code,area_name,region_code,valid_from,valid_to,source"] + [f"{c},{n},{r},2001-04-01,,Made" for c, n, r in AREAS],
    "regions": ["region_code,region_name,country_code,country_name,nation_code,nation_name,valid_from,valid_to,source"]
    + [f"{c},{n},{k},{m},EW,England and Wales,2001-04-01,,Made" for c, n, k, m in REGIONS],
    "reporting_calendar": ["period_type,first_start,last_end,months,source", "month,2009-04-01,2010-04-01,1,x",
                           "quarter,2009-04-01,2010-04-01,3,x", "financial_year,2009-04-01,2010-04-01,12,x",
                           "published_window,2009-04-01,2009-08-01,4,x"],
    "disclosure_rules": ["rule_id,value,why", "suppress_below,5,x", "zero_is_published,1,x", "share_rounding_base,5,x"],
}
COLUMNS = """indicator_id varchar, view_id varchar, definition_version integer, title varchar, geography_type varchar,
    geography_code varchar, geography_name varchar, period_type varchar, period_start date, period_end date, numerator bigint,
    no_count bigint, denominator bigint, unknown_count bigint, out_of_scope_count bigint, rate_pct double, known_rate_pct double,
    lower_bound_pct double, upper_bound_pct double, interval_low_pct double, interval_high_pct double, target_pct double,
    is_target_met boolean, basis varchar, is_assumption boolean, unknown_in_denominator boolean, status varchar, status_reason varchar"""
FIGURES = ["numerator", "no_count", "denominator", "unknown_count", "out_of_scope_count", "rate_pct", "known_rate_pct", "lower_bound_pct",
           "upper_bound_pct", "interval_low_pct", "interval_high_pct"]
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
    yes, no, unknown, out = (sum(n) for n in zip(*(_cell(indicator, a, m) for a in areas for m in range(first, first + months)), strict=True))
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
    return [indicator, view, 1, f"Title of {indicator}", kind, code, NAMES[code], period_type, _month(first), _month(first + months),
            *figures, target, (100 * yes >= target * n) if target and n else None,
            "computed", False, in_base, *status]


def indicator_rows() -> list[list]:
    """Every row of the unsuppressed table."""
    periods = [("month", m, 1) for m in range(12)] + [("quarter", q, 3) for q in range(0, 12, 3)]
    periods += [("financial_year", 0, 12), ("published_window", 0, 4)]
    rows = [_row(i, v, u == "Y", place, period) for i, v, u, b, _ in DEFINITIONS if b == "computed" for place in _places() for period in periods]
    sent = {"ENG": [300, 100, 400, None, None, 75.0, 75.0, 75.0, 75.0, 70.5254, 78.9925], "WAL": [None] * 11}
    for code, figures in sent.items():
        status = ("available", "As returned by the department") if figures[0] else ("not_available", "The department has returned no figure")
        rows.append(["NI145", "returned", 1, "Title of NI145", "country", code, NAMES[code], "financial_year", _month(0), _month(12),
                     *figures, None, None, "returned", False, False, *status])
    return rows


def build_warehouse(path: Path) -> None:
    """Write warehouse.duckdb with the schemas ``indicators`` and ``publish`` as dbt builds them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("create schema indicators; create schema publish")
        con.execute(f"create table indicators.indicators ({COLUMNS})")
        rows = indicator_rows()
        con.executemany(f"insert into indicators.indicators values ({', '.join('?' * len(rows[0]))})", rows)
        con.execute("create table publish.indicators as select *, cast(null as varchar) as suppressed_fields from indicators.indicators")
        few = "indicator_id = 'NI143' and geography_code in ('A1', 'A2') and period_type = 'month' and period_start"
        con.execute(f"update publish.indicators set status = 'suppressed', status_reason = 'Small numbers', suppressed_fields = 'all', is_target_met = null, "
                    f"{', '.join(f'{c} = null' for c in FIGURES)} where {few} in (date '2009-04-01', date '2009-05-01')")
        con.execute(f"update publish.indicators set suppressed_fields = 'no_count, unknown_count, known_rate_pct, lower_bound_pct, upper_bound_pct', "
                    f"no_count = null, unknown_count = null, known_rate_pct = null, lower_bound_pct = null, upper_bound_pct = null where {few} = date '2009-06-01'")
        con.execute("comment on table publish.indicators is 'One row per indicator, view, place and period.'")
        con.execute("comment on column publish.indicators.numerator is 'Events with the outcome.'")
        definitions = "\n".join(SEEDS["indicator_definitions"])
        source = path.parent / "definitions.csv"
        source.write_text(definitions, encoding="utf-8")
        con.execute(f"create table publish.indicator_definitions as select * replace (cast(definition_version as integer) as definition_version) "
                    f"from read_csv('{source}', all_varchar = true, header = true)")
        source.unlink()
        con.execute("""create table publish.published_comparison as
            select indicator_id, view_id, geography_type, geography_code, geography_name, period_type, period_start, period_end,
                   numerator, denominator, rate_pct, numerator as published_numerator, denominator as published_denominator,
                   floor(rate_pct + 0.5) as published_pct, true as is_reproduced, target_pct, is_target_met, 'Made for the tests' as source
            from indicators.indicators
            where indicator_id = 'NI143' and period_type = 'published_window' and geography_type in ('probation_area', 'nation') and denominator > 0""")
        con.execute("""create table publish.evidence_mix as
            select indicator_id, view_id, definition_version, geography_type, geography_code, period_type, period_start, agency, share_pct
            from publish.indicators cross join (values ('probation', 85.0), ('prisons', 15.0)) shares(agency, share_pct)
            where status = 'available' and basis = 'computed' and denominator > 0""")
        con.execute("create table publish.linkage_rates as select * from (values ('prisons', 1000, 800, 80.0), ('dwp', 2000, 1500, 75.0)) "
                    "r(agency, reference_count, linked_count, linkage_rate_pct)")
        con.execute("""create table publish.employment_agreement as
            select 'nation' as geography_type, 'EW' as geography_code, 'financial_year' as period_type, date '2009-04-01' as period_start, *
            from (values ('yes', 'yes', 500, 'available'), ('yes', 'no', 90, 'available'), ('no', 'yes', null, 'suppressed'),
                         ('no', 'no', 200, 'available'), ('unknown', 'yes', null, 'suppressed')) r(record_status, p45_status, event_count, status)""")


def build_deliveries(path: Path) -> None:
    """Write restricted.duckdb with the register of deliveries only."""
    with duckdb.connect(str(path)) as con:
        con.execute("""create schema intake; create table intake.deliveries (delivery_id varchar, agency varchar, extract varchar,
            file_name varchar, content_hash varchar, byte_count bigint, extract_date date, sequence integer, received_at timestamp, row_count bigint,
            accepted_count bigint, quarantined_count bigint, status varchar, reason varchar, contract_version varchar)""")
        for number, (agency, status) in enumerate([("probation", "accepted"), ("prisons", "accepted_with_quarantine"), ("dwp", "refused")]):
            con.execute("insert into intake.deliveries values (?, ?, 'people', ?, ?, 100, date '2009-08-01', 1, ?, 10, 9, 1, ?, null, '1.0.0')",
                        [f"d{number}", agency, f"people_2009-08-0{number + 1}.csv", f"{number}abc" * 16, datetime(2009, 8, 10, number), status])


def build_world(folder: Path) -> Settings:
    """A project folder with small seeds, the real contracts and suites, and both databases. Returns its settings."""
    settings = Settings(project_dir=folder / "project", home=folder / "home", memory_limit="1GB", threads=2)
    shutil.copytree(PROJECT / "expectations", settings.project_dir / "expectations")
    settings.seeds_dir.mkdir()
    settings.data_dir.mkdir(parents=True)
    for name, lines in SEEDS.items():
        (settings.seeds_dir / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    build_warehouse(settings.warehouse_db)
    build_deliveries(settings.restricted_db)
    with duckdb.connect(str(settings.warehouse_db), read_only=True) as con:
        con.execute("copy (select indicator_id, view_id, geography_type, geography_code, period_type, period_start, period_end, "
                    "published_numerator as numerator, published_denominator as denominator, cast(published_pct as integer) as published_pct, "
                    f"source from publish.published_comparison) to '{settings.seeds_dir / 'published_figures.csv'}' (header)")
    return settings


def copy_tables(warehouse: Path, candidate: Path) -> None:
    """The publish schema of a warehouse as a release file, without going through the publisher."""
    with duckdb.connect() as con:
        con.execute(f"attach '{warehouse}' as w (read_only); attach '{candidate}' as c")
        for (name,) in con.execute("select table_name from duckdb_tables() where database_name = 'w' and schema_name = 'publish'").fetchall():
            con.execute(f"create table c.{name} as select * from w.publish.{name}")
