"""A full disk said plainly, whichever step met it and in whichever words the system put it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIGNS = ("No space left", "database or disk is full")  # of the system, and of SQLite, in which Dagster keeps its record
VAGUE = "disk I/O error"  # SQLite's word for a full disk, and for a broken one
LEAST_FREE_BYTES = 64 << 20  # a step that fails with less than that has failed for want of it


class NoRoom(RuntimeError):
    """The disk is too full: the fault of the installation. Nothing is lost, and nothing half-done is put in place."""


def is_full(error: BaseException) -> bool:
    """Whether an error comes from a full disk or quota."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(sign in str(error) for sign in SIGNS)


def must_have_room(folder: Path) -> None:
    """Say plainly that the disk of the data folder is full, if it is, whatever words a step failed with. Raises NoRoom."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise NoRoom(
            f"The disk of {folder} is full ({free / 1e6:,.1f} MB free). Nothing was put in place. Free some disk and run again."
        )


def said_plainly(says: str, folder: Path) -> str:
    """What an error says; of one that comes from a full disk, that the disk of the data folder is full."""
    try:
        if VAGUE in says or any(sign in says for sign in SIGNS):
            must_have_room(folder)
    except (NoRoom, OSError) as error:
        return str(error) if isinstance(error, NoRoom) else says
    return says


@contextmanager
def room_for(what: str) -> Iterator[None]:
    """Raise NoRoom, naming ``what`` was being done and the remedy, in place of any error that comes from a full disk."""
    try:
        yield
    except NoRoom:
        raise
    except Exception as error:
        if is_full(error):
            raise NoRoom(f"{what}: the disk is full. Nothing is lost: free some disk and run again.") from error
        raise
