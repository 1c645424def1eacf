"""Every table of the engine held to DuckDB's of the same name: the same columns, the same number of rows, the same rows."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

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


def compare(settings: Settings, spark) -> tuple[int, int, list[str]]:
    """Compare all of them. Returns how many tables, how many rows, and what differs, a line each: at most three rows a table.

    Raises raw.RowsMissing first, naming every table whose number of rows differs.
    """
    with duckdb.connect() as con:
        con.execute(f"attach '{settings.warehouse_db}' as warehouse (read_only)")
        con.execute(f"attach '{settings.restricted_db}' as restricted (read_only)")
        tables = relations(con)
        expected = {f"{s}.{n}": con.execute(f'select count(*) from {d}.{s}."{n}"').fetchall()[0][0] for d, s, n in tables}
        must_agree(_counts(spark, {s for _, s, _ in tables}), expected, "DuckDB")
        differences = [line for d, s, n in tables for line in _differences(con, spark, d, s, n)]
    return len(tables), sum(expected.values()), differences


def _counts(spark, schemas: set[str]) -> dict[str, int]:
    present = {row[0] for row in spark.sql("show databases").collect()}
    shown = [(s, row) for s in sorted(schemas & present) for row in spark.sql(f"show tables in {s}").collect()]
    names = [f"{s}.{row['tableName']}" for s, row in shown if not row["isTemporary"]]
    return {name: count(spark, name) for name in names}


def _differences(con: duckdb.DuckDBPyConnection, spark, database: str, schema: str, name: str) -> Iterator[str]:
    built = f'{database}.{schema}."{name}"'
    con.register("engine_rows", spark.sql(f"select * from {schema}.{name}").toArrow())
    try:
        columns, theirs = ([c for c, *_ in con.execute(f"describe {t}").fetchall()] for t in (built, "engine_rows"))
        if columns != theirs:
            yield f"{schema}.{name}: the engine has the columns {', '.join(theirs)}; DuckDB has {', '.join(columns)}"
            return
        row = ", ".join(f'"{c}"' for c in columns)
        sides = {"on the engine": ("engine_rows", built), "in DuckDB": (built, "engine_rows")}
        for where, (one, other) in sides.items():
            alone = f"select {row} from {one} except all select {row} from {other}"
            number = con.execute(f"select count(*) from ({alone})").fetchall()[0][0]
            if number:
                yield f"{schema}.{name}: {number:,} rows only {where}"
            if number and schema not in IDENTIFIERS:
                for values in con.execute(f"select * from ({alone}) order by all limit {SHOWN_ROWS}").fetchall():
                    yield "    " + ", ".join(f"{c}={v}" for c, v in zip(columns, values, strict=True) if v is not None)
    finally:
        con.unregister("engine_rows")
