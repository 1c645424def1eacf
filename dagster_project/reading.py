"""The bytes of one delivery → a table of text, one row per record, each with the line on which it starts.

Two ways to the same table. A plain file (valid UTF-8, every line one record of the right width) is read by DuckDB, in
parallel. Anything else is read record by record in Python, so that a broken record costs that record and not the file.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from .contracts import Extract

CHUNK_BYTES = 1 << 22
MAX_FIELD_CHARS = 1 << 20
MAX_EXPANSION = 200  # a gz that grows more than this many times is taken for a bomb
OTHER_DELIMITERS = ",;|\t"
SAMPLE_BYTES = 1 << 16


class FileRefused(Exception):
    """The file as a whole cannot be taken. ``says`` what is wrong, ``remedy`` what to do, ``line`` and ``column`` where."""

    def __init__(self, says: str, remedy: str, line: int | None = None, column: str | None = None):
        super().__init__(says)
        self.says, self.remedy, self.line, self.column = says, remedy, line, column


@dataclass
class Scan:
    """What one pass over the bytes tells: the hash of the bytes as sent, and whether the plain way will do."""

    content_hash: str
    byte_count: int
    newline_count: int = 0
    is_plain: bool = True
    notes: list[str] = field(default_factory=list)


@dataclass
class BadRecord:
    """A record that could not be laid out in columns."""

    line: int
    reason: str
    text: str
    says: str


@dataclass
class Sent:
    """A delivery laid out: table ``sent`` (``_line``, ``_row_number``, then the contract's columns as text)."""

    scan: Scan
    read_count: int
    bad_records: list[BadRecord]
    notes: list[str]


def _chunks(path: Path, digest, copy_to) -> Iterator[bytes]:
    """The file's text in pieces, unpacked if gz; hashes and copies the bytes as sent on the way."""
    with open(path, "rb") as file:
        is_gz = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        unpack, taken, given = (zlib.decompressobj(31) if is_gz else None), 0, 0
        while raw := file.read(CHUNK_BYTES):
            digest.update(raw)
            if copy_to:
                copy_to.write(raw)
            taken += len(raw)
            if not is_gz:
                yield raw
                continue
            try:
                while raw:
                    piece = unpack.decompress(raw, CHUNK_BYTES)
                    given += len(piece)
                    if given > MAX_EXPANSION * max(taken, CHUNK_BYTES):
                        raise FileRefused(
                            f"unpacks to more than {MAX_EXPANSION} times its size",
                            "Send the file as it is, or packed once with gzip.",
                        )
                    yield piece
                    raw = unpack.unconsumed_tail
                    if unpack.eof:
                        if unpack.unused_data:  # gzip members may follow each other
                            raw, unpack = unpack.unused_data, zlib.decompressobj(31)
                        else:
                            break
            except zlib.error as error:
                raise FileRefused(f"is not a whole gzip file ({error})", "Pack it again and send it again.") from error
        if is_gz and not unpack.eof:
            raise FileRefused("ends in the middle of its gzip data", "It was cut off on the way; send it again.")


def scan(path: Path, extract: Extract, copy_to=None) -> Scan:
    """One pass over the bytes: hash, copy to the archive, and find what stands in the way of the plain reader."""
    digest, newlines, first, last = hashlib.sha256(), 0, b"", b""
    is_plain, decoder = extract.encoding == "utf-8", codecs.getincrementaldecoder("utf-8")()
    for piece in _chunks(path, digest, copy_to):
        first, last = first or piece[:4], piece[-1:] or last
        newlines += piece.count(b"\n")
        if is_plain:
            if b"\0" in piece or piece.count(b"\r") != piece.count(b"\r\n") + (piece[-1:] == b"\r"):
                is_plain = False
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                is_plain = False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_plain = False
    if not first:
        raise FileRefused("is empty", "Send at least the header line.")
    if first[:4] == b"PK\x03\x04":
        raise FileRefused("is a zip archive", "Send the CSV itself, or packed with gzip (.csv.gz).")
    if first[:2] == b"\x1f\x8b":
        raise FileRefused("is packed twice", "Pack it once with gzip.")
    if first.startswith(codecs.BOM_UTF16_LE) or first.startswith(codecs.BOM_UTF16_BE):
        raise FileRefused("is in UTF-16", f"Send it as {extract.encoding}.")
    if last not in (b"\n", b"\r"):
        newlines += 1
    return Scan(digest.hexdigest(), os.path.getsize(path), newlines, is_plain)


def open_text(path: Path, encoding: str) -> io.TextIOBase:
    """The file's text, unpacked if gz; bytes that are not in the encoding come through as lone surrogates."""
    with open(path, "rb") as file:
        is_gz = file.read(2) == b"\x1f\x8b"
    raw = gzip.open(path, "rb") if is_gz else open(path, "rb")
    return io.TextIOWrapper(raw, encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="surrogateescape", newline="")


def read_header(path: Path, extract: Extract) -> list[str]:
    """The column names as sent. Refuses a file whose first line is not a header in the agreed delimiter."""
    with open_text(path, extract.encoding) as text:
        line = text.readline(SAMPLE_BYTES)
    names = [n.strip() for n in next(csv.reader([line], delimiter=extract.delimiter), [])]
    if len(names) == 1 and len(extract.columns) > 1:
        for other in OTHER_DELIMITERS:
            if other != extract.delimiter and line.count(other) >= len(extract.columns) // 2:
                said = "tab" if other == "\t" else f"'{other}'"
                raise FileRefused(f"separates its columns with {said}", f"Separate them with '{extract.delimiter}'.", line=1)
    return names


def match_header(names: list[str], extract: Extract) -> tuple[dict[str, int], list[str]]:
    """Which position holds which agreed column, and notes on what was let pass. Refuses what cannot be matched."""
    wanted = {c.name.lower(): c.name for c in extract.columns}
    wanted |= {a.lower(): c.name for c in extract.columns for a in c.aliases}
    places: dict[str, int] = {}
    notes, unknown = [], []
    for place, sent in enumerate(names):
        column = wanted.get(sent.lower())
        if column is None:
            unknown.append(sent)
        elif column in places:
            raise FileRefused(f"has the column '{column}' twice", "Send each column once.", line=1, column=column)
        else:
            places[column] = place
            if sent != column:
                notes.append(f"column '{sent}' is taken as '{column}'")
    missing = [c.name for c in extract.columns if c.name not in places]
    if missing:
        found = (
            f" The columns {', '.join(repr(u) for u in unknown)} are not in the contract; is one of them it?" if unknown else ""
        )
        raise FileRefused(
            f"has no column {', '.join(repr(m) for m in missing)}",
            f"Send every column of the contract, under its agreed name.{found}",
            line=1,
            column=missing[0],
        )
    notes += [f"column '{u}' is not in the contract and is left out" for u in unknown]
    return places, notes


def lay_out(con: duckdb.DuckDBPyConnection, path: Path, extract: Extract, scanned: Scan, work_dir: Path) -> Sent:
    """Fill table ``sent`` from the file. Every record ends up in it or in ``bad_records``; none is lost."""
    names = read_header(path, extract)
    places, notes = match_header(names, extract)
    con.execute("drop table if exists sent")
    if scanned.is_plain:
        count = _read_plain(con, path, extract, len(names), places)
        if count is not None and count == scanned.newline_count - 1:
            return Sent(scanned, count, [], notes)
    return _read_by_record(con, path, extract, len(names), places, scanned, notes, work_dir)


def _create_sent(con: duckdb.DuckDBPyConnection, source: str, line: str, extract: Extract, places: dict[str, int]) -> None:
    columns = ", ".join(f'c{places[c.name]} as "{c.name}"' for c in extract.columns)
    con.execute(
        f"create or replace temp table sent as select {line} as _line, row_number() over () as _row_number, {columns} from {source}"
    )


def _read_plain(con, path: Path, extract: Extract, width: int, places: dict[str, int]) -> int | None:
    """DuckDB's own reader, strict; None if any record does not fit."""
    columns = ", ".join(f"'c{i}': 'varchar'" for i in range(width))
    source = (
        f"read_csv($path, columns={{{columns}}}, auto_detect=false, header=true, delim='{extract.delimiter}', quote='\"', escape='\"', "
        "strict_mode=true, null_padding=false, ignore_errors=false, compression=$packing)"
    )
    with open(path, "rb") as file:
        packing = "gzip" if file.read(2) == b"\x1f\x8b" else "none"
    select = ", ".join(f'c{places[c.name]} as "{c.name}"' for c in extract.columns)
    try:
        con.execute(
            f"create or replace temp table sent as select row_number() over () + 1 as _line, row_number() over () as _row_number, {select} from {source}",
            {"path": str(path), "packing": packing},
        )
    except duckdb.InvalidInputException:
        return None
    return con.execute("select count(*) from sent").fetchone()[0]


def _records(text: io.TextIOBase, extract: Extract) -> Iterator[tuple[int, list[str], str | None]]:
    """(line, fields, what is wrong) of every record after the header."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    reader = csv.reader(text, delimiter=extract.delimiter)
    line, is_header = 1, True
    while True:
        try:
            fields = next(reader)
            wrong = None
        except StopIteration:
            return
        except csv.Error as error:
            fields, wrong = [], f"cannot be read as a record ({error})"
        if not is_header and (fields or wrong):
            yield line, fields, wrong
        line, is_header = reader.line_num + 1, False


def _read_by_record(con, path: Path, extract: Extract, width: int, places, scanned: Scan, notes, work_dir: Path) -> Sent:
    """Python's reader: sound records go to a clean copy that DuckDB loads, broken ones are kept with their line."""
    bad: list[BadRecord] = []
    count = 0
    clean = work_dir / f"clean-{os.getpid()}-{scanned.content_hash[:12]}.csv"
    try:
        with open_text(path, extract.encoding) as text, open(clean, "w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, quoting=csv.QUOTE_ALL)
            for line, fields, wrong in _records(text, extract):
                count += 1
                joined = extract.delimiter.join(fields)
                if wrong:
                    bad.append(BadRecord(line, "unreadable", joined, f"The record {wrong}. Check its quotes."))
                elif len(fields) != width:
                    bad.append(
                        BadRecord(
                            line,
                            "ragged",
                            joined,
                            f"The record has {len(fields)} fields where the header has {width}. Quote text that holds '{extract.delimiter}'.",
                        )
                    )
                elif "\0" in joined:
                    bad.append(
                        BadRecord(line, "nul_byte", joined.replace("\0", "\\0"), "The record holds a NUL byte. Remove it.")
                    )
                elif not joined.isascii() and any("\ud800" <= c <= "\udfff" for c in joined):
                    readable = joined.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                    bad.append(
                        BadRecord(
                            line,
                            "encoding",
                            readable,
                            f"The record is not in {extract.encoding}. Send the whole file in {extract.encoding}.",
                        )
                    )
                else:
                    writer.writerow([line, *fields])
        columns = ", ".join(["'l': 'bigint'", *(f"'c{i}': 'varchar'" for i in range(width))])
        con.execute("set preserve_insertion_order = true")
        source = f"read_csv('{str(clean).replace(chr(39), chr(39) * 2)}', columns={{{columns}}}, auto_detect=false, header=false, delim=',', quote='\"', escape='\"', max_line_size={64 * MAX_FIELD_CHARS})"
        _create_sent(con, source, "l", extract, places)
    finally:
        clean.unlink(missing_ok=True)
    return Sent(scanned, count, bad, notes)
