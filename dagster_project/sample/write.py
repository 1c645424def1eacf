"""A relation and a contract → the file that an agency would send. Delimiter, encoding and date format are the contract's.

Files grow batch by batch. DuckDB writes the batch as plain UTF-8 CSV; Python turns that into the agreed encoding or packs
it, block by block: a gzip file of several members is one file to every reader, so parts can be joined as they are.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..contracts import Column, Extract

PACKED = ("hmrc", "dwp")  # the agencies that send their files packed
BLOCK_BYTES = 1 << 22
PACK_LEVEL = 1


def file_name(extract: Extract, delivery: str, is_packed: bool = False) -> str:
    """Where a delivery of an extract goes, under the output folder."""
    return f"{extract.agency}/{extract.name}_{delivery}.csv{'.gz' if is_packed or extract.agency in PACKED else ''}"


def _text(column: Column) -> str:
    name = f'"{column.name}"'
    if column.type == "date":
        return f"strftime({name}, '{column.date_format}') as {name}"
    if column.type == "boolean":
        return f"case when {name} then 'Y' when not {name} then 'N' end as {name}"
    return f"cast({name} as varchar) as {name}"


def as_text(extract: Extract) -> str:
    """The select list that turns typed columns into the agreed text, in the agreed order."""
    return ", ".join(_text(column) for column in extract.columns)


def _blocks(path: Path, encoding: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        if encoding == "utf-8":
            while block := file.read(BLOCK_BYTES):
                yield block
        else:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            while page := text.read(BLOCK_BYTES):
                yield page.encode(encoding)


@dataclass(frozen=True)
class Part:
    """A batch's rows of one file, ready to be joined to it."""

    name: str
    path: Path
    rows: int
    header: bytes


def _packed(block: bytes) -> bytes:
    return gzip.compress(block, PACK_LEVEL, mtime=0)


def write_part(con: duckdb.DuckDBPyConnection, extract: Extract, name: str, work: Path) -> Part:
    """Write view ``sound`` and then table ``defective`` as a part of a file, in its encoding and packing, without the header."""
    batch = con.execute("select getvariable('batch')").fetchone()[0]
    plain, path = work / f"{batch}-{extract.table}.csv", work / f"{batch}-{name.replace('/', '-')}"
    select = "select * from sound union all select * from defective"
    how = f"format csv, header false, delimiter '{extract.delimiter}'"
    rows = con.execute(f"copy ({select}) to '{plain}' ({how})").fetchone()[0]
    header = io.StringIO()
    csv.writer(header, delimiter=extract.delimiter, lineterminator="\n").writerow(c.name for c in extract.columns)
    first = header.getvalue().encode(extract.encoding)
    is_packed = path.suffix == ".gz"
    if extract.encoding == "utf-8" and not is_packed:
        os.replace(plain, path)
    else:
        with open(path, "wb") as file:
            for block in _blocks(plain, extract.encoding):
                file.write(_packed(block) if is_packed else block)
        plain.unlink()
    return Part(name, path, rows, _packed(first) if is_packed else first)


class Files:
    """The files of the world: parts are joined in the order in which they come."""

    def __init__(self, out_dir: Path):
        self.out_dir = out_dir
        self.rows: dict[str, int] = {}

    def append(self, parts: list[Part]) -> None:
        """Join the parts of one batch to their files; a file begins with its header."""
        for part in parts:
            path = self.out_dir / part.name
            if part.name not in self.rows:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(part.header)
            with open(path, "ab") as file, open(part.path, "rb") as rows:
                shutil.copyfileobj(rows, file, BLOCK_BYTES)
            part.path.unlink()
            self.rows[part.name] = self.rows.get(part.name, 0) + part.rows
