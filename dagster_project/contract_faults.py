"""What a contract may hold: faults that the standard's own schema lets pass and that would go wrong later."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from .contract_words import SQL_TYPES, nearest

if TYPE_CHECKING:
    from .contracts import Column, Extract

TYPES, MODES = tuple(SQL_TYPES), ("full", "delta")
ENCODINGS = ("utf-8", "windows-1252", "iso-8859-1", "us-ascii")
MOST_DAYS = 36_500  # that a date may lie after its extract


def faults(extract: Extract) -> Iterator[str]:
    """What in an extract would go wrong later, each as the end of a sentence with its remedy."""
    names = [c.name for c in extract.columns]
    spellings = [s.lower() for c in extract.columns for s in {c.name, *c.aliases}]
    if not extract.key:
        yield "has no primaryKey column. Mark the key."
    for name in (extract.agency, extract.name, *names):
        if not re.fullmatch("[a-z][a-z0-9_]*", name):
            yield f"has the name '{name}'. Names are of small letters, digits and _."
    for twice in sorted({s for s in spellings if spellings.count(s) > 1}):
        yield f"has two columns that may be called '{twice}'. Rename one or drop the alias."
    for column in (c for c in extract.columns if c.type not in TYPES):
        yield f"has column '{column.name}' of type '{column.type}', which intake cannot check. Use one of {', '.join(TYPES)}."
    for column in extract.columns:
        yield from (f"has column '{column.name}' {fault}" for fault in _option_faults(column))
    for name in {*(r.column for r in extract.rules), *filter(None, [extract.deleted_flag])} - {*names}:
        yield f"names a column '{name}' that it does not have. Correct the rule or deletedFlag."
    dates = {c.name for c in extract.columns if c.type == "date"}
    for column in (c for c in extract.columns if c.code_valid_on and not (c.code_list and c.code_valid_on in dates)):
        yield f"has codeValidOn of '{column.name}', which needs a codeList and the name of a date column. Correct it."
    for column in (c for c in extract.columns if c.latest_days is not None and c.name not in dates):
        yield f"has latestDaysAfterExtract on '{column.name}', which is no date. Take it off."
    for column in (c for c in extract.columns if c.latest_days is not None and not 0 <= c.latest_days <= MOST_DAYS):
        yield f"has latestDaysAfterExtract {column.latest_days} on '{column.name}'. Write days, from 0 to {MOST_DAYS:,}."
    for column in (c for c in extract.columns if c.is_free_text and not c.is_any_text):
        yield f"has freeText on '{column.name}', which has a type, a list or a form. Take it off."
    for column in (c for c in extract.columns if c.parent and not re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", c.parent)):
        yield f"has a relationship of '{column.name}' to '{column.parent}'. Write it as <extract>.<key>."
    if extract.smallest_percent and extract.largest_percent and extract.smallest_percent >= extract.largest_percent:
        yield "has smallestPercentOfLast that is not below largestPercentOfLast. Correct one of them."
    if extract.mode not in MODES:
        yield f"has deliveryMode '{extract.mode}'. Use one of {', '.join(MODES)}."
    if len(extract.delimiter) != 1 or not extract.delimiter.isascii():
        yield "has a delimiter that is not one character. Use , or | or ;."
    if extract.encoding not in ENCODINGS:
        yield f"is in encoding '{extract.encoding}'. Use one of {', '.join(ENCODINGS)}."
    if not {c.type for c in extract.columns} - {*TYPES}:
        columns = ", ".join(f'cast(null as {SQL_TYPES[c.type]}) as "{c.name}"' for c in extract.columns)
        for rule in extract.rules:
            if wrong := _wrong_in_sql(f"explain select 1 from (select {columns}) where coalesce(({rule.fails_when}), false)"):
                yield (
                    f"has rule '{rule.name}' on column '{rule.column}', whose failsWhen is no SQL over its columns ({wrong}). "
                    "Correct it."
                )


def _option_faults(column: Column) -> Iterator[str]:
    """What is wrong with the values of a column's logicalTypeOptions."""
    options = column.options
    bounds = {name: options[name] for name in ("minimum", "maximum") if name in options and column.type in ("date", "integer")}
    is_bound, written = (_is_day, "a day as 2013-07-15") if column.type == "date" else (_is_whole, "a whole number")
    for name in [n for n in bounds if not is_bound(bounds[n])]:
        yield f"with {name} '{bounds.pop(name)}'. Write {written}."
    if len(bounds) == 2:
        low, high = (str(bounds[n]) if column.type == "date" else int(bounds[n]) for n in ("minimum", "maximum"))
        if low > high:
            yield f"with minimum {low}, which is above its maximum {high}. Correct one of them."
    if not (_is_whole(most := options.get("maxLength", 1)) and int(most) > 0):
        yield f"with maxLength '{most}'. Write a whole number above 0."
    if "pattern" in options and (wrong := _wrong_in_sql("select regexp_full_match('', ?)", str(options["pattern"]))):
        yield f"with pattern '{options['pattern']}', which is no regular expression ({wrong}). Correct it."
    if column.type == "date" and (
        not isinstance(options.get("format", ""), str) or re.search("[A-Za-z]", re.sub("%[Ymd]", "", column.date_format))
    ):
        yield "in an unknown date format. Write it with yyyy, MM and dd."


def _is_day(value: Any) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)) and date.fromisoformat(str(value)))
    except ValueError:
        return False


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and bool(re.fullmatch(r"[+-]?\d+", str(value)))


@cache
def _scratch() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@cache  # a run reads the contracts in most of its steps
def _wrong_in_sql(sql: str, *values: str) -> str:
    """What DuckDB has to say against a statement, in a line; nothing if it is sound."""
    try:
        with _scratch().cursor() as con:
            con.execute(sql, values)
    except duckdb.Error as error:
        return " ".join(str(error).split("\nLINE")[0].split())
    return ""


def faults_between(extracts: Sequence[Extract]) -> Iterator[tuple[Extract, str]]:
    """What is wrong between the extracts of one contract: names that come twice, and relationships to what is not there."""
    by_name = {e.name: e for e in extracts}
    for extract in (e for e in extracts if by_name[e.name] is not e):
        yield extract, "is there twice. Rename one."
    for extract in extracts:
        for column in (c for c in extract.columns if c.parent):
            name, _, key = column.parent.partition(".")
            says, parent = f"has column '{column.name}' with a relationship to '{column.parent}', and", by_name.get(name)
            if parent is None:
                yield extract, f"{says} there is no extract '{name}'. {nearest(name, by_name)}"
            elif parent.key != (key,):
                yield extract, f"{says} '{key}' is not the key of '{name}'. {nearest(key, parent.key)}"
