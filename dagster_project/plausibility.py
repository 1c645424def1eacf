"""A delivery beside what was taken before: the same rows under another date, far fewer or more rows, keys without a parent."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import duckdb

from . import reading
from .arrival import FileRefused
from .checks import value
from .contracts import FILE_NAME, PLAIN_NAME, Column, Contracts, Extract
from .register import REFUSED, Report
from .seed_faults import day

CONFIRMATIONS = "delivery_confirmations.csv"  # a seed
NO_REGISTER = (duckdb.CatalogException, duckdb.BinderException)  # none there, or one of an earlier version


def compare(con: duckdb.DuckDBPyConnection, contracts: Contracts, report: Report) -> None:
    """Hold a delivery to those that the register says were taken before: same rows under another date, far fewer or more rows.

    Raises FileRefused for either, unless the contract lets it pass or a person has confirmed the bytes in the seed
    ``delivery_confirmations``; what was confirmed is said in a note.
    """
    extract = report.extract
    may_repeat = extract.may_repeat or (extract.mode == "delta" and not report.read_count)
    doubts = [*([] if may_repeat else _repeated(con, report)), *_out_of_scale(con, report)]
    if not doubts:
        return
    if _is_confirmed(contracts.seeds_dir, report):
        said = "; ".join(says for says, _ in doubts)
        report.messages.append(f"{report.file_name}: Note: the file {said}; this was confirmed in seeds/{CONFIRMATIONS}.")
        return
    says, remedy = doubts[0]
    row = f"{extract.agency},{extract.name},{report.content_hash},<why>,<your name>,<YYYY-MM-DD>"
    raise FileRefused(says, f"{remedy} If it is right, add to seeds/{CONFIRMATIONS}: {row}")


def later_in_force(con: duckdb.DuckDBPyConnection, report: Report) -> str | None:
    """A note if a delivery takes no place of a full extract, for one of a later date or sequence was taken."""
    later = _latest(con, report, ">") if report.extract.mode == "full" else None
    return f"it is kept, and '{later[0]}' of {later[2]} stays in force" if later else None


def _latest(con, report: Report, sign: str) -> tuple[str, int, date] | None:
    """File name, rows and date of the latest delivery of the same (=), an earlier (<) or a later (>) date and sequence."""
    return con.execute(
        "select file_name, row_count, extract_date from intake.deliveries where agency = ? and extract = ? and status <> ? "
        f"and received_at < ? and (extract_date, sequence) {sign} (?, ?) "
        "order by extract_date desc, sequence desc, received_at desc limit 1",
        [report.extract.agency, report.extract.name, REFUSED, report.received_at, report.extract_date, report.sequence],
    ).fetchone()


def _repeated(con, report: Report) -> list[tuple[str, str]]:
    """(What is wrong, what to do) if the same rows were taken under another extract date."""
    earlier = con.execute(
        "select file_name, extract_date, received_at from intake.deliveries where agency = ? and extract = ? and status <> ? "
        "and received_at < ? and rows_hash = ? and extract_date <> ? "
        "order by extract_date desc, sequence desc, received_at desc limit 1",
        [report.extract.agency, report.extract.name, REFUSED, report.received_at, report.rows_hash, report.extract_date],
    ).fetchone()
    if earlier is None:
        return []
    name, day, received = earlier
    says = f"holds the same rows as '{name}' of {day}, received {received:%Y-%m-%d %H:%M} UTC, under another date"
    return [(says, f"Send the rows of {report.extract_date}.")]


def _out_of_scale(con, report: Report) -> list[tuple[str, str]]:
    """(What is wrong, what to do) if the count of rows is out of the contract's proportion to that of the delivery that it
    would replace, or of the one before that. What is put back is not held to what it undoes."""
    extract = report.extract
    if extract.smallest_percent is None and extract.largest_percent is None:
        return []
    doubts = [] if report.is_put_back else _beside(con, report, "=", "the one it replaces")
    return doubts or _beside(con, report, "<", "the last")


def _beside(con, report: Report, sign: str, called: str) -> list[tuple[str, str]]:
    """(What is wrong, what to do) beside the latest delivery of the same (=) or an earlier (<) date and sequence."""
    extract = report.extract
    before = _latest(con, report, sign)
    if before is None or before[1] < max(1, extract.compared_from):
        return []
    name, rows, _ = before
    percent, low, high = 100 * report.read_count / rows, extract.smallest_percent, extract.largest_percent
    if low is not None and percent < low:
        is_far, limit, remedy = "smaller", f"at least {low:g} %", "Send every row that stands."
    elif high is not None and percent > high:
        is_far, limit, remedy = "larger", f"at most {high:g} %", "Look for rows sent twice, or of other years or areas."
    else:
        return []
    says = f"is far {is_far} than {called}: {report.read_count:,} rows, {percent:.0f} % of the {rows:,} in '{name}'"
    return [(f"{says}; the contract expects {limit}", remedy)]


def _is_confirmed(seeds_dir: Path, report: Report) -> bool:
    """Whether a person has confirmed these bytes, with a reason, a name and a day."""
    path, wanted = seeds_dir / CONFIRMATIONS, (report.extract.agency, report.extract.name, report.content_hash)
    if not path.exists():
        return False
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [r for r in csv.DictReader(file) if tuple(map(r.get, ("agency", "extract", "content_hash"))) == wanted]
    named = [r for r in rows if all((r.get(name) or "").strip() for name in ("reason", "confirmed_by"))]
    return any(day(r.get("confirmed_date") or "") for r in named)


def find_orphans(con: duckdb.DuckDBPyConnection, contracts: Contracts, report: Report, is_tidy: bool = False) -> list[str]:
    """Notes on parents that could not be looked up. Fills table ``orphans`` (_line, column_name, reason, offending_text,
    says) with the sound rows of ``sent`` whose parent stands neither in what was taken nor in the newest file beside this one.

    No verdict follows from it: it would depend on which file comes first.
    """
    con.execute(
        "create or replace temp table orphans "
        "(_line bigint, column_name varchar, reason varchar, offending_text varchar, says varchar)"
    )
    notes = []
    for column in (c for c in report.extract.columns if c.parent):
        name, key = column.parent.split(".")
        parent = contracts.find(report.extract.agency, name)
        if parent is None or key not in parent.key:
            continue
        left = None  # rows without a parent so far
        for keys_of in (_keys_taken, _keys_beside):
            keys = None if left == 0 else keys_of(con, report.file, parent, key)
            if keys:
                left = _look_up(con, value(column.name, is_tidy), column, keys, is_first=left is None)
        if left is None:
            notes.append(f"column '{column.name}' was not looked up, for no {parent.agency}/{parent.name} is here")
        elif left:
            says = f"not in {parent.agency}/{parent.name}. Send the row there, or correct the reference."
            con.execute("insert into orphans select _line, ?, 'no_parent', text, ? from missing", [column.name, says])
    report.orphan_count = _count(con, "orphans")
    return notes


def _count(con, table: str) -> int:
    return con.execute(f"select count(*) from {table}").fetchall()[0][0]


def _look_up(con, text: str, column: Column, keys: str, is_first: bool) -> int:
    """Leave in table ``missing`` the sound rows whose parent ``text`` is not among ``keys`` (both SQL); how many there are."""
    if is_first:
        con.execute(
            f'create or replace temp table missing as select _line, "{column.name}" as text, {text} as key from sent '
            f"where {text} is not null and {text} not in ({keys}) and _row_number not in (select _row_number from findings)"
        )
    else:
        con.execute(f"delete from missing where key in ({keys})")
    return _count(con, "missing")


def _keys_taken(con, _: Path, parent: Extract, key: str) -> str | None:
    """SQL for the keys of a parent in the deliveries that were taken; None if none was."""
    keys = f"select {value(key)} from raw.{parent.table} where {value(key)} is not null"
    try:
        return keys if con.execute(f"{keys} limit 1").fetchall() else None
    except NO_REGISTER:
        return None


def _keys_beside(con, file: Path, parent: Extract, key: str) -> str | None:
    """SQL for the keys of a parent in its newest file in the same folder; None if there is none that can be read."""
    beside = []
    for path in (p for p in file.parent.glob("*.csv*") if p.is_file() and not p.is_symlink()):
        match = FILE_NAME.match(path.name) or PLAIN_NAME.match(path.name)
        if match and match["extract"] in (parent.name, f"{parent.agency}_{parent.name}"):
            found = match.groupdict()
            beside.append((found.get("date") or "9999", int(found.get("sequence") or 1), path))
    if not beside:
        return None
    path = max(beside)[-1]
    try:
        with duckdb.connect() as other:  # ``sent`` of this connection is in use
            reading.lay_out(other, path, parent, reading.scan(path, parent))
            keys = other.sql(f"select distinct {value(key)} as key from sent where {value(key)} is not null").to_arrow_table()
    except (FileRefused, OSError):
        return None
    con.register("_parents", keys)
    return "select key from _parents"
