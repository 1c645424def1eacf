"""After a crash or damage: the restricted database made whole from the archive's receipts, each judged as on its day."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from . import damage
from .archive import Archive, Receipt, receipt_name
from .contracts import Contracts, load_contracts
from .intake import take_receipt
from .register import open_restricted
from .settings import Settings


def open_recovered(settings: Settings, contracts: Contracts, say: Callable[[str], None] = print) -> duckdb.DuckDBPyConnection:
    """The restricted database, with everything in it that the archive has receipts of; the caller is the only writer.

    A damaged database is set aside and made anew. Raises archive.ArchiveError if the archive cannot give what it should.
    """
    wrong = damage.damage(settings.restricted_db)
    if wrong:
        aside = damage.set_aside(settings.restricted_db)
        say(f"The restricted database was damaged ({wrong}). It is kept as {aside.name}; a new one is made from the archive.")
    con = open_restricted(settings, contracts)
    try:
        Archive(settings.archive_dir).sweep()
        recover(con, settings, contracts, say)
    except BaseException:
        con.close()
        raise
    return con


def missing(con: duckdb.DuckDBPyConnection, archive: Archive) -> list[Receipt]:
    """Receipts that the register lacks, in order of receipt: of each delivery the latest, whose bytes are to be there."""
    rows = con.execute("select received_at, delivery_id from intake.deliveries where content_hash is not null").fetchall()
    names = archive.receipt_names()
    if names == {receipt_name(*row) for row in rows}:  # the usual night
        return []
    registered = dict((delivery, received) for received, delivery in rows)
    latest = {r.delivery_id: r for r in archive.receipts()}
    removed = archive.removed()
    return [r for r in latest.values() if registered.get(r.delivery_id) != r.received_at and r.content_hash not in removed]


def recover(con: duckdb.DuckDBPyConnection, settings: Settings, contracts: Contracts, say: Callable[[str], None]) -> int:
    """Take every receipt that the register lacks from the archive. How many there were."""
    archive = Archive(settings.archive_dir)
    lost = sorted(missing(con, archive), key=lambda r: (r.received_at, r.delivery_id))
    if not lost:
        return 0
    current = archive.keep_configuration(settings.project_dir)
    say(f"{len(lost)} deliveries stand in the archive and not in the database; they are taken from the archive.")
    for number, receipt in enumerate(lost, 1):
        with contracts_then(archive, receipt.configuration, contracts if receipt.configuration == current else None) as then:
            report = take_receipt(con, settings, then, receipt)
        say(f"  {number} of {len(lost)}: {report.headline}")
    return len(lost)


@contextmanager
def contracts_then(archive: Archive, configuration: str, known: Contracts | None) -> Iterator[Contracts]:
    """The contracts and code lists of a configuration; ``known`` spares laying them out again."""
    if known:
        yield known
        return
    with tempfile.TemporaryDirectory(prefix="configuration_") as folder:
        project = archive.lay_out_configuration(configuration, Path(folder))
        yield load_contracts(project / "expectations" / "contracts", project / "seeds")
