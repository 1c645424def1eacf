"""Files in the landing folder that no night reads, because they are not directly in the folder of an agency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from .contracts import FILE_NAME, PLAIN_NAME, Contracts
from .register import printable
from .settings import Settings

ALIKE = 0.75  # of 1: so near is polcie to police, and no agency to another


@dataclass(frozen=True)
class Misplaced:
    """``place`` is the path below home, ``agency`` whose file it is, if that is known; ``remedy`` is a sentence."""

    place: str
    agency: str | None
    why: str
    remedy: str

    @property
    def says(self) -> str:
        return f"File {self.place} is not read: {self.why}."


def find(settings: Settings, contracts: Contracts) -> list[Misplaced]:
    """Every such file, and every empty folder under the name of a file, by path. Hidden ones are still being written."""
    paths = [p for p in _below(settings.landing_dir) if not p.is_dir() or (".csv" in p.name and not any(_below(p)))]
    return [found for path in paths if (found := look_at(settings, contracts, path))]


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*")):
        if not path.name.startswith("."):
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from _below(path)


def look_at(settings: Settings, contracts: Contracts, path: Path) -> Misplaced | None:
    """Why a file of the landing folder is not read; None of one that is, and of one elsewhere."""
    landing, path = settings.landing_dir.resolve(), path.parent.resolve() / path.name
    if not path.is_relative_to(landing):
        return None
    *folders, _ = parts = [printable(Path(part)) for part in path.relative_to(landing).parts]
    top = folders[0] if folders else ""
    if top in contracts.agencies:
        if len(folders) == 1 and not path.is_dir():
            return None
        why = "it is a folder" if path.is_dir() else f"it is in a folder within that of {top}"
        remedy = f"Put the file itself into landing/{top}."
        return Misplaced("/".join(["landing", *parts]), top, why, remedy)
    why = f"no agency has the folder landing/{top}" if folders else "it is in no agency's folder"
    owners = _owners(contracts, path.name, top)
    where = " or ".join(f"landing/{a}" for a in owners) or f"the folder of its agency: {', '.join(contracts.agencies)}"
    return Misplaced("/".join(["landing", *parts]), owners[0] if len(owners) == 1 else None, why, f"Put it into {where}.")


def _owners(contracts: Contracts, name: str, folder: str) -> list[str]:
    """The agencies that the file may be of: by its name, or else by the folder, which may be misspelt."""
    match = FILE_NAME.match(name) or PLAIN_NAME.match(name)
    named = {e.agency for e in contracts.extracts if match and match["extract"] in (e.name, f"{e.agency}_{e.name}")}
    meant = {*get_close_matches(folder, contracts.agencies, 1, ALIKE)}
    return sorted(named & meant or named or meant)
