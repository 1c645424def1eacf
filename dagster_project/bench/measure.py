"""A child process and what it takes: seconds, CPU seconds, memory and bytes moved of it and all its descendants, over time."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from ..processes import tree

EVERY_SECONDS = 0.1
TICK, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """The process tree at an instant (Unix time): CPU seconds and bytes since its beginning, resident bytes now."""

    at: float
    cpu: float
    resident: int
    read: int
    written: int


@dataclass
class Taken:
    """What a child took. ``lines`` are what it printed, each with its instant. Memory: resident, summed over the tree."""

    began: float
    ended: float = 0.0
    code: int = 0
    cpu: float = 0.0
    lines: list[tuple[float, str]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def peak(self, since: float | None = None, until: float | None = None) -> int:
        """The most bytes resident at once, between two instants."""
        begun, done = since or self.began, until or self.ended
        return max((s.resident for s in self.samples if begun <= s.at <= done), default=0)

    def between(self, since: float, until: float) -> dict[str, float]:
        """Seconds, CPU seconds, bytes and peak between two instants, to a tenth of a second."""
        first, last = self._near(since), self._near(until)
        return {
            "seconds": until - since,
            "cpu": last.cpu - first.cpu,
            "bytes_read": last.read - first.read,
            "bytes_written": last.written - first.written,
            "peak_bytes": self.peak(since, until),
        }

    def _near(self, at: float) -> Sample:
        if not self.samples:
            return Sample(at, 0.0, 0, 0, 0)
        place = bisect_right([s.at for s in self.samples], at)
        return self.samples[max(0, place - 1)]


def _moved(pid: int) -> tuple[int, int]:
    """Bytes that a process and its ended children asked to read and to write."""
    try:
        said = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    except (OSError, ValueError):
        return 0, 0
    return int(said["rchar"]), int(said["wchar"])


def look(root: int) -> Sample:
    """The tree under a process now. CPU and bytes of ended children are counted by the parent that waited for them."""
    now, found = time.time(), tree(root)
    cpu = sum(int(ticks) for stat in found.values() for ticks in stat[11:15]) / TICK
    moved = [_moved(pid) for pid in found]
    resident = sum(int(stat[21]) for stat in found.values()) * PAGE
    return Sample(now, cpu, resident, sum(m[0] for m in moved), sum(m[1] for m in moved))


def run(command: list[str], environment: dict[str, str], folder: Path, show: bool = False) -> Taken:
    """Run a command to its end in a process of its own and say what it took. What it prints is kept, and shown if wanted."""
    taken = Taken(time.time())
    child = subprocess.Popen(
        command,
        env=environment | {"OUTCOMES_BENCH_BEGAN": repr(taken.began), "PYTHONUNBUFFERED": "1"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    done = threading.Event()

    def watch() -> None:
        while not done.wait(EVERY_SECONDS):
            taken.samples.append(look(child.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for line in child.stdout:
        taken.lines.append((time.time(), line.rstrip("\n")))
        if show:
            print(f"    {line}", end="", flush=True)
    done.set()
    watcher.join()
    _, status, usage = os.wait4(child.pid, 0)
    taken.ended, taken.code = time.time(), os.waitstatus_to_exitcode(status)
    child.returncode = taken.code
    taken.cpu = usage.ru_utime + usage.ru_stime
    return taken
