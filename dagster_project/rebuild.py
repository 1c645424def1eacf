"""What was known then: the warehouse and release of an instant made again from the deliveries received by it (decision 005).

Everything happens in a folder of its own under ``data/rebuilt``; what is published stays as it is.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from . import release, warehouse
from .archive import STAMP, Archive, Night, instant
from .damage import damage
from .register import connect
from .settings import Settings, day_of, load_settings


class CannotRebuild(RuntimeError):
    """The past cannot be made again. The message says what is gone and what to do."""


@dataclass(frozen=True)
class Rebuilt:
    """A rebuild: its installation, what the gate said, and the release of that instant, if one was published."""

    settings: Settings
    outcome: release.Outcome
    original: Path | None

    @property
    def differing_files(self) -> list[str]:
        """Names of files that the rebuild and the release of that instant do not have alike, byte for byte."""
        ours, theirs = (read_files(folder) for folder in (self.outcome.folder, self.original))
        return sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))


def read_files(folder: Path | None) -> dict[str, bytes]:
    """The files of a release, by name."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} if folder else {}


def find_instant(settings: Settings, text: str) -> datetime:
    """An instant (naive UTC) from a release's id, an ISO instant (UTC unless it says otherwise) or a day (its end, London).

    Raises CannotRebuild for anything else, and for what is still to come.
    """
    archive = Archive(settings.archive_dir)
    night = next((n for n in archive.nights() if n.release_id == text and n.result != "unchanged"), None)
    if night:
        return night.at
    try:
        if is_day := len(text) == len("2013-07-15"):
            at = datetime.combine(date.fromisoformat(text), time(), ZoneInfo("Europe/London"))
        else:
            at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CannotRebuild(
            f"'{text}' is no release and no instant. Write 2013-07-15T02:00:00, 2013-07-15 or a release's id."
        ) from error
    begins = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    if begins > instant(archive.latest_instant()):
        raise CannotRebuild(f"'{text}' is still to come: nothing is known of it yet. Name an instant or a day up to now.")
    if not is_day:
        return begins
    end = datetime.combine(at.date() + timedelta(days=1), time(), ZoneInfo("Europe/London"))
    return end.astimezone(UTC).replace(tzinfo=None) - timedelta(microseconds=1)


def rebuild(settings: Settings, at: datetime, with_todays: bool = False, log: Callable[[str], None] = print) -> Rebuilt:
    """Make the warehouse and release of an instant (naive UTC) again; the caller holds the run lock.

    Definitions, mappings, contracts and rules are those of the latest night up to then, or today's. Raises CannotRebuild, and
    what a night raises.
    """
    archive = Archive(settings.archive_dir)
    nights = [night for night in archive.nights() if night.at <= at]
    then = _lay_out(settings, archive, nights, at, with_todays)
    known = _known_at(settings, then, at)
    log(f"As known at {at:%Y-%m-%d %H:%M:%S} UTC: {known} deliveries, definitions of {'today' if with_todays else 'that time'}.")
    warehouse.prepare(then)
    result = warehouse.build(then, day_of(then, at))
    if not result.success:
        raise CannotRebuild(f"dbt cannot build what was known then; its log is {then.data_dir / 'dbt' / 'logs' / 'dbt.log'}.")
    outcome = release.judge(then, at, _current_then(settings, nights, at, log), log)
    return Rebuilt(then, outcome, _release_of(settings, nights, at))


def _lay_out(settings: Settings, archive: Archive, nights: list[Night], at: datetime, with_todays: bool) -> Settings:
    """An empty installation for the rebuild, with the configuration of the latest night or today's."""
    home = settings.rebuilt_dir / (at.strftime(STAMP) + ("-todays" if with_todays else ""))
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700, parents=True)
    project = settings.project_dir
    if not with_todays:
        if not nights:
            raise CannotRebuild(f"No night is on record up to {at} UTC, so its definitions are not known. Ask for today's.")
        project = archive.lay_out_configuration(nights[-1].configuration, home / "project")
    then = dataclasses.replace(settings, project_dir=project, home=home)
    then.published_dir.mkdir(mode=0o700)  # nobody reads there but its owner
    exact = next((night for night in nights if night.at == at), None)
    today = exact.today if exact else os.environ.get("OUTCOMES_TODAY") or load_settings(home, project).today
    return dataclasses.replace(then, today=today)


def _known_at(settings: Settings, then: Settings, at: datetime) -> int:
    """Copy the restricted database and cut its register at an instant. How many deliveries are left."""
    if not settings.restricted_db.exists() or damage(settings.restricted_db):
        raise CannotRebuild(f"{settings.restricted_db} is gone or damaged. Make it anew with: outcomes restore")
    warehouse.private_copy(settings.restricted_db, then.restricted_db)
    warehouse.private_copy(settings.person_key_file, then.person_key_file)
    removed = Archive(settings.archive_dir).removed()
    with connect(then, then.restricted_db) as con:
        con.execute("delete from intake.deliveries where received_at > ?", [at])
        con.execute("drop table if exists intake.first_seen")  # told by removed deliveries: none may have been known
        taken = con.execute("select content_hash, file_name from intake.deliveries where status <> 'refused'").fetchall()
    gone = sorted(name for content_hash, name in taken if content_hash in removed)
    if gone:
        raise CannotRebuild(
            f"{len(gone)} deliveries that were known then have been removed by retention, {gone[0]} among them. "
            "Ask for a later instant."
        )
    return len(taken)


def _current_then(settings: Settings, nights: list[Night], at: datetime, log: Callable[[str], None]) -> Path | None:
    """The release that readers had before the night of an instant."""
    before = [n.release_id for n in nights if n.at < at and n.result == "published"]
    if not before:
        return None
    folder = settings.published_dir / before[-1]
    if not folder.exists():
        log(f"Release {before[-1]}, current then, has been removed: rules that compare with it do not apply.")
        return None
    return folder


def _release_of(settings: Settings, nights: list[Night], at: datetime) -> Path | None:
    """The release that was published at exactly this instant."""
    found = next((n.release_id for n in nights if n.at == at and n.result == "published"), None)
    folder = settings.published_dir / (found or "none")
    return folder if found and folder.exists() else None
