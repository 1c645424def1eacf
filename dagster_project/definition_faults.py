"""What is wrong with the definitions of indicators, said with file, row and column before anything is built from them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

DEFINITIONS, NEEDS = "indicator_definitions.csv", "indicator_needs.csv"
KEY = ("indicator_id", "view_id", "definition_version")
COLUMNS = (*KEY, "title", "definition", "population", "outcome", "order_group", "unknown_in_denominator", "follow_up_id")
COLUMNS += ("valid_from", "valid_to", "basis", "is_assumption", "source")
DATES = ("valid_from", "valid_to")
SHOWN = 5


class DefinitionError(RuntimeError):
    """The definitions cannot be used. The message names file, row, column and remedy, a line for each fault."""


def must_be_sound(seeds_dir: Path) -> None:
    """Raise DefinitionError if a row of the definitions would break the build or make figures that nobody meant."""
    found = [f"{DEFINITIONS}: {says}" for says in faults(seeds_dir)]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    if found:
        raise DefinitionError("\n".join([*found[:SHOWN], *more]))


def faults(seeds_dir: Path) -> Iterator[str]:
    """Each fault with its row (the line of the file), its column and what to do. Files that are not there have none."""
    if not (seeds_dir / DEFINITIONS).exists():
        return
    lines, header = _read(seeds_dir / DEFINITIONS)
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        yield f"column {', '.join(missing)} is missing. Put it back."
        return
    outcomes, seen = _outcomes(seeds_dir / NEEDS), {}
    for number, values in lines:
        if len(values) != len(header):
            yield f"row {number} has {len(values)} values and should have {len(header)}. Put text that holds a comma in quotes."
            continue
        row = dict(zip(header, values, strict=True))
        key = tuple(row[name] for name in KEY)
        for name in KEY:
            if not row[name]:
                yield f"row {number}, column {name}: is empty. Fill it in."
        if key in seen:
            yield f"row {number}, columns {', '.join(KEY)}: {' '.join(key)} stands in row {seen[key]} too. Take one out."
        seen.setdefault(key, number)
        for name in DATES:
            if row[name] and not _is_date(row[name]):
                yield f"row {number}, column {name}: {row[name]!r} is no date. Write it as 2009-04-01."
        if outcomes is not None and (row["population"], row["outcome"]) not in outcomes:
            what = f"{row['outcome']!r} of population {row['population']!r}"
            yield f"row {number}, column outcome: {what} is not in {NEEDS}. Correct it, or say there which extracts it needs."


def _read(path: Path) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """(line, values) of each row that is not blank, and the header."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        return [(reader.line_num, values) for values in reader if values], header


def _outcomes(path: Path) -> set[tuple[str, str]] | None:
    if not path.exists():
        return None
    lines, header = _read(path)
    place, outcome = header.index("population"), header.index("outcome")
    return {(values[place], values[outcome]) for _, values in lines}


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
