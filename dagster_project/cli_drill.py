"""The command ``outcomes drill``: disturb nights on a throw-away home and see that nothing is lost. Never on real data."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from .sample import LEAST_PEOPLE


@click.command()
@click.argument("name", default="list")
@click.option("--times", default=5, type=click.IntRange(min=1), show_default=True, help="How often each disturbance is made.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same random choices.")
@click.option("--people", default=300, type=click.IntRange(min=LEAST_PEOPLE), show_default=True, help="How large the world is.")
@click.option("--jobs", default=2, type=click.IntRange(min=1), show_default=True, help="How many at the same time.")
@click.option("--real", is_flag=True, help="With all: also kill the whole command, outcomes run, which takes minutes.")
@click.option("--keep", type=click.Path(path_type=Path), help="Work in this new folder and keep it, with the logs.")
def drill(name: str, times: int, seed: int, people: int, jobs: int, real: bool, keep: Path | None) -> None:
    """Run the drill NAME, or all; without a name, list them. Exit code 1 if one failed. Works in a folder of its own."""
    from .drills import run as running

    if name == "list":
        for known, work in running.DRILLS.items():
            click.echo(f"{known:<13} {work.__doc__.splitlines()[0]}")
        return
    every = [n for n in running.DRILLS if real or n not in running.ONLY_REAL]
    if name != "all" and name not in running.DRILLS:
        raise click.BadParameter(f"There is no drill {name}. Known: {', '.join(running.DRILLS)}, all.")
    if keep and keep.exists() and any(keep.iterdir()):
        raise click.BadParameter(f"{keep} is not empty.")
    begun = time.monotonic()
    results = running.run(every if name == "all" else [name], times, seed, people, jobs, keep and keep.resolve(), click.echo)
    failed = [r for r in results if r.faults]
    click.echo(f"\n{running.table(results)}\n")
    click.echo(f"{len(results)} disturbances, {len(failed)} failed, in {time.monotonic() - begun:.0f} seconds.")
    sys.exit(1 if failed else 0)
