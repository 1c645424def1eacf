"""The night's job as an operator runs it, in an empty installation of its own, and what each of its steps took."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import duckdb

from ..release import JUDGED, TABLES_WRITTEN
from ..settings import PROJECT_DIR, Settings, load_settings
from .measure import Taken, run

SHOWN_MODELS = 15


def install(home: Path, world: Path) -> Settings:
    """An empty installation whose landing folders hold the world's files: linked if that can be, else copied."""
    shutil.rmtree(home, ignore_errors=True)
    for path in sorted(world.glob("*/*.csv*")):
        landed = home / "landing" / path.parent.name / path.name
        landed.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, landed)
        except OSError:  # another disk
            shutil.copyfile(path, landed)
    return load_settings(home=home)


def run_job(settings: Settings, memory_limit: str | None, show: bool = False, arguments: tuple[str, ...] = ()) -> Taken:
    """``outcomes run``, with ``arguments`` if any. Raises RuntimeError, saying what it took, if it fails."""
    left_out = ("OUTCOMES_", "DBT_", "DAGSTER_", "PYTHONDONTWRITEBYTECODE")  # the last as in the Makefile
    environment = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    environment |= {"OUTCOMES_HOME": str(settings.home), "OUTCOMES_LINKAGE": settings.linkage}
    if memory_limit:
        environment["OUTCOMES_MEMORY_LIMIT"] = memory_limit
    taken = run([sys.executable, "-m", "dagster_project.cli", "run", *arguments], environment, PROJECT_DIR, show)
    if taken.code:
        took = f"after {taken.seconds:,.0f} seconds, with {taken.peak() / 1e9:.2f} GB at most"  # what a long one took is not lost
        raise RuntimeError(f"The job failed {took}:\n" + "\n".join(line for _, line in taken.lines[-12:]))
    return taken


def steps_of(settings: Settings, taken: Taken) -> list[dict[str, Any]]:
    """What each step of the run took, in order; the times are those of Dagster's record and of the lines it printed."""
    marks = [("start-up", taken.began, _first(settings))]
    for name, since, until in _dagster_steps(settings):
        marks += _parts_of_publishing(taken, since, until) if name == "publish_release" else [(name, since, until)]
    marks.append(("summary and end", marks[-1][2], taken.ended))
    rows, sizes = _rows(settings), _bytes(settings)
    return [
        {"step": name, **taken.between(since, until), "rows": rows.get(name), "bytes": sizes.get(name)}
        for name, since, until in marks
    ]


def _dagster_steps(settings: Settings) -> list[tuple[str, float, float]]:
    """(step, begun, ended) of the installation's latest run, from Dagster's record."""
    os.environ["DAGSTER_HOME"] = str(settings.dagster_dir)
    import dagster as dg

    begun, found = {}, []
    with dg.DagsterInstance.get() as instance:
        for entry in instance.all_logs(instance.get_runs(limit=1)[0].run_id):
            event = entry.dagster_event
            if event is not None and event.event_type_value == "STEP_START":
                begun[event.step_key] = entry.timestamp
            elif event is not None and event.event_type_value == "STEP_SUCCESS":
                found.append((event.step_key, begun[event.step_key], entry.timestamp))
    return found


def _first(settings: Settings) -> float:
    return min(since for _, since, _ in _dagster_steps(settings))


def _parts_of_publishing(taken: Taken, since: float, until: float) -> list[tuple[str, float, float]]:
    """A release's tables are written, then the gate judges them, then they are published: the job says when."""
    written, judged = (next(at for at, line in taken.lines if line.startswith(said)) for said in (TABLES_WRITTEN, JUDGED))
    return [("release: tables", since, written), ("release: gate", written, judged), ("release: publish", judged, until)]


def _rows(settings: Settings) -> dict[str, int]:
    """Rows that each step leaves behind."""
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        agencies = con.execute("select agency, sum(accepted_count) from intake.deliveries group by agency").fetchall()
    found = {f"{agency}_intake": int(rows) for agency, rows in agencies}
    built = 0
    for database in (settings.restricted_db, settings.warehouse_db):
        with duckdb.connect(str(database), read_only=True) as con:
            counted = "select coalesce(sum(estimated_size), 0) from duckdb_tables() where schema_name not in ('raw', 'intake')"
            built += int(con.execute(counted).fetchone()[0])
    return found | {"dbt_models": built}


def _bytes(settings: Settings) -> dict[str, int]:
    """Bytes that each step takes (intake) or leaves behind (the rest)."""
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        found = con.execute("select agency, sum(byte_count) from intake.deliveries group by agency").fetchall()
    sizes = {f"{agency}_intake": int(size) for agency, size in found}
    sizes["dbt_models"] = settings.warehouse_db.stat().st_size + settings.restricted_db.stat().st_size
    sizes["release: tables"] = sum(p.stat().st_size for p in (settings.published_dir / "current").iterdir())
    return sizes


def files_of(taken: Taken) -> list[tuple[str, float, float]]:
    """(file, seconds, CPU seconds) of each delivery that intake took, by the line that it printed when it was done."""
    found, before = [], None
    for at, line in taken.lines:
        if line.startswith("dbt:"):
            break
        if ".csv" in line:
            took = taken.between(before or taken.began, at)
            found.append((line.split(":")[0], took["seconds"], took["cpu"]))
            before = at
    return found[1:]  # the first holds the start-up as well


def models_of(settings: Settings) -> list[tuple[str, float]]:
    """(dbt node, seconds) of the build, the slowest first. Nodes run side by side, so they add up to more than the build."""
    import json

    results = max((settings.data_dir / "dbt" / "target").rglob("run_results.json"), key=lambda p: p.stat().st_mtime)
    found = json.loads(results.read_text())["results"]
    return sorted(((r["unique_id"].split(".", 2)[2], r["execution_time"]) for r in found), key=lambda pair: -pair[1])
