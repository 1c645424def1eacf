"""Every table of the engine held to DuckDB's of the same name: the same columns, the same number of rows, the same rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from ..bench.equal import fingerprint
from ..settings import Settings
from .raw import count, must_agree

IDENTIFIERS = ("staging", "identity")  # schemas of the restricted room: their rows are counted, not shown
LANDED = ("raw", "intake", "changes", "journal")  # held to the register by raw.place; or what nights note of themselves
SHOWN_ROWS = 3


def relations(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """(database, schema, name) of every table and view that dbt built in the two databases."""
    found = con.execute(
        "select database_name, schema_name, table_name from duckdb_tables() where database_name in ('warehouse', 'restricted') "
        "union all select database_name, schema_name, view_name from duckdb_views() "
        "where not internal and database_name in ('warehouse', 'restricted')"
    ).fetchall()
    return sorted((d, s, n) for d, s, n in found if s not in LANDED)


def compare(settings: Settings, spark, folder: Path) -> tuple[int, int, list[str]]:
    """Compare all of them. Returns how many tables, how many rows, and what differs, a line each: at most three rows a table.

    The engine writes each table to ``folder`` as Parquet, one at a time, so neither side must hold one in memory.
    Raises raw.RowsMissing first, naming every table whose number of rows differs.
    """
    limits = {"memory_limit": settings.memory_limit, "temp_directory": str(folder / "spill")}
    with duckdb.connect(config=limits) as con:
        con.execute(f"attach '{settings.warehouse_db}' as warehouse (read_only)")
        con.execute(f"attach '{settings.restricted_db}' as restricted (read_only)")
        tables = relations(con)
        expected = {f"{s}.{n}": con.execute(f'select count(*) from {d}.{s}."{n}"').fetchall()[0][0] for d, s, n in tables}
        must_agree(_counts(spark, {s for _, s, _ in tables}), expected, "DuckDB")
        differences = [line for d, s, n in tables for line in _differences(con, spark, folder, d, s, n, expected[f"{s}.{n}"])]
    return len(tables), sum(expected.values()), differences


def _counts(spark, schemas: set[str]) -> dict[str, int]:
    present = {row[0] for row in spark.sql("show databases").collect()}
    shown = [(s, row) for s in sorted(schemas & present) for row in spark.sql(f"show tables in {s}").collect()]
    names = [f"{s}.{row['tableName']}" for s, row in shown if not row["isTemporary"]]
    return {name: count(spark, name) for name in names}


def _differences(
    con: duckdb.DuckDBPyConnection, spark, folder: Path, database: str, schema: str, name: str, rows: int
) -> Iterator[str]:
    described = con.execute(f'describe {database}.{schema}."{name}"').fetchall()
    frame, laid = spark.sql(f"select * from {schema}.{name}"), folder / f"{schema}.{name}"
    columns = [column for column, *_ in described]
    if columns != frame.columns:
        yield f"{schema}.{name}: the engine has the columns {', '.join(frame.columns)}; DuckDB has {', '.join(columns)}"
        return
    frame.write.parquet(str(laid))
    try:
        if not rows:  # of which Sail writes no file, nor the folder
            return
        if not list(laid.rglob("*.parquet")):
            yield f"{schema}.{name}: the engine wrote none of its {rows:,} rows to {laid}, so they could not be compared"
        else:
            typed = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind, *_ in described)
            theirs = f"(select {typed} from read_parquet('{laid}/**/*.parquet'))"
            yield from _unlike(
                con, f"{schema}.{name}", columns, theirs, f'{database}.{schema}."{name}"', schema not in IDENTIFIERS
            )
    finally:
        shutil.rmtree(laid, ignore_errors=True)


def _unlike(
    con: duckdb.DuckDBPyConnection, table: str, columns: list[str], theirs: str, built: str, is_shown: bool
) -> Iterator[str]:
    row = ", ".join(f'"{column}"' for column in columns)
    if fingerprint(con, theirs, row) == fingerprint(con, built, row):
        return
    for where, one, other in (("on the engine", theirs, built), ("in DuckDB", built, theirs)):
        alone = f"select {row} from {one} except all select {row} from {other}"
        number = con.execute(f"select count(*) from ({alone})").fetchall()[0][0]
        if number:
            yield f"{table}: {number:,} rows only {where}"
        if number and is_shown:
            for values in con.execute(f"select * from ({alone}) order by all limit {SHOWN_ROWS}").fetchall():
                yield "    " + ", ".join(f"{c}={v}" for c, v in zip(columns, values, strict=True) if v is not None)
