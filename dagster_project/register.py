"""The restricted database as intake sees it: the register of deliveries, the quarantine, a raw table per extract."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import duckdb

from .contracts import Contracts, Extract
from .damage import said_of
from .settings import Settings

ACCEPTED, WITH_QUARANTINE, REFUSED, REPLAY = "accepted", "accepted_with_quarantine", "refused", "replay"

REGISTER = """
create schema if not exists intake;
create schema if not exists raw;
create table if not exists intake.deliveries (
    delivery_id varchar primary key, agency varchar, extract varchar, file_name varchar, content_hash varchar, byte_count bigint,
    extract_date date, sequence integer, received_at timestamp, row_count bigint, accepted_count bigint, quarantined_count bigint,
    status varchar, reason varchar, contract_version varchar, contract_hash varchar
);
alter table intake.deliveries add column if not exists rows_hash varchar;
alter table intake.deliveries add column if not exists configuration varchar;
create table if not exists intake.clock (today date);
create table if not exists intake.first_seen (agency varchar, extract varchar, record_key varchar, first_seen_date date);
create table if not exists intake.standing (delivery_id varchar);
create table if not exists intake.built (delivery_id varchar);
create table if not exists intake.last_build (built_as varchar, whole_on date);
create table if not exists intake.landing (delivery_id varchar, raw_table varchar);
create table if not exists intake.quarantine (
    delivery_id varchar, agency varchar, extract varchar, file_name varchar, line bigint, column_name varchar, reason varchar,
    offending_text varchar, record_key varchar, remedy varchar
);
"""


def printable(path: Path) -> str:
    """The name of a file as text that can be printed and stored, whatever its bytes."""
    text = os.fsencode(path.name).decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


@dataclass
class Report:
    """What became (or would become) of one file. ``messages`` are plain sentences with file, line, column and remedy.

    ``extract`` is None for a file that no contract knows; ``agency`` is then that of its folder, if any.
    """

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
    agency: str | None = None
    content_hash: str | None = None
    byte_count: int | None = None
    rows_hash: str | None = None  # the same for the same rows, however they are written and in whichever order
    orphan_count: int = 0  # rows whose parent is nowhere
    configuration: str = ""
    received_at: datetime | None = None  # naive UTC
    is_put_back: bool = False  # the same bytes were taken before, and replaced by others under their name
    is_landed: bool = False  # rows stand in the raw table, and in ``intake.landing`` that they do not count yet
    messages: list[str] = field(default_factory=list)

    @property
    def file_name(self) -> str:
        """The name as text that can be printed and stored, whatever its bytes."""
        return printable(self.file)

    @property
    def headline(self) -> str:
        """One line: file, verdict, counts."""
        agency = self.extract.agency if self.extract else self.agency
        name = f"{agency}/{self.file_name}" if agency else self.file_name
        if self.status == REPLAY:
            return f"{name}: the same bytes were taken before; nothing changes"
        if self.status == REFUSED:
            return f"{name}: REFUSED: {self.reason}"
        counts = f"{self.accepted_count:,} rows taken, {self.quarantined_count:,} in quarantine"
        return f"{name}: {self.status.replace('_', ' ')}: {counts}"


def connect(settings: Settings, database: Path | str = ":memory:") -> duckdb.DuckDBPyConnection:
    """A DuckDB connection within the limits of the settings, with nothing fetched from anywhere."""
    work = settings.data_dir / "work"
    work.mkdir(parents=True, exist_ok=True)
    # two processes must not spill into one folder; DuckDB makes it when it needs it and removes it at the end. It is named at
    # once, for with little memory the first thing done spills, and the same for all connections, which DuckDB asks of a file
    spill = str(work / f"spill-{os.getpid()}")
    config = {"autoinstall_known_extensions": False, "autoload_known_extensions": False, "temp_directory": spill}
    try:
        con = duckdb.connect(str(database), config=config)
    except duckdb.Error as error:
        raise said_of(error, Path(database)) from error
    con.execute(f"set memory_limit = '{settings.memory_limit}'; set threads = {settings.threads}")
    return con


def open_restricted(settings: Settings, contracts: Contracts) -> duckdb.DuckDBPyConnection:
    """The restricted database, with its register and a raw table for every extract of every contract."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    os.chmod(settings.data_dir, 0o700)  # a write-ahead log or a spill file takes whatever mode the system gives it
    con = connect(settings, settings.restricted_db)
    try:
        os.chmod(settings.restricted_db, 0o600)
        con.execute(REGISTER)
        take_back(con)
        for extract in contracts.extracts:
            # a key that stands alone never comes twice in a file: packing it takes much time and saves little
            packing = {extract.key[0]: " using compression uncompressed"} if len(extract.key) == 1 else {}
            columns = ", ".join(f'"{c.name}" varchar{packing.get(c.name, "")}' for c in extract.columns)
            con.execute(f"create table if not exists raw.{extract.table} ({columns}, _delivery_id varchar, _row_number bigint)")
            for column in extract.columns:  # those that the contract has come to ask for since
                con.execute(f'alter table raw.{extract.table} add column if not exists "{column.name}" varchar')
    except BaseException:
        con.close()
        raise
    return con


def known(con: duckdb.DuckDBPyConnection, delivery_id: str) -> tuple[str, str] | None:
    """Status and reason of a delivery in the register; None if it is not there."""
    return con.execute("select status, reason from intake.deliveries where delivery_id = ?", [delivery_id]).fetchone()


def last_of_name(con: duckdb.DuckDBPyConnection, report: Report) -> tuple[str, datetime] | None:
    """Hash of the bytes that were taken last, before a delivery came, from a file of its name, and when they were received."""
    return con.execute(
        "select content_hash, received_at from intake.deliveries where agency = ? and extract = ? and file_name = ? "
        "and status <> ? and received_at < ? order by received_at desc limit 1",
        [report.agency, report.extract.name, report.file_name, REFUSED, report.received_at],
    ).fetchone()


def latest_receipt(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """The latest time of receipt in the register, naive UTC."""
    return con.execute("select max(received_at) from intake.deliveries").fetchone()[0]


def set_clock(con: duckdb.DuckDBPyConnection, today: date | None) -> None:
    """Say of which day the next build is; None: of no night (the models then take the day of the latest extract)."""
    con.execute("begin; delete from intake.clock")
    if today:
        con.execute("insert into intake.clock values (?)", [today])
    con.execute("commit")


def take_back(con: duckdb.DuckDBPyConnection) -> None:
    """Remove rows that landed and were not registered, as a run that was killed leaves them. No model ever reads them."""
    for delivery_id, table in con.execute("from intake.landing").fetchall():
        with transaction(con):
            con.execute(f"delete from {table} where _delivery_id = ?", [delivery_id])
            con.execute("delete from intake.landing where delivery_id = ?", [delivery_id])


@contextlib.contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing of what is done within."""
    con.execute("begin")
    try:
        yield
        con.execute("commit")
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # what failed, a commit for one, may have ended the transaction already
            con.execute("rollback")
        raise


def _settle_rows(con: duckdb.DuckDBPyConnection, report: Report) -> None:
    """Leave in the raw table what is accepted of a delivery: of rows that landed the others go, else the sound ones come."""
    table, is_refused = f"raw.{report.extract.table}", report.status == REFUSED
    failing = "_row_number in (select _row_number from findings)"
    if report.is_landed and (is_refused or report.quarantined_count):
        rest = "" if is_refused else f" and {failing}"
        con.execute(f"delete from {table} where _delivery_id = ?{rest}", [report.delivery_id])
    elif not report.is_landed and not is_refused:
        columns = ", ".join(f'"{c.name}"' for c in report.extract.columns)
        con.execute(
            f"insert into {table} ({columns}, _delivery_id, _row_number) "
            f"select {columns}, ?, _row_number from sent {f'where not {failing}' if report.quarantined_count else ''}",
            [report.delivery_id],
        )


def record(con: duckdb.DuckDBPyConnection, report: Report) -> None:
    """Write rows (from ``sent``), quarantine (from ``findings``) and register, all or nothing."""
    extract, delivery_id = report.extract, report.delivery_id
    agency, name = (extract.agency, extract.name) if extract else (report.agency, None)
    with transaction(con):
        con.execute("delete from intake.landing where delivery_id = ?", [delivery_id])
        con.execute("delete from intake.deliveries where delivery_id = ?", [delivery_id])  # a refused delivery sent again
        con.execute("delete from intake.quarantine where delivery_id = ?", [delivery_id])
        if extract:
            _settle_rows(con, report)
        if report.quarantined_count:
            con.execute(
                "insert into intake.quarantine select ?, ?, ?, ?, _line, column_name, reason, offending_text, record_key, says "
                "from findings order by _line, column_name, reason",
                [delivery_id, agency, name, report.file_name],
            )
        line = {
            "delivery_id": delivery_id,
            "agency": agency,
            "extract": name,
            "file_name": report.file_name,
            "content_hash": report.content_hash,
            "byte_count": report.byte_count,
            "extract_date": report.extract_date,
            "sequence": report.sequence,
            "received_at": report.received_at,
            "row_count": report.read_count,
            "accepted_count": report.accepted_count,
            "quarantined_count": report.quarantined_count,
            "status": report.status,
            "reason": report.reason,
            "contract_version": extract.contract_version if extract else None,
            "contract_hash": extract.contract_hash if extract else None,
            "rows_hash": report.rows_hash,
            "configuration": report.configuration,
        }
        con.execute(
            f"insert into intake.deliveries ({', '.join(line)}) values ({', '.join('?' * len(line))})", list(line.values())
        )
    report.is_landed = False
