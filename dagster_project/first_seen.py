"""When each key of a full extract was first sent, though retention removes the deliveries: people are numbered by who came first.

Of whom the latest delivery still speaks, and no one else. It stands beside the notes of removal, and so survives the database.
"""

from __future__ import annotations

import os

import duckdb

from .archive import Archive, write_whole
from .checks import value
from .contracts import Contracts, Extract
from .register import REFUSED
from .settings import Settings

KEPT = "first_seen-{}.parquet"


def is_kept(extract: Extract) -> bool:
    """Whether the first days of an extract are kept: its records have one key, a text, as those of lists of people do."""
    kinds = [c.type for c in extract.columns if c.name in extract.key]
    return extract.mode == "full" and kinds == ["string"]


def write_down(con: duckdb.DuckDBPyConnection, settings: Settings, archive: Archive, extract: Extract) -> None:
    """Keep the first days of an extract, before deliveries of it go: in the archive, then in the database."""
    of, key = [extract.agency, extract.name], value(extract.key[0])
    con.execute(
        "create or replace temp table first_days as "
        "with taken as (select delivery_id, extract_date, row_number() over (order by extract_date desc, sequence desc, "
        "received_at desc) as nth from intake.deliveries where agency = ? and extract = ? and status <> ?), "
        f"sent as (select {key} as record_key, extract_date, nth from raw.{extract.table} r "
        "join taken t on r._delivery_id = t.delivery_id), "
        "said as (select record_key, extract_date from sent union all "
        "select record_key, first_seen_date from intake.first_seen where agency = ? and extract = ?) "
        "select ? as agency, ? as extract, record_key, min(extract_date) as first_seen_date from said "
        "where record_key in (select record_key from sent where nth = 1) group by record_key",
        [*of, REFUSED, *of, *of],
    )
    made = settings.data_dir / "work" / f"spill-{os.getpid()}-first-seen.parquet"
    try:
        con.execute(f"copy (from first_days order by record_key) to '{made}' (format parquet, compression zstd)")
        write_whole(archive.folder / "removed" / KEPT.format(extract.table), made.read_bytes())
    finally:
        made.unlink(missing_ok=True)
    con.execute("begin")
    con.execute("delete from intake.first_seen where agency = ? and extract = ?", of)
    con.execute("insert into intake.first_seen from first_days; drop table first_days; commit")


def read_back(con: duckdb.DuckDBPyConnection, archive: Archive, contracts: Contracts) -> None:
    """Into a database that was made anew."""
    kept = [archive.folder / "removed" / KEPT.format(e.table) for e in contracts.extracts if is_kept(e)]
    found = [str(path) for path in kept if path.exists()]
    if found and not con.execute("select count(*) from intake.first_seen").fetchone()[0]:
        con.execute("insert into intake.first_seen from read_parquet(?)", [found])
