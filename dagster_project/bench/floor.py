"""Run the floor: one DuckDB script over a world's files, in memory."""

from __future__ import annotations

from pathlib import Path
from string import Template

import duckdb

from . import reads

SCRIPT = Path(__file__).with_name("floor.sql")


def script(world: reads.World) -> str:
    """floor.sql with the relations, types and dates of a world put in."""
    latest = ", ".join(f"('{agency}', '{extract}', date '{day}')" for agency, extract, day in world.latest())
    opening = reads.enum_types(world.contracts)
    opening += f"create temp table latest_delivery(agency, extract, extract_date) as values {latest};\n"
    relations = {e.table: reads.relation(world, e) for e in world.contracts.extracts if world.deliveries(e)}
    return opening + Template(SCRIPT.read_text(encoding="utf-8")).substitute(relations, seeds=reads.SEEDS)


def compute(folder: Path, spill: Path | None = None, memory_limit: str | None = None) -> duckdb.DuckDBPyConnection:
    """A database in memory with the tables of outcomes, indicator counts and spells of a world.

    Without a folder to spill to it holds everything or fails; ``memory_limit`` is DuckDB's text form.
    """
    config = {"autoinstall_known_extensions": False, "autoload_known_extensions": False, "temp_directory": str(spill or "")}
    con = duckdb.connect(config=config)
    if memory_limit:
        con.execute(f"set memory_limit = '{memory_limit}'")
    con.execute(script(reads.World(folder)))
    return con
