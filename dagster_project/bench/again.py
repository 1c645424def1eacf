"""A night in which few records changed, in the installation of a full run, and everything built anew after it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ..settings import Settings
from . import changes, equal, job


def changed_night(settings: Settings, world: Path, memory_limit: str | None, with_full: bool = False) -> dict[str, Any]:
    """What the night after took, and what building everything took: seconds, CPU, peak; ``failed``: what went wrong, if so."""
    try:
        return _changed_night(settings, world, memory_limit, with_full)
    except RuntimeError as error:  # what was measured before it stays
        return {"failed": str(error)}


def _changed_night(settings: Settings, world: Path, memory_limit: str | None, with_full: bool) -> dict[str, Any]:
    records = changes.make(world, settings.landing_dir, with_full=with_full)
    night = job.run_job(settings, memory_limit)
    steps = job.steps_of(settings, night)
    kept = settings.home / "after-changes.duckdb"
    shutil.copyfile(settings.warehouse_db, kept)
    whole = job.run_job(settings, memory_limit, arguments=("--full",))
    if found := equal.differences(kept, settings.warehouse_db):
        raise RuntimeError("A night of few changes left other tables than a full build:\n" + "\n".join(found))
    return {
        "records": sum(records.values()),
        "files": len(records),
        "seconds": night.seconds,
        "cpu": night.cpu,
        "peak_bytes": night.peak(),
        "whole_seconds": whole.seconds,
        "whole_cpu": whole.cpu,
        "tables": equal.tables_in(kept),
        "steps": steps,
    }
