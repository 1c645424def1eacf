"""From a world's files the next deliveries, in which some of the records have changed: same form, sound under the contract."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path

import duckdb

from ..contracts import Column, Contracts, Extract
from .reads import World, enum_types, formats, relation

DAYS_LATER = 14  # than the latest file of the extract; the day of the sample world stands still soon after
EVERY = 100  # one record in so many changes


def make(world: Path, landing: Path, every: int = EVERY, with_full: bool = False) -> dict[str, int]:
    """Write the next delivery of each delta extract: one record in ``every``, with another value. Returns file → records changed.

    ``with_full``: each full extract comes again too, whole, with as many of its records changed. What has nothing to change but
    keys, identifiers and dates does not come again. Which records change follows from their keys, so it is the same each time.
    """
    files, written = World(world), {}
    with duckdb.connect() as con:
        con.execute(enum_types(files.contracts))
        for extract in files.contracts.extracts:
            found, change = files.deliveries(extract), changed(files.contracts, extract)
            if not found or change is None or not (with_full or extract.mode == "delta"):
                continue
            column, value = change
            is_chosen = f"hash({', '.join(extract.key)}) % {every} = 0 and {column} is not null"
            count = con.execute(f"select count(*) from {relation(files, extract)} where {is_chosen}").fetchone()[0]
            if not count:  # the same rows under another date are refused
                continue
            which = "" if extract.mode == "full" else f"where {is_chosen}"
            key = ", ".join(extract.key)
            rows = f"select * replace (case when {is_chosen} then {value} else cast({column} as varchar) end as {column})"
            once = f"qualify row_number() over (partition by {key}) = 1 order by {key}"
            day = found[0].extract_date + timedelta(days=DAYS_LATER)
            path = landing / extract.agency / f"{extract.name}_{day}.csv{'.gz' if found[0].path.suffix == '.gz' else ''}"
            write(con, f"{rows} from {relation(files, extract)} {which} {once}", extract, path)
            written[f"{extract.agency}/{path.name}"] = count
    return written


def changed(contracts: Contracts, extract: Extract) -> tuple[str, str] | None:
    """A column whose value may change, and SQL of another value that is as good; None if an extract has no such column."""
    free = [c for c in extract.columns if not c.is_key and not c.is_identifier and c.name != extract.deleted_flag]
    for column in (c for c in free if c.code_list):
        codes = _always(contracts, column)
        if len(codes) > 1:
            following = zip(codes, codes[1:] + codes[:1], strict=True)
            cases = " ".join(f"when '{code}' then '{other}'" for code, other in following)
            return column.name, f"case cast({column.name} as varchar) {cases} else '{codes[0]}' end"
    flag = next((c.name for c in free if c.type == "boolean"), None)
    return (flag, f"case when {flag} = 'Y' then 'N' else 'Y' end") if flag else None


def _always(contracts: Contracts, column: Column) -> list[str]:
    """The codes of a column that are in force on every day."""
    return sorted(code for code, periods in contracts.code_periods(column.code_list).items() if ("", "") in periods)


def write(con: duckdb.DuckDBPyConnection, sql: str, extract: Extract, path: Path) -> None:
    """Rows as a file of the contract's form: encoding, delimiter, dates, and compressed if it is named so."""
    plain = path.with_name(f".{path.name}.plain")
    con.execute(
        f"copy ({sql}) to '{plain}' (format csv, header, delimiter '{extract.delimiter}', dateformat '{formats(extract)}')"
    )
    content = plain.read_text(encoding="utf-8").encode(extract.encoding)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    plain.unlink()
