"""A reader that never stops: opens the current release again and again, and holds it to its own manifest.

A process of its own: ``python -m dagster_project.drills.readers <published> <stop file> <report>``.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import reader
from ..dbt_child import end_with_parent

PAUSE_SECONDS = 0.15
SHOWN_ERRORS = 3


@dataclass
class Seen:
    """What a reader met: releases opened, openings that failed, and openings that did not hold what the manifest says."""

    opens: int = 0
    errors: int = 0
    torn: int = 0
    says: str = ""


def look(current: Path, rng: random.Random) -> str:
    """Open the release that stands now and count one of its tables. What is wrong with it, or an empty text."""
    folder = current.resolve(strict=True)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, file in manifest["files"].items():
        if (folder / name).stat().st_size != file["bytes"]:
            return f"{folder.name}/{name} is not {file['bytes']} bytes long"
    with reader.connect(folder) as con:
        table, expected = rng.choice(sorted(manifest["row_counts"].items()))
        found, _ = con.execute(f'select count(*), bit_xor(hash(t)) from "{table}" as t').fetchone()  # reads every column
    return "" if found == expected else f"{folder.name}: {table} has {found} rows and should have {expected}"


def read_on(published: Path, stop: Path, report: Path) -> None:
    """Look until the file ``stop`` is there, then write what was seen."""
    seen, rng = Seen(), random.Random(0)
    while not stop.exists():
        try:
            wrong = look(published / "current", rng)
            seen.torn += bool(wrong)
        except Exception as error:  # whatever a reader would meet is what is asked for
            wrong = f"{type(error).__name__}: {error}"
            seen.errors += 1
        seen.opens += 1
        seen.says = seen.says or wrong
        time.sleep(PAUSE_SECONDS)
    report.write_text(json.dumps(asdict(seen)), encoding="utf-8")


class Readers:
    """The loop as a process beside a drill, which is inside the drill's own mounts."""

    def __init__(self, published: Path, folder: Path):
        self.stop_file, self.report = folder / "readers.stop", folder / "readers.json"
        for path in (self.stop_file, self.report):
            path.unlink(missing_ok=True)
        self.process = subprocess.Popen([sys.executable, "-m", __name__, *map(str, (published, self.stop_file, self.report))])

    def stop(self) -> Seen:
        """End the loop; what it saw."""
        self.stop_file.touch()
        self.process.wait(60)
        return Seen(**json.loads(self.report.read_text(encoding="utf-8")))


if __name__ == "__main__":
    end_with_parent()
    read_on(*map(Path, sys.argv[1:4]))
