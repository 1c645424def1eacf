"""Everything made again from the archive alone: database, warehouse and releases (decision 005)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from . import damage, release, warehouse
from .archive import Archive, ArchiveError, Night, private_folder
from .manifest import sha256
from .rebuild import Rebuilt, rebuild
from .recovery import mend, open_recovered
from .settings import Settings


class CannotRestore(RuntimeError):
    """There is nothing to restore from, or something stands in the way. The message says what."""


def take_over(settings: Settings, backup: Path) -> None:
    """Copy ``archive`` and ``keys`` of a backup folder into an installation that has no archive yet."""
    if not (backup / "archive").is_dir():
        raise CannotRestore(f"{backup} holds no folder 'archive'. Name the folder that holds the copies of archive and keys.")
    if settings.archive_dir.exists():
        raise CannotRestore(
            f"{settings.archive_dir} exists. Restore into an empty home, or leave out --from to use this archive."
        )
    private_folder(settings.data_dir)
    copying = settings.data_dir / f".archive-{os.getpid()}"
    try:
        shutil.copytree(backup / "archive", copying)
        if (backup / "keys").is_dir():
            shutil.copytree(backup / "keys", settings.data_dir / "keys", dirs_exist_ok=True)
        for path in [copying, *copying.rglob("*"), settings.data_dir / "keys", *(settings.data_dir / "keys").rglob("*")]:
            if path.exists():  # whatever the copy's modes are
                os.chmod(path, 0o700 if path.is_dir() else 0o600 if path.suffix == ".key" else 0o400)
        copying.rename(settings.archive_dir)
    finally:
        shutil.rmtree(copying, ignore_errors=True)


def must_be_whole(settings: Settings, archive: Archive) -> None:
    """Put right what the landing folder can put right. Raises ArchiveError, before anything is changed, naming what it cannot."""
    removed = archive.removed()
    latest = {r.delivery_id: r for r in archive.receipts() if r.content_hash not in removed}
    lost = [r for r in latest.values() if not mend(settings, archive, r)]
    if lost:
        names = "\n".join(f"  {archive.place(r.content_hash)}: {r.agency}/{r.file_name}, {r.received_at:%d %B %Y}" for r in lost)
        raise ArchiveError(
            f"{len(lost)} files of the archive are gone or damaged, so nothing was changed:\n{names}\n"
            "Put them back from a copy of the archive, or put the files themselves into the landing folder again."
        )


def restore(settings: Settings, is_latest_only: bool = False, say: Callable[[str], None] = print) -> list[str]:
    """Make the restricted database, the releases and the warehouse again; the caller holds the run lock.

    Releases that are there stay. Returns the ids of those made again. Raises archive.ArchiveError for bytes that are gone,
    rebuild.CannotRebuild and what a night raises.
    """
    archive = Archive(settings.archive_dir)
    if not archive.receipt_names():
        raise CannotRestore(f"{settings.archive_dir} holds no receipts, so there is nothing to restore.")
    if not settings.person_key_file.exists():
        say("There is no copy of the key: a new one is made, and persons get new ids. Figures do not change.")
    must_be_whole(settings, archive)
    contracts = warehouse.prepare(settings)
    if settings.restricted_db.exists():
        say(f"The database that is there is kept as {damage.set_aside(settings.restricted_db).name}.")
    open_recovered(settings, contracts, say).close()
    nights = [n for n in archive.nights() if n.result == "published"]
    made = []
    for night in nights[-1:] if is_latest_only else nights:
        if (settings.published_dir / night.release_id).exists() and night is not nights[-1]:
            continue
        again = rebuild(settings, night.at, log=say)
        made += _publish_again(settings, again, night, say)
    if nights:
        release.point_current_to(settings, nights[-1].release_id)
        os.replace(again.settings.warehouse_db, settings.warehouse_db)
    shutil.rmtree(settings.rebuilt_dir, ignore_errors=True)
    return made


def _publish_again(settings: Settings, again: Rebuilt, night: Night, say: Callable[[str], None]) -> list[str]:
    """Put a rebuilt release where it was, unless it is still there."""
    if (settings.published_dir / night.release_id).exists():
        return []
    if again.outcome.folder is None or again.outcome.release_id != night.release_id:
        say(f"Release {night.release_id} comes out differently with this code ({again.outcome.release_id}); it is not put back.")
        return []
    release.open_to_readers(settings.published_dir)
    folder = release.publish_folder(settings, again.outcome.folder, night.release_id)
    is_same = sha256(folder / "manifest.json") == night.manifest_hash
    same = "as it was, byte for byte" if is_same else "with the same tables; its manifest names another code or earlier release"
    say(f"Release {night.release_id} is back, {same}.")
    return [night.release_id]
