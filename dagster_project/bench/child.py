"""``python -m dagster_project.bench.child WAY WORLD OUT``: one way in a process of its own; OUT/taken.json says what it took."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path


def main(way: str, world: Path, out: Path, memory_limit: str | None) -> None:
    """Compute, note time and CPU since the process began, then write the results for the comparison."""
    out.mkdir(parents=True, exist_ok=True)
    if way == "floor":
        from . import compare, floor

        con = floor.compute(world, out / "spill", memory_limit)
        note(out)
        compare.save_floor(con, out)
    elif way == "pandas":
        from . import pandas_way

        counts = pandas_way.compute(world)
        note(out)
        save_counts(counts, out)
    elif way == "polars":
        from . import polars_way

        counts = polars_way.compute(world)
        note(out)
        save_counts(counts.to_arrow(), out)


def note(out: Path) -> None:
    """What it took up to now; the writing that follows is for the comparison alone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    began = float(os.environ.get("OUTCOMES_BENCH_BEGAN", time.time()))
    taken = {"seconds": time.time() - began, "cpu": used.ru_utime + used.ru_stime, "ended": time.time()}
    (out / "taken.json").write_text(json.dumps(taken))


def save_counts(counts, out: Path) -> None:
    """Write a frame of indicator counts as the other ways do."""
    import duckdb

    from . import compare

    with duckdb.connect() as con:
        con.register("made", counts)
        compare.save(con, out, {compare.COUNTS: compare.counts_sql("made")})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
