"""What a home holds: fingerprints of its tables, bytes of its releases, and what should not be left lying about."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from ..manifest import sha256
from ..settings import Settings

LEFT = ("data/building", "data/work/*", "data/rebuilt/.*", "data/archive/.incoming-*", "data/archive/**/.writing-*")
LEFT += ("data/.archive-*", "published/.*", "data/**/*.duckdb.wal")
NOTES = ("changes.", "journal.")  # models/intermediate/changes, and what became of people from build to build
TABLES = """select schema_name, table_name from duckdb_tables() where database_name = current_database() order by all"""
# no instant, and not the stamp of the very file that a build wrote: what is built again in another file is the same
COLUMNS = """select column_name from duckdb_columns() where database_name = current_database() and schema_name = ?
    and table_name = ? and data_type not like 'TIMESTAMP%' and column_name <> 'built_as' order by column_name"""


def tables(database: Path, schemas: tuple[str, ...] | None = None) -> dict[str, str]:
    """``schema.table`` → number of rows and hash of all rows in any order, columns that hold an instant left aside."""
    found = {}
    with duckdb.connect(str(database), read_only=True) as con:
        for schema, table in con.execute(TABLES).fetchall():
            if schemas is None or schema in schemas:
                names = ", ".join(f'"{name}"' for (name,) in con.execute(COLUMNS, [schema, table]).fetchall())
                rows = con.execute(f'select count(*), sum(cast(hash({names}) as hugeint)) from "{schema}"."{table}"').fetchone()
                found[f"{schema}.{table}"] = f"{rows[0]} rows, {rows[1]}"
    return found


def fingerprint(settings: Settings) -> dict[str, str]:
    """Every table of the warehouse, raw tables, register and quarantine, identity, and the content of the release.

    Not what a night of changes noted for itself, nor the journal of people, which begins anew when a database is restored.
    """
    both = tables(settings.warehouse_db) | tables(settings.restricted_db)
    found = {name: content for name, content in both.items() if not name.startswith(NOTES)}
    manifest = json.loads((settings.published_dir / "current" / "manifest.json").read_text(encoding="utf-8"))
    return found | {"release": manifest["content_hash"]}


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """What two fingerprints do not agree on, a line each."""
    names = sorted(expected.keys() | found.keys())
    return [
        f"{n}: {expected.get(n, 'not there')} expected, {found.get(n, 'not there')} found"
        for n in names
        if expected.get(n) != found.get(n)
    ]


def releases(settings: Settings) -> dict[str, dict[str, str]]:
    """Every release → its files and their hashes; ``current`` → the files that readers see."""
    folders = [p for p in settings.published_dir.iterdir() if p.is_dir() and not p.name.startswith(".")]
    return {folder.name: {p.name: sha256(p) for p in sorted(folder.iterdir())} for folder in folders}


def release_faults(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]], settings: Settings) -> list[str]:
    """What is wrong with the releases after a disturbance: old ones must be as they were, a new current one whole."""
    faults = [f"release {name} has changed" for name in before if name != "current" and after.get(name) != before[name]]
    if after.get("current") == before.get("current"):
        return faults
    folder = (settings.published_dir / "current").resolve()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = {name: after["current"].get(name) for name in manifest["files"]}
    whole = found == {name: file["sha256"] for name, file in manifest["files"].items()}
    return faults if whole else [*faults, f"release {folder.name} is not what its manifest says"]


def leftovers(settings: Settings) -> list[str]:
    """What a night should have cleared away."""
    return sorted(str(p.relative_to(settings.home)) for pattern in LEFT for p in settings.home.glob(pattern))
