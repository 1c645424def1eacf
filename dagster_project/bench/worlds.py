"""The worlds that the bench reads: made once by the sample generator, kept under data/bench/worlds."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from ..sample.generate import generate
from ..settings import PROJECT_DIR

PACKED_FROM = 5_000_000  # people: landing and archive then take a third of the disk
SIZES = {"": 1, "k": 1_000, "m": 1_000_000}


def people_of(scale: str) -> int:
    """36k, 3.6m or a plain number → people. Raises ValueError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([km]?)", scale.strip().lower())
    if match is None:
        raise ValueError(f"The scale '{scale}' is no number of people. Write it as 2000, 36k or 3.6m.")
    return round(float(match[1]) * SIZES[match[2]])


def world_of(scale: str, bench_dir: Path) -> Path:
    """The folder of the world of a scale, made if it is not there whole."""
    folder = bench_dir / "worlds" / scale
    if folder.exists():
        return folder
    making = folder.with_name(f".making-{scale}-{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        generate(
            making,
            people=people_of(scale),
            is_packed=people_of(scale) >= PACKED_FROM,
            seeds_dir=PROJECT_DIR / "seeds",
            contracts_dir=PROJECT_DIR / "expectations" / "contracts",
        )
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder
