"""What Dagster loads: everything under ``defs/``."""

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """The project's assets, checks, job, schedule and sensor."""
    return dg.load_from_defs_folder()
