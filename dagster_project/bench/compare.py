"""Do the ways agree? Outcomes by the agency's own key of the event, and indicator counts; the first rows that differ."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ..settings import Settings

EVENTS = {  # mart → the raw table of its events and the agency's key of one
    "minimum_outcomes": ("probation__orders", "order_id"),
    "release_outcomes": ("prisons__custody", "booking_id"),
    "disposal_outcomes": ("probation__orders", "order_id"),
}
COUNTS = "indicator_counts"
COUNTED = ("yes_count", "no_count", "unknown_count", "out_of_scope_count", "not_due_count")
CELL = ("indicator_id", "view_id", "definition_version", "geography_type", "geography_code", "period_type", "period_start")
SHOWN = 5


def counts_sql(relation: str) -> str:
    """The columns of indicator counts in one order and type."""
    kinds = {name: "date" if name == "period_start" else "varchar" for name in CELL} | dict.fromkeys(COUNTED, "bigint")
    return f"select {', '.join(f'cast({name} as {kind}) as {name}' for name, kind in kinds.items())} from {relation}"


def outcomes_sql(relation: str) -> str:
    """The columns of outcome rows that every way has: the event, what it counts under, and its statuses."""
    return f"select event_ref, event_date, area_code, order_group, is_in_scope, columns('_status$') from {relation}"


def save(con: duckdb.DuckDBPyConnection, folder: Path, tables: dict[str, str]) -> None:
    """Write results (name → SQL) as Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sql in tables.items():
        con.execute(f"copy ({sql}) to '{folder / name}.parquet' (format parquet)")


def save_floor(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write what the floor computed."""
    save(con, folder, {mart: outcomes_sql(mart) for mart in EVENTS} | {COUNTS: counts_sql(COUNTS)})


def save_product(settings: Settings, folder: Path) -> None:
    """Write what a built warehouse holds; events get the agency's own key, which stands in the restricted room alone."""
    with duckdb.connect() as con:
        con.execute(f"attach '{settings.warehouse_db}' as warehouse (read_only)")
        con.execute(f"attach '{settings.restricted_db}' as restricted (read_only)")
        tables = {COUNTS: counts_sql("warehouse.indicators.indicator_counts")}
        for mart, (raw, key) in EVENTS.items():
            events = (
                f"(select o.*, r.{key} as event_ref from warehouse.marts.{mart} as o "
                f"inner join restricted.raw.{raw} as r using (_delivery_id, _row_number))"
            )
            tables[mart] = outcomes_sql(events)
        save(con, folder, tables)


def differences(one: Path, other: Path) -> list[str]:
    """What differs between the results of two ways, table by table, for those that both have; empty if nothing does."""
    found = []
    with duckdb.connect() as con:
        for table in [*EVENTS, COUNTS]:
            files = [folder / f"{table}.parquet" for folder in (one, other)]
            if all(file.exists() for file in files):
                found += _differences(con, table, *files)
    return found


def _differences(con: duckdb.DuckDBPyConnection, table: str, one: Path, other: Path) -> list[str]:
    columns = [[row[0] for row in con.execute(f"describe from '{file}'").fetchall()] for file in (one, other)]
    if sorted(columns[0]) != sorted(columns[1]):
        return [f"{table}: {one.parent.name} has the columns {columns[0]}, {other.parent.name} {columns[1]}"]
    names = ", ".join(f'cast("{name}" as varchar) as "{name}"' for name in sorted(columns[0]))
    counts = [con.execute(f"select count(*) from '{file}'").fetchone()[0] for file in (one, other)]
    said = []
    if counts[0] != counts[1]:
        said.append(f"{table}: {counts[0]:,} rows in {one.parent.name}, {counts[1]:,} in {other.parent.name}")
    for left, right in ((one, other), (other, one)):
        sql = f"select {names} from '{left}' except all select {names} from '{right}'"
        rows = con.execute(f"{sql} order by all limit {SHOWN}").fetchall()
        for row in rows:
            shown = ", ".join(f"{name} {value}" for name, value in zip(sorted(columns[0]), row, strict=True))
            said.append(f"{table}: in {left.parent.name} and not in {right.parent.name}: {shown}")
    return said
