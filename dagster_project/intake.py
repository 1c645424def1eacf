"""A file in the landing folder → rows of a raw table, a line in the register, and every failing row in quarantine.

``check`` says what would happen, ``land`` makes it so; both read the file in the same way. Nothing is half-landed: the
bytes are archived first, then rows, quarantine and register are written in one transaction.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from . import checks, reading
from .contracts import FILE_NAME, Contracts, Extract
from .reading import FileRefused
from .settings import Settings

ACCEPTED, WITH_QUARANTINE, REFUSED, REPLAY = "accepted", "accepted_with_quarantine", "refused", "replay"
SHOWN_FINDINGS = 20

REGISTER = """
create schema if not exists intake;
create schema if not exists raw;
create table if not exists intake.deliveries (
    delivery_id varchar primary key, agency varchar, extract varchar, file_name varchar, content_hash varchar, byte_count bigint,
    extract_date date, sequence integer, received_at timestamp, row_count bigint, accepted_count bigint, quarantined_count bigint,
    status varchar, reason varchar, contract_version varchar, contract_hash varchar
);
create table if not exists intake.quarantine (
    delivery_id varchar, agency varchar, extract varchar, file_name varchar, line bigint, column_name varchar, reason varchar,
    offending_text varchar, record_key varchar, remedy varchar
);
"""


@dataclass
class Report:
    """What became (or would become) of one file. ``messages`` are plain sentences with file, line, column and remedy."""

    file: Path
    extract: Extract | None
    status: str
    read_count: int = 0
    accepted_count: int = 0
    quarantined_count: int = 0
    delivery_id: str = ""
    extract_date: date | None = None
    sequence: int = 1
    reason: str = ""
    scan: reading.Scan | None = None
    messages: list[str] = field(default_factory=list)

    @property
    def headline(self) -> str:
        """One line: file, verdict, counts."""
        name = f"{self.extract.agency}/{self.file.name}" if self.extract else self.file.name
        if self.status == REPLAY:
            return f"{name}: the same bytes were taken before; nothing changes"
        if self.status == REFUSED:
            return f"{name}: REFUSED: {self.reason}"
        return f"{name}: {self.status.replace('_', ' ')}: {self.accepted_count:,} rows taken, {self.quarantined_count:,} in quarantine"


def connect(settings: Settings, database: Path | str = ":memory:") -> duckdb.DuckDBPyConnection:
    """A DuckDB connection within the limits of the settings, with nothing fetched from anywhere."""
    con = duckdb.connect(str(database), config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    con.execute(f"set memory_limit = '{settings.memory_limit}'; set threads = {settings.threads}")
    work = settings.data_dir / "work"
    work.mkdir(parents=True, exist_ok=True)
    con.execute("set temp_directory = ?", [str(work)])
    return con


def open_restricted(settings: Settings, contracts: Contracts) -> duckdb.DuckDBPyConnection:
    """The restricted database, with its register and a raw table for every extract of every contract."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    con = connect(settings, settings.restricted_db)
    os.chmod(settings.restricted_db, 0o600)
    con.execute(REGISTER)
    for extract in contracts.extracts:
        columns = ", ".join(f'"{c.name}" varchar' for c in extract.columns)
        con.execute(f"create table if not exists raw.{extract.table} ({columns}, _delivery_id varchar, _row_number bigint)")
        known = {
            row[0]
            for row in con.execute(
                "select column_name from duckdb_columns() where schema_name = 'raw' and table_name = ?", [extract.table]
            ).fetchall()
        }
        for column in (c for c in extract.columns if c.name not in known):
            con.execute(f'alter table raw.{extract.table} add column "{column.name}" varchar')
    return con


def recognise(path: Path, contracts: Contracts, agency: str | None = None) -> tuple[Extract, date | None, int]:
    """Which extract a file is, from its folder (or ``agency``) and name; its extract date and sequence. Raises FileRefused."""
    agency = agency or (path.parent.name if path.parent.name in contracts.agencies else None)
    match = FILE_NAME.match(path.name)
    name = match["extract"] if match else path.name.split(".")[0]
    found = [e for e in contracts.extracts if e.name == name and agency in (None, e.agency)]
    if not found:  # a file name may carry the agency, as in probation_orders_2013-06-30.csv
        found = [e for e in contracts.extracts if f"{e.agency}_{e.name}" == name and agency in (None, e.agency)]
    if len(found) != 1:
        known = sorted(f"{e.agency}/{e.name}" for e in contracts.extracts if agency in (None, e.agency))
        said = "could be of several agencies" if found else "is not an extract of any contract"
        raise FileRefused(
            said, f"Name it <extract>_<YYYY-MM-DD>.csv or .csv.gz in the agency's folder. Known: {', '.join(known)}."
        )
    try:
        sent_for = date.fromisoformat(match["date"]) if match else None
    except ValueError as error:
        raise FileRefused(
            f"has a date in its name that does not exist ({match['date']})", "Name it <extract>_<YYYY-MM-DD>.csv."
        ) from error
    return found[0], sent_for, int(match["sequence"] or 1) if match else 1


def _delivery_id(extract: Extract, content_hash: str) -> str:
    """The same bytes for the same extract are the same delivery, whenever they come."""
    return hashlib.sha256(f"{extract.agency}/{extract.name}/{content_hash}".encode()).hexdigest()[:16]


def _verdict(extract: Extract, read: int, bad: int) -> tuple[str, str]:
    """The status and its reason, from the contract's limits."""
    percent = 100 * bad / read if read else 0.0
    if bad and bad == read:
        return REFUSED, f"none of its {read:,} rows can be taken"
    if bad > extract.tolerated_rows and percent > extract.max_percent:
        return REFUSED, f"{bad:,} of {read:,} rows ({percent:.1f} %) fail; the contract allows {extract.max_percent:g} %"
    if bad > extract.max_rows and bad > extract.tolerated_rows:
        return REFUSED, f"{bad:,} rows fail; the contract allows {extract.max_rows:,}"
    return (WITH_QUARANTINE, f"{bad:,} of {read:,} rows ({percent:.1f} %) are in quarantine") if bad else (ACCEPTED, "")


def _message(path: Path, line: int | None, column: str | None, says: str) -> str:
    place = ", ".join([*([f"line {line}"] if line else []), *([f"column {column}"] if column else [])])
    return f"{path.name}{': ' + place if place else ''}: {says}"


def _examine(con, settings: Settings, contracts: Contracts, path: Path, agency: str | None, archive_as=None) -> Report:
    """Read and check one file into the tables ``sent`` and ``findings``; never raises for what is in the file."""
    extract = None
    try:
        extract, sent_for, sequence = recognise(path, contracts, agency)
        if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
            raise FileRefused("is a link to a file outside its folder", "Put the file itself there.")
        before = path.stat()
        scanned = reading.scan(path, extract, archive_as)
        report = Report(path, extract, ACCEPTED, extract_date=sent_for, sequence=sequence, scan=scanned)
        report.delivery_id = _delivery_id(extract, scanned.content_hash)
        if (
            archive_as
            and con.execute(
                "select 1 from intake.deliveries where delivery_id = ? and status <> ?", [report.delivery_id, REFUSED]
            ).fetchone()
        ):
            report.status = REPLAY
            return report
        sent = reading.lay_out(con, path, extract, scanned, settings.data_dir / "work")
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise FileRefused("changed while it was read", "Write it under another name and rename it when it is whole.")
    except FileRefused as refusal:
        said = _message(path, refusal.line, refusal.column, f"The file {refusal.says}. {refusal.remedy}")
        return Report(path, extract, REFUSED, reason=f"the file {refusal.says}", messages=[said])
    except OSError as error:
        said = _message(
            path, None, None, f"The file cannot be read ({error.strerror}). Check that it exists and who may read it."
        )
        return Report(path, extract, REFUSED, reason=f"the file cannot be read ({error.strerror})", messages=[said])
    checks.find(con, extract, contracts)
    for bad in sent.bad_records:
        con.execute("insert into findings values (null, ?, null, ?, ?, null, ?)", [bad.line, bad.reason, bad.text, bad.says])
    failing = con.execute("select count(distinct _row_number) from findings").fetchone()[0] + len(sent.bad_records)
    report.read_count, report.quarantined_count, report.accepted_count = sent.read_count, failing, sent.read_count - failing
    report.status, report.reason = _verdict(extract, sent.read_count, failing)
    report.messages = [_message(path, None, None, f"Note: {note}.") for note in sent.notes]
    shown = con.execute(
        f"select _line, column_name, reason, offending_text, says from findings order by _line, column_name limit {SHOWN_FINDINGS}"
    ).fetchall()
    report.messages += [
        _message(path, line, column, f"{reason.replace('_', ' ')}: {(text or '')[:60]!r}. {says}")
        for line, column, reason, text, says in shown
    ]
    total = con.execute("select count(*) from findings").fetchone()[0]
    if total > SHOWN_FINDINGS:
        report.messages.append(f"{path.name}: and {total - SHOWN_FINDINGS:,} more findings")
    return report


def check(settings: Settings, contracts: Contracts, path: Path, agency: str | None = None) -> Report:
    """What intake would say of a file, without taking it. Needs the contracts only; writes nothing that stays."""
    with connect(settings) as con:
        return _examine(con, settings, contracts, path, agency)


def land(con, settings: Settings, contracts: Contracts, path: Path, now: datetime | None = None) -> Report:
    """Take one file: archive its bytes, then write rows, quarantine and register in one transaction."""
    now = (now or datetime.now(UTC)).replace(tzinfo=None)
    settings.archive_dir.mkdir(parents=True, exist_ok=True)
    incoming = settings.archive_dir / f".incoming-{os.getpid()}"
    try:
        if path.is_file() and shutil.disk_usage(settings.archive_dir).free < 2 * path.stat().st_size:
            return Report(
                path,
                None,
                REFUSED,
                reason="the disk has no room for it",
                messages=[f"{path.name}: Free some disk and run again."],
            )
        with open(incoming, "wb") as archive:
            report = _examine(con, settings, contracts, path, None, archive)
            archive.flush()
            os.fsync(archive.fileno())
        if report.status != REPLAY and report.scan:
            place = settings.archive_dir / report.scan.content_hash[:2] / report.scan.content_hash
            place.parent.mkdir(exist_ok=True)
            os.chmod(incoming, 0o400)
            os.replace(incoming, place)
    finally:
        incoming.unlink(missing_ok=True)
    if report.extract is None or report.status == REPLAY:
        return report
    report.extract_date = report.extract_date or now.date()
    _record(con, report, now)
    return report


def _record(con, report: Report, now: datetime) -> None:
    """Write rows, quarantine and register, all or nothing."""
    extract = report.extract
    delivery_id = report.delivery_id or _delivery_id(extract, f"{report.file.name} {report.reason}")
    con.execute("begin")
    try:
        con.execute("delete from intake.deliveries where delivery_id = ?", [delivery_id])  # a refused delivery sent again
        con.execute("delete from intake.quarantine where delivery_id = ?", [delivery_id])
        if report.status != REFUSED:
            columns = ", ".join(f'"{c.name}"' for c in extract.columns)
            con.execute(
                f"insert into raw.{extract.table} ({columns}, _delivery_id, _row_number) select {columns}, ?, _row_number from sent "
                "where _row_number not in (select _row_number from findings where _row_number is not null) order by _row_number",
                [delivery_id],
            )
        if report.read_count:
            con.execute(
                "insert into intake.quarantine select ?, ?, ?, ?, _line, column_name, reason, offending_text, record_key, says "
                "from findings order by _line, column_name, reason",
                [delivery_id, extract.agency, extract.name, report.file.name],
            )
        con.execute(
            "insert into intake.deliveries values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                delivery_id,
                extract.agency,
                extract.name,
                report.file.name,
                report.scan.content_hash if report.scan else None,
                report.scan.byte_count if report.scan else None,
                report.extract_date,
                report.sequence,
                now,
                report.read_count,
                0 if report.status == REFUSED else report.accepted_count,
                report.quarantined_count,
                report.status,
                report.reason,
                extract.contract_version,
                extract.contract_hash,
            ],
        )
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def waiting_files(settings: Settings, agency: str | None = None) -> list[Path]:
    """Files in the landing folders, in the order in which they are taken; hidden files are still being written."""
    folders = [settings.landing_dir / agency] if agency else sorted(p for p in settings.landing_dir.glob("*") if p.is_dir())
    return [p for folder in folders for p in sorted(folder.glob("*")) if p.is_file() and not p.name.startswith(".")]


def land_all(
    settings: Settings, contracts: Contracts, agency: str | None = None, say: Callable[[str], None] = print
) -> list[Report]:
    """Take every waiting file of one agency, or of all."""
    reports = []
    with open_restricted(settings, contracts) as con:
        for path in waiting_files(settings, agency):
            reports.append(land(con, settings, contracts, path))
            say(reports[-1].headline)
    return reports
