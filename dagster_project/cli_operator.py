"""Commands for operators: the past made again, restore, retention. The command group of ``cli.py`` adds COMMANDS."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .settings import load_settings


def run_as_at(text: str, with_todays: bool) -> None:
    """Make the release of an instant again, say where it is, and whether it is the one that was published then."""
    from . import rebuild, warehouse

    settings = load_settings()
    with warehouse.run_lock(settings):
        again = rebuild.rebuild(settings, rebuild.find_instant(settings, text), with_todays)
    if again.outcome.folder is None:
        click.echo(f"The gate refuses what was known then. Read {again.outcome.why}")
        sys.exit(1)
    click.echo(f"Rebuilt in {again.outcome.folder}; what is published stays as it is.")
    if again.original and not with_todays:
        differing = again.differing_files
        same = f"Equal to release {again.original.name}, byte for byte."
        click.echo(same if not differing else f"It differs from release {again.original.name} in: {', '.join(differing)}.")


@click.command()
@click.option("--from", "backup", type=click.Path(path_type=Path, exists=True), help="A folder with copies of archive and keys.")
@click.option("--latest", is_flag=True, help="Make only the latest release again, not all.")
def restore(backup: Path | None, latest: bool) -> None:
    """Make database, warehouse and releases again from the archive."""
    from . import restore as restoring
    from . import warehouse

    settings = load_settings()
    if backup:
        restoring.take_over(settings, backup)
    with warehouse.run_lock(settings):
        made = restoring.restore(settings, latest, click.echo)
    click.echo(f"Restored from the archive; {len(made)} releases were made again.")


@click.command()
@click.option("--apply", "is_applied", is_flag=True, help="Remove what is listed. Without it nothing is changed.")
def retention(is_applied: bool) -> None:
    """List what may be removed under [tool.outcomes.retention] in pyproject.toml: old deliveries and releases."""
    from . import retention as terms_of
    from . import warehouse
    from .archive import Archive, instant

    settings = load_settings()
    terms = terms_of.read_terms(settings)
    if terms is None:
        click.echo("pyproject.toml has no [tool.outcomes.retention]: everything is kept.")
        return
    with warehouse.run_lock(settings):
        contracts, at = warehouse.prepare(settings), instant(Archive(settings.archive_dir).latest_instant())
        doomed = terms_of.find(settings, contracts, terms, at)
        for item in doomed:
            click.echo(f"{item.kind:<9}{item.byte_count / 1e6:>10,.1f} MB  {item.name}: {item.why}")
        if is_applied:
            terms_of.remove(settings, contracts, doomed, at)
    total = sum(item.byte_count for item in doomed) / 1e6
    done = "removed" if is_applied else "may go; nothing was changed. Remove them with --apply"
    click.echo(f"{len(doomed)} deliveries and releases, {total:,.1f} MB, {done}.")


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--figures-only", is_flag=True, help="Leave out the records behind the figures, which take two rebuilds.")
def diff(old: str, new: str, figures_only: bool) -> None:
    """List every figure that changed between two releases, with the deliveries and records that changed it."""
    from . import difference, warehouse

    settings = load_settings()
    found = difference.compare(settings, old, new)
    if found.figures and not figures_only:
        with warehouse.run_lock(settings):
            found = difference.with_records(settings, found, click.echo)
    click.echo(difference.report(found))


@click.command()
@click.argument("agency")
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), help="The file; beside the latest night's page unless told."
)
def fixes(agency: str, to: Path | None) -> None:
    """Write every record that AGENCY must fix to a file, however many; a night lists the latest of each thing.

    The file names the agency's own records: it is for its owner only.
    """
    from datetime import UTC, datetime

    from . import fixes as found
    from . import summary
    from .contracts import load_contracts

    settings = load_settings()
    folder = summary.latest(settings) or settings.data_dir
    path = to or folder / f"all_fixes_{agency}.csv"
    if to and not to.parent.is_dir():
        raise click.BadParameter(f"there is no folder {to.parent}. Make it, or name another.", param_hint="--to")
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    if agency not in contracts.agencies:
        raise click.BadParameter(f"'{agency}': choose from {', '.join(contracts.agencies)}.", param_hint="AGENCY")
    if not settings.restricted_db.exists():
        raise click.ClickException(f"There is no {settings.restricted_db}. Take files in, or make it anew, with: outcomes run")
    with found.Fixes(settings, contracts) as both:
        own = [fix for fix in both.all(datetime.now(UTC).replace(tzinfo=None)) if fix.agency == agency]
        both.write(own, path)
    click.echo(f"{len(own)} things to fix, every record of them: {path}")


COMMANDS = [diff, fixes, restore, retention]
