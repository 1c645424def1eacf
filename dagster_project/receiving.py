"""The bytes of a waiting file → the archive. Those of the next file are copied and looked through while this one lands.

What is done ahead stands beside the archive under a name that the next run sweeps away, and counts for nothing until the
file's turn comes. Whatever goes wrong ahead is forgotten, and done again in its turn.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import arrival, reading
from .archive import Archive, private_folder, sync
from .arrival import FileRefused, Scan
from .contracts import Contracts, Extract
from .examine import agency_of, recognise
from .room import NoRoom

ROOM_FACTOR, PACKED_ROOM_FACTOR = 3, 20  # times the size of a file: the archive, the raw table and the working tables


@dataclass
class Received:
    """The bytes of one file: hash, length, and where their copy waits to be put into the archive (None: it has them).

    ``scan``: what they are as text, if that was looked at already as a file of ``extract``. ``was``: the file that was read, and
    how it was when reading began.
    """

    content_hash: str
    byte_count: int
    copy: Path | None = None
    extract: Extract | None = None
    scan: Scan | None = None
    was: tuple[Path, os.stat_result] | None = None

    def drop(self) -> None:
        """Remove the copy, if it was not put into the archive."""
        if self.copy:
            self.copy.unlink(missing_ok=True)
            self.copy = None

    def put_in(self, archive: Archive) -> None:
        """Put the copy into the archive, durably; over the same bytes, if they came before."""
        if self.copy is None:
            return
        try:
            archived = archive.place(self.content_hash)
            private_folder(archived.parent)
            os.replace(self.copy, archived)
            sync(archived.parent)
            archive.untouched.was_read(archived, self.content_hash, archived.stat(), is_own=True)
            if self.was:
                archive.untouched.was_read(self.was[0], self.content_hash, self.was[1])
        finally:
            self.drop()


def refuse_link_out(path: Path) -> None:
    """Raise FileRefused for a link that leads out of the landing folder."""
    if path.is_symlink() and path.exists() and not path.resolve().is_relative_to(path.parent.resolve()):
        raise FileRefused("is a link to a file outside its folder", "Put the file itself there.")


def _need_room(path: Path, folder: Path) -> None:
    """Stop for a file for which the disk is too small, before half of it is written."""
    need = path.stat().st_size * (PACKED_ROOM_FACTOR if arrival.is_gzip(path) else ROOM_FACTOR)
    free = shutil.disk_usage(folder).free
    if free < need:
        raise NoRoom(
            f"{path.name}: needs {need / 1e6:,.0f} MB of disk, of which {free / 1e6:,.0f} MB are free. "
            "Nothing of it was taken. Free some disk and run again."
        )


def receive(archive: Archive, path: Path, is_known: bool, copy: Path | None = None) -> Received:
    """Copy the bytes of a file beside the archive (as ``copy``), durably, so that what is kept is what is read.

    ``is_known``: a file of this name and length came before; if the archive has its bytes, whole, they are not copied, and
    not read either if neither has been touched since both were read.
    Raises FileRefused, OSError for a file that cannot be read, and NoRoom.
    """
    refuse_link_out(path)
    before = path.stat()
    if path.is_file():
        if is_known and archive.has(content_hash := _hash_of(path, archive)):
            return Received(content_hash, before.st_size)
        _need_room(path, private_folder(archive.folder))
    private_folder(archive.folder)
    copy = copy or archive.incoming()
    try:
        with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            content_hash, byte_count = arrival.fingerprint(path, file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(copy, 0o400)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return Received(content_hash, byte_count, copy, was=(path, before))


def _hash_of(path: Path, archive: Archive) -> str:
    """The hash of a file's bytes, which are read unless they were not long ago."""
    before = path.stat()
    content_hash = archive.untouched.hash_of(path)
    if not content_hash:
        content_hash, _ = arrival.fingerprint(path)
        archive.untouched.was_read(path, content_hash, before)
    return content_hash


class Ahead:
    """Receives one file ahead of the one that is landing, in a thread of its own: after an agency's last the next one's first."""

    def __init__(self, contracts: Contracts):
        self._contracts, self._pool = contracts, ThreadPoolExecutor(1, thread_name_prefix="receiving")
        self._path: Path | None = None
        self._waiting: Future | None = None
        self.copy: Path | None = None  # of what is received, or being received, for a turn to come

    def start(self, archive: Archive, path: Path, is_known: bool) -> None:
        """Begin to receive the file whose turn comes next."""
        self._path, self.copy = path, archive.incoming()
        self._waiting = self._pool.submit(self._receive, archive, path, is_known, self.copy)

    def take(self, path: Path) -> Received | None:
        """What was received of a file ahead of its turn; None if nothing was, or if something was wrong."""
        waiting, is_it = self._waiting, self._path == path
        self._path = self._waiting = self.copy = None
        received = waiting.result() if waiting else None
        if received and not is_it:
            received.drop()
        return received if is_it else None

    def drop(self) -> None:
        """Remove what was received and not asked for."""
        self.take(Path())

    def _receive(self, archive: Archive, path: Path, is_known: bool, copy: Path) -> Received | None:
        try:
            received = receive(archive, path, is_known, copy)
        except (FileRefused, OSError, NoRoom):
            return None
        if received.copy:  # else it is most likely a file that was taken before
            with contextlib.suppress(FileRefused, OSError):
                extract, _, _ = recognise(path, self._contracts, agency_of(path, self._contracts), received.copy)
                received.scan, received.extract = reading.scan(received.copy, extract), extract
        return received
