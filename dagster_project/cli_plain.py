"""What can go wrong, said in a line: the one place that knows which errors are told to whoever typed the command."""

from __future__ import annotations

import sys

import click
import duckdb

from .damage import HOLDER, is_damage
from .room import is_full

FAULTS = (  # by name: some are of modules that take seconds to import
    "ArchiveError",
    "CannotRebuild",
    "CannotRestore",
    "CannotReview",
    "CannotWrite",
    "ContractError",
    "DatabaseHeld",
    "DefinitionError",
    "GateError",
    "ModelUnsound",
    "NoRoom",
    "NotWritten",
    "ReaderError",
    "ReleaseError",
    "RunInProgress",
    "SettingsError",
    "TooLittleMemory",
    "WrongTerms",
)


def _told(error: Exception) -> str | None:
    """The message of an error that is no fault of the code, with its remedy; None for any other."""
    if type(error).__name__ in FAULTS:
        return str(error)
    if is_full(error):
        return "The disk is full. Nothing is lost: free some disk and run again."
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        what = error.filename or "A file"
        return f"{what} cannot be used ({error.strerror or error}). Put that right, or name another place, and run again."
    if isinstance(error, duckdb.Error):
        first = str(error).splitlines()[0]
        if is_damage(error):
            return f"A database is damaged ({first}). Make it anew from the archive with: outcomes restore"
        if HOLDER.search(str(error)):
            return f"A database is held by another process ({first}). Close it there and run again."
    return None


class PlainGroup(click.Group):
    """A group of commands: whichever meets an error that is no fault of the code says it in a line, with exit code 1."""

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except Exception as error:
            says = _told(error)
            if says is None:
                raise
            click.echo(says, err=True)
            sys.exit(1)
