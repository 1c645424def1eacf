"""The text of one delivery → a table of text, one row per record, each with the line on which it starts.

Two ways to the same table. A plain file (every line one record of the right width) is read by DuckDB, in parallel.
Anything else is read record by record in Python, so that a broken record costs that record and not the file.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from .arrival import FileRefused, Scan, is_gzip, open_text, scan
from .contracts import Extract
from .records import MAX_RECORD_CHARS, MAX_SHOWN_CHARS, UNCLOSED, records
from .register import transaction

__all__ = ["FileRefused", "Scan", "Sent", "forget", "lay_out", "match_header", "read_header", "scan"]

MAX_HEADER_CHARS = 1 << 16
BATCH_ROWS, BATCH_CHARS = 50_000, 1 << 24
OTHER_DELIMITERS = ",;|\t"
LIKE_A_NAME = re.compile(r"(?!.*\d{4})[^\W\d][\w .-]{0,60}")  # a number or a day is a value
NO_TEXT = re.compile("[\ud800-\udfff]")  # bytes that are not in the agreed encoding (open_text)
NUMBERS = ("_line", "_row_number")  # the first columns of both tables
WORKING = ("sent", "sent_text", "broken", "suspects", "findings", "orphans", "missing")  # what is made of one file
BROKEN = "_line bigint, _row_number bigint, reason varchar, offending_text varchar, record_key varchar, says varchar"


@dataclass
class Sent:
    """A delivery laid out. Every record is in table ``sent`` (``_line``, ``_row_number``, then the contract's columns as
    text) or, ``bad_records`` of them, in table ``broken``; ``_row_number`` counts the records of the file from 1.

    ``is_landed``: the rows stand in the extract's raw table already, and in ``intake.landing`` that they do not count yet;
    ``sent`` is a view of them. ``is_tidy``: no value has a blank at either end, so that none need be taken off.
    ``may_hold_controls``: values may hold line breaks or control characters, which hardly any file does.
    """

    read_count: int
    bad_records: int
    notes: list[str]
    is_landed: bool = False
    is_tidy: bool = False
    may_hold_controls: bool = True


def read_header(path: Path, extract: Extract) -> list[str]:
    """The column names as sent. Refuses a file whose first line is not a header in the agreed delimiter."""
    with open_text(path, extract.encoding) as text:
        line = text.readline(MAX_HEADER_CHARS)
        if len(line) == MAX_HEADER_CHARS:
            raise FileRefused("has a first line too long for a header", "Send the column names on the first line.", line=1)
        rest = io.StringIO(line + text.read(MAX_HEADER_CHARS), newline="")  # a quoted name may hold a line end
    try:
        names = [n.strip() for n in next(csv.reader(rest, delimiter=extract.delimiter, strict=True), [])]
    except csv.Error as error:
        raise FileRefused(f"has a header that cannot be read ({error})", "Check its quotes.", line=1) from error
    if len(names) == 1 and len(extract.columns) > 1:
        for other in OTHER_DELIMITERS:
            if other != extract.delimiter and line.count(other) >= len(extract.columns) // 2:
                said = "tab" if other == "\t" else f"'{other}'"
                raise FileRefused(f"separates its columns with {said}", f"Separate them with '{extract.delimiter}'.", line=1)
    return names


def _told(place: int, sent: str) -> str:
    """A name of a column as messages have it; of what looks like a value its place alone."""
    return repr(sent) if LIKE_A_NAME.fullmatch(sent) else f"number {place + 1}"


def match_header(names: list[str], extract: Extract) -> tuple[dict[str, int], list[str]]:
    """Which position holds which agreed column, and notes on what was let pass. Refuses what cannot be matched."""
    wanted = {c.name.lower(): c.name for c in extract.columns}
    wanted |= {a.lower(): c.name for c in extract.columns for a in c.aliases}
    places: dict[str, int] = {}
    notes, unknown = [], []
    for place, sent in enumerate(names):
        column = wanted.get(sent.lower())
        if column is None:
            unknown.append(_told(place, sent))
        elif column in places:
            raise FileRefused(f"has the column '{column}' twice", "Send each column once.", line=1, column=column)
        else:
            places[column] = place
            if sent != column:
                notes.append(f"column {sent!r} is taken as {column!r}")
    missing = [c.name for c in extract.columns if c.name not in places]
    # then values may stand there, and these must not be repeated in a message
    is_joined = len(unknown) > 1 and len(unknown) >= len(places)
    if missing:
        found = " The first line holds none of the agreed names; is the header there?" if not places else ""
        if places and is_joined:
            found = f" {len(unknown)} other columns stand there; does the header end with its line?"
        elif places and unknown:
            found = f" The columns {', '.join(unknown)} are not in the contract; is one of them it?"
            if len(unknown) == 1:
                found = f" The column {unknown[0]} is not in the contract; is it the one?"
        raise FileRefused(
            f"has no column {', '.join(repr(m) for m in missing)}",
            f"Send every column of the contract, under its agreed name.{found}",
            line=1,
            column=missing[0],
        )
    if is_joined:
        notes.append(f"{len(unknown)} columns are not in the contract and are left out; does the header end with its line?")
    else:
        notes += [f"column {u} is not in the contract and is left out" for u in unknown]
    return places, notes


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what laying out and judging a file have left; it may be large."""
    made = con.execute(
        "select 'view', view_name from duckdb_views() where temporary "
        "union all select 'table', table_name from duckdb_tables() where temporary"
    ).fetchall()
    for kind, name in made:
        if name in WORKING:
            con.execute(f"drop {kind} temp.{name}")


def lay_out(con: duckdb.DuckDBPyConnection, path: Path, extract: Extract, scanned: Scan, delivery_id: str | None = None) -> Sent:
    """Fill ``sent`` and ``broken`` from the file; no record is lost. Raises FileRefused for a wrong header.

    With a ``delivery_id`` the rows of a plain file go straight to the extract's raw table, under that id (see Sent).
    """
    names = read_header(path, extract)
    places, notes = match_header(names, extract)
    columns = ", ".join(f'"{c.name}" varchar' for c in extract.columns)
    forget(con)
    con.execute(f"create temp table broken ({BROKEN})")
    if is_for_plain(scanned, len(names)) and _read_plain(con, path, extract, len(names), places) == scanned.line_count - 1:
        _show_plain(con, extract, delivery_id)
        return Sent(scanned.line_count - 1, 0, notes, delivery_id is not None, scanned.is_tidy, scanned.has_controls)
    con.execute(f"create temp table sent (_line bigint, _row_number bigint, {columns})")
    count, bad, cut = _read_by_record(con, path, extract, len(names), places)
    if cut and not scanned.is_ended:
        raise FileRefused(f"ends in the middle of a record, on line {cut}", "It was cut off on the way; send it again.", line=cut)
    return Sent(count, bad, notes)


def is_for_plain(scanned: Scan, width: int) -> bool:
    """Whether the plain way may be tried. Delimiters are counted, as DuckDB lets one too many at the end of a line pass."""
    return scanned.is_plain and scanned.delimiter_count == scanned.line_count * (width - 1)


def _read_plain(con, path: Path, extract: Extract, width: int, places: dict[str, int]) -> int | None:
    """Fill ``sent_text`` by DuckDB's own reader, strict, in the order of the file. The count of rows, or None if any record
    does not fit."""
    if any(c in str(path) for c in "*?["):
        return None  # DuckDB would take the name for a pattern
    columns = ", ".join(f"'c{i}': 'varchar'" for i in range(width))
    select = ", ".join(f'c{places[c.name]} as "{c.name}"' for c in extract.columns)
    con.execute("set preserve_insertion_order = true")  # so that rowid counts the records
    try:
        con.execute(
            f"create or replace temp table sent_text as select {select} "
            f"from read_csv($path, columns={{{columns}}}, auto_detect=false, header=true, delim='{extract.delimiter}', "
            "quote='\"', escape='\"', strict_mode=true, null_padding=false, ignore_errors=false, compression=$packing, "
            f"max_line_size={MAX_RECORD_CHARS})",
            {"path": str(path), "packing": "gzip" if is_gzip(path) else "none"},
        )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        return None
    return con.execute("select count(*) from sent_text").fetchall()[0][0]


def _show_plain(con, extract: Extract, delivery_id: str | None) -> None:
    """Make ``sent`` a view: of ``sent_text``, or of the raw table, into which the rows then go first. There they are
    compressed, so that what is checked once for each distinct value takes a fraction of the time.

    They go there in no order: kept in order, they fill DuckDB's groups of rows in part only, and it writes many of them again
    later to fill them."""
    columns = ", ".join(f'"{c.name}"' for c in extract.columns)
    source, number = "sent_text", "rowid + 1"
    if delivery_id:
        table = f"raw.{extract.table}"
        into = f"insert into {table} ({columns}, _delivery_id, _row_number)"
        with _in_no_order(con), transaction(con):  # the order is set again when nothing stands open that has failed
            con.execute("insert into intake.landing values (?, ?)", [delivery_id, table])
            con.execute(f"{into} select {columns}, '{delivery_id}', {number} from sent_text")
            con.execute("drop table temp.sent_text")
        source, number = f"{table} where _delivery_id = '{delivery_id}'", "_row_number"
    con.execute(f"create temp view sent as select {number} + 1 as _line, {number} as _row_number, {columns} from {source}")


@contextlib.contextmanager
def _in_no_order(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    con.execute("set preserve_insertion_order = false")
    try:
        yield
    finally:
        con.execute("set preserve_insertion_order = true")


def _fault(fields: list[str], joined: str, wrong: str | None, width: int, extract: Extract) -> tuple[str, str] | None:
    """Why a record cannot be laid out, as (reason, what to do); None if it can."""
    if wrong:
        return "unreadable", f"The record {wrong}. Check its quotes."
    if len(fields) != width:
        remedy = f"Quote text that holds '{extract.delimiter}'." if len(fields) > width else "Send every field, blank ones too."
        return "ragged", f"The record has {len(fields)} fields where the header has {width}. {remedy}"
    if "\0" in joined:
        return "nul_byte", "The record holds a NUL byte. Remove it."
    if not joined.isascii() and NO_TEXT.search(joined):
        return "encoding", f"The record is not in {extract.encoding}. Send the whole file in {extract.encoding}."
    return None


def _readable(text: str) -> str:
    """Text that a database takes and a person can read: bytes that are no text are written as \\x.., NUL as \\0."""
    text = text[:MAX_SHOWN_CHARS].replace("\0", "\\0")
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\ud800" <= c <= "\udfff" else c for c in text)


def _read_by_record(con, path: Path, extract: Extract, width: int, places: dict[str, int]) -> tuple[int, int, int | None]:
    """Fill ``sent`` and ``broken`` by Python's reader, in batches; how many records there are and how many are broken.

    The third is the line of the last record if that has no end: too few fields, or a quote that is not closed.
    """
    order = [places[c.name] for c in extract.columns]
    keys = [places[name] for name in extract.key]
    sent = _Batch(con, "sent", ["_line", "_row_number", *(c.name for c in extract.columns)])
    broken = _Batch(con, "broken", [c.split()[0] for c in BROKEN.split(", ")])
    count, bad, cut = 0, 0, None
    with open_text(path, extract.encoding) as text:
        for line, fields, wrong in records(text, extract.delimiter):
            count, cut = count + 1, None
            joined = extract.delimiter.join(fields)
            is_simple = not wrong and len(fields) == width and joined.isascii() and "\0" not in joined  # nearly every record
            fault = None if is_simple else _fault(fields, joined, wrong, width, extract)
            if fault is None:
                sent.add((line, count, *[fields[place] for place in order]), len(joined))
                continue
            bad += 1
            cut = line if wrong == UNCLOSED or (not wrong and len(fields) < width) else None
            key = None if wrong else " / ".join(_readable(fields[k]) for k in keys if k < len(fields))
            broken.add((line, count, fault[0], _readable(joined), key, fault[1]), MAX_SHOWN_CHARS)
    sent.flush()
    broken.flush()
    return count, bad, cut


class _Batch:
    """Rows on their way to a table, some thousands at a time; text without a letter arrives as null."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str, names: list[str]):
        self.con, self.table, self.names = con, table, names
        self.rows, self.chars = [], 0

    def add(self, row: tuple, chars: int) -> None:
        self.rows.append(row)
        self.chars += chars
        if len(self.rows) >= BATCH_ROWS or self.chars >= BATCH_CHARS:
            self.flush()

    def flush(self) -> None:
        if not self.rows:
            return
        import pyarrow as pa  # slow to import, and not needed for a plain file

        batch = pa.table([pa.array(values) for values in zip(*self.rows, strict=True)], names=self.names)
        text = [f"nullif(cast(\"{n}\" as varchar), '')" for n in self.names if n not in NUMBERS]
        columns = ", ".join([*(n for n in self.names if n in NUMBERS), *text])
        self.con.register("_batch", batch)
        self.con.execute(f"insert into {self.table} select {columns} from _batch")
        self.con.unregister("_batch")
        self.rows, self.chars = [], 0
