"""The night's job run from a shell, with Dagster's record of it kept; and the summary that ends a night, however it was begun."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click
import duckdb

from . import intake, summary, warehouse
from .archive import Archive
from .beginning import begin_lightly
from .register import connect
from .release_tables import quote
from .room import said_plainly
from .settings import Settings
from .untouched import night_over

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
    if not has_anything(settings):
        click.echo(
            f"No file has ever been taken, and none waits in a folder of {settings.landing_dir}: there is nothing to run on. "
            f"Put extracts into {settings.landing_dir / '<agency>'}, or make fictional ones with: outcomes sample",
            err=True,
        )
        return False
    begun = summary.begin(settings)
    try:
        with warehouse.run_lock(settings):
            pass  # the job takes it again; looking first spares the second of two runs half a minute
        told, is_fine = _run_job(settings, begun)
    except warehouse.RunInProgress as error:
        told, is_fine = summary.finish(settings, begun, locked=str(error)), False
    except Exception as error:  # the job could not even be read: a contract, a definition, Dagster's own home
        step = summary.Step("reading the project", None, "failed", _plain(settings, error))
        told, is_fine = _finish_alone(settings, begun, [step]), False
    if is_fine:
        from .report import print_headline

        click.echo(print_headline(settings))
    click.echo(told.short, err=not is_fine)
    click.echo(f"{'Done' if is_fine else 'Failed'} in {time.monotonic() - begun.started:.0f} seconds.")
    return is_fine


def has_anything(settings: Settings) -> bool:
    """Whether there is a file for a night to work on: one that waits, or one that was ever taken."""
    if Archive(settings.archive_dir).receipt_names() or intake.waiting_files(settings):
        return True
    if not settings.restricted_db.exists():
        return False
    try:  # its archive may have been lost
        with connect(settings) as con:
            con.execute(f"attach {quote(settings.restricted_db)} as r (read_only)")
            return bool(con.execute("select count(*) from r.intake.deliveries").fetchone()[0])
    except duckdb.Error:  # for the night to find out
        return True


def _run_job(settings: Settings, begun: summary.Begun) -> tuple[summary.Told, bool]:
    """What is told of the run, and whether Dagster saw every step go through: whatever became of the summary, that decides."""
    begin_lightly()
    dagster_home(settings)
    with contextlib.ExitStack() as open_until_told:
        with warehouse.manifest_made_meanwhile(settings):
            import dagster as dg

            from . import edge
            from .definitions import defs
            from .run_record import kept_open

            instance = open_until_told.enter_context(dg.DagsterInstance.get())
            open_until_told.enter_context(kept_open(instance))
        job = defs().resolve_job_def(edge.JOB)
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        )
        told = summary.told_of(settings, result.run_id)  # written by the run itself, see summed_up
        return told or _finish_alone(settings, begun, _plain_steps(settings, instance, result.run_id)), result.success


def _finish_alone(settings: Settings, begun: summary.Begun, steps: list[summary.Step]) -> summary.Told:
    """The summary of a run that wrote none itself, under the lock."""
    try:
        with warehouse.run_lock(settings):
            return summary.finish(settings, begun, steps)
    except warehouse.RunInProgress as error:
        return summary.finish(settings, begun, steps, locked=str(error))
    except Exception:  # where no lock can be written, nobody holds one
        return summary.finish(settings, begun, steps)


@contextlib.contextmanager
def summed_up(settings: Settings, context: Any, job: str) -> Iterator[None]:
    """Around a whole run of Dagster: if it is the night's ``job``, write its summary when the last step has ended, however.

    ``context`` is that of the resource that is held for as long as the run works. What the terminal prints stands in the run's
    own log as well, and what came of the night among its tags.
    """
    if context.dagster_run is None or context.dagster_run.job_name != job:
        yield
        return
    begun = summary.begin(settings, holds_lock=True)
    summary.under_way(settings, begun)
    try:
        with night_over(settings.restricted_db, settings.untouched_file, settings.whole_build_days):
            yield
    finally:
        try:
            steps = _plain_steps(settings, context.instance, context.run_id)
        except Exception as error:  # Dagster's record cannot be read; the rest of the page does not need it
            says = f"Dagster's record of the steps cannot be read: {_plain(settings, error)}"
            steps, begun = [], replace(begun, notes=[*begun.notes, says])
        _tell(context, summary.finish(settings, begun, steps, run_id=context.run_id))


def locked_out(settings: Settings, context: Any, job: str, why: str) -> None:
    """The summary of a run of the night's ``job`` that was refused the lock."""
    if context.dagster_run is not None and context.dagster_run.job_name == job:
        _tell(context, summary.finish(settings, summary.begin(settings), locked=why, run_id=context.run_id))


def _tell(context: Any, told: summary.Told) -> None:
    with contextlib.suppress(Exception):  # Dagster's record must not make the night fail either
        (context.log.info if told.is_fine else context.log.error)(told.short)
        tags = {"outcomes/result": told.data["result"], "outcomes/page": told.folder.name if told.folder else "not written"}
        context.instance.add_run_tags(context.run_id, tags)


def _plain(settings: Settings, error: BaseException) -> str:
    return said_plainly(_said(error), settings.data_dir)


def _plain_steps(settings: Settings, instance: Any, run_id: str) -> list[summary.Step]:
    return [replace(step, says=said_plainly(step.says, settings.data_dir)) for step in steps_of(instance, run_id)]


def steps_of(instance: Any, run_id: str) -> list[summary.Step]:
    """The steps of a run, in the order in which they began, from Dagster's record; one more if the run failed outside a step."""
    begun, ended, other = {}, {}, []
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type_value == "STEP_START":
            begun[event.step_key] = entry.timestamp
        elif event.is_step_failure:
            error = event.step_failure_data.user_failure_data or event.step_failure_data.error
            ended[event.step_key] = (entry.timestamp, "failed", _said(error))
        elif event.event_type_value == "STEP_SUCCESS":
            ended[event.step_key] = (entry.timestamp, "done", "")
        elif event.event_type_value == "RESOURCE_INIT_FAILURE":
            other.append(summary.Step("preparing the run", None, "failed", _said(event.event_specific_data.error)))
    run = instance.get_run_by_id(run_id)
    plan = run.execution_plan_snapshot_id if run else None
    planned = instance.get_execution_plan_snapshot(plan).step_keys_to_execute if plan else []
    ended = {name: (None, "did not run", "") for name in planned if name not in begun} | ended
    steps = []
    for name in [*begun, *(n for n in ended if n not in begun)]:
        end, outcome, says = ended.get(name, (None, "failed", "It was ended from outside."))
        seconds = round(end - begun[name], 1) if end and name in begun else None
        steps.append(summary.Step(name, seconds, outcome, says))
    return steps + other


def _said(error: Any) -> str:
    """What an error says, without the wrapping that Dagster puts around it."""
    if isinstance(error, BaseException):
        return str(error).strip() or type(error).__name__
    if description := getattr(error, "description", None):
        return description.strip()
    while getattr(error, "cause", None) and str(error.cls_name).startswith("Dagster"):
        error = error.cause
    text = getattr(error, "message", str(error)).strip()
    return re.sub(rf"^([\w.]*\.)?{re.escape(str(error.cls_name))}: ", "", text) or text
