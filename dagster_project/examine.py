"""What a file is and what is wrong with it: which extract and date, which rows fail. One judgement for check and for land."""

from __future__ import annotations

import zlib
from datetime import date, timedelta
from pathlib import Path

from . import arrival, checks, plausibility, reading
from .arrival import FileRefused
from .contracts import FILE_NAME, PLAIN_NAME, Contracts, Extract
from .register import ACCEPTED, REFUSED, WITH_QUARANTINE, Report

SHOWN_FINDINGS = 20


def agency_of(path: Path, contracts: Contracts) -> str | None:
    """The agency whose landing folder a file is in, by the folder's name."""
    return path.parent.name if path.parent.name in contracts.agencies else None


def recognise(
    path: Path, contracts: Contracts, agency: str | None = None, source: Path | None = None, today: date | None = None
) -> tuple[Extract, date | None, int]:
    """Which extract a file is, from its folder (or ``agency``) and name; its extract date and sequence. Raises FileRefused.

    Where extracts of several agencies have the name, the one whose columns the header fits; the bytes may be at ``source``.
    A file of a day after ``today`` (the day of receipt, or else the system's) is refused.
    """
    agency = agency or agency_of(path, contracts)
    match = FILE_NAME.match(path.name) or PLAIN_NAME.match(path.name)
    named = match["extract"] if match else ""
    known = [e for e in contracts.extracts if agency in (None, e.agency)]
    found = [e for e in known if e.name == named]
    if not found:  # a file name may carry the agency, as in probation_orders_2013-06-30.csv
        found = [e for e in known if f"{e.agency}_{e.name}" == named]
    if len(found) > 1:
        found = [e for e in found if _fits(source or path, e)] or found
    if len(found) != 1:
        said = f"could be of {' or '.join(sorted(e.agency for e in found))}" if found else "is not an extract of any contract"
        places = ", ".join(sorted(f"{e.agency}/{e.name}" for e in known))
        raise FileRefused(said, f"Name it <extract>_<YYYY-MM-DD>.csv or .csv.gz in the agency's folder. Known: {places}.")
    if "date" not in match.groupdict():
        return found[0], None, 1
    try:
        extract_date = date.fromisoformat(match["date"])
    except ValueError as error:
        says = f"has a date in its name that does not exist ({match['date']})"
        raise FileRefused(says, "Name it <extract>_<YYYY-MM-DD>.csv.") from error
    if extract_date > (today or date.today()) + timedelta(days=1):  # it would pass for the latest until that day
        raise FileRefused(f"is named for a day that is yet to come ({extract_date})", "Name it by the day of the extract.")
    return found[0], extract_date, int(match["sequence"] or 1)


def _fits(path: Path, extract: Extract) -> bool:
    """Whether the header has every column of the extract."""
    try:
        reading.match_header(reading.read_header(path, extract), extract)
    except (FileRefused, OSError, EOFError, zlib.error):
        return False
    return True


def verdict(extract: Extract, read: int, bad: int) -> tuple[str, str]:
    """The status and its reason, from the contract's limits."""
    percent = 100 * bad / read if read else 0.0
    if not read and extract.mode == "full":
        return REFUSED, "it holds no row, and a full extract replaces all that was sent before it"
    if bad and bad == read:
        return REFUSED, f"none of its {read:,} rows can be taken"
    if bad > extract.tolerated_rows and percent > extract.max_percent:
        return REFUSED, f"{bad:,} of {read:,} rows ({percent:.1f} %) fail; the contract allows {extract.max_percent:g} %"
    if bad > extract.max_rows and bad > extract.tolerated_rows:
        return REFUSED, f"{bad:,} rows fail; the contract allows {extract.max_rows:,}"
    return (WITH_QUARANTINE, f"{bad:,} of {read:,} rows ({percent:.1f} %) are in quarantine") if bad else (ACCEPTED, "")


def message(report: Report, line: int | None, column: str | None, says: str) -> str:
    place = ", ".join([*([f"line {line}"] if line else []), *([f"column {column}"] if column else [])])
    return f"{report.file_name}{': ' + place if place else ''}: {says}"


def refuse(report: Report, error: FileRefused | OSError) -> None:
    """Turn an exception into the verdict of a report."""
    if isinstance(error, OSError):
        error = FileRefused(f"cannot be read ({error.strerror or error})", "Check that it exists and who may read it.")
    report.status, report.reason, report.accepted_count = REFUSED, f"the file {error.says}", 0
    report.messages = [message(report, error.line, error.column, f"The file {error.says}. {error.remedy}")]


def examine(con, contracts: Contracts, report: Report, source: Path, is_shown: bool, scanned: arrival.Scan | None = None) -> None:
    """Read and check the bytes of ``source`` into the tables ``sent`` and ``findings``; the verdict goes to the report.

    ``is_shown``: only looked at, so that rows need not land, and offending text, which may identify a person, is repeated in
    messages. ``scanned``: what the bytes are, if they were looked through already. Raises FileRefused.
    """
    extract, before = report.extract, source.stat()
    scanned = scanned or reading.scan(source, extract)
    sent = reading.lay_out(con, source, extract, scanned, None if is_shown else report.delivery_id)
    report.is_landed = sent.is_landed
    arrival.must_be_unchanged(source, before)
    report.rows_hash = checks.rows_hash(con, extract, sent.is_tidy)
    checks.find(con, extract, contracts, report.extract_date, sent.is_tidy, sent.may_hold_controls)
    if sent.bad_records:
        con.execute("insert into findings select _row_number, _line, null, reason, offending_text, record_key, says from broken")
    findings, failing = con.execute("select count(*), count(distinct _row_number) from findings").fetchone()
    report.read_count, report.quarantined_count = sent.read_count, failing
    report.status, report.reason = verdict(extract, sent.read_count, failing)
    report.accepted_count = 0 if report.status == REFUSED else sent.read_count - failing
    report.messages = [message(report, None, None, f"Note: {note}.") for note in sent.notes]
    if report.status == REFUSED:
        remedy = "Correct the rows below and send it again." if failing else "Send every row that stands."
        report.messages.insert(0, message(report, None, None, f"The file is refused: {report.reason}. {remedy}"))
    else:
        plausibility.compare(con, contracts, report)
        if note := plausibility.later_in_force(con, report):
            report.messages.append(message(report, None, None, f"Note: {note}."))
    _list_rows(con, report, "findings", is_shown)
    if report.status != REFUSED:
        notes = plausibility.find_orphans(con, contracts, report, sent.is_tidy)
        report.messages += [message(report, None, None, f"Note: {note}.") for note in notes]
        _list_rows(con, report, "orphans", is_shown)


def _list_rows(con, report: Report, table: str, is_shown: bool) -> None:
    """Add the first rows of ``findings`` or ``orphans`` to the messages, and how many more there are."""
    shown = con.execute(
        f"select _line, column_name, reason, offending_text, says from {table} "
        f"order by _line, column_name, reason limit {SHOWN_FINDINGS}"
    )
    for line, column, reason, text, says in shown.fetchall():
        shown_text = f" {(text or '')[:60]!r}." if is_shown else ""
        report.messages.append(message(report, line, column, f"{reason.replace('_', ' ')}:{shown_text} {says}"))
    more = con.execute(f"select count(*) from {table}").fetchone()[0] - SHOWN_FINDINGS
    if more > 0:
        of = "findings" if table == "findings" else "without a parent"
        report.messages.append(f"{report.file_name}: and {more:,} more {of}")
