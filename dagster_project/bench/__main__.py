"""``make bench SCALE=36k``: the night's job, the floor, pandas and polars over one world, in turn, compared and measured."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..settings import EVIDENCE, EXACT, PROJECT_DIR
from . import again, answers, compare, job, report
from .measure import run
from .reads import World
from .worlds import people_of, world_of

WAYS = ("job", "floor", "pandas", "polars")
BENCH_DIR = PROJECT_DIR / "data" / "bench"
PAGE = PROJECT_DIR / "dbt" / "docs" / "speed.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--scale", default="36k", show_default=True, help="People under supervision: 2000, 36k, 3.6m.")
@click.option("--times", default=3, show_default=True, help="How often each way runs; medians are told.")
@click.option("--only", default=",".join(WAYS), help="Which ways, with commas between.")
@click.option("--world", type=click.Path(path_type=Path, exists=True), help="A folder of files instead of a cached world.")
@click.option("--memory-limit", help="What the whole job may take, and DuckDB in the floor, such as 4GB.")
@click.option(
    "--changed/--no-changed", default=True, help="A night after the last run, with 1 % of records changed; and all anew."
)
@click.option("--with-full", is_flag=True, help="In that night the full extracts come again as well, whole.")
@click.option("--weighed", is_flag=True, help="Weighed links too, as a night has them unless told otherwise; of the job only.")
@click.option("--docs", is_flag=True, help="Write the tables to dbt/docs/speed.md.")
@click.option("--show", is_flag=True, help="Show what the job prints.")
def main(
    scale: str,
    times: int,
    only: str,
    world: Path | None,
    memory_limit: str | None,
    changed: bool,
    with_full: bool,
    weighed: bool,
    docs: bool,
    show: bool,
) -> None:
    """Run each way in a process of its own, in turn. Exit code 1 if results differ or a way fails."""
    ways = [way.strip() for way in only.split(",")]
    if unknown := set(ways) - set(WAYS):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(WAYS)}", param_hint="--only")
    if weighed and (ways != ["job"] or docs):
        raise click.BadParameter(
            "the tables of the docs and the other ways link exactly: use it with --only job", param_hint="--weighed"
        )
    try:
        people_of(scale)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--scale") from error
    scale, linkage = scale.strip().lower(), EVIDENCE if weighed else EXACT
    folder = world.resolve() if world else world_of(scale, BENCH_DIR)
    busy, runs, failed = os.getloadavg()[0], {way: [] for way in ways}, {}
    BENCH_DIR.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=BENCH_DIR))
    try:
        for turn in range(times):
            for way in list(runs):
                is_last = changed and turn + 1 == times
                try:
                    took = one(way, folder, work, memory_limit, show, with_full if is_last else None, linkage)
                except RuntimeError as error:
                    if way == "job":
                        raise
                    failed[way] = str(error)  # pandas has not the memory for a country: what the others took is not lost
                    del runs[way]
                    click.echo(f"{turn + 1} of {times}: {error}", err=True)
                    continue
                runs[way].append(took)
                click.echo(f"{turn + 1} of {times}: {way} {took['seconds']:.1f} s, {took['peak_bytes'] / 1e9:.2f} GB")
            ways = list(runs)
            if found := disagreements(ways, work):
                click.echo("The ways do not agree:\n" + "\n".join(found), err=True)
                sys.exit(1)
        click.echo(f"Equal: {', '.join(ways)}." if len(ways) > 1 else "One way, so nothing to compare.")
    except RuntimeError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    flags = {"--no-changed": not changed, "--with-full": with_full, "--weighed": weighed}
    command = command_of(scale, times, only, world, memory_limit, [flag for flag, is_set in flags.items() if is_set])
    result = report.summary(scale, runs, command, World(folder).size(), busy)
    others = [] if weighed or world else report.keep(result, BENCH_DIR / "results")
    click.echo("\n" + report.told(result, others))
    if night := (result["again"] or {}).get("failed"):
        failed["a night of changes"] = night
    if failed:
        click.echo("\nFailed: " + "\n".join(f"{what}: {why}" for what, why in failed.items()), err=True)
        sys.exit(1)
    if docs:
        report.write_docs(result, others, PAGE)


def command_of(scale: str, times: int, only: str, world: Path | None, memory_limit: str | None, flags: Sequence[str] = ()) -> str:
    """The make command that does the same; a world of one's own is said, not where it is."""
    options = {"SCALE": scale, "BENCH_TIMES": times, "MEMORY": memory_limit}
    extra = [
        *(["--only", only] if only != ",".join(WAYS) else []),
        *(["--world", "..."] if world else []),
        *flags,
    ]
    options["BENCH"] = " ".join(extra)
    return shlex.join(["make", "bench", *(f"{name}={value}" for name, value in options.items() if value)])


def one(
    way: str,
    world: Path,
    work: Path,
    memory_limit: str | None,
    show: bool,
    again_full: bool | None = None,
    linkage: str = EXACT,
) -> dict[str, Any]:
    """Run one way once; its results go to ``work/<way>``. Raises RuntimeError if it fails.

    ``again_full``: see again.changed_night, which comes after the job; None for none.
    """
    shutil.rmtree(work / way, ignore_errors=True)
    if way == "job":
        settings = replace(job.install(work / "home", world), linkage=linkage)
        taken = job.run_job(settings, memory_limit, show)
        compare.save_product(settings, work / way)
        details = {"steps": job.steps_of(settings, taken), "files": job.files_of(taken), "models": job.models_of(settings)}
        details["answers"] = answers.timings(settings.published_dir / "current")
        details["again"] = None if again_full is None else again.changed_night(settings, world, memory_limit, again_full)
        shutil.rmtree(settings.home)
        return {"seconds": taken.seconds, "cpu": taken.cpu, "peak_bytes": taken.peak(), **details}
    limit = [memory_limit] if memory_limit and way == "floor" else []
    command = [sys.executable, "-m", "dagster_project.bench.child", way, str(world), str(work / way), *limit]
    taken = run(command, dict(os.environ), PROJECT_DIR)
    if taken.code:
        raise RuntimeError(f"{way} failed:\n" + "\n".join(line for _, line in taken.lines[-12:]))
    noted = json.loads((work / way / "taken.json").read_text())
    return {"seconds": noted["seconds"], "cpu": noted["cpu"], "peak_bytes": taken.peak(until=noted["ended"])}


def disagreements(ways: list[str], work: Path) -> list[str]:
    """What differs between the first way and each other, table by table."""
    return [said for way in ways[1:] for said in compare.differences(work / ways[0], work / way)]


if __name__ == "__main__":
    main()
