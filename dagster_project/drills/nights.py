"""A night's steps in one process, without Dagster, so that a drill can disturb one of them and not wait for imports."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .. import gate, intake, release, warehouse
from ..archive import Archive, instant
from ..settings import Settings, day_of
from .children import Child, Mark

STEPS = ("intake", "build", "gate", "release")


class NightFailed(RuntimeError):
    """A step did not go through; the message is what an operator would read."""


def warm() -> None:
    """Import what a night imports, once, before children are made."""
    import dbt.adapters.duckdb.connections  # noqa: F401 (for children to find it loaded)
    import dbt.cli.main  # noqa: F401 (the same)

    from .. import gate_engine

    gate_engine._datasource_class()  # Great Expectations


def night(settings: Settings, mark: Mark = lambda _: None) -> str:
    """Take files in, build, judge, publish, as the night's job does, and say where it is. The id of the release that stands."""
    os.environ["OUTCOMES_PROJECT"] = str(settings.project_dir)
    asked = gate.run
    with warehouse.run_lock(settings):
        contracts = warehouse.prepare(settings)
        mark("intake")
        intake.land_all(settings, contracts)
        mark("build")
        build(settings)
        mark("release")
        gate.run = lambda *given: (mark("gate"), asked(*given), mark("judged"))[1]  # this process does nothing else
        outcome = release.publish(settings)
        mark("end")
    if not outcome.is_published:
        raise NightFailed(f"The release was refused; readers keep what they have. See {outcome.why}")
    return outcome.release_id


def build(settings: Settings) -> None:
    """Build the warehouse of the night's day. Raises NightFailed with what dbt says."""
    day = day_of(settings, instant(Archive(settings.archive_dir).latest_instant()))
    result = warehouse.build(settings, day, may_mend=True)
    if not result.success:
        failed = [r for r in getattr(result.result, "results", None) or [] if r.status in ("error", "fail")]
        said = [f"{r.node.name}: {r.message}" for r in failed[:3]] or [str(result.exception or "dbt stopped")]
        raise NightFailed("; ".join(said))


def start(settings: Settings, log: Path) -> Child:
    """A night in a process of its own."""
    return Child(lambda mark: night(settings, mark), log)


def command(settings: Settings, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """The real command, ``outcomes …``, on a home: its arguments and environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OUTCOMES_", "DBT_", "DAGSTER_"))}
    own = {
        "OUTCOMES_HOME": str(settings.home),
        "OUTCOMES_PROJECT": str(settings.project_dir),
        "OUTCOMES_MEMORY_LIMIT": settings.whole_memory,
        "OUTCOMES_THREADS": str(settings.threads),
        "OUTCOMES_TODAY": settings.today,
    }
    return [sys.executable, "-m", "dagster_project.cli", *arguments], kept | own
