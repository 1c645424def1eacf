"""What the tables of the last build hold, and so whether a night may mend them or must build them whole (decision 011).

A night mends only what it can be sure of: the tables that stand are those that the last build finished, made by the same
definitions, code and key from deliveries that are all still there. In any other case, and once a week, everything is built.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path

import duckdb

from .archive import Archive
from .register import ACCEPTED, WITH_QUARANTINE, transaction
from .settings import Settings

WHOLE, CHANGES = "whole", "changes"
MADE_BY = ("outcome-warehouse", "duckdb", "dbt-core", "dbt-duckdb", "splink")
CODE = Path(__file__).parent / "linkage"  # what models in Python are made of; all others are definitions
TAKEN = f"status in ('{ACCEPTED}', '{WITH_QUARANTINE}')"


@dataclass(frozen=True)
class Plan:
    """How the next build goes about it: ``kind`` is whole or changes, ``why`` says it in a line."""

    kind: str
    why: str
    made_with: str  # the definitions, code and key when it began: what changes meanwhile is for the next build to see


def begin(con: duckdb.DuckDBPyConnection, settings: Settings, today: date | None, may_mend: bool = True) -> Plan:
    """Decide, and note in the restricted database that no build stands until this one has ended."""
    made_with = _made_with(settings)
    why = _why_whole(con, settings, today) if may_mend else "asked for"
    rows = _count(con, f"from intake.deliveries where {TAKEN} and {_is_new('intake.built')}") if why is None else 0
    with transaction(con):
        con.execute("delete from intake.standing")
        if why is None:
            con.execute("insert into intake.standing select delivery_id from intake.built")
        con.execute("delete from intake.built")
    if why is None:
        who = "only the people they speak of are built again" if rows else "no person is built again, only counts and figures"
        return Plan(CHANGES, f"{rows} new deliveries since the last build; {who}", made_with)
    return Plan(WHOLE, f"everything is built: {why}", made_with)


def end(con: duckdb.DuckDBPyConnection, settings: Settings, plan: Plan, today: date | None) -> None:
    """Note what the build that has just been put in place holds."""
    with transaction(con):
        whole_on = con.execute("select max(whole_on) from intake.last_build").fetchone()[0] if plan.kind == CHANGES else today
        con.execute("delete from intake.standing; delete from intake.built; delete from intake.last_build")
        con.execute(f"insert into intake.built select delivery_id from intake.deliveries where {TAKEN}")
        con.execute("insert into intake.last_build values (?, ?)", [_stamped(plan.made_with, settings.warehouse_db), whole_on])


def _why_whole(con: duckdb.DuckDBPyConnection, settings: Settings, today: date | None) -> str | None:
    """Why everything must be built; None if the night may mend what stands."""
    built_as, whole_on = con.execute("select any_value(built_as), max(whole_on) from intake.last_build").fetchone()
    if not settings.warehouse_db.exists() or not _count(con, "from intake.built"):
        return "no build stands that was finished"
    if built_as != _stamped(_made_with(settings), settings.warehouse_db):
        return "the definitions, the code, the key or the warehouse file are not those of the last build"
    if _count(con, f"from intake.built where delivery_id not in (select delivery_id from intake.deliveries where {TAKEN})"):
        return "a delivery of the last build is gone"
    if today is None or whole_on is None or not 0 <= (today - whole_on).days < settings.whole_build_days:
        return f"the last time was {settings.whole_build_days} days ago or more"
    new, all_rows = (
        _count(con, f"from intake.deliveries where {TAKEN} and {which}", "coalesce(sum(accepted_count), 0)")
        for which in (_is_new("intake.built"), "true")
    )
    if new * 100 > all_rows * settings.changes_percent:
        return f"new deliveries hold {new:,} of {all_rows:,} rows, more than {settings.changes_percent:g} %"
    return None


def _is_new(table: str) -> str:
    return f"delivery_id not in (select delivery_id from {table})"


def _count(con: duckdb.DuckDBPyConnection, of: str, what: str = "count(*)") -> int:
    return int(con.execute(f"select {what} {of}").fetchone()[0])


def _made_with(settings: Settings) -> str:
    """The definitions, code and key that a build is made with."""
    versions = {name: metadata.version(name) for name in MADE_BY}
    definitions = Archive(settings.archive_dir).keep_configuration(settings.project_dir)
    key = hashlib.sha256(settings.person_key_file.read_bytes()).hexdigest()
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(CODE.glob("*.py")))).hexdigest()
    return json.dumps([definitions, versions, code, key, settings.linkage])


def _stamped(made_with: str, warehouse: Path) -> str:
    """The same, and the file that came of it: told from another in its place, or from itself written to."""
    state = warehouse.stat()
    return json.dumps([made_with, state.st_size, state.st_mtime_ns])
