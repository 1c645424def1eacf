"""One disturbance of one drill: a copy of the world, readers beside it, and what is asked of the home before and after."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..settings import Settings
from . import nights, readers, state
from .children import Child, descendants, end_all
from .world import World, copy_home


@dataclass
class Result:
    """What came of one disturbance. ``faults`` is empty when all that was asked held."""

    drill: str
    number: int
    hits: int = 0
    nights: int = 0
    opens: int = 0
    errors: int = 0
    torn: int = 0
    equal: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass
class Case:
    """What a drill works on. ``rng`` makes its random choices; ``result`` takes what it found."""

    world: World
    folder: Path
    rng: random.Random
    result: Result
    settings: Settings | None = None
    project: Path | None = None  # a project of its own, where the drill damages the configuration
    attempt: int = 0
    own_readers: readers.Readers | None = None
    before: dict = field(default_factory=dict)

    def begin(self, snapshot: str, into: Callable[[Path], None] = lambda home: None) -> Settings:
        """A fresh home as it stood then, with readers in it. ``into`` may mount something at the home first."""
        # one path for all, as dbt's cache knows it; another for a second try, for a disk may still be mounted in the first
        home = self.folder / ("home" if not self.attempt else f"home-{self.result.drill}-{self.result.number}-{self.attempt}")
        copy_home(self.world.folder / snapshot, home)
        into(home)
        self.settings = self.world.settings(home)
        if self.project:
            self.settings = replace(self.settings, project_dir=self.project)
        self.before = state.releases(self.settings)
        self.own_readers = readers.Readers(self.settings.published_dir, self.folder)
        return self.settings

    def log(self, name: str) -> Path:
        """A new file for the output of a process."""
        self.result.nights += 1
        return self.folder / f"{self.result.drill}-{self.result.number}-{self.result.nights}-{name}.log"

    def start(self, settings: Settings | None = None, work: Callable | None = None) -> Child:
        """A night, or other work, on this home in a process of its own."""
        settings = settings or self.settings
        return Child(work or (lambda mark: nights.night(settings, mark)), self.log("night"))

    def note(self, text: str) -> None:
        """A line for the table's end."""
        self.result.notes.append(" ".join(text.split())[:300])

    def must(self, is_so: object, otherwise: str) -> bool:
        """Hold the product to something."""
        if not is_so:
            self.result.faults.append(" ".join(otherwise.split())[:600])
        return bool(is_so)

    def must_fail(self, child: Child, says: str) -> bool:
        """The disturbed night must fail, with a message in which ``says`` (a pattern) is found; whether it failed."""
        child.wait()
        if child.code == 0:
            return False
        self.note(f"failed: {child.said}")
        printed = child.log.read_text(encoding="utf-8", errors="replace").split("Traceback")[0]
        self.must(
            re.search(says, child.said + printed, re.I), f"the message says not enough ({says}): {child.said or child.code}"
        )
        self.must("Traceback" not in child.said, f"the message is a traceback: {child.said}")
        return True

    def check(self) -> None:
        """After a disturbance: the releases that were there are as they were, and what is current is whole."""
        for fault in state.release_faults(self.before, state.releases(self.settings), self.settings):
            self.must(False, fault)

    def recover(self, but: tuple[str, ...] = ()) -> None:
        """The next night, undisturbed: it goes through, ends with the expected tables, and leaves nothing lying about.

        ``but`` names what may differ from the expected fingerprint.
        """
        child = self.start().wait()
        if not self.must(child.code == 0, f"the next night fails: {child.said or child.code} ({child.log})"):
            return
        found = Child(lambda _: state.fingerprint(self.settings), self.folder / "fingerprint.log").wait()
        if not self.must(found.code == 0, f"the tables cannot be read: {found.said}"):
            return
        differing = [d for d in state.differences(self.world.expected, found.result) if not d.startswith(but or ("\0",))]
        if self.must(not differing, f"{len(differing)} tables differ: {'; '.join(differing[:3])}"):
            self.result.equal += 1
        self.check()
        left = state.leftovers(self.settings)
        self.must(not left, f"left over: {', '.join(left[:5])}")

    def end(self) -> None:
        """Stop the readers and count what they saw."""
        if self.own_readers:
            seen = self.own_readers.stop()
            self.own_readers = None
            self.result.opens += seen.opens
            self.result.errors += seen.errors
            self.result.torn += seen.torn
            self.must(seen.opens and not seen.errors and not seen.torn, f"readers: {seen}")


class Missed(Exception):
    """The disturbance came too late or too soon to disturb anything; the drill is tried again with other random choices."""


TRIES = 4


def run(world: World, folder: Path, name: str, drill: Callable[[Case], None], number: int, seed: int) -> Result:
    """One disturbance of a drill in ``folder``; tried again when it missed."""
    result, begun = Result(name, number), time.monotonic()
    for attempt in range(TRIES):
        case = Case(world, folder, random.Random(f"{seed} {name} {number} {attempt}"), result, attempt=attempt)
        try:
            drill(case)
            result.hits += 1
            break
        except Missed as missed:
            case.note(f"missed: {missed}")
        except Exception as error:
            result.faults.append(f"the drill itself broke: {type(error).__name__}: {error}")
            break
        finally:
            try:
                case.end()
            finally:  # a drill that broke or missed leaves nothing at work in a home that the next one takes
                end_all(descendants(os.getpid()))
    else:
        result.faults.append("the disturbance never hit")
    result.seconds = time.monotonic() - begun
    return result
