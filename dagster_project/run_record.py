"""Dagster's record of a run kept open while it is written: Dagster itself opens and closes its file for every event.

To close the last connection to such a file is to write its log into it and to wait for the disk. A night has three thousand of
those; with one connection a file they are one. What a power cut may take is the last lines of the record, never its soundness.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def kept_open(instance: Any) -> Iterator[None]:
    """Inside, this process writes the events of a Dagster instance over one connection a file; other stores stay as they are."""
    from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        yield
        return
    opened_by, kept = storage._connect, {}

    @contextmanager
    def connect(shard: str):
        if shard not in kept:
            with opened_by(shard):
                pass  # Dagster makes the file and its tables if they are not there yet
        with storage._db_lock:
            if shard not in kept:
                waits = {"timeout": 60, "check_same_thread": False}  # one thread at a time has the lock
                kept[shard] = create_engine(storage.conn_string_for_shard(shard), poolclass=StaticPool, connect_args=waits)
                with kept[shard].connect() as con:
                    con.exec_driver_sql("pragma synchronous = normal")
            with kept[shard].connect() as con, con.begin():
                yield con

    with ExitStack() as at_end:
        storage._connect = connect
        # once the tables are there they stay: Dagster looks for this one again before each event of an asset
        has_table, found = storage.has_table, set()

        def has(table: str) -> bool:
            if table not in found and has_table(table):
                found.add(table)
            return table in found

        storage.has_table = has
        at_end.callback(lambda: delattr(storage, "has_table"))
        at_end.callback(lambda: [engine.dispose() for engine in kept.values()])
        at_end.callback(lambda: delattr(storage, "_connect"))
        yield
