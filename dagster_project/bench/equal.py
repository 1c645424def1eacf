"""Do two warehouses hold the same? Every table, by a sum of hashes, and where it differs row by row."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ..release_tables import quote

BY_BUILD = ("built_at",)  # instants of a build
FINGERPRINT = "select count(*), sum(hash({row})::hugeint) from {table}"


def fingerprint(con: duckdb.DuckDBPyConnection, table: str, row: str) -> tuple[int, int | None]:
    """The rows of a table, in any order, as two numbers: of other rows they are others, but for a chance of one in 2^64.

    ``row``: its columns, quoted and with commas. Nothing is held in memory; to compare rows with rows takes all of both tables.
    """
    return con.execute(FINGERPRINT.format(row=row, table=table)).fetchall()[0]


def differences(one: Path, other: Path, ignoring: tuple[str, ...] = BY_BUILD) -> list[str]:
    """A line for each table of two DuckDB files that is not the same in both, columns named ``ignoring`` left aside."""
    with duckdb.connect() as con:
        for name, path in (("one", one), ("other", other)):
            con.execute(f"attach {quote(path)} as {name} (read_only)")
        tables = [_tables(con, name) for name in ("one", "other")]
        said = [f"{table}: only in {path.name}" for table, path in _missing(*tables, one, other)]
        for table in sorted(tables[0].keys() & tables[1].keys()):
            said += _table(con, table, *(found[table] for found in tables), ignoring)
        return said


def tables_in(database: Path) -> int:
    """How many tables a DuckDB file has."""
    with duckdb.connect(str(database), read_only=True) as con:
        return con.execute("select count(*) from duckdb_tables() where not internal").fetchone()[0]


def _tables(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[tuple[str, str]]]:
    rows = con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = ? and not internal "
        "and (schema_name, table_name) in (select (schema_name, table_name) from duckdb_tables() where database_name = ?) "
        "order by all",
        [database, database],
    ).fetchall()
    found: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, kind in rows:
        found.setdefault(f'"{schema}"."{table}"', []).append((column, str(kind)))
    return found


def _missing(ones: dict, others: dict, one: Path, other: Path) -> list[tuple[str, Path]]:
    return [(t, one) for t in sorted(ones.keys() - others.keys())] + [(t, other) for t in sorted(others.keys() - ones.keys())]


def _table(con: duckdb.DuckDBPyConnection, table: str, ones: list, others: list, ignoring: tuple[str, ...]) -> list[str]:
    if ones != others:
        return [f"{table}: the columns are {ones} and {others}"]
    names = ", ".join(f'"{column}"' for column, _ in ones if column not in ignoring)
    if not names:
        return []
    one, other = (fingerprint(con, f"{database}.{table}", names) for database in ("one", "other"))
    if one == other:
        return []
    both = [f"select {names} from {database}.{table}" for database in ("one", "other")]
    ways = [con.execute(f"select count(*) from ({a} except all {b})").fetchone()[0] for a, b in (both, reversed(both))]
    return [f"{table}: {one[0]:,} and {other[0]:,} rows, {ways[0]:,} only in the first, {ways[1]:,} only in the second"]
