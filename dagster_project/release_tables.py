"""The published tables as files: one DuckDB file, and each table as Parquet and CSV. Same tables, same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from .settings import Settings

DATABASE = "outcomes.duckdb"
STORAGE_VERSION = "v1.4.0"  # DuckDB 1.4 and later can open it
BYTES_PER_CELL = 40  # generous: one value in the database, in Parquet and in CSV together
FORMULA = r"^[=+\-@\t\r]"  # a spreadsheet would run text that starts like this


@dataclass(frozen=True)
class Written:
    """What was written: rows by table, and a hash of names, types, comments and contents of all tables."""

    row_counts: dict[str, int]
    content_hash: str


def quote(text: Path | str) -> str:
    """A text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": settings.threads})
    con.execute("set autoinstall_known_extensions = false; set autoload_known_extensions = false")
    con.execute(f"attach {quote(settings.warehouse_db)} as warehouse (read_only)")
    return con


def _rows(con: duckdb.DuckDBPyConnection, what: str) -> list[tuple]:
    return con.execute(f"{what} where database_name = 'warehouse' and schema_name = 'publish' order by all").fetchall()


def published_tables(settings: Settings) -> dict[str, int]:
    """Name → bytes that a release of it may need at most, of every table in the warehouse's schema ``publish``."""
    with _connect(settings) as con:
        tables = _rows(
            con, "select table_name, estimated_size * column_count * ? from duckdb_tables()".replace("?", str(BYTES_PER_CELL))
        )
    return {name: int(size) for name, size in tables}


def _csv_columns(columns: list[tuple]) -> str:
    """Every column; text that a spreadsheet would take for a formula gets an apostrophe in front."""
    parts = []
    for _, name, kind, _ in columns:
        plain = f'"{name}"'
        safe = f"case when regexp_matches({plain}, {quote(FORMULA)}) then '''' || {plain} else {plain} end as {plain}"
        parts.append(safe if kind == "VARCHAR" else plain)
    return ", ".join(parts)


def write_tables(settings: Settings, folder: Path) -> Written:
    """Copy the schema ``publish`` into a folder, rows in the order of their columns, with table and column comments.

    Rows are sorted and copied unchanged; only the CSV files differ, in text that looks like a formula.
    """
    digest, counts = hashlib.sha256(), {}
    with _connect(settings) as con:
        con.execute("set threads = 1")  # the order of rows, and so of bytes, must not depend on luck
        con.execute(f"attach {quote(folder / DATABASE)} as candidate (storage_version {quote(STORAGE_VERSION)})")
        comments = _rows(con, "select table_name, comment from duckdb_tables()")
        every = _rows(con, "select table_name, column_name, data_type, comment from duckdb_columns()")
        for table, comment in comments:
            names = con.execute(f"select column_name from (describe warehouse.publish.{table})").fetchall()
            columns = [next(c for c in every if c[:2] == (table, name)) for (name,) in names]
            target = f'candidate.main."{table}"'
            con.execute(f'create table {target} as select * from warehouse.publish."{table}" order by all')
            if comment:
                con.execute(f"comment on table {target} is {quote(comment)}")
            for _, name, _, note in columns:
                if note:
                    con.execute(f'comment on column {target}."{name}" is {quote(note)}')
            con.execute(f"copy {target} to {quote(folder / f'{table}.parquet')} (format parquet, compression zstd)")
            csv = folder / f"{table}.csv"
            con.execute(f"copy (select {_csv_columns(columns)} from {target}) to {quote(csv)} (format csv, header)")
            digest.update(repr((table, comment, columns)).encode())
            with open(csv, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
            counts[table] = con.execute(f"select count(*) from {target}").fetchone()[0]
        con.execute("checkpoint candidate; detach candidate")
    return Written(counts, digest.hexdigest())
