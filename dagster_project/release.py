"""A verdict → an immutable release, or a page that says why not. Write, check, publish; no Dagster inside.

The candidate is written beside the releases, checked there, renamed, and only then does ``current`` point to it. Whatever
breaks on the way, readers keep the release they have.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import gate
from .archive import Archive, Night, instant, sync
from .manifest import build_manifest, clock, code_state, sha256
from .release_tables import DATABASE, Written, published_tables, write_tables
from .room import room_for
from .settings import day_of

if TYPE_CHECKING:
    from .settings import Settings

CURRENT, CANDIDATE = "current", ".candidate-"
OPEN_FOLDER, OPEN_FILE = 0o755, 0o644
TABLES_WRITTEN, JUDGED = "Release tables written", "The gate has judged"  # lines by which the bench tells the parts of publishing


class ReleaseError(RuntimeError):
    """A release could not be attempted (not: it was refused). The message says what is missing and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What came of it. ``folder`` is the release that holds these tables (none if refused), ``why`` the page of a refusal."""

    release_id: str
    folder: Path | None
    verdict: gate.Verdict
    is_published: bool
    is_unchanged: bool = False
    why: Path | None = None


def current_release(settings: Settings) -> Path | None:
    """The folder that readers see, or none before the first release."""
    link = settings.published_dir / CURRENT
    return link.resolve() if link.exists() else None


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def open_to_readers(folder: Path) -> None:
    """Make the folder of releases, if it is not there, for everyone to read; one that is there stays as open as it is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(OPEN_FOLDER)


def _prepare(settings: Settings) -> None:
    """Clear what a crash left behind; make sure that there is something to publish and room for it."""
    open_to_readers(settings.published_dir)
    for stale in [
        *settings.published_dir.glob(f"{CANDIDATE}*"),
        *settings.published_dir.glob(f".{CURRENT}-*"),
        *settings.published_dir.glob(".removed-*"),
    ]:
        stale.unlink() if stale.is_symlink() else shutil.rmtree(stale, ignore_errors=True)
    for database in (settings.warehouse_db, settings.restricted_db):
        if not database.exists():
            raise ReleaseError(f"{database} does not exist. Build the warehouse first (make run).")
    sizes = published_tables(settings)
    if not sizes:
        raise ReleaseError(f"{settings.warehouse_db} has no tables in the schema publish. Build the warehouse first (make run).")
    needed, free = 3 * sum(sizes.values()), shutil.disk_usage(settings.published_dir).free
    if free <= needed:
        raise ReleaseError(
            f"A release may need {needed / 1e6:,.0f} MB but {settings.published_dir} has {free / 1e6:,.0f} MB free. "
            "Remove old releases or free the disk; nothing was changed."
        )


def _new_id(settings: Settings, now: datetime, content_hash: str) -> str:
    """UTC time and the start of the content hash; never one that was used before, published or refused."""
    base = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{content_hash[:8]}"
    release_id, counter = base, 2
    while (settings.published_dir / release_id).exists() or (settings.refused_dir / release_id).exists():
        release_id, counter = f"{base}-{counter}", counter + 1
    return release_id


def _is_unchanged(previous: Path | None, written: Written, verdict: gate.Verdict) -> bool:
    """Same tables and same verdict as the current release, rules that compare with a previous one left aside."""
    if previous is None:
        return False
    manifest = json.loads((previous / "manifest.json").read_text(encoding="utf-8"))
    rules = json.loads((previous / "verdict.json").read_text(encoding="utf-8"))["rules"]
    of_change = {r.rule_id for r in verdict.results if r.is_of_change}
    before = {r["rule_id"]: r["outcome"] for r in rules if r["rule_id"] not in of_change}
    after = {r.rule_id: r.outcome for r in verdict.results if not r.is_of_change}
    return verdict.is_passed and before == after and manifest["content_hash"] == written.content_hash


def _refuse(settings: Settings, release_id: str, verdict: gate.Verdict, previous: Path | None, now: datetime) -> Path:
    """Write why; publish nothing. Returns the page."""
    folder = settings.refused_dir / release_id
    folder.mkdir(parents=True)
    lines = [f"# Release {release_id} was refused", "", f"{now.astimezone(UTC):%d %B %Y, %H:%M} UTC. Nothing was published.", ""]
    lines += [
        f"Readers still see release {previous.name}." if previous else "No release has been published yet; readers see nothing.",
        "",
    ]
    endangered = sorted({i for r in verdict.failed for i in r.endangers})
    lines += ["Indicators endangered: " + ("all" if "all" in endangered else ", ".join(endangered)) + ".", ""]
    for heading, results in (
        ("Rules that block", verdict.failed),
        ("Warnings, which do not block", verdict.warned),
        ("Waived, which do not block", verdict.waived),
    ):
        lines += [f"## {heading}: {len(results)}", ""]
        for r in results:
            lines += [
                f"### {r.rule_id} (table {r.table})",
                "",
                f"- Protects: {r.description}",
                f"- Found: {r.numerator:,} failing of {r.denominator:,} checked; "
                f"allowed are {r.limit_count:,} or {r.limit_percent:g} %.",
                f"- Endangers: {', '.join(r.endangers)}",
                f"- What to do: {r.remedy}",
                *([f"- Note: {r.note}"] if r.note else []),
                "",
            ]
    if verdict.waivers.lines:
        lines += ["## Waivers", "", *(f"- {line}" for line in verdict.waivers.lines), ""]
    _write_json(folder / "verdict.json", verdict.to_dict())
    why = folder / "why.md"
    why.write_text("\n".join(lines), encoding="utf-8")
    return why


def point_current_to(settings: Settings, release_id: str) -> None:
    """The last step and the only one that readers notice: one atomic rename of a symbolic link."""
    link = settings.published_dir / f".{CURRENT}-{release_id}"
    link.symlink_to(release_id)
    os.replace(link, settings.published_dir / CURRENT)
    sync(settings.published_dir)


def publish_folder(settings: Settings, candidate: Path, release_id: str) -> Path:
    """Make the candidate durable, as open as the folder of releases is, and give it its name."""
    is_open = settings.published_dir.stat().st_mode
    for file in candidate.iterdir():
        file.chmod(0o600 | is_open & OPEN_FILE)
        sync(file)
    candidate.chmod(0o700 | is_open & OPEN_FOLDER)
    sync(candidate)
    folder = settings.published_dir / release_id
    os.rename(candidate, folder)
    sync(settings.published_dir)
    return folder


def publish(settings: Settings, now: datetime | None = None, log: Callable[[str], None] = print) -> Outcome:
    """Publish the warehouse's schema ``publish`` if the gate lets it pass; the caller holds the run lock.

    ``now`` (aware, default the present) names the release. Raises ReleaseError when there is nothing to publish or no room,
    gate.GateError when the rules cannot be evaluated; in both cases, and after any crash, readers keep what they have.
    """
    archive = Archive(settings.archive_dir)
    with room_for("No release was made"):
        _settle(settings, archive)
        at = instant(archive.latest_instant(), now)
        outcome = judge(settings, at, current_release(settings), log)
    result = "refused" if not outcome.is_published else "unchanged" if outcome.is_unchanged else "published"
    _record_night(archive, at, night_facts(settings, at), outcome.release_id, result, outcome.folder)
    return outcome


def _record_night(
    archive: Archive, at: datetime, facts: dict[str, Any], release_id: str, result: str, folder: Path | None
) -> None:
    manifest_hash = sha256(folder / "manifest.json") if folder else ""
    archive.write_night(Night(at=at, **facts, release_id=release_id, result=result, manifest_hash=manifest_hash))


def _settle(settings: Settings, archive: Archive) -> None:
    """After a run that was killed while it published: a release that readers see is written down, one they never saw goes."""
    recorded = {night.release_id for night in archive.nights()}
    current = current_release(settings)
    if current and current.name not in recorded:
        manifest = json.loads((current / "manifest.json").read_text(encoding="utf-8"))
        facts = {name: manifest[name] for name in ("today", "configuration", "code") if name in manifest}
        if len(facts) == 3:  # releases of earlier versions say less, and stay as they are
            at = datetime.fromisoformat(manifest["created_at"]).replace(tzinfo=None)
            _record_night(archive, at, facts, current.name, "published", current)
    for folder in settings.published_dir.glob("[0-9]*"):
        if folder.name not in recorded and folder.name > (current.name if current else ""):
            shutil.rmtree(folder)


def night_facts(settings: Settings, at: datetime) -> dict[str, Any]:
    """What a release says of its night: the day that it is of, its configuration and its code."""
    return {
        "today": (clock(settings) or day_of(settings, at)).isoformat(),
        "configuration": Archive(settings.archive_dir).keep_configuration(settings.project_dir),
        "code": code_state(),
    }


def judge(settings: Settings, at: datetime, previous: Path | None, log: Callable[[str], None] = print) -> Outcome:
    """Write the candidate of an instant (naive UTC), ask the gate, and make it a release or a refusal of this installation.

    ``previous`` is the release to compare with, which may be another installation's.
    """
    _prepare(settings)
    now = at.replace(tzinfo=UTC)
    facts = night_facts(settings, at)
    candidate = settings.published_dir / f"{CANDIDATE}{now:%Y%m%dT%H%M%SZ}"
    candidate.mkdir()
    try:
        written = write_tables(settings, candidate)
        log(f"{TABLES_WRITTEN}; the gate asks.")
        release_id = _new_id(settings, now, written.content_hash)
        verdict = gate.run(
            candidate / DATABASE,
            settings,
            previous / DATABASE if previous else None,
            settings.warehouse_db,
            date.fromisoformat(facts["today"]),
        )
        log(f"{JUDGED}: {len(verdict.results)} rules asked.")
        if not verdict.is_passed:
            why = _refuse(settings, release_id, verdict, previous, now)
            log(f"Release {release_id} refused: {len(verdict.failed)} rules failed. Read {why}")
            return Outcome(release_id, None, verdict, is_published=False, why=why)
        if previous and _is_unchanged(previous, written, verdict):
            log(f"Nothing changed since release {previous.name}; it stays.")
            return Outcome(previous.name, previous, verdict, is_published=True, is_unchanged=True)
        _write_json(candidate / "verdict.json", verdict.to_dict())
        manifest = {
            "release_id": release_id,
            "created_at": now.isoformat(timespec="microseconds"),
            "previous_release_id": previous.name if previous else None,
            "content_hash": written.content_hash,
            "row_counts": written.row_counts,
            **facts,
            **build_manifest(settings, candidate),
        }
        _write_json(candidate / "manifest.json", manifest)
        folder = publish_folder(settings, candidate, release_id)
        point_current_to(settings, release_id)
    finally:
        shutil.rmtree(candidate, ignore_errors=True)
    counts = verdict.counts
    log(
        f"Release {release_id} published: {counts['passed']} rules passed, {counts['warned']} warned, "
        f"{counts['waived']} waived, {counts['not_applicable']} did not apply."
    )
    return Outcome(release_id, folder, verdict, is_published=True)
