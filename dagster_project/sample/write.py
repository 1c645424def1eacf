"""A relation and a contract → the file that an agency would send. Delimiter, encoding and date format are the contract's.

Files grow batch by batch. DuckDB writes the batch as plain UTF-8 CSV; Python turns that into the agreed encoding or packs
it, block by block: a gzip file of several members is one file to every reader, and blocks can be packed side by side.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from ..contracts import Column, Extract

PACKED = ("hmrc", "dwp")  # the agencies that send their files packed
BLOCK_BYTES = 1 << 22
PACK_LEVEL = 1


def file_name(extract: Extract, delivery: str) -> str:
    """Where a delivery of an extract goes, under the output folder."""
    return f"{extract.agency}/{extract.name}_{delivery}.csv{'.gz' if extract.agency in PACKED else ''}"


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


class Files:
    """The files being written: each batch of rows is appended to the file of its extract and delivery."""

    def __init__(self, out_dir: Path, work: Path):
        self.out_dir, self.work = out_dir, work
        self.rows: dict[str, int] = {}
        self.pool = ThreadPoolExecutor(2)

    def append(self, con: duckdb.DuckDBPyConnection, extract: Extract, name: str) -> None:
        """Append views ``sound`` and then table ``defective`` to a file, which begins with its header."""
        part = self.work / "part.csv"
        rows = con.execute(
            f"copy (select * from sound union all select * from defective) to '{part}' (format csv, header false, delimiter '{extract.delimiter}')"
        ).fetchone()[0]
        path = self.out_dir / name
        if name not in self.rows:
            path.parent.mkdir(parents=True, exist_ok=True)
            header = io.StringIO()
            csv.writer(header, delimiter=extract.delimiter, lineterminator="\n").writerow(c.name for c in extract.columns)
            path.write_bytes(self._packed(header.getvalue().encode(extract.encoding)) if path.suffix == ".gz" else header.getvalue().encode(extract.encoding))
        blocks = _blocks(part, extract.encoding)
        with open(path, "ab") as file:
            for block in self.pool.map(self._packed, blocks) if path.suffix == ".gz" else blocks:
                file.write(block)
        self.rows[name] = self.rows.get(name, 0) + rows

    @staticmethod
    def _packed(block: bytes) -> bytes:
        return gzip.compress(block, PACK_LEVEL, mtime=0)

    def close(self) -> dict[str, int]:
        """Stop the packing threads; returns file → rows, in the order of the names."""
        self.pool.shutdown()
        return dict(sorted(self.rows.items()))
