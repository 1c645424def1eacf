"""A file in the landing folder → rows of a raw table, a line in the register, and every failing row in quarantine.

``check`` says what would happen, ``land`` makes it so; both read the file in the same way. Nothing is half-landed: the
bytes are archived first, then rows, quarantine and register are written in one transaction.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from . import arrival, checks, plausibility, reading
from .archive import Archive, ArchiveError, Receipt, instant, private_folder, sync_folder
from .arrival import FileRefused
from .contracts import FILE_NAME, PLAIN_NAME, Contracts, Extract
from .register import (
    ACCEPTED,
    REFUSED,
    REGISTER,
    REPLAY,
    WITH_QUARANTINE,
    Report,
    connect,
    known,
    latest_receipt,
    open_restricted,
    record,
)
from .settings import Settings

__all__ = ["ACCEPTED", "REFUSED", "REPLAY", "WITH_QUARANTINE", "FileRefused", "Report", "check", "connect", "land", "land_all"]
__all__ += ["open_restricted", "recognise", "waiting_files"]

SHOWN_FINDINGS = 20
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)
ROOM_FACTOR, PACKED_ROOM_FACTOR = 3, 20  # times the size of a file: the archive, the raw table and the working tables


def _agency_of(path: Path, contracts: Contracts) -> str | None:
    """The agency whose landing folder a file is in, by the folder's name."""
    return path.parent.name if path.parent.name in contracts.agencies else None


def recognise(
    path: Path, contracts: Contracts, agency: str | None = None, source: Path | None = None
) -> tuple[Extract, date | None, int]:
    """Which extract a file is, from its folder (or ``agency``) and name; its extract date and sequence. Raises FileRefused.

    Where extracts of several agencies have the name, the one whose columns the header fits; the bytes may be at ``source``.
    """
    agency = agency or _agency_of(path, contracts)
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


def _delivery_id(agency: str | None, extract: str | None, stated: str, content: str | None) -> str:
    """The same bytes of the same extract, date and sequence (``stated``) are the same delivery, whenever they come."""
    return hashlib.sha256(f"{agency}/{extract}/{stated}/{content}".encode()).hexdigest()[:16]


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
        error = FileRefused(f"cannot be read ({error.strerror or error})", "Check that it exists and who may read it.")
    report.status, report.reason, report.accepted_count = REFUSED, f"the file {error.says}", 0
    report.messages = [_message(report, error.line, error.column, f"The file {error.says}. {error.remedy}")]


def _examine(con, contracts: Contracts, report: Report, source: Path, is_shown: bool) -> None:
    """Read and check the bytes of ``source`` into the tables ``sent`` and ``findings``; the verdict goes to the report.

    Offending text is repeated in messages only if ``is_shown``: it may identify a person. Raises FileRefused.
    """
    extract, before = report.extract, source.stat()
    scanned = reading.scan(source, extract)
    sent = reading.lay_out(con, source, extract, scanned)
    arrival.must_be_unchanged(source, before)
    report.rows_hash = checks.rows_hash(con, extract)
    checks.find(con, extract, contracts, report.extract_date)
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
    else:
        plausibility.compare(con, contracts, report)
    _list_rows(con, report, "findings", is_shown)
    if report.status != REFUSED:
        notes = plausibility.find_orphans(con, contracts, report)
        report.messages += [_message(report, None, None, f"Note: {note}.") for note in notes]
        _list_rows(con, report, "orphans", is_shown)


def _list_rows(con, report: Report, table: str, is_shown: bool) -> None:
    """Add the first rows of ``findings`` or ``orphans`` to the messages, and how many more there are."""
    shown = con.execute(
        f"select _line, column_name, reason, offending_text, says from {table} "
        f"order by _line, column_name, reason limit {SHOWN_FINDINGS}"
    )
    for line, column, reason, text, says in shown.fetchall():
        shown_text = f" {(text or '')[:60]!r}." if is_shown else ""
        report.messages.append(_message(report, line, column, f"{reason.replace('_', ' ')}:{shown_text} {says}"))
    more = con.execute(f"select count(*) from {table}").fetchone()[0] - SHOWN_FINDINGS
    if more > 0:
        of = "findings" if table == "findings" else "without a parent"
        report.messages.append(f"{report.file_name}: and {more:,} more {of}")


@contextlib.contextmanager
def _beside_register(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, bool]]:
    """A connection that sees the register read-only, or an empty one where none can be seen; and which of the two."""
    with connect(settings) as con:
        try:
            if is_seen := settings.restricted_db.is_file():
                place = str(settings.restricted_db).replace("'", "''")
                con.execute(f"attach '{place}' as restricted (read_only); use restricted")
                con.execute("select rows_hash from intake.deliveries limit 0")  # an earlier version had none
        except duckdb.Error:  # a night holds it, or it is damaged
            con.execute("use memory")
            is_seen = False
        if not is_seen:
            con.execute(REGISTER)
        yield con, is_seen


def check(settings: Settings, contracts: Contracts, path: Path, agency: str | None = None, con=None) -> Report:
    """What intake would say of a file, without taking it. Writes nothing that stays.

    Needs the contracts only. Earlier deliveries are looked up in ``con``, or in the restricted database if it can be read.
    """
    report = Report(path, None, ACCEPTED, agency=agency or _agency_of(path, contracts))
    try:
        with contextlib.nullcontext((con, True)) if con else _beside_register(settings) as (con, is_seen):
            _refuse_link_out(path)
            report.received_at = instant(latest_receipt(con))
            report.content_hash, report.byte_count = arrival.fingerprint(path)
            _judge(con, settings, contracts, report, path, is_shown=True)
            if not is_seen:
                note = "Note: not compared with earlier deliveries, for none can be seen from here."
                report.messages.append(_message(report, None, None, note))
    except (FileRefused, OSError) as error:
        _refuse(report, error)
    return report


class NoRoom(RuntimeError):
    """The disk is too full to take a file: the fault of the installation, so nothing is written down about the file."""


def _need_room(path: Path, folder: Path) -> None:
    """Stop for a file for which the disk is too small, before half of it is written."""
    need = path.stat().st_size * (PACKED_ROOM_FACTOR if arrival.is_gzip(path) else ROOM_FACTOR)
    free = shutil.disk_usage(folder).free
    if free < need:
        raise NoRoom(
            f"{path.name}: needs {need / 1e6:,.0f} MB of disk, of which {free / 1e6:,.0f} MB are free. "
            "Nothing of it was taken. Free some disk and run again."
        )


def land(con, settings: Settings, contracts: Contracts, path: Path, now: datetime | None = None) -> Report:
    """Take one file: archive its bytes, then write its receipt, then rows, quarantine and register in one transaction.

    Whatever is wrong with the file is in the report and in the register; what raises is the fault of the installation.
    """
    archive = Archive(settings.archive_dir)
    report = Report(path, None, ACCEPTED, agency=_agency_of(path, contracts), received_at=instant(latest_receipt(con), now))
    report.configuration = archive.keep_configuration(settings.project_dir)
    try:
        _receive(archive, report)
        _judge(con, settings, contracts, report, archive.place(report.content_hash))
    except (FileRefused, OSError) as error:
        if isinstance(error, OSError) and error.errno in DISK_IS_FULL:
            raise NoRoom(
                f"{report.file_name}: {error.strerror}. Nothing of it was taken. Free some disk and run again."
            ) from error
        _refuse(report, error)
    if report.status == REPLAY:
        return report
    report.delivery_id = report.delivery_id or _delivery_id(report.agency, None, report.file_name, report.content_hash)
    if report.status == REFUSED and known(con, report.delivery_id) == (REFUSED, report.reason):
        return report  # as on the nights before
    if report.content_hash:
        archive.write_receipt(
            Receipt(
                report.received_at,
                report.delivery_id,
                report.agency,
                report.file_name,
                report.content_hash,
                report.byte_count,
                report.configuration,
                report.status,
            )
        )
    _record(con, report)
    return report


def take_receipt(con, settings: Settings, contracts: Contracts, receipt: Receipt) -> Report:
    """Take what a receipt is of from the archive, as it was judged on the day: same rows, quarantine and register.

    Raises ArchiveError if the bytes are gone or damaged, or if they are judged otherwise now than then.
    """
    archive = Archive(settings.archive_dir)
    if not archive.is_sound(receipt.content_hash):
        raise ArchiveError(
            f"{archive.place(receipt.content_hash)}: the bytes of {receipt.agency}/{receipt.file_name}, received "
            f"{receipt.received_at:%d %B %Y}, are gone or damaged. Put them back from a copy of the archive, or land it again."
        )
    name = Path(receipt.agency or "", receipt.file_name)
    report = Report(name, None, ACCEPTED, agency=receipt.agency, received_at=receipt.received_at)
    report.content_hash, report.byte_count = receipt.content_hash, receipt.byte_count
    report.delivery_id, report.configuration = receipt.delivery_id, receipt.configuration
    try:
        _judge(con, settings, contracts, report, archive.place(receipt.content_hash))
    except FileRefused as error:
        _refuse(report, error)
    if report.status != receipt.status or report.delivery_id != receipt.delivery_id:
        raise ArchiveError(
            f"{receipt.agency}/{receipt.file_name}, received {receipt.received_at:%d %B %Y}, was {receipt.status} then and would "
            f"be {report.status} now ({report.reason or 'no fault found'}). Restore with the code of that day."
        )
    _record(con, report)
    return report


def _record(con, report: Report) -> None:
    report.extract_date = report.extract_date or report.received_at.date()
    record(con, report)
    for table in ("sent", "broken", "suspects", "findings", "orphans", "missing"):  # they may be large
        con.execute(f"drop table if exists temp.{table}")


def _receive(archive: Archive, report: Report) -> None:
    """Put the bytes of a file into the archive, so that what is kept is what is read. Bytes that are there stay."""
    path = report.file
    _refuse_link_out(path)
    if path.is_file():
        _need_room(path, archive.folder)
    incoming = private_folder(archive.folder) / f".incoming-{os.getpid()}"
    try:
        with open(os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
            report.content_hash, report.byte_count = arrival.fingerprint(path, copy)
            copy.flush()
            os.fsync(copy.fileno())
        archived = archive.place(report.content_hash)
        private_folder(archived.parent)
        os.chmod(incoming, 0o400)
        os.replace(incoming, archived)  # over the same bytes, if they came before
        sync_folder(archived.parent)
    finally:
        incoming.unlink(missing_ok=True)


def _judge(con, settings: Settings, contracts: Contracts, report: Report, source: Path, is_shown: bool = False) -> None:
    """Say whose file it is, whether it came before, and what is wrong with it. Raises FileRefused."""
    report.extract, extract_date, report.sequence = recognise(report.file, contracts, report.agency, source)
    report.agency = report.extract.agency
    stated = f"{extract_date} {report.sequence}" if extract_date else "undated"
    report.delivery_id = _delivery_id(report.agency, report.extract.name, stated, report.content_hash)
    report.extract_date = extract_date or report.received_at.date()
    before = known(con, report.delivery_id)
    if before and before[0] != REFUSED:
        report.status = REPLAY
        return
    _examine(con, contracts, report, source, is_shown)


def waiting_files(settings: Settings, agency: str | None = None) -> list[Path]:
    """Files in the landing folders, by name; hidden files are still being written."""
    return [path for path in _waiting(settings, agency) if path.is_file()]


def _waiting(settings: Settings, agency: str | None) -> list[Path]:
    folders = [settings.landing_dir / agency] if agency else sorted(p for p in settings.landing_dir.glob("*") if p.is_dir())
    return [p for folder in folders for p in sorted(folder.glob("*")) if not p.is_dir() and not p.name.startswith(".")]


def _generation(contracts: Contracts, path: Path) -> int:
    """How many extracts deep a file's references lead, so that parents are taken before what names them."""
    match = FILE_NAME.match(path.name) or PLAIN_NAME.match(path.name)
    extract = contracts.find(path.parent.name, match["extract"]) if match else None
    depth = 0
    while extract and depth < len(contracts.extracts):
        parent = next((c.parent for c in extract.columns if c.parent), None)
        extract = contracts.find(extract.agency, parent.split(".")[0]) if parent else None
        depth += extract is not None
    return depth


def land_all(
    settings: Settings, contracts: Contracts, agency: str | None = None, say: Callable[[str], None] = print
) -> list[Report]:
    """Take every waiting file of one agency, or of all; a link that leads nowhere is refused like any other bad file.

    Before, what a killed run left is put right and a damaged database is made anew from the archive (recovery.py).
    """
    from .recovery import open_recovered

    reports = []
    with open_recovered(settings, contracts, say) as con:
        for path in sorted(_waiting(settings, agency), key=lambda path: _generation(contracts, path)):
            reports.append(land(con, settings, contracts, path))
            say(reports[-1].headline)
            for message in reports[-1].messages if reports[-1].status == REFUSED else []:
                say(f"  {message}")
    return reports
