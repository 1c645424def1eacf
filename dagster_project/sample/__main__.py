"""``python -m dagster_project.sample OUT [--people N] [--seed S] [--truth DIR]`` writes the sample world."""

from __future__ import annotations

import argparse
from pathlib import Path

from .generate import generate


def main() -> None:
    """Read the arguments and write the files; the project's own seeds and contracts are used unless told otherwise."""
    project = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="python -m dagster_project.sample", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the extracts, one folder per agency inside")
    parser.add_argument("--people", type=int, default=36_000)
    parser.add_argument("--seed", type=int, default=2009)
    parser.add_argument("--truth", type=Path, default=None, help="folder for what was planted; nothing but tests reads it")
    parser.add_argument("--seeds-dir", type=Path, default=project / "seeds")
    parser.add_argument("--contracts-dir", type=Path, default=project / "expectations" / "contracts")
    parser.add_argument("--memory-limit", default="2GB")
    given = parser.parse_args()
    generate(
        given.out,
        people=given.people,
        seed=given.seed,
        truth_dir=given.truth,
        seeds_dir=given.seeds_dir,
        contracts_dir=given.contracts_dir,
        memory_limit=given.memory_limit,
    )


if __name__ == "__main__":
    main()
