"""When the main job runs: every night, and when files arrive."""

import hashlib
import time

import dagster as dg

from dagster_project import edge, intake

SETTLED_SECONDS = 60  # a file untouched for so long is taken to be whole

nightly = dg.define_asset_job(
    edge.JOB,
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Deliveries in, release out.",
)

every_night = dg.ScheduleDefinition(
    name="every_night",
    job=nightly,
    cron_schedule="0 2 * * *",
    execution_timezone="Europe/London",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.sensor(name="files_arrived", job=nightly, minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.STOPPED)
def files_arrived(context: dg.SensorEvaluationContext):
    """Asks for a run when the landing folders hold files that no run was asked for yet and that have stopped growing."""
    files = [(p, p.stat()) for p in intake.waiting_files(edge.settings())]
    if not files:
        return dg.SkipReason("No file is waiting.")
    if any(time.time() - stat.st_mtime < SETTLED_SECONDS for _, stat in files):
        return dg.SkipReason("A file is still being written.")
    state = hashlib.sha256("|".join(f"{p} {s.st_size} {s.st_mtime_ns}" for p, s in files).encode()).hexdigest()
    if context.cursor == state:
        return dg.SkipReason("Every waiting file has been taken.")
    context.update_cursor(state)
    return dg.RunRequest(run_key=state)
