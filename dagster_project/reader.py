"""Reading a release: find it, open it so that nothing can be changed or reached from it, ask, and lay out the answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from .release_tables import DATABASE

if TYPE_CHECKING:
    from .settings import Settings

NULL = "–"
CUT_AT = 40
SAFE = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
    "temp_directory": "",  # a release is read by anybody and written by nobody, what a large question spills included
}


class ReaderError(RuntimeError):
    """A question that cannot be answered; the message is one plain line."""


@dataclass(frozen=True)
class Answer:
    """Column names and rows."""

    columns: list[str]
    rows: list[tuple]


@dataclass(frozen=True)
class ReleaseLine:
    """One line of the list of releases; a refused one has no tables."""

    release_id: str
    created_at: str
    tables: int
    passed: int
    warned: int
    waived: int
    failed: int
    status: str  # current | published | refused


def release_folder(settings: Settings, release_id: str | None = None) -> Path:
    """The folder of a release, by default the current one. Raises ReaderError when there is none of that name."""
    if release_id is None:
        current = settings.published_dir / "current"
        if not current.exists():
            raise ReaderError(f"There is no release yet in {settings.published_dir}. Make one with: make run")
        return current.resolve()
    known = [line.release_id for line in releases(settings) if line.status != "refused"]
    if release_id not in known:
        raise ReaderError(f"There is no release {release_id}. Published are: {', '.join(known) or 'none'}.")
    return settings.published_dir / release_id


def load_json(folder: Path, name: str) -> dict[str, Any]:
    """``manifest`` or ``verdict`` of a release. Raises ReaderError when it cannot be read."""
    try:
        return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReaderError(f"{folder / name}.json cannot be read ({error}). The release is damaged; use another.") from error


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """The tables of a release, read only, without access to files, the network or settings."""
    try:
        return duckdb.connect(str(folder / DATABASE), read_only=True, config=SAFE)
    except duckdb.Error as error:
        raise ReaderError(f"{folder / DATABASE} cannot be opened: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split("\nLINE")[0].split("\n\n")[0].split())


def ask(con: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Run one statement of SQL and return its result. Raises ReaderError with one plain line."""
    try:
        statements = con.extract_statements(sql)
        if len(statements) > 1:
            raise ReaderError("These are several statements. Ask one at a time, each on a line of its own.")
        if not statements:
            raise ReaderError("That is no question. Ask one, such as: select * from indicators limit 5")
        cursor = con.execute(sql)
        if cursor.description is None:
            return Answer([], [])
        return Answer([d[0] for d in cursor.description], cursor.fetchall())
    except (OverflowError, TypeError, ValueError) as error:
        says = f"The question or its answer cannot be told ({_one_line(error)}). Ask for text: cast(… as varchar)."
        raise ReaderError(says) from error
    except duckdb.Error as error:
        text = _one_line(error)
        if "read-only" in text:
            raise ReaderError("A release cannot be changed: only questions (select …) are answered here.") from error
        if isinstance(error, duckdb.PermissionException) or "disabled" in text or "configuration has been locked" in text:
            raise ReaderError(
                "Files, other databases, extensions and settings are out of reach here; ask about the tables only."
            ) from error
        if text.startswith("Catalog Error: Table with name"):  # DuckDB's own guess may be one of its catalogue
            listed = con.cursor().execute("select table_name from duckdb_tables() order by 1")  # the transaction may be lost
            tables = ", ".join(name for (name,) in listed.fetchall())
            text = f"{text.split(' Did you mean')[0]} The tables are: {tables}."
        raise ReaderError(text) from error


def percent(value: float | Decimal | None, places: str = "0.1") -> str:
    """A percentage rounded half up, as in print; ``places`` is 0.1 for one decimal and 1 for none; null is a dash."""
    return NULL if value is None else f"{Decimal(str(value)).quantize(Decimal(places), ROUND_HALF_UP)} %"


def rate(figure: Mapping[str, Any], places: str = "0.1") -> str:
    """The rate of a figure, rounded once, from its counts: 50.04995 is not 50.1 %, but ``rate_pct`` has it as 50.05."""
    numerator, denominator = figure["numerator"], figure["denominator"]
    is_counted = numerator is not None and denominator
    return percent(Decimal(100 * numerator) / Decimal(denominator) if is_counted else figure["rate_pct"], places)


def _shown(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


def as_table(answer: Answer, wide: bool = False) -> str:
    """Aligned text: numbers to the right, nulls as a dash, long text cut unless ``wide``, the number of rows below."""
    cells = [[_shown(v) for v in row] for row in answer.rows]
    if not wide:
        cells = [[c if len(c) <= CUT_AT else c[: CUT_AT - 1] + "…" for c in row] for row in cells]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(answer.columns)]
    is_number = [
        any(row[i] is not None for row in answer.rows)
        and all(
            row[i] is None or (isinstance(row[i], int | float | Decimal) and not isinstance(row[i], bool)) for row in answer.rows
        )
        for i in range(len(answer.columns))
    ]

    def line(texts: Sequence[str]) -> str:
        parts = (t.rjust(w) if n else t.ljust(w) for t, w, n in zip(texts, widths, is_number, strict=True))
        return "  ".join(parts).rstrip()

    lines = [line(answer.columns), line(["-" * w for w in widths]), *map(line, cells)] if answer.columns else []
    rows = len(answer.rows)
    return "\n".join([*lines, f"{rows:,} row{'' if rows == 1 else 's'}"])


FORMULA = frozenset("=+-@\t\r")  # a list of what to fix has a million cells


def as_csv(answer: Answer) -> str:
    """CSV with a header; text that a spreadsheet would take for a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        writer.writerow(["'" + v if isinstance(v, str) and v[:1] in FORMULA else v for v in row])
    return out.getvalue().rstrip("\n")


def as_json(answer: Answer) -> str:
    """A JSON list of objects; dates in ISO form, nulls as null, and so what is no number.

    Raises ReaderError for two columns of one name.
    """
    if len({*answer.columns}) < len(answer.columns):
        raise ReaderError("Two columns have one name, of which JSON would keep one. Name them apart: select … as …")
    rows = [[None if isinstance(v, float) and not isfinite(v) else v for v in row] for row in answer.rows]
    named = [dict(zip(answer.columns, row, strict=True)) for row in rows]
    return json.dumps(named, default=str, ensure_ascii=False, indent=1, allow_nan=False)


def releases(settings: Settings) -> list[ReleaseLine]:
    """Every release, published and refused, latest first."""
    current = settings.published_dir / "current"
    current_name = current.resolve().name if current.exists() else None
    lines = []
    for verdict in [*settings.published_dir.glob("[0-9]*/verdict.json"), *settings.refused_dir.glob("*/verdict.json")]:
        folder = verdict.parent
        counts = load_json(folder, "verdict")["counts"]
        if folder.parent == settings.refused_dir:
            stamp, tables, status = folder.name.split("-")[0], 0, "refused"
            created = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[9:11]}:{stamp[11:13]}:{stamp[13:15]}+00:00"
        else:
            manifest = load_json(folder, "manifest")
            created, tables = manifest["created_at"], len(manifest["row_counts"])
            status = "current" if folder.name == current_name else "published"
        judged = (counts.get(k, 0) for k in ("passed", "warned", "waived", "failed"))
        lines.append(ReleaseLine(folder.name, created, tables, *judged, status))
    return sorted(lines, key=lambda line: (line.created_at, line.release_id), reverse=True)
