"""What Dagster loads: everything under ``defs/``."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """The project's assets, checks, job, schedule and sensor."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
