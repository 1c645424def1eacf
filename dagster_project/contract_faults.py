"""What a contract may hold: faults that the standard's own schema lets pass and that would go wrong later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .contracts import Extract

TYPES, MODES = ("string", "date", "integer", "boolean"), ("full", "delta")
ENCODINGS = ("utf-8", "windows-1252", "iso-8859-1", "us-ascii")


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
    for column in (c for c in extract.columns if c.type == "date" and re.search("[A-Za-z]", re.sub("%[Ymd]", "", c.date_format))):
        yield f"has column '{column.name}' in an unknown date format. Write it with yyyy, MM and dd."
    for name in {*(r.column for r in extract.rules), *filter(None, [extract.deleted_flag])} - {*names}:
        yield f"names a column '{name}' that it does not have. Correct the rule or deletedFlag."
    dates = {c.name for c in extract.columns if c.type == "date"}
    for column in (c for c in extract.columns if c.code_valid_on and not (c.code_list and c.code_valid_on in dates)):
        yield f"has codeValidOn of '{column.name}', which needs a codeList and the name of a date column. Correct it."
    for column in (c for c in extract.columns if c.latest_days is not None and c.name not in dates):
        yield f"has latestDaysAfterExtract on '{column.name}', which is no date. Take it off."
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
