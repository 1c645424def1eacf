"""The night's job run from a shell, with Dagster's record of it kept, and the outcome said in plain lines."""

from __future__ import annotations

import os
import time

import click

from . import warehouse
from .settings import Settings

DAGSTER_YAML = """# Written by outcomes. Nothing is sent anywhere.
telemetry: {enabled: false}
nux: {enabled: false}
"""


def dagster_home(settings: Settings) -> None:
    """Make Dagster's home, with telemetry off, and point this process to it."""
    settings.dagster_dir.mkdir(parents=True, exist_ok=True)
    config = settings.dagster_dir / "dagster.yaml"
    if not config.exists():
        config.write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_dir)


def run_night(settings: Settings) -> bool:
    """Run the job in this process. Returns whether everything went through; prints what happened and the headline figures."""
    start = time.monotonic()
    try:
        with warehouse.run_lock(settings):
            pass  # the job takes it again; looking first spares the second of two runs half a minute
    except warehouse.RunInProgress as error:
        click.echo(str(error), err=True)
        return False
    dagster_home(settings)
    import dagster as dg

    from . import edge
    from .definitions import defs

    job = defs().resolve_job_def(edge.JOB)
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        )
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.user_failure_data or event.step_failure_data.error
            said = getattr(error, "description", None) or getattr(error, "message", str(error))
            click.echo(f"FAILED: {event.step_key}: {said.strip()}", err=True)
        elif event.event_type_value == "RESOURCE_INIT_FAILURE":  # the run lock, taken since we looked
            click.echo(f"FAILED: {event.event_specific_data.error.message.strip()}", err=True)
    if result.success:
        from .report import print_headline

        click.echo(print_headline(settings))
    click.echo(f"{'Done' if result.success else 'Failed'} in {time.monotonic() - start:.0f} seconds.")
    return result.success
