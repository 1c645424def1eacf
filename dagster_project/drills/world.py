"""One small world for all drills: a first night published, a second night's files waiting, and how that ends undisturbed."""

from __future__ import annotations

import csv
import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from .. import intake, release, warehouse
from ..contracts import FILE_NAME, Contracts, load_contracts
from ..sample.generate import generate
from ..settings import PROJECT_DIR, Settings
from . import nights, state
from .children import Child

FOLDERS = ("dbt", "expectations", "seeds")
NO_TESTS = "\ndata_tests: {outcomes: {+enabled: false}}  # they only read; without them a night takes two thirds of the time\n"
CALENDAR, ONE_YEAR = "reporting_calendar.csv", 1  # figures of one year are enough to tell a whole table from another
CORRECTED_FILES, DROPPED_PERCENT = 2, 3
CHANGES_PERCENT = 1000.0  # the second night mends what stands, however much is new; after a disturbance it may build all
SNAPSHOTS = ("waiting", "landed", "built")  # how far the second night has come


class WorldFailed(RuntimeError):
    """The undisturbed nights did not go through, so no drill can be held to them. The message says why."""


@dataclass(frozen=True)
class World:
    """Homes in ``folder``: one of each of SNAPSHOTS. ``expected`` is the fingerprint of the undisturbed end, ``seconds``
    how long each step of a night took."""

    folder: Path
    project: Path
    expected: dict[str, str]
    seconds: dict[str, float]

    def settings(self, home: Path, **changes) -> Settings:
        """The settings of a home of this world."""
        return replace(Settings(self.project, home, "1GB", 2, "2013-07-15", changes_percent=CHANGES_PERCENT), **changes)


def copy_project(folder: Path, source: Path) -> Path:
    """A copy of what makes up the configuration, which a drill may damage."""
    for name in FOLDERS:
        shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("target", "logs", "docs", "__pycache__"))
    (folder / "dbt" / "docs").mkdir()
    shutil.copy(source / "pyproject.toml", folder)
    return folder


def _make_small(project: Path) -> Path:
    """Without dbt's tests, and with figures of one year only: a night of a third of the length, by the same steps."""
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^changes_percent = \S+", f"changes_percent = {CHANGES_PERCENT}", text)
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    with open(project / "dbt" / "dbt_project.yml", "a", encoding="utf-8") as file:
        file.write(NO_TESTS)
    with open(project / "seeds" / CALENDAR, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    begin = date.fromisoformat(max(row["first_start"] for row in rows))
    end = begin.replace(year=begin.year + ONE_YEAR).isoformat()
    with open(project / "seeds" / CALENDAR, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**r, "first_start": begin.isoformat(), "last_end": min(r["last_end"], end)} for r in rows)
    return project


def corrections(landing: Path, contracts: Contracts) -> list[Path]:
    """Put a correction beside the largest plain files: the same without some of its last rows. Returns the new files."""
    files = sorted(landing.glob("*/*.csv"), key=lambda path: (-path.stat().st_size, path))
    written = []
    for path in files:
        named = FILE_NAME.match(path.name)
        extract = named and contracts.find(path.parent.name, named["extract"])
        if not extract or extract.mode != "full" or len(written) == CORRECTED_FILES:
            continue
        lines = path.read_bytes().splitlines(keepends=True)
        target = path.with_name(f"{path.stem}_2.csv")
        target.write_bytes(b"".join(lines[: len(lines) - max(1, len(lines) * DROPPED_PERCENT // 100)]))
        written.append(target)
    return written


def make(folder: Path, people: int, say: Callable[[str], None]) -> World:
    """Make the world by the product's own steps. Raises WorldFailed."""
    begun = time.monotonic()
    project = _make_small(copy_project(folder / "project", PROJECT_DIR))
    world = World(folder, project, {}, {})
    home = folder / "waiting"
    settings = world.settings(home)
    _child(folder, lambda _: _first_night(settings, people))
    seconds = {}
    steps = (("waiting", "landed", _take), ("landed", "built", nights.build), ("built", "done", release.publish))
    for name, following, step in steps:
        copy_home(folder / name, folder / following)
        begun_step = time.monotonic()
        _child(folder, lambda _, step=step, to=following: step(world.settings(folder / to)) and None)
        seconds[following] = time.monotonic() - begun_step
    done = world.settings(folder / "done")
    expected = _child(folder, lambda _: state.fingerprint(done))
    if (done.published_dir / "current").resolve().name == (settings.published_dir / "current").resolve().name:
        raise WorldFailed("The second night changed nothing, so that a drill would prove nothing.")
    say(f"A world of {people:,} people, {len(expected)} tables, in {time.monotonic() - begun:.0f} seconds: ")
    return World(folder, project, expected, seconds)


def _first_night(settings: Settings, people: int) -> None:
    generate(
        settings.landing_dir,
        people=people,
        seeds_dir=settings.seeds_dir,
        contracts_dir=settings.contracts_dir,
        memory_limit=settings.memory_limit,
    )
    nights.night(settings)
    corrections(settings.landing_dir, load_contracts(settings.contracts_dir, settings.seeds_dir))


def _take(settings: Settings) -> None:
    intake.land_all(settings, warehouse.prepare(settings))


def copy_home(source: Path, target: Path) -> None:
    """A home as it is, links and times included; dbt's own cache stays, where the target has one: it knows its path."""
    kept = target / "data" / "dbt"
    aside = target.with_name(f"{target.name}.dbt")
    if kept.exists():
        kept.rename(aside)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)
    if aside.exists():
        shutil.rmtree(kept)
        aside.rename(kept)


def _child(folder: Path, work: Callable) -> dict:
    """Do work in a process of its own: this one opens no database, so that it can make others."""
    child = Child(work, folder / "world.log").wait()
    if child.code:
        raise WorldFailed(f"{child.said or json.dumps(child.code)} (log: {child.log})")
    return child.result
