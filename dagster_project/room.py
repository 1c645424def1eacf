"""A full disk said plainly, whichever step met it and in whichever words the system put it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

SIGN = "No space left"


class NoRoom(RuntimeError):
    """The disk is too full: the fault of the installation. Nothing is lost, and nothing half-done is put in place."""


def is_full(error: BaseException) -> bool:
    """Whether an error comes from a full disk or quota."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or SIGN in str(error)


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
