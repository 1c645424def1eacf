"""Files that were read whole not long ago and that nobody has touched since, so that a night need not read them all again.

A file is known by its device, number, length and times of change; no program can turn its bytes and leave them all as they were.
What only a disk can do to it is found when it is read again, which is once in as many days as whole builds are apart.

The same holds for the blocks of a database that nobody but the nights themselves has written to.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

WHOLE = "whole"  # of a database, whose bytes have no hash that stays
SETTLED_NS = 2_000_000_000  # younger changes are not told apart for certain: clocks of file systems tick slowly


class Untouched:
    """State of a file → hash of its bytes, and the day on which they were read; no file is named.

    ``file``: where that is kept between nights, for ``days``. If it is lost, or none is given, everything is read once more.
    """

    def __init__(self, file: Path | None = None, days: int = 0, today: date | None = None):
        self._file, today = file, today or datetime.now(UTC).date()
        self._today, since = today.isoformat(), (today - timedelta(days=days)).isoformat()
        try:
            kept = json.loads(file.read_text(encoding="utf-8")) if file else {}
            self._read = {state: seen for state, seen in kept.items() if since < seen["on"] <= self._today}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            self._read = {}
        self._kept = dict(self._read)

    def hash_of(self, path: Path) -> str | None:
        """The hash of a file that was read and has not been touched since; None of any other."""
        try:
            seen = self._read.get(_state(path.stat()))
        except OSError:
            return None
        return seen["sha256"] if seen else None

    def was_read(self, path: Path, content_hash: str, before: os.stat_result, is_own: bool = False) -> None:
        """Remember what a file holds. ``before``: how it was when reading began; ``is_own``: nobody else writes there."""
        if is_own or time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns) > SETTLED_NS:
            self._read[_state(before)] = {"sha256": content_hash, "on": self._today}

    def is_whole(self, database: Path) -> bool:
        """Whether a database was found whole, and stands as the last night that wrote to it left it: ``left_whole``."""
        return self.hash_of(database) == WHOLE and not database.with_name(f"{database.name}.wal").exists()

    def was_whole(self, database: Path) -> None:
        """Remember that every block of a database was looked at and is whole."""
        self.was_read(database, WHOLE, database.stat(), is_own=True)

    def looks(self) -> set[str]:
        """The states in which databases are known to have been whole."""
        return {state for state, seen in self._read.items() if seen["sha256"] == WHOLE}

    def left_whole(self, database: Path) -> None:
        """A night that began with a whole database has ended: it stands so, though not looked at since the day it was."""
        days = [seen["on"] for seen in self._read.values() if seen["sha256"] == WHOLE]
        if days and database.exists():
            self._read[_state(database.stat())] = {"sha256": WHOLE, "on": max(days)}

    def keep(self) -> None:
        """Write it down for the nights to come, if there is anything new. No night fails for want of it."""
        if self._file and self._read != self._kept:
            from .archive import write_whole

            with suppress(OSError):
                write_whole(self._file, json.dumps(self._read, indent=0).encode(), mode=0o600)
                self._kept = dict(self._read)


@contextmanager
def night_over(database: Path, file: Path, days: int) -> Iterator[None]:
    """Around a night: as it leaves the database, that is whole if it was when the night began, or was looked at meanwhile.

    Of a night that broke before it looked nothing is said, so that the next one looks.
    """
    before = Untouched(file, days)
    stood, looks = before.is_whole(database), before.looks()
    try:
        yield
    finally:
        after = Untouched(file, days)
        if stood or after.looks() - looks:
            after.left_whole(database)
            after.keep()


def _state(stat: os.stat_result) -> str:
    return f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"
