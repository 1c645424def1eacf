"""A relation and a contract → the file that an agency would send. Delimiter, encoding and date format are the contract's."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb

from ..contracts import Column, Extract

PACKED = ("hmrc", "dwp", "police")  # the agencies with the largest files send them packed
FETCHED_ROWS = 50_000


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


def write_file(con: duckdb.DuckDBPyConnection, extract: Extract, path: Path, work: Path) -> int:
    """Write views ``sound`` and then table ``defective`` as one file; returns the rows written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    select = "select * from sound union all select * from defective"
    if extract.encoding == "utf-8":
        packing = "gzip" if path.suffix == ".gz" else "none"
        return con.execute(
            f"copy ({select}) to '{path}' (format csv, header, delimiter '{extract.delimiter}', compression {packing})"
        ).fetchone()[0]
    # DuckDB writes UTF-8 only
    rows = 0
    with open(path, "w", newline="", encoding=extract.encoding) as file:
        writer = csv.writer(file, delimiter=extract.delimiter, lineterminator="\n")
        writer.writerow(column.name for column in extract.columns)
        sent = con.execute(select)
        while page := sent.fetchmany(FETCHED_ROWS):
            writer.writerows(page)
            rows += len(page)
    return rows
