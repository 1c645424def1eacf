"""Looks for planted values in everything that stands in a home: in the bytes of each file, and in what they unpack to.

A value is found however it is written: in any case, without its blanks and punctuation, inside other text, in UTF-16, without
its accents, and escaped for a URL, HTML or JSON. A date is found in any order of day, month and year.
"""

from __future__ import annotations

import gzip
import html
import io
import re
import sqlite3
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import duckdb
from planting import YEARS, Planted

from dagster_project.places import IDENTIFIERS, RECORD_KEYS, may_hold

LEAST = 7  # letters and digits of a value that can be told from chance
DROPPED = bytes(b for b in range(256) if not chr(b).isascii() or not chr(b).isalnum())
LOWER = bytes(b + 32 if 65 <= b <= 90 else b for b in range(256))
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
YEAR = f"({'|'.join(map(str, YEARS))})"
AROUND, BEGINS = 24, 4  # bytes beside a year in which a date may stand; letters by which values are looked for at first
GAP = r"(\W|_)"
# year first, year last, month in words. One sign stands twice, or none and then two digits each: a time such as 12:00:00.491904,
# or a cell of counts and rates such as 12,9.1904, is no date
DATES = [
    (re.compile(rf"(?<!\d){YEAR}{GAP}(\d\d?)\2(\d\d?)(?!\d)".encode()), "y md"),
    (re.compile(rf"(?<!\d){YEAR}(\d\d)(\d\d)(?!\d)".encode()), "ymd"),
    (re.compile(rf"(?<!\d)(\d\d?){GAP}(\d\d?)\2{YEAR}(?!\d)".encode()), "d my"),
    (re.compile(rf"(?<!\d)(\d\d)(\d\d){YEAR}(?!\d)".encode()), "dmy"),
    (re.compile(rf"(?<!\d)(\d\d?)\W{{0,2}}({'|'.join(MONTHS)})[a-z]*\W{{0,2}}{YEAR}(?!\d)".encode(), re.I), "dmy"),
    (re.compile(rf"({'|'.join(MONTHS)})[a-z]*\W{{0,2}}(\d\d?)\W{{1,2}}{YEAR}(?!\d)".encode(), re.I), "mdy"),
]
ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\+[nrt]")


@dataclass(frozen=True)
class Found:
    """A planted value where it may not be: the file, by its path under the home, the place within it, and the value."""

    file: str
    within: str
    text: str


def squeezed(content: bytes) -> bytes:
    """Letters and digits of ASCII, in lower case."""
    return content.translate(LOWER, DROPPED)


def _without_escapes(text: str) -> str:
    for _ in range(3):  # one escape inside another
        before = text
        text = ESCAPED.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else " ", text)
        text = unquote(html.unescape(text))
        if text == before:
            break
    return text


def _folded(text: str) -> bytes:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore")


def open_to_others(home: Path) -> list[str]:
    """What under the data folder anyone but its owner may read, write or enter."""
    paths = [home / "data", *(home / "data").rglob("*")]
    return sorted(str(p.relative_to(home)) for p in paths if not p.is_symlink() and p.stat().st_mode & 0o077)


class Scanner:
    """Knows what was planted; ``scan`` looks for it in a home, ``look`` in some bytes."""

    def __init__(self, planted: Iterable[Planted]):
        self.words: dict[bytes, Planted] = {}
        self.days: dict[tuple[int, int, int], Planted] = {}
        for value in planted:
            if value.day:
                self.days[value.day] = value
                continue
            parts = [p for p in re.split(r"[^0-9A-Za-z]", value.text) if len(p) >= LEAST and not p.isdigit()]
            for form in {squeezed(value.text.encode()), squeezed(_folded(value.text)), *(squeezed(p.encode()) for p in parts)}:
                assert len(form) >= LEAST and self.words.setdefault(form, value) is value, value
        self.begins: dict[bytes, list[bytes]] = {}  # a handful of searches where there would be hundreds
        for form in self.words:
            self.begins.setdefault(form[:BEGINS], []).append(form)

    def scan(self, home: Path) -> list[Found]:
        """Every planted value in every file under a home where that file may not hold it."""
        found = []
        for path in sorted(p for p in home.rglob("*") if p.is_file() and not p.is_symlink()):
            name = path.relative_to(home)
            if may_hold(name) != IDENTIFIERS:
                found += [Found(str(name), w, v.text) for w, v in self.look_in(path) if not is_allowed(name, v)]
        return found

    def look_in(self, path: Path) -> Iterator[tuple[str, Planted]]:
        """(where within the file, value) of each planted value in a file, in its bytes or in what it holds."""
        for within, content in contents(path):
            for value in self.look(content):
                yield within, value

    def look(self, content: bytes) -> list[Planted]:
        """The planted values in some bytes."""
        text = content.decode("utf-8", "ignore")
        views = [content]
        if any(c in text for c in "%&\\") or not text.isascii():
            plain = _without_escapes(text)
            views += [plain.encode("utf-8", "ignore"), _folded(plain)]
        found: dict[str, Planted] = {}
        for view in views:
            short = squeezed(view)
            near = [form for begin, forms in self.begins.items() if begin in short for form in forms]
            found |= {self.words[form].text: self.words[form] for form in near if form in short}
            content = view.replace(b"\0", b"")
            for match in re.finditer(YEAR.encode(), content):
                found |= {v.text: v for v in self._dates(content[max(0, match.start() - AROUND) : match.end() + AROUND])}
        return list(found.values())

    def _dates(self, content: bytes) -> Iterator[Planted]:
        for pattern, order in DATES:
            for match in pattern.finditer(content):
                part = {k: g.decode("latin-1").lower() for k, g in zip(order, match.groups(), strict=True)}
                month = MONTHS.index(part["m"]) + 1 if part["m"].isalpha() else int(part["m"])
                year, day = int(part["y"]), int(part["d"])
                yield from (self.days[d] for d in ((year, month, day), (year, day, month)) if d in self.days)


def is_allowed(name: Path, value: Planted) -> bool:
    """Whether a file that may hold record keys may hold this value: in a list for one agency no other's identifying key."""
    if may_hold(name) != RECORD_KEYS:
        return False
    agency = re.fullmatch(r"fix_(\w+)\.csv", name.name)
    keys = [(whose, is_identifier) for whose, _, _, is_key, is_identifier in value.places if is_key]
    return any(not agency or whose == agency[1] or not is_identifier for whose, is_identifier in keys)


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """(where, bytes) of all there is to read in a file: its bytes as they stand, and every cell of every table in it."""
    raw = path.read_bytes()
    yield "its bytes", raw
    if raw[8:12] == b"DUCK":
        yield from _duckdb_cells(path)
    elif raw[:4] == b"PAR1":
        with duckdb.connect() as con:
            yield from _columns(con, f"read_parquet('{path}')", "")
    elif raw[:15] == b"SQLite format 3":
        yield from _sqlite_cells(path)
    else:
        yield from _unpacked(raw, "")


def _unpacked(raw: bytes, within: str) -> Iterator[tuple[str, bytes]]:
    """What is in a zip (and so in an Excel file), a gzip or a zlib stream, however deep."""
    if raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as file:
            members = [(f"{within}/{name}", file.read(name)) for name in file.namelist()]
    elif raw[:2] == b"\x1f\x8b":
        members = [(f"{within}/unpacked", gzip.decompress(raw))]
    elif raw[:1] == b"\x78":
        try:
            members = [(f"{within}/unpacked", zlib.decompress(raw))]
        except zlib.error:
            return
    else:
        return
    for name, content in members:
        yield name, content
        yield from _unpacked(content, name)


def _columns(con: duckdb.DuckDBPyConnection, relation: str, name: str) -> Iterator[tuple[str, bytes]]:
    for column, *_ in con.execute(f"describe from {relation}").fetchall():
        quoted = '"' + column.replace('"', '""') + '"'
        cells = con.execute(f"select distinct cast({quoted} as varchar) from {relation}").fetchall()
        yield f"{name}.{column}", "\n".join([column, *(c for (c,) in cells if c)]).encode()


def _duckdb_cells(path: Path) -> Iterator[tuple[str, bytes]]:
    with duckdb.connect(str(path), read_only=True) as con:
        made = con.execute("select coalesce(sql, '') || coalesce(comment, '') from duckdb_tables()").fetchall()
        made += con.execute("select coalesce(sql, '') || coalesce(comment, '') from duckdb_views()").fetchall()
        yield "definitions", "\n".join(s for (s,) in made).encode()
        for schema, table in con.execute("select schema_name, table_name from duckdb_tables() where not temporary").fetchall():
            yield from _columns(con, f'"{schema}"."{table}"', f"{schema}.{table}")


def _sqlite_cells(path: Path) -> Iterator[tuple[str, bytes]]:
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as con:
        for (table,) in con.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in con.execute(f'select * from "{table}"'):
                for cell in row:
                    content = cell if isinstance(cell, bytes) else str(cell).encode()
                    yield table, content
                    yield from _unpacked(content, table)
