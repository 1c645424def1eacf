"""What a night did, as data: result, what is held and why, what to fix, what is late, what changed, what ran (decision 007).

``begin`` looks before anything runs, ``finish`` writes ``data/nights/<UTC stamp>``. Neither ever makes a night fail: what cannot
be said is itself said in a line. The pages name agencies' own records, so they are for the owner of the data folder only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import alerts, damage, fixes, summary_pages
from . import summary_parts as parts
from .archive import Archive, instant, private_folder
from .release import current_release
from .room import said_plainly
from .settings import Settings, day_of
from .summary_parts import PUBLISHED, REFUSED, UNCHANGED

LOCKED, FAILED = "locked", "failed"
UNDER_WAY, UNTOLD = "under_way.json", "untold.json"  # the mark of a night that runs; of one that ended and could not tell
SHOWN_UNREAD = 5
AGAIN = "Mend what it says and run again: outcomes run."


@dataclass(frozen=True)
class Step:
    """One step of the job: seconds (None if it did not run), what came of it, and the message of one that failed."""

    name: str
    seconds: float | None
    outcome: str  # done | failed | did not run
    says: str = ""


@dataclass(frozen=True)
class Begun:
    """How things stood when the night began. ``at`` is naive UTC; ``registered``: receipts, None if they could not be read."""

    at: datetime
    started: float
    clock_warning: str
    registered: set[tuple[str, datetime]] | None
    damaged: set[str]
    release: str | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Told:
    """What was written. ``short`` is the text for the terminal and for Dagster; ``folder`` is None if nothing could be."""

    data: dict[str, Any]
    short: str
    folder: Path | None

    @property
    def is_fine(self) -> bool:
        """Whether readers have tonight's figures and every step went through."""
        return self.data["result"] in (PUBLISHED, UNCHANGED) and not self.data["failures"]


def begin(settings: Settings, holds_lock: bool = False) -> Begun:
    """Look at the clock, the release and, for the holder of the run lock, the register, before anything runs. Never raises.

    Without the lock no database is opened: another run may be about to write in it.
    """
    now, latest, registered, damaged_before, release, warning = (
        datetime.now(UTC).replace(tzinfo=None),
        None,
        None,
        set(),
        None,
        "",
    )
    try:
        latest, release = Archive(settings.archive_dir).latest_instant(), _current(settings)
        damaged_before = parts.damaged(settings)
        registered = parts.registered(settings) if holds_lock else None
    except Exception as error:  # the steps of the night will meet it and say so
        registered = set() if damage.is_damage(error) else None
    if latest and now < latest:
        warning = (
            f"The system clock says {_time(now)}, but something was written down at {_time(latest)} already. "
            "The night goes on after that; set the clock right."
        )
    return Begun(instant(latest, now), time.monotonic(), warning, registered, damaged_before, release)


def under_way(settings: Settings, begun: Begun) -> None:
    """Leave a mark that a night runs, and note the mark of one that never ended. Only by the holder of the run lock."""
    try:
        mark = private_folder(_nights(settings)) / UNDER_WAY
        if mark.exists():
            since = json.loads(mark.read_text())["begun_at"]
            begun.notes.append(f"The run begun at {since} was ended from outside: it left no summary. What it left is put right.")
        untold = mark.with_name(UNTOLD)
        if untold.exists():
            since = json.loads(untold.read_text())["begun_at"]
            begun.notes.append(f"The run begun at {since} could not write its page, which a full disk may have caused.")
            untold.unlink()
        _write(mark, json.dumps({"begun_at": _time(begun.at), "process": os.getpid()}))
    except (OSError, ValueError, KeyError) as error:
        begun.notes.append(f"The mark of a night under way could not be kept: {error}")


def finish(settings: Settings, begun: Begun, steps: Iterable[Step] = (), locked: str = "", run_id: str = "") -> Told:
    """Gather, write and alert. ``locked``: why the run was refused the lock; then nothing but that is said. Never raises."""
    data, folder = _blank(begun, list(steps), locked, run_id), None
    try:
        try:
            folder = _new_folder(settings, begun.at)
        finally:  # what became of the night is gathered all the same
            evaluated = _gather(settings, begun, data, folder)
        _write_pages(folder, data)
        data["alert"] = alerts.alert(settings, problems(data), evaluated, data["headline"], folder)
        _write_pages(folder, data)
        _point_to(folder)
        if not locked:
            (_nights(settings) / UNDER_WAY).unlink(missing_ok=True)
    except Exception as error:
        data["notes"].append(f"The night's page could not be written: {said_plainly(_one_line(error), settings.data_dir)}")
        if not locked:  # the night was not ended from outside; a full disk lets names be changed
            with contextlib.suppress(OSError):
                (_nights(settings) / UNDER_WAY).rename(_nights(settings) / UNTOLD)
        if folder and not (folder / "summary.html").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder = None
    return Told(data, short_form(data, folder), folder)


def latest(settings: Settings) -> Path | None:
    """The folder of the latest night; None before the first."""
    link = _nights(settings) / "latest"
    return link.resolve() if link.exists() else None


def told_of(settings: Settings, run_id: str) -> Told | None:
    """What was written of a run by its id, if it is the latest."""
    folder = latest(settings)
    try:
        data = json.loads((folder / "summary.json").read_text(encoding="utf-8")) if folder else {}
    except (OSError, ValueError):
        return None
    return Told(data, short_form(data, folder), folder) if data.get("run_id") == run_id else None


def short_form(data: dict[str, Any], folder: Path | None) -> str:
    """What failed, why, what to do, what readers still see, and where the page is; for a good night the last line only.

    Files that were not read are named in any case, for nothing else says that they are there.
    """
    lines = [f"FAILED: {f['step']}: {f['says']}\n  What to do: {f['remedy']}" for f in data["failures"]]
    if data["result"] == REFUSED:
        lines += [f"  {r['rule_id']}: {r['description']} What to do: {r['remedy']}" for r in data["verdict"].get("failed", [])]
    if lines or data["result"] in (LOCKED, FAILED):
        lines = lines or [f"FAILED: {data['headline']}"]
        lines.append(data["readers"])
    lines += data["notes"] + ([data["clock_warning"]] if data["clock_warning"] else [])
    unread = [f"{f['what']} {f['remedy']}" for a in data["agencies"] for f in a["fixes"] if f["kind"] == fixes.MISPLACED]
    lines += [*unread[:SHOWN_UNREAD], *([f"So are {len(unread) - SHOWN_UNREAD:,} more."] if len(unread) > SHOWN_UNREAD else [])]
    count = sum(len(a["fixes"]) for a in data["agencies"])
    things = "1 thing" if count == 1 else f"{count:,} things"
    lines += [f"The night's page: {folder / 'summary.html'} ({things} to fix)"] if folder else []
    return "\n".join(lines)


def problems(data: dict[str, Any]) -> list[dict[str, str]]:
    """What an alert may be sent for: kind, stable key, and words that hold no record, name or text that an agency sent."""
    found = []

    def add(kind: str, key: str, says: str) -> None:
        found.append({"kind": kind, "key": f"{kind}:{key}", "says": says})

    if data["result"] == LOCKED:
        add("lock", "held", "A run could not begin, because another holds the lock.")
    for failure in [] if data["result"] == LOCKED else data["failures"]:
        if not (failure["step"] == data["verdict"].get("step") and data["result"] == REFUSED):
            add("step", alerts.fingerprint(failure["says"]), f"Failed: {failure['step']}.")
    for rule in data["verdict"].get("failed", []):
        add("rule", rule["rule_id"], f"Release rule {rule['rule_id']} failed: {rule['description']}")
    for indicator, because in data["held"].items():
        add("held", indicator, f"Indicator {indicator} is held, for want of {because}.")
    for late in data["late"]:
        key = f"{late['agency']}/{late['extract']}/{late['period_end']}"
        add("late", key, f"The delivery of {late['agency']} {late['extract']} is {late['status'].replace('_', ' ')}.")
    for fix in (f for a in data["agencies"] for f in a["fixes"] if f["kind"] == fixes.REFUSED_FILE):
        whose = f"{fix['agency']} {fix['extract']}" if fix["extract"] else f"{fix['agency']}, of no known extract,"
        add("file", fix["content_hash"] or alerts.fingerprint(fix["agency"], fix["what"]), f"A file of {whose} was refused.")
    for fix in (f for a in data["agencies"] for f in a["fixes"] if f["kind"] == fixes.MISPLACED):
        add("file", alerts.fingerprint(fix["what"]), "A file lies where no night reads it.")
    for name in data["ran"]["damaged"]:
        add("damage", name, "A database was damaged and was made anew from the archive.")
    if data["clock_warning"]:
        add("clock", "behind", "The system clock is behind.")
    return found


# gathering -----------------------------------------------------------------------------------------------------------------


def _blank(begun: Begun, steps: list[Step], locked: str, run_id: str) -> dict[str, Any]:
    """The data of a page of which nothing is known but how the night began and which steps ran."""
    alike: dict[str, list[str]] = {}  # what is wrong with the installation fails many steps in the same words
    for step in (s for s in steps if s.outcome == "failed"):
        alike.setdefault(step.says, []).append(step.name)
    failures = [{"step": ", ".join(names), "says": says, "remedy": AGAIN} for says, names in alike.items()]
    if locked:
        failures.append({"step": "the run lock", "says": locked, "remedy": "Wait until it ends, or end it if it hangs."})
    data: dict[str, Any] = {
        "begun_at": begun.at.isoformat(timespec="seconds"),
        "run_id": run_id,
        "seconds": round(time.monotonic() - begun.started, 1),
        "result": LOCKED if locked else FAILED,
        "clock_warning": begun.clock_warning,
        "notes": [*begun.notes],
        "failures": failures,
        "today": None,
        "release": begun.release,
        "readers": "",
        "verdict": {},
        "held": {},
        "carried": [],
        "late": [],
        "agencies": [],
        "changes": {},
        "linkage": [],
        "ran": {"steps": [asdict(s) for s in steps], "intake": [], "recovered": 0, "damaged": []},
        "alert": None,
    }
    return data | {"headline": _headline(data)}


def _gather(settings: Settings, begun: Begun, data: dict[str, Any], folder: Path | None) -> set[str]:
    """Fill in the data; each agency's list of what to fix goes to the folder. Returns the kinds of problem looked for."""
    night, locked = None, data["result"] == LOCKED
    evaluated = {"lock"}

    def part(what: str, kinds: set[str], gather: Callable[[], None]) -> None:
        """One part of the page; if it cannot be gathered, that is said and the others go on."""
        try:
            gather()
            evaluated.update(kinds)
        except Exception as error:
            data["notes"].append(f"{what} could not be said: {_one_line(error)}")

    def the_night() -> None:
        nonlocal night
        data["release"] = release = _current(settings)
        none = "No release has been published yet; readers see nothing."
        data["readers"] = f"Readers see release {release}." if release else none
        night = parts.night_since(settings, begun.at)

    def the_verdict() -> None:
        data["verdict"] = parts.verdict(settings, night, data["failures"])

    def the_fixes() -> None:
        data["agencies"] = parts.agencies(settings, begun.at, folder)

    def the_calendar() -> None:
        data.update(parts.calendar(settings))

    part("What became of the release", set(), the_night)
    if not locked:
        data |= {"result": night.result, "today": night.today} if night else {}
        evaluated |= {"step", "clock"}
        part(
            "What intake took",
            {"damage"},
            lambda: data["ran"].update(parts.intake(settings, begun.at, begun.registered, begun.damaged)),
        )
        if night:
            part("The verdict", {"rule"}, the_verdict)
        part("The delivery calendar", {"late", "held"} if night else set(), the_calendar)
        part("What agencies must fix", {"file"}, the_fixes)
        part("What changed", set(), lambda: data["changes"].update(parts.changes(settings, night)))
        part("What linkage does", set(), lambda: data["linkage"].extend(parts.linkage(settings)))
        part("The day", set(), lambda: data.update(today=data["today"] or day_of(settings, begun.at).isoformat()))
    data["headline"] = _headline(data)
    return evaluated


def _headline(data: dict[str, Any]) -> str:
    failed = ", ".join(f["step"] for f in data["failures"])
    said = {
        PUBLISHED: f"Release {data['release']} was published.",
        UNCHANGED: f"Nothing changed: release {data['release']} stays.",
        REFUSED: "The release was refused: the gate found what must not be published.",
        LOCKED: "The run could not begin: another holds the lock.",
        FAILED: f"The run failed in: {failed}. No release was judged."
        if failed
        else "The run ended before a release was judged.",
    }[data["result"]]
    return said + (f" But these steps failed: {failed}." if failed and data["result"] in (PUBLISHED, UNCHANGED) else "")


# small things --------------------------------------------------------------------------------------------------------------


def _nights(settings: Settings) -> Path:
    return settings.data_dir / "nights"


def _current(settings: Settings) -> str | None:
    folder = current_release(settings)
    return folder.name if folder else None


def _time(at: datetime) -> str:
    return f"{at:%-d %B %Y, %H:%M:%S} UTC"


def _one_line(error: BaseException | str) -> str:
    return " ".join(str(error).split("\n\n")[0].split())[:300] or type(error).__name__


def _new_folder(settings: Settings, at: datetime) -> Path:
    base, number = private_folder(_nights(settings)) / f"{at:%Y%m%dT%H%M%SZ}", 2
    folder = base
    while folder.exists():
        folder, number = base.with_name(f"{base.name}-{number}"), number + 1
    folder.mkdir(mode=0o700)
    return folder


def _write(path: Path, text: str) -> None:
    """A file for its owner only, there whole or not at all."""
    aside = path.with_name(f".{path.name}")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(aside, path)


def _write_pages(folder: Path, data: dict[str, Any]) -> None:
    _write(folder / "summary.json", json.dumps(data, indent=1, ensure_ascii=False, default=str))
    _write(folder / "summary.md", summary_pages.markdown(data))
    _write(folder / "summary.html", summary_pages.html(data))


def _point_to(folder: Path) -> None:
    link = folder.parent / f".latest-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    if (folder.parent / "latest").is_dir() and not (folder.parent / "latest").is_symlink():
        shutil.rmtree(folder.parent / "latest")  # a copy put there by a backup
    os.replace(link, folder.parent / "latest")
