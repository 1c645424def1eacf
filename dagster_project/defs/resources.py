"""Resources of the whole project."""

import dagster as dg

from dagster_project import edge


@dg.definitions
def resources() -> dg.Definitions:
    """dbt's command line and the lock that a run holds."""
    return dg.Definitions(resources=edge.resources())
