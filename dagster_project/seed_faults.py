"""What is wrong with the hand-kept seeds, held to what ``seeds/seeds.yml`` says of them: a sentence for each fault.

Of every file: UTF-8, each row as long as the header, days written as 2009-04-01, ends after beginnings, ``is_`` columns Y or N,
codes that stand in their list. Of the files that seeds.yml names also its tests (is_unique, does_not_overlap, not_null,
accepted_values) and, in ``config.meta``, what dbt need not test:

| key           | what it promises                                                                  |
|---------------|-----------------------------------------------------------------------------------|
| key           | these columns together name a row                                                 |
| one_at_a_time | of rows that agree in these columns one is in force on a day                      |
| filled        | these columns are never blank                                                     |
| whole, number | these columns hold whole numbers, numbers                                         |
| one_of        | column: the values that it may have; blank is none of them                        |
| found_in      | column: the seed.column that has its value, if it has one                         |
| names_people  | true: values are not repeated in a message                                        |
| is_text       | true: its days and times are judged elsewhere, where a slip need not stop a night |
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import yaml

DAY = re.compile(r"(_date|_on|_start|_end)$|^valid_(from|to)$")
TIMES = (("valid_from", "valid_to"), ("period_start", "period_end"), ("first_start", "last_end"), ("decided_date", "end_date"))
CODES = {"filled": ["code", "label"], "key": ["code"], "columns": ["valid_from", "valid_to", "source"]}  # of each list of codes
LISTED = 12
YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as dbt reads it


@dataclass
class Seed:
    """A file: its sound rows with the line where each begins, and what is wrong with the others."""

    says: str  # its name, as messages have it
    header: list[str] = field(default_factory=list)
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def values(self, column: str) -> list[str]:
        """What a column holds, each value once, in order; none if it is not there."""
        return list(dict.fromkeys(row[column] for _, row in self.rows if row.get(column)))


def read(seeds_dir: Path) -> dict[str, Seed]:
    """Every seed of a folder, by name."""
    return {path.stem: _read(path, f"seeds/{path.relative_to(seeds_dir)}") for path in sorted(seeds_dir.rglob("*.csv"))}


def faults(seeds_dir: Path, seeds: dict[str, Seed]) -> Iterator[str]:
    """Each fault of ``seeds`` with its file, line, column and what to do."""
    told = _told(seeds_dir)
    lists = {name for name, seed in seeds.items() if seed.says.startswith("seeds/codes/")}
    for name, seed in seeds.items():
        yield from seed.faults
        if not seed.header:
            continue
        promises = told.get(name, {})
        if name in lists:
            promises = {**promises, **CODES}
        gone = [column for column in _named(promises) if column not in seed.header]
        for column in gone:
            yield f"{seed.says}, line 1, {column}: the column is missing. Put it back."
        if not gone:
            yield from (f"{seed.says}, line {line}, {says}" for line, says in sorted(_of_rows(seed, promises, seeds, lists)))


def day(text: str) -> date | None:
    """The day that a text says, if it is written as 2009-04-01."""
    try:
        return date.fromisoformat(text) if date.fromisoformat(text).isoformat() == text else None
    except ValueError:
        return None


def one_of(values: Iterable[str]) -> str:
    """The remedy that lists what there is."""
    values = list(values)
    return f"Use one of: {', '.join(values[:LISTED])}{', …' if len(values) > LISTED else ''}."


def _read(path: Path, says: str) -> Seed:
    seed, ended = Seed(says), 0
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            for values in reader:
                line, ended = ended + 1, reader.line_num
                if not seed.header:
                    seed.header = values
                    if not values or not all(values) or len(set(values)) < len(values):
                        seed.faults.append(
                            f"{says}, line 1: a column has no name or one that is there twice. Put the header back."
                        )
                        seed.header = []
                        return seed
                elif values and len(values) != len(seed.header):
                    seed.faults.append(
                        f"{says}, line {line}: has {len(values)} values and should have {len(seed.header)}, as the header has. "
                        "Put a text that holds a comma in quotes, and a comma for each value that is blank."
                    )
                elif values:
                    seed.rows.append((line, dict(zip(seed.header, values, strict=True))))
    except UnicodeDecodeError:
        seed.faults.append(f"{says}: is not written in UTF-8. Save it again as CSV UTF-8.")
    except csv.Error as error:
        seed.faults.append(f"{says}, line {ended + 1}: cannot be read as CSV ({error}). Close every quote that is open.")
    if not seed.header and not seed.faults:
        seed.faults.append(f"{says}, line 1: the header is missing. Put it back.")
    return seed


def _told(seeds_dir: Path) -> dict[str, dict]:
    """What seeds.yml promises of each seed, under the keys of its ``meta`` whether said there or as a test."""
    path = seeds_dir / "seeds.yml"
    nodes = (yaml.load(path.read_text(encoding="utf-8"), Loader=YAML) or {}).get("seeds", []) if path.exists() else []
    told = {}
    for node in nodes:
        promises = {"filled": [], "one_of": {}} | (node.get("config") or {}).get("meta", {})
        filled, values = list(promises["filled"]), dict(promises["one_of"])
        for name, arguments in map(_test, node.get("data_tests") or []):
            if name == "is_unique":
                promises["key"] = arguments["columns"]
            elif name == "does_not_overlap":
                promises["one_at_a_time"] = arguments["keys"]
        for column in node.get("columns") or []:
            for name, arguments in map(_test, column.get("data_tests") or []):
                if name == "not_null":
                    filled.append(column["name"])
                elif name == "accepted_values":
                    values[column["name"]] = arguments["values"]
        told[node["name"]] = promises | {"filled": filled, "one_of": values}
    return told


def _test(written: str | dict) -> tuple[str, dict]:
    if isinstance(written, str):
        return written, {}
    ((name, more),) = written.items()
    return name, (more or {}).get("arguments", more or {})


def _named(promises: dict) -> list[str]:
    """The columns that a seed must have, for something is promised of them."""
    names = [n for key in ("key", "one_at_a_time", "filled", "whole", "number", "columns") for n in promises.get(key, [])]
    names += [*promises.get("one_of", {}), *promises.get("found_in", {})]
    return list(dict.fromkeys([*names, *(("valid_from", "valid_to") if promises.get("one_at_a_time") else ())]))


def _of_rows(seed: Seed, promises: dict, seeds: dict[str, Seed], lists: set[str]) -> Iterator[tuple[int, str]]:
    """(line, the rest of the sentence) of each fault in the rows."""

    def said(text: str) -> str:
        return "what it says" if promises.get("names_people") else repr(text if len(text) <= 60 else f"{text[:60]}…")

    known = {column: place.split(".") for column, place in promises.get("found_in", {}).items()}
    known = {column: (seeds[name].says, seeds[name].values(of)) for column, (name, of) in known.items() if name in seeds}
    for line, row in seed.rows:
        for column in promises.get("filled", []):
            if not row[column].strip():
                yield line, f"{column}: is blank. Fill it in."
        for column, values in promises.get("one_of", {}).items():
            if row[column] not in values:
                yield line, f"{column}: {said(row[column])} is not a value that it may have. {one_of(values)}"
        for column, (where, values) in known.items():
            if row[column] and row[column] not in values:
                yield line, f"{column}: {said(row[column])} is not a row of {where}. {one_of(values)}"
        for column in promises.get("whole", []):
            if not re.fullmatch("0|[1-9][0-9]{0,8}", row[column]):
                yield line, f"{column}: {said(row[column])} is not a whole number. Write it in digits, such as 1."
        for column in promises.get("number", []):
            if not _is_number(row[column]):
                yield line, f"{column}: {said(row[column])} is not a number. Write it in digits, such as 0.5."
        if not promises.get("is_text"):
            yield from ((line, says) for says in _by_name(row, promises, said))
        if "code_list" in row and "code" in row and row["code_list"] in lists:
            codes = seeds[row["code_list"]]
            if row["code"] not in codes.values("code"):
                yield line, f"code: {said(row['code'])} is not a row of {codes.says}. Correct it, or add the code there."
        elif "code_list" in row and "code_list" not in promises.get("one_of", {}):
            yield line, f"code_list: {said(row['code_list'])} is not a list of seeds/codes. {one_of(sorted(lists))}"
    if key := promises.get("key"):
        yield from _twice(seed, key, said)
    if keys := promises.get("one_at_a_time"):
        yield from _overlaps(seed, keys, said)


def _by_name(row: dict[str, str], promises: dict, said) -> Iterator[str]:
    """What the names of columns promise: days, what begins before it ends, yes or no."""
    for column, text in row.items():
        if DAY.search(column) and text and day(text) is None:
            yield f"{column}: {said(text)} is not a date. Write it as 2009-04-01."
        elif column.startswith("is_") and text not in ("Y", "N") and column not in promises.get("one_of", {}):
            yield f"{column}: {said(text)} is neither Y nor N. Write one of them."
    for start, end in TIMES:
        first, last = day(row.get(start, "")), day(row.get(end, ""))
        if first and last and last <= first:
            yield f"{end}: {said(row[end])} is not after {start}, {said(row[start])}. Correct one of them."


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and text == text.strip()
    except ValueError:
        return False


def _twice(seed: Seed, key: list[str], said) -> Iterator[tuple[int, str]]:
    seen: dict[tuple[str, ...], int] = {}
    for line, row in seed.rows:
        values = tuple(row[name] for name in key)
        if seen.setdefault(values, line) != line:
            yield line, f"{', '.join(key)}: {said(' '.join(values))} stands in line {seen[values]} too. Take one out."


def _overlaps(seed: Seed, keys: list[str], said) -> Iterator[tuple[int, str]]:
    spans = defaultdict(list)
    for line, row in seed.rows:
        start, end = row["valid_from"] or "0001-01-01", row["valid_to"] or "9999-12-31"
        if day(start) and day(end) and start < end:
            spans[tuple(row[name] for name in keys)].append((start, line, end))
    for values, found in spans.items():
        reached, reached_by = "", 0
        for start, line, end in sorted(found):
            if start < reached:
                what = f"{said(' '.join(values))} is in force in line {reached_by} as well"
                yield line, f"valid_from: {what}. End one row on the day on which the other begins, or take one out."
            if end > reached:
                reached, reached_by = end, line
