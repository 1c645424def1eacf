"""Where identifiers may be: the one list of restricted places, and files that are for their owner only.

An identifier is a value of a column that its contract classifies as ``identifier``; a record key is one of an extract's own key.
The first place that fits a path decides; a path that fits none, the warehouse and every release among them, may hold neither.
A rebuild of what was known then is a home within the home, to which the same list applies.
tests/test_one_room.py plants identifiers everywhere, runs nights and looks; dbt/docs/operations.md prints this list.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath

NOTHING, RECORD_KEYS, IDENTIFIERS = "nothing", "record keys", "identifiers"
OWNER_ONLY = 0o077
REBUILT = re.compile(r"^data/rebuilt/[^/]+/(project/)?")


@dataclass(frozen=True)
class Place:
    """Paths under the home folder that fit ``pattern`` (* is any text, also over folders), what they may hold, and why."""

    pattern: str
    holds: str
    why: str


PLACES = (
    Place("landing/*", IDENTIFIERS, "what agencies sent, as they sent it"),
    Place("data/archive/*", IDENTIFIERS, "the same bytes, kept by hash; receipts; and each night's seeds, overrides among them"),
    Place("data/restricted.duckdb*", IDENTIFIERS, "raw, quarantine, staging and identity; one set aside as damaged too"),
    Place(
        "data/work/*",
        IDENTIFIERS,
        "what DuckDB spills while it works on those, and seeds of then while it makes one anew; empty between nights",
    ),
    Place("data/sample_truth/*", IDENTIFIERS, "who is who in the sample world; there is none with real deliveries"),
    Place("seeds/linkage_overrides.csv", IDENTIFIERS, "decisions on pairs of people, by their agencies' references"),
    Place("data/linkage/review/*", IDENTIFIERS, "pairs of people for the reviewers of links: their page and their queue"),
    Place("data/linkage/model/*", NOTHING, "a newly trained model: names only that many people have"),
    Place("data/nights/*alert*.json", NOTHING, "alerts leave the data folder"),
    Place("data/nights/*", RECORD_KEYS, "an agency's own keys of the records it must fix, and no value of another column"),
    Place("data/differences/*", RECORD_KEYS, "keys of the records behind a changed figure"),
)


def may_hold(path: PurePath | str) -> str:
    """What a file may hold, by its path under the home folder: NOTHING, RECORD_KEYS or IDENTIFIERS."""
    name = REBUILT.sub("", PurePath(path).as_posix())
    return next((place.holds for place in PLACES if fnmatchcase(name, place.pattern)), NOTHING)


def keep_to_owner() -> None:
    """From here on this process, and those it starts, make files and folders that only their owner can read.

    Releases are opened to readers one by one, when they are published (release.py).
    """
    os.umask(OWNER_ONLY)
