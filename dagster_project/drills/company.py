"""Others at work at the same time: a second run, a reader that holds a database. And the clock, which others may set."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from .. import archive, reader
from . import nights
from .case import Case, Missed
from .children import Child
from .world import SNAPSHOTS

LONDON = ZoneInfo("Europe/London")


def two_runs(case: Case) -> None:
    """While one night works, ``outcomes run`` is started; before, a lock file of a dead process stands in the way."""
    settings = case.begin("waiting")
    (settings.data_dir / "run.lock").write_text("4194305")  # no process has so high a number
    first = case.start()
    first.wait_for("intake")
    time.sleep(case.rng.random() * case.world.seconds["built"])
    arguments, environment = nights.command(settings, "run")
    second = subprocess.run(arguments, env=environment, capture_output=True, text=True, cwd=settings.home)
    if not first.is_running:
        raise Missed("the first night was over")
    case.must(second.returncode == 1, f"the second run ends with exit code {second.returncode}")
    case.must(str(first.pid) in second.stderr, f"the second run does not say who holds the lock ({first.pid}): {second.stderr}")
    case.note(f"second run: {second.stderr}")
    case.must(first.wait().code == 0, f"the first night fails: {first.said}")
    case.check()
    case.recover()


def clock_back(case: Case) -> None:
    """The clock is set back between two nights, by a minute up to a year: what is written down stays in order."""
    settings = case.begin("waiting")
    back = timedelta(seconds=case.rng.choice([60, 3600, 90_000, 40_000_000]) * case.rng.uniform(0.5, 1))
    before = archive.Archive(settings.archive_dir).latest_instant()

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) - back

    def work(mark):
        archive.datetime = Earlier
        return nights.night(settings, mark)

    night = case.start(work=work).wait()
    case.must(night.code == 0, f"the night fails: {night.said}")
    kept = archive.Archive(settings.archive_dir)
    late = [r.received_at for r in kept.receipts()][-2:] + [n.at for n in kept.nights()][-1:]
    case.must(before < late[0] < late[1] < late[2], f"out of order: {before}, {late}")
    listed = [line.release_id for line in reader.releases(settings)]
    current = (settings.published_dir / "current").resolve().name
    case.must(current == listed[0], f"release {current} is not the first of the list: {listed}")
    case.note(f"clock set back by {back}")
    case.check()
    case.recover()


def summer_time(case: Case) -> None:
    """Nights of the changes to and from summer time: the schedule asks for each night of a year once."""
    year = case.rng.randrange(2000, 2040)
    days = [(date(year, 1, 1) + timedelta(days=n)).isoformat() for n in range(366)]
    days = [day for day in days if day.startswith(str(year))]
    found = ticks(year)
    case.must(found == days, f"nights of {year} asked for twice or never: {sorted(set(days) ^ set(found))}")
    case.note(f"{len(found)} nights in {year}, each once")
    case.result.equal += found == days


def ticks(year: int) -> list[str]:
    """The London day of each run that the nightly schedule asks for in a year, in order."""
    from dagster._utils.schedules import schedule_execution_time_iterator  # what Dagster's own daemon goes by

    from ..defs.schedules.nightly import every_night

    begin, found = datetime(year, 1, 1, tzinfo=LONDON).timestamp(), []
    for tick in schedule_execution_time_iterator(begin, every_night.cron_schedule, every_night.execution_timezone):
        day = tick.astimezone(LONDON).date()
        if day.year > year:
            return found
        found.append(day.isoformat())
    return found


def _hold(database: Path, mark) -> None:
    con = duckdb.connect(str(database), read_only=True)
    con.execute("select count(*) from duckdb_tables()").fetchall()
    mark("held")
    while os.getppid() != 1:
        time.sleep(0.1)


def reader_holds(case: Case) -> None:
    """A reader holds warehouse and current release: nothing stops. Another holds the restricted database: the night names it."""
    settings = case.begin(case.rng.choice(SNAPSHOTS))
    if case.result.number % 2:
        release = settings.published_dir / "current" / "outcomes.duckdb"
        holders = [
            Child(lambda mark, d=d: _hold(d, mark), case.folder / f"holder-{d.stem}.log")
            for d in (settings.warehouse_db, release)
        ]
        held = [holder.wait_for("held") for holder in holders]
        case.must(all(held), "the readers cannot open")
        night = case.start().wait()
        case.must(night.code == 0, f"a reader of the warehouse stops the night: {night.said}")
        case.must(all(holder.is_running for holder in holders), "a reader was thrown out")
    else:
        holders = [Child(lambda mark: _hold(settings.restricted_db, mark), case.folder / "holder.log")]
        case.must(holders[0].wait_for("held"), "the reader cannot open")
        night = case.start()
        case.must(case.must_fail(night, str(holders[0].pid)), "the night went through while the database was held")
        case.must("close" in night.said.lower() or "end" in night.said.lower(), f"it says not what to do: {night.said}")
    for holder in holders:
        holder.kill()
        holder.wait()
    case.check()
    case.recover()
