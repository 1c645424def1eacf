"""What a night works from: an archive file that is damaged, a definition that is wrong, memory that is too small."""

from __future__ import annotations

import csv
import subprocess
from dataclasses import replace
from pathlib import Path

from ..archive import Archive
from . import nights
from .case import Case, Missed
from .disks import damage
from .world import copy_project

DEFINITIONS = "indicator_definitions.csv"
MEMORY = r"memory"
KINDS = ("outcome", "date", "key", "column", "short")


def archive_file(case: Case) -> None:
    """Bytes of a delivery in the archive are damaged: the night goes on; restore names the file and changes nothing."""
    settings = case.begin("waiting")
    kept = Archive(settings.archive_dir)
    receipt = case.rng.choice([r for r in kept.receipts() if r.status != "refused"])
    path, waiting = kept.place(receipt.content_hash), settings.landing_dir / receipt.agency / receipt.file_name
    sound = path.read_bytes()
    path.chmod(0o600)
    case.note(damage(path, case.rng, case.rng.choice(["bytes", "length", "nothing"])))
    aside = waiting.rename(case.folder / "aside")
    arguments, environment = nights.command(settings, "restore", "--latest")
    said = subprocess.run(arguments, env=environment, capture_output=True, text=True, cwd=settings.home)
    case.must(
        said.returncode == 1 and receipt.content_hash in said.stderr, f"restore does not name the file: {said.stderr[-300:]}"
    )
    case.must("Traceback" not in said.stderr, f"restore ends in a traceback: {said.stderr[-300:]}")
    case.must(settings.restricted_db.exists(), "restore has set the database aside and cannot make a new one")
    night = case.start().wait()  # the landing folder lacks the file, the database does not
    case.must(night.code == 0, f"a damaged archive file stops the night: {night.said}")
    case.check()
    if case.result.number % 2:  # the landing folder still has the bytes: the next night puts them right
        aside.rename(waiting)
    else:  # or the operator puts them back
        path.write_bytes(sound)
        aside.rename(waiting)
    case.recover()
    case.must(kept.is_sound(receipt.content_hash), "the archive is still damaged")


def spoil(path: Path, kind: str, rng) -> list[str]:
    """Damage a definition; words that the message must hold."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    header, number = rows[0], rng.randrange(1, len(rows))
    if kind == "column":
        place = rng.randrange(len(header))
        words = [f"line 1, {header[place]}: the column is missing"]
        rows = [[v for i, v in enumerate(row) if i != place] for row in rows]
    else:
        words = [f"line {number + 1}"]
    if kind == "outcome":
        rows[number][header.index("outcome")] = "no_such_outcome"
        words += ["outcome: ", "'no_such_outcome'"]
    elif kind == "date":
        rows[number][header.index("valid_from")] = "2009-13-45"
        words += ["valid_from: ", "'2009-13-45'"]
    elif kind == "key":
        rows.append(list(rows[number]))
        words += [f"line {len(rows)}", *rows[number][:3]]
    elif kind == "short":
        rows[number] = rows[number][:-2]
        words += [f"{len(header) - 2} values"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return [*words, "indicator_definitions"]


def definition(case: Case) -> None:
    """A wrong row in the definitions: unknown outcome, impossible date, a key twice, a missing column, a row too short."""
    kind = KINDS[case.result.number % len(KINDS)]
    folder = case.folder / "project"
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    case.project = copy_project(folder, case.world.project)
    case.begin("landed")
    seed = case.project / "seeds" / DEFINITIONS
    right = seed.read_bytes()
    words = spoil(seed, kind, case.rng)
    night = case.start()
    failed = case.must_fail(night, r"indicator_definitions")
    case.must(failed, f"a night goes through with a wrong definition ({kind})")
    missing = [w for w in words if w not in night.said]
    case.must(not missing, f"the message on a wrong {kind} does not name {missing}: {night.said}")
    case.check()
    seed.write_bytes(right)
    case.recover(but=("intake.deliveries",))  # another project, another configuration's hash


def memory(case: Case) -> None:
    """So little memory that a step fails."""
    settings = case.begin(case.rng.choice(("waiting", "landed", "built")))
    little = replace(settings, memory_limit=f"{case.rng.choice([1, 2, 4, 8, 12, 16, 24])}MB")
    failed = case.must_fail(case.start(little), MEMORY)
    case.check()
    if not failed:
        raise Missed(f"{little.memory_limit} are enough")
    case.note(f"memory limit {little.memory_limit}")
    case.recover()
