"""Is a database file whole? A damaged one is set aside, never deleted: the night makes it anew from the archive."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb

HEADERS_BYTES = 3 * 4096  # before the first block of a DuckDB file
CHECKSUM_START, CHECKSUM_FACTOR = 5381, 0xBF58476D1CE4E5B9  # of DuckDB's checksum of a block
HOLDER = re.compile(r"lock is held in (.*?)\s*\(PID (\d+)\)")
SIGNS = re.compile(r"not a valid DuckDB database|could not read enough bytes|checksum|corrupt", re.I)


class DatabaseHeld(RuntimeError):
    """Another process has a database file open; the message says which, and what to do."""


def said_of(error: duckdb.Error, database: Path) -> BaseException:
    """The error to raise for one that was met when a database was opened: DatabaseHeld if another process holds it."""
    held = held_by(str(error), str(database))
    return DatabaseHeld(held) if held else error


def held_by(says: str, database: str = "a database") -> str:
    """Which process holds a database, by what DuckDB says, and what to do; nothing if it does not say so."""
    holder = HOLDER.search(says)
    if not holder:
        return ""
    return (
        f"{database} is held by process {holder[2]} ({holder[1] or 'of another user'}). "
        "Close it there, or end that process, and run again; nothing was changed."
    )


def is_damage(error: BaseException | str) -> bool:
    """Whether an error says that a database file itself is broken, not what was asked of it."""
    return bool(SIGNS.search(str(error)))


def damage(database: Path) -> str | None:
    """What is wrong with a database file, in DuckDB's words; None if it opens and every block that it uses is there and whole.

    Raises DatabaseHeld if another process holds the file, and duckdb.Error for what else is no damage.
    """
    if not database.exists():
        return None
    try:
        with duckdb.connect(str(database)) as con:  # not read only: a log of writes left by a killed process is worked in
            block_size = con.execute("select block_size from pragma_database_size()").fetchone()[0]
            blocks = _blocks_in_use(con)
    except duckdb.Error as error:
        if is_damage(error):
            return str(error).splitlines()[0]
        raise said_of(error, database) from error
    size, need = database.stat().st_size, HEADERS_BYTES + block_size * (1 + max(blocks, default=-1))
    if size < need:
        return f"it is {size:,} bytes long and should be {need:,} or more"
    turned = _turned(database, block_size, blocks)
    return f"{len(turned)} of {len(blocks)} blocks do not have their checksum" if turned else None


def _blocks_in_use(con: duckdb.DuckDBPyConnection) -> set[int]:
    """The blocks that hold anything. Free ones may hold what was there before, and those at the end may have been cut off."""
    tables = con.execute("select schema_name, table_name from duckdb_tables() where not internal").fetchall()
    found = con.execute("select block_id from pragma_metadata_info()").fetchall()
    for schema, table in tables:
        found += con.execute("select distinct block_id from pragma_storage_info(?)", [f'"{schema}"."{table}"']).fetchall()
    return {block for (block,) in found if block is not None and block >= 0}


def _turned(database: Path, block_size: int, blocks: set[int]) -> list[int]:
    """Blocks whose bytes are not those that were written: DuckDB itself would notice when it comes to read them."""
    import numpy as np

    found = []
    with open(database, "rb") as file:
        for block in sorted(blocks):
            file.seek(HEADERS_BYTES + block * block_size)
            words = np.frombuffer(file.read(block_size), dtype="<u8")
            if np.bitwise_xor.reduce(words[1:] * np.uint64(CHECKSUM_FACTOR)) ^ np.uint64(CHECKSUM_START) != words[0]:
                found.append(block)
    return found


def set_aside(database: Path) -> Path:
    """Rename a damaged database and its log of writes, so that a new one can be made. Returns the new name."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    aside = database.with_name(f"{database.name}.damaged-{stamp}")
    for suffix in ("", ".wal"):
        path = database.with_name(database.name + suffix)
        if path.exists():
            path.rename(aside.with_name(aside.name + suffix))
    return aside
