"""One thing that an agency must fix, and the list of the records that it is about.

A list is SQL until DuckDB writes it: at national scale it has millions of rows, and Python sees none of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from .reader import FORMULA
from .release_tables import quote

REFUSED_FILE, QUARANTINE, UNKNOWN = "refused file", "rows in quarantine", "unknown outcome"
MISPLACED = "file not read"
COLUMNS = ["kind", "extract", "file", "line", "record_of", "record", "column", "reason", "what_to_do", "could_move_points"]
COLUMNS += ["indicator"]
MARKS = quote("".join(sorted(FORMULA)))


class Sql(str):
    """A cell that SQL works out from the rows of a list; any other cell is the same in all of them."""


class Guarded(Sql):
    """Such a cell whose text no spreadsheet takes for a formula."""


@dataclass
class Fix:
    """One thing to mend. ``moves``: (indicator, view, points), largest first. ``lists``: SQL of the rows of its agency's CSV."""

    kind: str
    agency: str
    extract: str | None
    what: str
    count: int
    examples: list[str]
    remedy: str
    moves: list[tuple[str, str, float]] = field(default_factory=list)
    content_hash: str | None = None
    lists: list[str] = field(default_factory=list, repr=False)
    is_cut: bool = False  # its list holds the first of its rows only

    @property
    def largest(self) -> float:
        """Points by which it could move the indicator that it could move most."""
        return self.moves[0][2] if self.moves else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain data, without the rows."""
        return {k: v for k, v in vars(self).items() if k != "lists"} | {"largest": self.largest}


def listed(cells: Iterable[Any], rows: str = "") -> str:
    """SQL of the rows of a list: a cell for each of COLUMNS; ``rows`` is the relation, in its order, that Sql cells are of."""
    return f"select {', '.join(_cell(value) for value, _ in zip(cells, COLUMNS, strict=True))} {rows and f'from {rows}'}"


def quote_name(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _cell(value: Any) -> str:
    """Text as SQL, with an apostrophe before what a spreadsheet would take for a formula; empty text is as good as none."""
    if isinstance(value, Guarded):
        return value
    if isinstance(value, Sql):
        text = f"cast({value} as varchar)"
        # not `in (...)`: DuckDB makes a join of that, which forgets the order. All marks come before the letters
        guarded = f"case when contains({MARKS}, left({text}, 1)) then '''' || {text} else {text} end"
        return f"case when {text} >= 'A' then {text} when {text} <> '' then {guarded} end"
    if value is None or value == "":
        return "cast(null as varchar)"
    text = str(value)
    return quote("'" + text if isinstance(value, str) and text[0] in FORMULA else text)


def rows_of(con: duckdb.DuckDBPyConnection, fix: Fix) -> list[tuple]:
    """The rows of one fix as text, for where they are few."""
    return [row for sql in fix.lists for row in con.execute(sql).fetchall()]


def write(con: duckdb.DuckDBPyConnection, found: Iterable[Fix], path: Path) -> None:
    """The lists of some fixes, one after another, as a CSV file with a header: for its owner only, there whole or not at all.

    Raises OSError if it cannot be written, duckdb.Error if a list cannot be read.
    """
    aside, part = path.with_name(f".{path.name}"), path.with_name(f".{path.name}.part")
    threads = con.execute("select current_setting('threads')").fetchone()[0]
    try:
        con.execute("set threads = 1")  # one keeps the order of the rows for certain, and takes less time than two together
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as whole:
            whole.write((",".join(COLUMNS) + "\n").encode())
            for sql in (sql for fix in found for sql in fix.lists):
                os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))  # DuckDB keeps the mode of what is there
                con.execute(f"copy ({sql}) to {quote(part)} (format csv, header false, use_tmp_file false)")
                with open(part, "rb") as rows:
                    shutil.copyfileobj(rows, whole, 1 << 20)
        os.replace(aside, path)
    finally:
        con.execute(f"set threads = {threads}")
        for left in (aside, part):
            left.unlink(missing_ok=True)
