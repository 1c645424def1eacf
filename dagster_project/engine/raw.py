"""The raw deliveries and the register, as Parquet, in front of the engine, and the guard that no row was lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..archive import Archive
from ..contracts import load_contracts
from ..settings import Settings

TAKEN = "status in ('accepted', 'accepted_with_quarantine')"
# a Python model of dbt runs on DuckDB alone; its rows come ready. This one holds those of a night of changes: all are taken
ALL_ROWS_OF = {"int_weighed_pairs": "int_people_scores"}
REGISTER = tuple(("intake", name) for name in ("deliveries", "first_seen", "clock", "standing"))


class RowsMissing(RuntimeError):
    """The engine sees another number of rows than there are; the message says where."""


@dataclass(frozen=True)
class Exported:
    """One table as Parquet: schema and name on the engine, the folder, and its rows."""

    schema: str
    name: str
    folder: Path
    rows: int

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def export(settings: Settings, folder: Path) -> list[Exported]:
    """Write every raw table of a contract and the register under ``folder``, a folder each, as Parquet. Rows with identifiers.

    Raises RowsMissing when a raw table does not hold the rows that the register says were taken.
    """
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    archive, made = Archive(settings.archive_dir), []
    gone = [content for content in archive.removed() if not archive.place(content).exists()]
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        con.execute(f"attach '{settings.warehouse_db}' as warehouse (read_only)")
        sources = {(schema, name): f'{schema}."{name}"' for schema, name in REGISTER}
        sources |= {("raw", e.table): f'raw."{e.table}"' for e in contracts.extracts} | _ready(con, settings.dbt_dir)
        for (schema, name), source in sources.items():
            place = folder / f"{schema}.{name}"
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            con.execute(f"copy (select * from {source}) to '{place / 'rows.parquet'}' (format parquet, compression zstd)")
            made.append(Exported(schema, name, place, _one(con, f"select count(*) from {source}")))
        taken = {
            f"{e.table}": _one(
                con,
                f"select coalesce(sum(accepted_count), 0) from intake.deliveries where {TAKEN} and agency = ? and extract = ? "
                "and not coalesce(list_contains(?::varchar[], content_hash), false)",  # retention has removed their rows
                [e.agency, e.name, gone],
            )
            for e in contracts.extracts
        }
    must_agree({str(m): m.rows for m in made if m.schema == "raw"}, {f"raw.{n}": c for n, c in taken.items()}, "the register")
    return made


def python_models(dbt_dir: Path) -> list[str]:
    """The names of dbt's models that are Python."""
    return sorted(path.stem for path in (dbt_dir / "models").rglob("*.py"))


def _ready(con: duckdb.DuckDBPyConnection, dbt_dir: Path) -> dict[tuple[str, str], str]:
    """(schema, name) of each Python model → where DuckDB has its rows."""
    rows = con.execute("select table_name, database_name, schema_name from duckdb_tables()").fetchall()
    at = {name: (schema, f'{database}.{schema}."{name}"') for name, database, schema in rows}
    return {(at[name][0], name): at[ALL_ROWS_OF.get(name, name)][1] for name in python_models(dbt_dir)}


def _one(con: duckdb.DuckDBPyConnection, sql: str, parameters: list | None = None) -> int:
    return con.execute(sql, parameters or []).fetchall()[0][0]


def place(spark, tables: list[Exported]) -> None:
    """Make the exported files tables of the engine, and count. Raises RowsMissing: an engine may read nothing and say nothing."""
    for schema in sorted({t.schema for t in tables}):
        spark.sql(f"create schema if not exists {schema}")
    for table in tables:
        spark.sql(f"drop table if exists {table}")
        spark.sql(f"create table {table} using parquet location '{table.folder}'")
    must_agree({str(t): count(spark, str(t)) for t in tables}, {str(t): t.rows for t in tables}, "the export")


def count(spark, table: str) -> int:
    """The rows of a table of the engine."""
    return spark.sql(f"select count(*) as row_count from {table}").collect()[0][0]


def must_agree(found: dict[str, int], expected: dict[str, int], who: str) -> None:
    """Hold row counts by table to those of someone who knows. Raises RowsMissing with every table that differs."""
    wrong = [t for t in sorted(found.keys() | expected.keys()) if found.get(t) != expected.get(t)]
    if wrong:
        lines = [f"{t} has {_said(found.get(t))}, {who} says {_said(expected.get(t))}" for t in wrong]
        raise RowsMissing("; ".join(lines))


def _said(rows: int | None) -> str:
    return "no such table" if rows is None else f"{rows:,} rows"
