"""The published tables as files: one DuckDB file, and each table as Parquet and CSV. Same tables, same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from .damage import CHECKSUM_FACTOR, CHECKSUM_START
from .dbt_child import end_with_parent

if TYPE_CHECKING:
    from .settings import Settings

DATABASE = "outcomes.duckdb"
STORAGE_VERSION = "v1.4.0"  # DuckDB 1.4 and later can open it
BYTES_PER_CELL = 40  # generous: one value in the database, in Parquet and in CSV together
HEADERS, HEADER_BYTES, IDENTITY = 3, 4096, 124  # of a DuckDB file, and where in a header its identity is
FORMULA = r"^[=+\-@\t\r]"  # a spreadsheet would run text that starts like this


@dataclass(frozen=True)
class Written:
    """What was written: rows by table, and a hash of names, types, comments and contents of all tables."""

    row_counts: dict[str, int]
    content_hash: str


def quote(text: Path | str) -> str:
    """A text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def _connect(warehouse: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"memory_limit": memory_limit})
    con.execute("set autoinstall_known_extensions = false; set autoload_known_extensions = false")
    con.execute(f"attach {quote(warehouse)} as warehouse (read_only)")
    return con


def _rows(con: duckdb.DuckDBPyConnection, what: str) -> list[tuple]:
    return con.execute(f"{what} where database_name = 'warehouse' and schema_name = 'publish' order by all").fetchall()


def published_tables(settings: Settings) -> dict[str, int]:
    """Name → bytes that a release of it may need at most, of every table in the warehouse's schema ``publish``."""
    with _connect(settings.warehouse_db, settings.memory_limit) as con:
        tables = _rows(
            con, "select table_name, estimated_size * column_count * ? from duckdb_tables()".replace("?", str(BYTES_PER_CELL))
        )
    return {name: int(size) for name, size in tables}


def _csv_columns(columns: list[tuple]) -> str:
    """Every column; text that a spreadsheet would take for a formula gets an apostrophe in front."""
    parts = []
    for name, kind, _ in columns:
        plain = f'"{name}"'
        safe = f"case when regexp_matches({plain}, {quote(FORMULA)}) then '''' || {plain} else {plain} end as {plain}"
        parts.append(safe if kind == "VARCHAR" else plain)
    return ", ".join(parts)


class NotWritten(RuntimeError):
    """The tables could not be written; the message holds the reason in DuckDB's words."""


def write_tables(settings: Settings, folder: Path) -> Written:
    """Copy the schema ``publish`` into a folder, rows in the order of their columns, with table and column comments.

    Rows are sorted and copied unchanged; only the CSV files differ, in text that looks like a formula. The same tables give
    the same bytes. For that of the DuckDB file, a process of its own reads nothing but the sorted Parquet files, with memory
    that is zeroed: DuckDB fills gaps in its blocks with what happens to stand in memory.
    """
    shapes = _write_sorted(settings, folder)
    zeroed = {**os.environ, "DUCKDB_JE_MALLOC_CONF": "zero:true", "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    command = [sys.executable, "-m", "dagster_project.release_tables", str(folder), settings.memory_limit]
    done = subprocess.run(command, env=zeroed, input=json.dumps(shapes), capture_output=True, text=True)
    if done.returncode:
        raise NotWritten(f"The tables of the release cannot be written: {(done.stderr.strip() or 'killed').splitlines()[-1]}")
    written = Written(**json.loads(done.stdout))
    _name_by_content(folder / DATABASE, bytes.fromhex(written.content_hash)[:16])
    return written


def _write_sorted(settings: Settings, folder: Path) -> list[tuple[str, str | None, list[tuple]]]:
    """Each table as Parquet; returns its name, comment and columns (name, type, comment)."""
    shapes = []
    with _connect(settings.warehouse_db, settings.memory_limit) as con:
        con.execute(f"set threads = {settings.threads}")
        every = _rows(con, "select table_name, column_name, data_type, comment from duckdb_columns()")
        for table, comment in _rows(con, "select table_name, comment from duckdb_tables()"):
            names = con.execute(f"select column_name from (describe warehouse.publish.{table})").fetchall()
            shapes.append((table, comment, [next(c[1:] for c in every if c[:2] == (table, name)) for (name,) in names]))
            parquet = quote(folder / f"{table}.parquet")
            con.execute(f'copy (from warehouse.publish."{table}" order by all) to {parquet} (format parquet, compression zstd)')
    return shapes


def _name_by_content(database: Path, identity: bytes) -> None:
    """Put an identity that follows from the content in place of the random one that DuckDB gives a new file.

    It is in the first of the file's headers and, as what was left in a buffer, in those after it.
    """
    with open(database, "r+b") as file:
        headers = [bytearray(file.read(HEADER_BYTES)) for _ in range(HEADERS)]
        if any(_checksum(h) != struct.unpack("<Q", h[:8])[0] for h in headers):
            return  # another layout: leave it as it is
        random = bytes(headers[0][IDENTITY : IDENTITY + len(identity)])
        for header in headers:
            if header[IDENTITY : IDENTITY + len(identity)] == random:
                header[IDENTITY : IDENTITY + len(identity)] = identity
                header[:8] = struct.pack("<Q", _checksum(header))
        file.seek(0)
        file.write(b"".join(headers))


def _checksum(header: bytearray) -> int:
    """DuckDB's checksum of a block: of all 8-byte words but the first."""
    result = CHECKSUM_START
    for (word,) in struct.iter_unpack("<Q", header[8:]):
        result ^= word * CHECKSUM_FACTOR & 0xFFFFFFFFFFFFFFFF
    return result


def _write_rest(folder: Path, memory_limit: str, shapes: list) -> Written:
    """The DuckDB file and the CSV files from the Parquet files."""
    digest, counts = hashlib.sha256(), {}
    with duckdb.connect(config={"memory_limit": memory_limit, "threads": 1}) as con:
        con.execute("set disabled_compression_methods = 'bitpacking'")  # it keeps what stands in memory behind a null
        con.execute(f"attach {quote(folder / DATABASE)} as candidate (storage_version {quote(STORAGE_VERSION)})")
        for table, comment, columns in shapes:
            target = f'candidate.main."{table}"'
            typed = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind, _ in columns)
            con.execute(f"create table {target} as select {typed} from read_parquet({quote(folder / f'{table}.parquet')})")
            if comment:
                con.execute(f"comment on table {target} is {quote(comment)}")
            for name, _, note in columns:
                if note:
                    con.execute(f'comment on column {target}."{name}" is {quote(note)}')
            csv = folder / f"{table}.csv"
            con.execute(f"copy (select {_csv_columns(columns)} from {target}) to {quote(csv)} (format csv, header)")
            digest.update(repr((table, comment, columns)).encode())
            with open(csv, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
            counts[table] = con.execute(f"select count(*) from {target}").fetchone()[0]
        con.execute("checkpoint candidate; detach candidate")
    return Written(counts, digest.hexdigest())


if __name__ == "__main__":
    end_with_parent()
    print(json.dumps(asdict(_write_rest(Path(sys.argv[1]), sys.argv[2], json.load(sys.stdin)))))
