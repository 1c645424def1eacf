"""After a crash or damage: the restricted database made whole from the archive's receipts, each judged as on its day."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from . import damage, first_seen
from .archive import Archive, Receipt, receipt_name
from .contracts import Contracts, load_contracts
from .intake import take_receipt
from .manifest import sha256
from .register import open_restricted
from .settings import Settings
from .untouched import Untouched


def open_recovered(
    settings: Settings,
    contracts: Contracts,
    say: Callable[[str], None] = print,
    is_whole: bool = False,
    untouched: Untouched | None = None,
    ahead: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """The restricted database, with everything in it that the archive has receipts of; the caller is the only writer.

    A damaged database is set aside and made anew; of one that this run has found whole already (``is_whole``), or one found whole
    not long ago and written to by nights alone (``untouched``), the blocks are not all read again. ``ahead``: bytes that this run
    has received for a turn to come. Raises archive.ArchiveError if the archive cannot give what it should.
    """
    untouched = untouched or Untouched()
    is_whole = is_whole or untouched.is_whole(settings.restricted_db)
    wrong = None if is_whole else damage.damage(settings.restricted_db)
    if wrong:
        aside = damage.set_aside(settings.restricted_db)
        say(f"The restricted database was damaged ({wrong}). It is kept as {aside.name}; a new one is made from the archive.")
    con = open_restricted(settings, contracts)
    if not is_whole:
        untouched.was_whole(settings.restricted_db)  # or is new
    try:
        Archive(settings.archive_dir).sweep(ahead)
        recover(con, settings, contracts, say)
        first_seen.read_back(con, Archive(settings.archive_dir), contracts)
    except BaseException:
        con.close()
        raise
    return con


def missing(con: duckdb.DuckDBPyConnection, archive: Archive) -> list[Receipt]:
    """Receipts that the register lacks, in order of receipt: of each delivery the latest, whose bytes are to be there."""
    rows = con.execute("select received_at, delivery_id from intake.deliveries where content_hash is not null").fetchall()
    names = archive.receipt_names()
    if {receipt_name(*row) for row in rows} - names:  # taken before there were receipts
        _write_receipts(con, archive, names)
    if names == {receipt_name(*row) for row in rows}:  # the usual night
        return []
    registered = dict((delivery, received) for received, delivery in rows)
    latest = {r.delivery_id: r for r in archive.receipts()}
    removed = archive.removed()
    return [r for r in latest.values() if registered.get(r.delivery_id) != r.received_at and r.content_hash not in removed]


def _write_receipts(con: duckdb.DuckDBPyConnection, archive: Archive, names: set[str]) -> None:
    """Give the deliveries of an earlier version of this system the receipts that they lack."""
    for line in con.execute(
        "select received_at, delivery_id, agency, file_name, content_hash, byte_count, coalesce(configuration, ''), status "
        "from intake.deliveries where content_hash is not null"
    ).fetchall():
        if receipt_name(*line[:2]) not in names:
            archive.write_receipt(Receipt(*line))


def recover(con: duckdb.DuckDBPyConnection, settings: Settings, contracts: Contracts, say: Callable[[str], None]) -> int:
    """Take every receipt that the register lacks from the archive. How many there were."""
    archive = Archive(settings.archive_dir)
    lost = sorted(missing(con, archive), key=lambda r: (r.received_at, r.delivery_id))
    if not lost:
        return 0
    current = archive.keep_configuration(settings.project_dir)
    say(f"{len(lost)} deliveries stand in the archive and not in the database; they are taken from the archive.")
    for number, receipt in enumerate(lost, 1):
        is_known = receipt.configuration in (current, "")
        with contracts_then(settings, archive, receipt.configuration, contracts if is_known else None) as then:
            mend(settings, archive, receipt)
            report = take_receipt(con, settings, then, receipt)
        say(f"  {number} of {len(lost)}: {report.headline}")
    return len(lost)


def mend(settings: Settings, archive: Archive, receipt: Receipt) -> bool:
    """Put damaged or lost bytes right from the landing folder, if it still has them. Whether the archive now has them."""
    if archive.is_sound(receipt.content_hash):
        return True
    path = settings.landing_dir / (receipt.agency or "") / receipt.file_name
    if path.is_file() and sha256(path) == receipt.content_hash:
        archive.place(receipt.content_hash).unlink(missing_ok=True)
        archive.keep(path.read_bytes())
    return archive.is_sound(receipt.content_hash)


@contextmanager
def contracts_then(settings: Settings, archive: Archive, configuration: str, known: Contracts | None) -> Iterator[Contracts]:
    """The contracts and code lists of a configuration; ``known`` spares laying them out again. Its seeds may name people."""
    if known:
        yield known
        return
    with tempfile.TemporaryDirectory(prefix=f"spill-{os.getpid()}-configuration-", dir=settings.data_dir / "work") as folder:
        project = archive.lay_out_configuration(configuration, Path(folder))
        yield load_contracts(project / "expectations" / "contracts", project / "seeds")
