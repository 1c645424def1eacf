"""A file in the landing folder → rows of a raw table, a line in the register, and every failing row in quarantine.

``check`` says what would happen, ``land`` makes it so; both read the file in the same way. Nothing is half-landed: the
bytes are archived first, then its rows land, and count when register and quarantine are written (decision 010).
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from . import arrival, misplaced
from .archive import Archive, ArchiveError, Receipt, instant
from .arrival import FileRefused
from .contracts import FILE_NAME, PLAIN_NAME, Contracts
from .examine import agency_of, examine, message, recognise, refuse
from .reading import forget
from .receiving import Ahead, Received, receive, refuse_link_out
from .register import (
    ACCEPTED,
    REFUSED,
    REGISTER,
    REPLAY,
    WITH_QUARANTINE,
    Report,
    connect,
    known,
    last_of_name,
    latest_receipt,
    open_restricted,
    printable,
    record,
    take_back,
)
from .room import NoRoom, is_full, room_for
from .settings import Settings
from .untouched import Untouched

__all__ = ["ACCEPTED", "REFUSED", "REPLAY", "WITH_QUARANTINE", "FileRefused", "Report", "check", "connect", "land", "land_all"]
__all__ += ["open_restricted", "recognise", "waiting_files"]


def _delivery_id(agency: str | None, extract: str | None, stated: str, content: str | None, times: int = 0) -> str:
    """The same bytes of the same extract, date and sequence (``stated``) are the same delivery, whenever they come.

    ``times``: how often they were taken before; more than 0 only if they are put back in place of what replaced them.
    """
    again = f"/{times}" if times else ""
    return hashlib.sha256(f"{agency}/{extract}/{stated}/{content}{again}".encode()).hexdigest()[:16]


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
    report = Report(path, None, ACCEPTED, agency=agency or agency_of(path, contracts))
    try:
        with contextlib.nullcontext((con, True)) if con else _beside_register(settings) as (con, is_seen):
            refuse_link_out(path)
            report.received_at = instant(latest_receipt(con))
            report.content_hash, report.byte_count = arrival.fingerprint(path)
            _judge(con, settings, contracts, report, path, is_shown=True)
            if not is_seen:
                note = "Note: not compared with earlier deliveries, for none can be seen from here."
                report.messages.append(message(report, None, None, note))
    except (FileRefused, OSError) as error:
        refuse(report, error)
    if not path.is_dir() and (found := misplaced.look_at(settings, contracts, path)):
        report.messages.append(message(report, None, None, f"Note: {found.says} {found.remedy}"))
    return report


def land(
    con,
    settings: Settings,
    contracts: Contracts,
    path: Path,
    now: datetime | None = None,
    received: Received | None = None,
    archive: Archive | None = None,
) -> Report:
    """Take one file: archive its bytes, land its rows, write its receipt, then register and quarantine: now the rows count.

    ``received``: its bytes, if they were received ahead.

    Whatever is wrong with the file is in the report and in the register; what raises is the fault of the installation.
    """
    archive = archive or Archive(settings.archive_dir)
    latest = max(filter(None, (latest_receipt(con), archive.latest_instant())), default=None)  # after the last night as well
    report = Report(path, None, ACCEPTED, agency=agency_of(path, contracts), received_at=instant(latest, now))
    report.configuration = archive.keep_configuration(settings.project_dir)
    try:
        _take(con, settings, contracts, archive, report, received)
    except BaseException:
        _give_up(con, report)
        raise
    return report


def _take(con, settings: Settings, contracts: Contracts, archive: Archive, report: Report, received: Received | None) -> None:
    try:
        received = _receive(con, archive, report, received)
        _judge(con, settings, contracts, report, archive.place(report.content_hash), received=received)
    except (FileRefused, OSError) as error:
        if is_full(error):
            raise NoRoom(
                f"{report.file_name}: {error.strerror}. Nothing of it was taken. Free some disk and run again."
            ) from error
        refuse(report, error)
    if report.status == REPLAY:
        archive.let_go_again(report.content_hash)
        return
    report.delivery_id = report.delivery_id or _delivery_id(report.agency, None, report.file_name, report.content_hash)
    if report.status == REFUSED and known(con, report.delivery_id) == (REFUSED, report.reason):
        _give_up(con, report)  # as on the nights before
        archive.let_go_again(report.content_hash)
        return
    if report.content_hash:
        archive.note_of_removal(report.content_hash).unlink(missing_ok=True)  # they are in use again
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
        _judge(con, settings, contracts, report, archive.place(receipt.content_hash), has_receipt=True)
    except FileRefused as error:
        refuse(report, error)
    if report.status != receipt.status or report.delivery_id != receipt.delivery_id:
        _give_up(con, report)
        raise ArchiveError(
            f"{receipt.agency}/{receipt.file_name}, received {receipt.received_at:%d %B %Y}, was {receipt.status} then and would "
            f"be {report.status} now ({report.reason or 'no fault found'}). Restore with the code of that day."
        )
    _record(con, report)
    return report


def _give_up(con, report: Report) -> None:
    """Take back the rows of a delivery that is not registered."""
    if report.is_landed:
        take_back(con)
        report.is_landed = False


def _record(con, report: Report) -> None:
    report.extract_date = report.extract_date or report.received_at.date()
    record(con, report)
    forget(con)


def _receive(con, archive: Archive, report: Report, received: Received | None) -> Received:
    """Put the bytes of a file into the archive; ``received``: they were received ahead. Bytes that are there, and whole, stay."""
    received = received or receive(archive, report.file, _may_be_known(con, report.agency, report.file))
    received.put_in(archive)
    report.content_hash, report.byte_count = received.content_hash, received.byte_count
    return received


def _may_be_known(con, agency: str | None, path: Path) -> bool:
    """Whether a file of this name and length was received before: then it is worth a look whether the archive has it."""
    if not path.is_file():
        return False
    seen = "select 1 from intake.deliveries where agency is not distinct from ? and file_name = ? and byte_count = ? limit 1"
    return bool(con.execute(seen, [agency, printable(path), path.stat().st_size]).fetchall())


def _judge(
    con,
    settings: Settings,
    contracts: Contracts,
    report: Report,
    source: Path,
    is_shown: bool = False,
    received: Received | None = None,
    has_receipt: bool = False,
) -> None:
    """Say whose file it is, whether it came before, and what is wrong with it. Raises FileRefused.

    A file holds one content at a time: if its latest bytes that were taken are others, those of before were put back, and are
    a new delivery. ``has_receipt``: on its day it was found to be one.
    """
    report.extract, extract_date, report.sequence = recognise(
        report.file, contracts, report.agency, source, report.received_at.date()
    )
    report.agency = report.extract.agency
    stated = f"{extract_date} {report.sequence}" if extract_date else "undated"
    delivery = (report.agency, report.extract.name, stated, report.content_hash)
    report.extract_date = extract_date or report.received_at.date()
    times = next(n for n in itertools.count() if not _is_taken(con, _delivery_id(*delivery, n)))
    last = last_of_name(con, report)
    if times and not has_receipt and (last is None or last[0] == report.content_hash):
        report.status, report.delivery_id = REPLAY, _delivery_id(*delivery, times - 1)
        return
    report.delivery_id, report.is_put_back = _delivery_id(*delivery, times), times > 0
    scanned = received.scan if received and received.extract is report.extract else None
    examine(con, contracts, report, source, is_shown, scanned)
    if report.is_put_back and report.status != REFUSED and last:
        note = f"Note: the same bytes were taken before and replaced on {last[1]:%Y-%m-%d}; they take their place again."
        report.messages.append(message(report, None, None, note))


def _is_taken(con, delivery_id: str) -> bool:
    before = known(con, delivery_id)
    return before is not None and before[0] != REFUSED


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
    settings: Settings,
    contracts: Contracts,
    agency: str | None = None,
    say: Callable[[str], None] = print,
    is_whole: bool = False,
    ahead: Ahead | None = None,
    then: Sequence[str] = (),
) -> list[Report]:
    """Take every waiting file of one agency, or of all; a link that leads nowhere is refused like any other bad file.

    Before, what a killed run left is put right and a damaged database is made anew from the archive (recovery.py).
    ``is_whole``: the run has found the database whole before, and need not look again. ``ahead``: of a run that takes one agency
    after another, and ``then`` those to come: while the last file lands, the first of theirs is received.
    """
    from .recovery import open_recovered

    untouched, ahead = Untouched(settings.untouched_file, settings.whole_build_days), ahead or Ahead(contracts)
    reports, archive, received = [], Archive(settings.archive_dir, untouched), None
    try:
        with open_recovered(settings, contracts, say, is_whole, untouched, ahead.copy) as con:
            waiting = _in_order(settings, contracts, agency)
            later = next((files[0] for other in then if (files := _in_order(settings, contracts, other))), None)
            for path, following in itertools.zip_longest(waiting, [*waiting[1:], later][: len(waiting)]):
                received = ahead.take(path)
                is_known = following is not None and _may_be_known(con, agency_of(following, contracts), following)
                if following and not (following is later and is_known):
                    ahead.start(archive, following, is_known)
                with room_for(f"{path.name} could not be taken"):
                    reports.append(land(con, settings, contracts, path, received=received, archive=archive))
                say(reports[-1].headline)
                for message in reports[-1].messages if reports[-1].status == REFUSED else []:
                    say(f"  {message}")
    except BaseException:
        ahead.drop()
        if received:
            received.drop()
        raise
    untouched.keep()
    return reports


def _in_order(settings: Settings, contracts: Contracts, agency: str | None) -> list[Path]:
    return sorted(_waiting(settings, agency), key=lambda path: _generation(contracts, path))
