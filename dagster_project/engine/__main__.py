"""``python -m dagster_project.engine``: a sample world built with DuckDB and on Sail from the same models; every row compared."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from .. import intake, warehouse
from ..sample.generate import generate
from ..settings import Settings, load_settings
from . import compare, raw, server
from .session import faults, run_dbt, session

SHOWN_LINES = 40


@click.command()
@click.option("--people", default=2_000, show_default=True, help="How large the sample world is.")
@click.option("--home", type=click.Path(path_type=Path), help="Compare this installation's last build instead; it is only read.")
@click.option(
    "--remote", help="A Spark Connect server, sc://host:port, that can read and write this machine's files; else Sail is started."
)
def main(people: int, home: Path | None, remote: str | None) -> None:
    """Exit code 0: every table of the engine equals DuckDB's. 1: one does not, or a row is missing; the first ones are shown."""
    with tempfile.TemporaryDirectory(prefix="outcomes-engine-") as scratch:
        settings = load_settings(home=home or Path(scratch) / "home")
        if not home and not _build_sample(settings, people):
            sys.exit(1)
        sys.exit(0 if _on_engine(settings, Path(scratch) / "engine", remote) else 1)


def _build_sample(settings: Settings, people: int) -> bool:
    with _timed(f"sample world of {people:,} people, through intake"):
        generate(
            settings.landing_dir,
            people=people,
            seeds_dir=settings.seeds_dir,
            contracts_dir=settings.contracts_dir,
            log=lambda _: None,
        )
        contracts = warehouse.prepare(settings)
        intake.land_all(settings, contracts, say=lambda _: None)
    with _timed("DuckDB: seeds, models and tests"):
        result = warehouse.build(settings)
    return _said("DuckDB", faults(result))


def _on_engine(settings: Settings, folder: Path, remote: str | None) -> bool:
    with _engine(folder, remote) as running, session(running.remote, settings.person_key_file) as spark:
        try:
            with _timed("export to Parquet, and count on the engine"):
                tables = raw.export(settings, folder / "landed")
                raw.place(spark, tables)
            with _timed("engine: seeds, models and tests", running.process):
                result = run_dbt(settings, folder / "dbt", "build")
            if not _said("The engine", faults(result)):
                return False
            with _timed("comparison"):
                count, rows, differences = compare.compare(settings, spark, folder / "compared")
        except raw.RowsMissing as error:
            return _said("Rows are missing", str(error).split("; "))
    print(f"{count} tables and views, {rows:,} rows: {'all equal' if not differences else 'NOT equal'}")
    return _said("The engine differs", differences)


@contextmanager
def _engine(folder: Path, remote: str | None) -> Iterator[server.Server]:
    if remote:
        yield server.Server(remote, 0)
        return
    with server.sail(folder / "sail") as running:
        yield running


def _said(who: str, lines: list[str]) -> bool:
    """Whether there is nothing to say; else the first lines of it, on standard error."""
    if lines:
        print(f"{who}:", *lines[:SHOWN_LINES], *(["…"] if len(lines) > SHOWN_LINES else []), sep="\n  ", file=sys.stderr)
    return not lines


@contextmanager
def _timed(what: str, other: int = 0) -> Iterator[None]:
    """Print how long a step took and the most memory that this process held in it, and another beside it."""
    _forget_peak()
    begun = time.monotonic()
    yield
    beside = f"; the server {_peak_mb(other)} MB" if other else ""
    print(f"{time.monotonic() - begun:7.1f} s  {what} (peak {_peak_mb()} MB{beside})", flush=True)


def _forget_peak() -> None:
    """Let Linux measure this process's peak anew; elsewhere the peak is that of the whole run."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def _peak_mb(process: int | str = "self") -> str:
    try:
        status = Path(f"/proc/{process}/status").read_text()
        return f"{int(status.split('VmHWM:')[1].split()[0]) / 1024:,.0f}"
    except (OSError, IndexError):
        return "?"


if __name__ == "__main__":
    main()
