"""A file in the landing folder → rows of a raw table, a line in the register, and every failing row in quarantine.

``check`` says what would happen, ``land`` makes it so; both read the file in the same way. Nothing is half-landed: the
bytes are archived first, then rows, quarantine and register are written in one transaction.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from . import arrival, checks, reading
from .arrival import FileRefused
from .contracts import FILE_NAME, PLAIN_NAME, Contracts, Extract
from .register import ACCEPTED, REFUSED, REPLAY, WITH_QUARANTINE, Report, connect, is_taken, open_restricted, record
from .settings import Settings

__all__ = ["ACCEPTED", "REFUSED", "REPLAY", "WITH_QUARANTINE", "FileRefused", "Report", "check", "connect", "land", "land_all"]
__all__ += ["open_restricted", "recognise", "waiting_files"]

SHOWN_FINDINGS = 20
ROOM_FACTOR, PACKED_ROOM_FACTOR = 3, 20  # times the size of a file: the archive, the raw table and the working tables


def _agency_of(path: Path, contracts: Contracts) -> str | None:
    """The agency whose landing folder a file is in, by the folder's name."""
    return path.parent.name if path.parent.name in contracts.agencies else None


def recognise(path: Path, contracts: Contracts, agency: str | None = None) -> tuple[Extract, date | None, int]:
    """Which extract a file is, from its folder (or ``agency``) and name; its extract date and sequence. Raises FileRefused.

    Where extracts of several agencies have the name, the one whose columns the header fits.
    """
    agency = agency or _agency_of(path, contracts)
    match = FILE_NAME.match(path.name) or PLAIN_NAME.match(path.name)
    named = match["extract"] if match else ""
    known = [e for e in contracts.extracts if agency in (None, e.agency)]
    found = [e for e in known if e.name == named]
    if not found:  # a file name may carry the agency, as in probation_orders_2013-06-30.csv
        found = [e for e in known if f"{e.agency}_{e.name}" == named]
    if len(found) > 1:
        found = [e for e in found if _fits(path, e)] or found
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
    if extract_date > date.today() + timedelta(days=1):  # it would pass for the latest until that day
        raise FileRefused(f"is named for a day that is yet to come ({extract_date})", "Name it by the day of the extract.")
    return found[0], extract_date, int(match["sequence"] or 1)


def _fits(path: Path, extract: Extract) -> bool:
    """Whether the header has every column of the extract."""
    try:
        reading.match_header(reading.read_header(path, extract), extract)
    except (FileRefused, OSError, EOFError, zlib.error):
        return False
    return True


def _refuse_link_out(path: Path) -> None:
    if path.is_symlink() and path.exists() and not path.resolve().is_relative_to(path.parent.resolve()):
        raise FileRefused("is a link to a file outside its folder", "Put the file itself there.")


def _delivery_id(agency: str | None, extract: str | None, content: str) -> str:
    """The same bytes for the same extract are the same delivery, whenever they come."""
    return hashlib.sha256(f"{agency}/{extract}/{content}".encode()).hexdigest()[:16]


def _verdict(extract: Extract, read: int, bad: int) -> tuple[str, str]:
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


def _message(report: Report, line: int | None, column: str | None, says: str) -> str:
    place = ", ".join([*([f"line {line}"] if line else []), *([f"column {column}"] if column else [])])
    return f"{report.file_name}{': ' + place if place else ''}: {says}"


def _refuse(report: Report, error: FileRefused | OSError) -> None:
    """Turn an exception into the verdict of a report."""
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "Free some disk and run again." if full else "Check that it exists and who may read it."
        error = FileRefused(f"cannot be read ({error.strerror or error})", remedy)
    report.status, report.reason = REFUSED, f"the file {error.says}"
    report.messages = [_message(report, error.line, error.column, f"The file {error.says}. {error.remedy}")]


def _examine(con, contracts: Contracts, report: Report, source: Path, is_shown: bool) -> None:
    """Read and check the bytes of ``source`` into the tables ``sent`` and ``findings``; the verdict goes to the report.

    Offending text is repeated in messages only if ``is_shown``: it may identify a person. Raises FileRefused.
    """
    extract, before = report.extract, source.stat()
    sent = reading.lay_out(con, source, extract, reading.scan(source, extract))
    arrival.must_be_unchanged(source, before)
    checks.find(con, extract, contracts)
    if sent.bad_records:
        con.execute("insert into findings select _row_number, _line, null, reason, offending_text, record_key, says from broken")
    findings, failing = con.execute("select count(*), count(distinct _row_number) from findings").fetchone()
    report.read_count, report.quarantined_count = sent.read_count, failing
    report.status, report.reason = _verdict(extract, sent.read_count, failing)
    report.accepted_count = 0 if report.status == REFUSED else sent.read_count - failing
    report.messages = [_message(report, None, None, f"Note: {note}.") for note in sent.notes]
    if report.status == REFUSED:
        remedy = "Correct the rows below and send it again." if failing else "Send every row that stands."
        report.messages.insert(0, _message(report, None, None, f"The file is refused: {report.reason}. {remedy}"))
    shown = con.execute(
        "select _line, column_name, reason, offending_text, says from findings "
        f"order by _line, column_name, reason limit {SHOWN_FINDINGS}"
    )
    for line, column, reason, text, says in shown.fetchall():
        shown_text = f" {(text or '')[:60]!r}." if is_shown else ""
        report.messages.append(_message(report, line, column, f"{reason.replace('_', ' ')}:{shown_text} {says}"))
    if findings > SHOWN_FINDINGS:
        report.messages.append(f"{report.file_name}: and {findings - SHOWN_FINDINGS:,} more findings")


def check(settings: Settings, contracts: Contracts, path: Path, agency: str | None = None) -> Report:
    """What intake would say of a file, without taking it. Needs the contracts only; writes nothing that stays."""
    report = Report(path, None, ACCEPTED, agency=agency or _agency_of(path, contracts))
    try:
        with connect(settings) as con:
            _refuse_link_out(path)
            report.content_hash, report.byte_count = arrival.fingerprint(path)
            report.extract, report.extract_date, report.sequence = recognise(path, contracts, agency)
            _examine(con, contracts, report, path, is_shown=True)
    except (FileRefused, OSError) as error:
        _refuse(report, error)
    return report


def _refuse_without_room(path: Path, folder: Path) -> None:
    """Refuse a file for which the disk is too small, before half of it is written."""
    need = path.stat().st_size * (PACKED_ROOM_FACTOR if arrival.is_gzip(path) else ROOM_FACTOR)
    free = shutil.disk_usage(folder).free
    if free < need:
        says = f"needs {need / 1e6:,.0f} MB of disk, of which {free / 1e6:,.0f} MB are free; the disk has no room for it"
        raise FileRefused(says, "Free some disk and run again.")


def land(con, settings: Settings, contracts: Contracts, path: Path, now: datetime | None = None) -> Report:
    """Take one file: archive its bytes, then write rows, quarantine and register in one transaction.

    Whatever is wrong with the file is in the report and in the register; what raises is the fault of the installation.
    """
    now = now or datetime.now(UTC)
    received_at = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    report = Report(path, None, ACCEPTED, agency=_agency_of(path, contracts))
    settings.archive_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    incoming = settings.archive_dir / f".incoming-{os.getpid()}"
    try:
        try:
            _take(con, settings, contracts, report, incoming)
        except (FileRefused, OSError) as error:
            _refuse(report, error)
        if report.status == REPLAY:
            return report
        name = report.extract.name if report.extract else None
        content = report.content_hash or f"{report.file_name} {report.reason}"
        report.delivery_id = _delivery_id(report.agency, name, content)
        report.extract_date = report.extract_date or received_at.date()
        record(con, report, received_at)
        return report
    finally:
        incoming.unlink(missing_ok=True)
        for table in ("sent", "broken", "suspects", "findings"):
            con.execute(f"drop table if exists temp.{table}")


def _take(con, settings: Settings, contracts: Contracts, report: Report, incoming: Path) -> None:
    """Archive the bytes of a file, then examine the archived copy, so that what is kept is what was read."""
    path = report.file
    _refuse_link_out(path)
    if path.is_file():
        _refuse_without_room(path, settings.archive_dir)
    with open(os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
        report.content_hash, report.byte_count = arrival.fingerprint(path, copy)
        copy.flush()
        os.fsync(copy.fileno())
    archived = settings.archive_dir / report.content_hash[:2] / report.content_hash
    archived.parent.mkdir(mode=0o700, exist_ok=True)
    os.chmod(incoming, 0o400)
    os.replace(incoming, archived)  # over the same bytes, if they came before
    report.extract, report.extract_date, report.sequence = recognise(path, contracts)
    report.agency = report.extract.agency
    report.delivery_id = _delivery_id(report.agency, report.extract.name, report.content_hash)
    if is_taken(con, report.delivery_id):
        report.status = REPLAY
        return
    _examine(con, contracts, report, archived, is_shown=False)


def waiting_files(settings: Settings, agency: str | None = None) -> list[Path]:
    """Files in the landing folders, in the order in which they are taken; hidden files are still being written."""
    return [path for path in _waiting(settings, agency) if path.is_file()]


def _waiting(settings: Settings, agency: str | None) -> list[Path]:
    folders = [settings.landing_dir / agency] if agency else sorted(p for p in settings.landing_dir.glob("*") if p.is_dir())
    return [p for folder in folders for p in sorted(folder.glob("*")) if not p.is_dir() and not p.name.startswith(".")]


def land_all(
    settings: Settings, contracts: Contracts, agency: str | None = None, say: Callable[[str], None] = print
) -> list[Report]:
    """Take every waiting file of one agency, or of all; a link that leads nowhere is refused like any other bad file."""
    reports = []
    with open_restricted(settings, contracts) as con:
        for left in settings.archive_dir.glob(".incoming-*"):  # by a process that was killed; the database has one writer
            left.unlink(missing_ok=True)
        for path in _waiting(settings, agency):
            reports.append(land(con, settings, contracts, path))
            say(reports[-1].headline)
            for message in reports[-1].messages if reports[-1].status == REFUSED else []:
                say(f"  {message}")
    return reports
