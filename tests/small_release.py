"""A small, coherent warehouse for the tests of gate, release and reader: five indicators, three areas, one year.

Two cells are small: area A1 had two people settled in April 2009, and A1 and A2 had few unknown in June 2009. Disclosure
control hid what it must (A1 and A2 in April and May; the unknowns of June), so that the clean release passes every rule.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import date, datetime
from functools import cache
from pathlib import Path

import duckdb
from small_figures import COLUMNS, FIGURES, SEEDS, indicator_rows

from dagster_project.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
UNKNOWN = ["no_count", "unknown_count", "known_rate_pct", "lower_bound_pct", "upper_bound_pct"]


def _literal(value: object) -> str:
    return "null" if value is None else f"'{value}'" if isinstance(value, str | date) else str(value)


def build_warehouse(path: Path) -> None:
    """Write warehouse.duckdb with the schemas ``indicators`` and ``publish`` as dbt builds them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("create schema indicators; create schema publish; create schema marts")
        con.execute(f"create table indicators.indicators ({COLUMNS})")
        rows = indicator_rows()
        values = ", ".join("(" + ", ".join(map(_literal, row)) + ")" for row in rows)
        con.execute(f"insert into indicators.indicators values {values}")
        con.execute(
            "create table publish.indicators as select *, cast(null as varchar) as suppressed_fields from indicators.indicators"
        )
        few = "indicator_id = 'NI143' and geography_code in ('A1', 'A2') and period_type = 'month' and period_start"
        con.execute(
            "update publish.indicators set status = 'suppressed', status_reason = 'Small numbers', suppressed_fields = 'all', "
            f"is_target_met = null, "
            f"{', '.join(f'{c} = null' for c in FIGURES)} where {few} in (date '2009-04-01', date '2009-05-01')"
        )
        con.execute(
            f"update publish.indicators set suppressed_fields = '{', '.join(UNKNOWN)}', "
            f"{', '.join(f'{c} = null' for c in UNKNOWN)} where {few} = date '2009-06-01'"
        )
        con.execute("comment on table publish.indicators is 'One row per indicator, view, place and period.'")
        con.execute("comment on column publish.indicators.numerator is 'Events with the outcome.'")
        definitions = "\n".join(SEEDS["indicator_definitions"])
        source = path.parent / "definitions.csv"
        source.write_text(definitions, encoding="utf-8")
        con.execute(
            "create table publish.indicator_definitions as "
            "select * replace (cast(definition_version as integer) as definition_version) "
            f"from read_csv('{source}', all_varchar = true, header = true)"
        )
        source.unlink()
        con.execute("""create table publish.published_comparison as
            select indicator_id, view_id, geography_type, geography_code, geography_name, period_type, period_start, period_end,
                   numerator, denominator, rate_pct, numerator as published_numerator, denominator as published_denominator,
                   floor(rate_pct + 0.5) as published_pct, true as is_reproduced,
                   target_pct, is_target_met, 'Made for the tests' as source
            from indicators.indicators
            where indicator_id = 'NI143' and period_type = 'published_window' and geography_type in ('probation_area', 'nation')
                and denominator > 0""")
        con.execute("""create table publish.evidence_mix as
            select indicator_id, view_id, definition_version, geography_type, geography_code, period_type, period_start,
                   agency, share_pct
            from publish.indicators
            cross join (values ('probation', 85::double), ('prisons', 15::double)) shares(agency, share_pct)
            where status = 'available' and basis = 'computed' and denominator >= 200 and unknown_count is not null""")
        con.execute(
            "create table publish.linkage_rates as select * from (values "
            "('prisons', 1000::bigint, 800::bigint, 80::double), ('dwp', 2000, 1500, 75)) "
            "r(agency, reference_count, linked_count, linkage_rate_pct)"
        )
        con.execute("create table marts.linkage_rates as select * from publish.linkage_rates")
        _build_linkage(con)
        _build_calendar(con)
        con.execute("""create table publish.employment_agreement as
            select 'nation' as geography_type, 'EW' as geography_code, 'financial_year' as period_type,
                   date '2009-04-01' as period_start, *
            from (values ('yes', 'yes', 500, 'available'), ('yes', 'no', 90, 'available'), ('no', 'yes', null, 'suppressed'),
                         ('no', 'no', 200, 'available'), ('unknown', 'yes', null, 'suppressed'))
                r(record_status, p45_status, event_count, status)""")


def _build_linkage(con: duckdb.DuckDBPyConnection) -> None:
    """At the loose level ten events more count; doubtful links could move a figure by five. All subgroups are linked alike."""
    con.execute("""create table publish.indicator_linkage as
        select indicator_id, view_id, definition_version, geography_type, geography_code, period_type, period_start, level_id,
               level_name, level_id = 'medium' as is_default, numerator + more as numerator, denominator + more as denominator,
               round(100.0 * (numerator + more) / (denominator + more), 4) as rate_pct,
               case when level_id = 'medium' then greatest(rate_pct - 500.0 / denominator, 0) end as linkage_low_pct,
               case when level_id = 'medium' then least(rate_pct + 500.0 / denominator, 100) end as linkage_high_pct
        from publish.indicators
        cross join (values ('high', 'strict', 0), ('medium', 'usual', 0), ('low', 'loose', 10)) l(level_id, level_name, more)
        where indicator_id in ('MI014', 'MI014R') and status = 'available' and denominator > 0""")
    con.execute(
        "create table indicators.indicator_levels as select * exclude (linkage_low_pct, linkage_high_pct) "
        "from publish.indicator_linkage"
    )
    con.execute(
        "create table indicators.linkage_intervals as select * exclude (level_id, level_name, is_default, numerator, "
        "denominator, rate_pct) from publish.indicator_linkage where is_default"
    )
    con.execute("""create table marts.linkage_by_subgroup as
        select 'prisons' as agency, 'dwp' as other_agency, *, 10.0 as expected_missed, 100.0 * linked_count / reference_count
               as linkage_rate_pct, 2.0::double as missed_match_rate_pct, reference_count > 200 as is_judged
        from (values ('all', 'all', 1000::bigint, 800::bigint), ('sex', 'F', 400, 320), ('sex', 'M', 500, 400),
                     ('sex', 'not known', 100, 80)) r(subgroup_type, subgroup, reference_count, linked_count)""")
    con.execute("""create table publish.linkage_by_subgroup as
        select agency, other_agency, subgroup_type, subgroup, reference_count, linked_count,
               case when is_judged then linkage_rate_pct end as linkage_rate_pct,
               case when is_judged then missed_match_rate_pct end as missed_match_rate_pct, is_judged
        from marts.linkage_by_subgroup""")


def _build_calendar(con: duckdb.DuckDBPyConnection) -> None:
    """Every delivery is on time, and nothing is waived."""
    con.execute("""create table marts.delivery_status as
        select agency, extract, 'on_time' as status, date '2009-07-31' as latest_extract_date,
               timestamp '2009-08-10' as latest_received_at, date '2009-08-31' as period_end, date '2009-09-10' as due_date,
               date '2009-10-25' as carry_forward_until, 0::bigint as days_late, date '2009-08-20' as today
        from (values ('probation', 'orders'), ('probation', 'employment'), ('prisons', 'custody'), ('police', 'offences'))
            e(agency, extract)""")
    con.execute("""create table publish.deliveries_due as
        select agency, extract, status, latest_extract_date, period_end, due_date, carry_forward_until,
               cast(null as varchar) as held_indicators from marts.delivery_status""")
    con.execute("""create table publish.waivers (waiver_id varchar, rule_id varchar, indicator_id varchar, geography_code varchar,
        period_start date, reason varchar, requested_by varchar, approved_by varchar, valid_from date, valid_to date)""")


def build_deliveries(path: Path) -> None:
    """Write restricted.duckdb with the register of deliveries only."""
    with duckdb.connect(str(path)) as con:
        con.execute("""create schema intake; create table intake.deliveries (delivery_id varchar, agency varchar, extract varchar,
            file_name varchar, content_hash varchar, byte_count bigint, extract_date date, sequence integer,
            received_at timestamp, row_count bigint,
            accepted_count bigint, quarantined_count bigint, status varchar, reason varchar, contract_version varchar)""")
        for number, (agency, status) in enumerate(
            [("probation", "accepted"), ("prisons", "accepted_with_quarantine"), ("dwp", "refused")]
        ):
            con.execute(
                "insert into intake.deliveries values "
                "(?, ?, 'people', ?, ?, 100, date '2009-08-01', 1, ?, 10, 9, 1, ?, null, '1.0.0')",
                [
                    f"d{number}",
                    agency,
                    f"people_2009-08-0{number + 1}.csv",
                    f"{number}abc" * 16,
                    datetime(2009, 8, 10, number),
                    status,
                ],
            )


def build_world(folder: Path) -> Settings:
    """A project folder with small seeds, the real contracts and suites, and both databases. Returns its settings."""
    shutil.copytree(_template().name, folder, dirs_exist_ok=True)
    return Settings(project_dir=folder / "project", home=folder / "home", memory_limit="1GB", threads=2)


@cache
def _template() -> tempfile.TemporaryDirectory:
    """The world, built once per process and copied from then on."""
    template = tempfile.TemporaryDirectory(prefix="small_release_")
    _build(Path(template.name))
    return template


def _build(folder: Path) -> None:
    settings = Settings(project_dir=folder / "project", home=folder / "home", memory_limit="1GB", threads=2)
    shutil.copytree(PROJECT / "expectations", settings.project_dir / "expectations")
    settings.seeds_dir.mkdir()
    settings.data_dir.mkdir(parents=True)
    for name, lines in SEEDS.items():
        (settings.seeds_dir / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    build_warehouse(settings.warehouse_db)
    build_deliveries(settings.restricted_db)
    with duckdb.connect(str(settings.warehouse_db), read_only=True) as con:
        con.execute(
            "copy (select indicator_id, view_id, geography_type, geography_code, period_type, period_start, period_end, "
            "published_numerator as numerator, published_denominator as denominator, "
            "cast(published_pct as integer) as published_pct, "
            f"source from publish.published_comparison) to '{settings.seeds_dir / 'published_figures.csv'}' (header)"
        )


def copy_tables(warehouse: Path, candidate: Path) -> None:
    """The publish schema of a warehouse as a release file, without going through the publisher."""
    with duckdb.connect() as con:
        con.execute(f"attach '{warehouse}' as w (read_only); attach '{candidate}' as c")
        for (name,) in con.execute(
            "select table_name from duckdb_tables() where database_name = 'w' and schema_name = 'publish'"
        ).fetchall():
            con.execute(f"create table c.{name} as select * from w.publish.{name}")
