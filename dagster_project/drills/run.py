"""Run drills side by side, and lay out what came of them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from . import case, company, disks, inputs, killing, nights, world
from .children import Child

Drill = Callable[[case.Case], None]
DRILLS: dict[str, Drill] = {
    "kill": killing.kill,
    "real-kill": killing.real_kill,
    "disk-full": disks.disk_full,
    "truncate": disks.truncate,
    "two-runs": company.two_runs,
    "clock-back": company.clock_back,
    "summer-time": company.summer_time,
    "read-only": disks.read_only,
    "reader-holds": company.reader_holds,
    "archive-file": inputs.archive_file,
    "definition": inputs.definition,
    "memory": inputs.memory,
}
# how many disturbances a drill needs for each to come --times times: its steps, files or kinds are taken in turn
TURNS = {"kill": 4, "disk-full": 3, "truncate": 2, "reader-holds": 2}
ONLY_REAL = ("real-kill",)
COLUMNS = ("drill", "times", "hits", "nights", "opens", "errors", "torn", "equal", "faults", "seconds")


def plan(names: list[str], times: int) -> list[tuple[str, int]]:
    """(drill, number) of each disturbance."""
    return [(name, number) for name in names for number in range(times * TURNS.get(name, 1))]


def run(
    names: list[str], times: int, seed: int, people: int, jobs: int, keep: Path | None, say: Callable[[str], None]
) -> list[case.Result]:
    """Run drills, ``jobs`` at a time, on a world made for them. Raises world.WorldFailed."""
    folder = keep or Path(tempfile.mkdtemp(prefix="outcomes_drills_"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        nights.warm()
        made = world.make(folder, people, say)
        return _side_by_side(made, plan(names, times), seed, jobs, say)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _side_by_side(made: world.World, waiting: list[tuple[str, int]], seed: int, jobs: int, say) -> list[case.Result]:
    found, running, waiting = [], {}, list(waiting)
    free = [made.folder / f"slot{n}" for n in range(jobs)]
    while waiting or running:
        while waiting and free:
            (name, number), slot = waiting.pop(0), free.pop()
            slot.mkdir(exist_ok=True)
            running[slot] = (_start(made, slot, name, number, seed), name, number)
        for slot, (child, name, number) in list(running.items()):
            if child.is_running:
                continue
            result = case.Result(**child.result) if child.result else case.Result(name, number, faults=[child.said or "killed"])
            found.append(result)
            del running[slot]
            free.append(slot)
            verdict = "FAILED" if result.faults else "ok    "
            say(f"{verdict} {name} {number}, {result.seconds:.0f} s: {'; '.join(result.notes)}")
            for fault in result.faults:
                say(f"       {fault}")
        time.sleep(0.1)
    return found


def _start(made: world.World, slot: Path, name: str, number: int, seed: int) -> Child:
    def work(_mark):
        os.environ["OUTCOMES_PROJECT"] = str(made.project)
        return asdict(case.run(made, slot, name, DRILLS[name], number, seed))

    return Child(work, slot / "case.log")


def table(results: list[case.Result]) -> str:
    """A line for each drill: how often, what hit, what readers met, how many next nights ended with equal tables."""
    rows = [COLUMNS]
    for name in dict.fromkeys(r.drill for r in results):
        own = [r for r in results if r.drill == name]
        sums = [sum(getattr(r, c) for r in own) for c in COLUMNS[2:8]]
        rows.append((name, len(own), *sums, sum(len(r.faults) for r in own), round(sum(r.seconds for r in own))))
    rows.append(("all", *(sum(r[i] for r in rows[1:]) for i in range(1, len(COLUMNS)))))
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(str(v).ljust(w) if i == 0 else str(v).rjust(w) for i, (v, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )
