"""The command ``outcomes``: the night's run, the check before sending, and what readers ask of a release."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from . import cli_drill, cli_linkage, cli_operator, cli_reader
from .cli_plain import PlainGroup
from .ending import end_at_once_after
from .places import keep_to_owner
from .sample import LEAST_PEOPLE
from .settings import load_settings


@click.group(cls=PlainGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Folder of landing, data and published (default: the project, or OUTCOMES_HOME).",
)
def main(home: Path | None) -> None:
    """Agency extracts in, a gated release of outcome indicators out."""
    keep_to_owner()
    if home:
        os.environ["OUTCOMES_HOME"] = str(home.resolve())
    load_settings()


@main.command()
@click.option("--as-at", help="Make again what was known then, aside: an instant (UTC), a day, or a release's id.")
@click.option("--todays-definitions", is_flag=True, help="With --as-at: deliveries of then, definitions of today.")
@click.option("--full", is_flag=True, help="Build every table anew, also where only those who changed would be.")
def run(as_at: str | None, todays_definitions: bool, full: bool) -> None:
    """Run the night's job: take files in, build, check, publish. Exit code 1 if a step failed or the release was refused."""
    if as_at is not None:
        cli_operator.run_as_at(as_at, todays_definitions)
        return
    if full:
        os.environ["OUTCOMES_FULL"] = "1"
    from .night import run_night  # Dagster and dbt take seconds to import

    sys.exit(0 if run_night(load_settings()) else 1)


@main.command()
@click.option(
    "--people",
    default=36_000,
    type=click.IntRange(min=LEAST_PEOPLE),
    show_default=True,
    help="How many people under supervision the world holds.",
)
@click.option(
    "--seed", default=2009, type=click.IntRange(0, 2**31), show_default=True, help="The same seed gives the same bytes."
)
@click.option("--if-empty", is_flag=True, help="Do nothing when files are waiting already.")
def sample(people: int, seed: int, if_empty: bool) -> None:
    """Write the sample world's extracts to the landing folders. The truth goes to data/sample_truth, for tests."""
    from .sample.generate import generate

    settings = load_settings()
    if if_empty and any(settings.landing_dir.glob("*/*.csv*")):
        click.echo("Files are waiting already; the sample world is not made again.")
        return
    start = time.monotonic()
    written = generate(
        settings.landing_dir,
        people=people,
        seed=seed,
        truth_dir=settings.sample_truth_dir,
        seeds_dir=settings.seeds_dir,
        contracts_dir=settings.contracts_dir,
        memory_limit=settings.memory_limit,
        log=click.echo,
    )
    click.echo(f"Sample world: {sum(written.values()):,} rows in {len(written)} files, {time.monotonic() - start:.0f} seconds.")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--agency", help="Whose file it is, when its folder does not say so.")
def check(files: tuple[Path, ...], agency: str | None) -> None:
    """Say what intake would make of FILES, before they are sent. Exit code 0 accepted, 1 rows in quarantine, 2 refused."""
    from . import intake
    from .contracts import load_contracts

    settings = load_settings()
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    if agency and agency not in contracts.agencies:
        raise click.BadParameter(f"'{agency}': choose from {', '.join(contracts.agencies)}.", param_hint="--agency")
    worst = 0
    for file in files:
        report = intake.check(settings, contracts, file, agency)
        click.echo(report.headline)
        for message in report.messages:
            click.echo(f"  {message}")
        worst = max(worst, {intake.ACCEPTED: 0, intake.REPLAY: 0, intake.WITH_QUARANTINE: 1}.get(report.status, 2))
    sys.exit(worst)


@main.command()
def guidance() -> None:
    """Write the guidance for suppliers, a page per agency, from the contracts."""
    from .guidance import write_guidance

    settings = load_settings()
    pages = write_guidance(settings.contracts_dir, settings.seeds_dir, settings.guidance_dir)
    click.echo(f"{len(pages)} pages in {settings.guidance_dir}; open index.html")


@main.command()
@click.option("--port", default=3000, type=click.IntRange(1, 65535), show_default=True)
def dev(port: int) -> None:
    """Open the Dagster UI on the loaded project."""
    from .night import dagster_home

    dagster_home(load_settings())
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "-m", "dagster_project.definitions", "-p", str(port)])


for command in [*cli_reader.COMMANDS, *cli_operator.COMMANDS, cli_drill.drill, cli_linkage.linkage]:
    main.add_command(command)


def begin() -> None:
    """The command as it is typed."""
    end_at_once_after(main)


if __name__ == "__main__":
    begin()
