"""The command group ``outcomes linkage``: what people do about links. Names stay in the restricted folder."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click

from .linkage import review_sample
from .settings import day_of, load_settings


@click.group()
def linkage() -> None:
    """Links between records of one person: their review by people."""


def _month(text: str | None) -> date:
    if text is None:
        return day_of(load_settings(), datetime.now(UTC).replace(tzinfo=None)).replace(day=1)
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is no month; write it as 2013-07.") from error


@linkage.command()
@click.option("--month", help="Of the queue, as 2013-07; the month of the night unless told.")
def review(month: str | None) -> None:
    """Choose the month's pairs for two readers, and write the page on which they decide."""
    from .linkage import review as reviewing

    made = reviewing.make(load_settings(), _month(month))
    settled = f", {made.settled} of them settled" if made.settled else ""
    click.echo(f"{made.pairs} pairs{settled}. Open {made.page} in a browser. It names people: keep it where it is.")


@linkage.command()
@click.option(
    "--by", multiple=True, type=click.Choice(list(review_sample.GROUPS)), help="Of each group of pairs as well; may be repeated."
)
def agreement(by: tuple[str, ...]) -> None:
    """Say how far readers agree, what waits, and what the pairs drawn by chance tell of precision, recall and F1."""
    from .linkage import review as reviewing

    told = reviewing.tell(load_settings())
    found = told.agreement
    click.echo(f"Pairs that two readers decided: {found.pairs}; they agree on {found.agree}.")
    if found.kappa is not None:
        click.echo(
            f"Cohen's kappa: {found.kappa:.2f} (95 % interval {found.low:.2f} to {found.high:.2f}). "
            "It is 1 when readers always agree, and 0 when they agree no more often than chance would have it."
        )
    elif found.pairs:
        click.echo("Cohen's kappa is not known: all answers are the same, and chance alone would have it so.")
    for state, count in told.states.items():
        click.echo(f"  {state}: {count}")
    if told.without_effect:
        click.echo(
            f"Of the settled pairs {told.without_effect} do nothing: the agency no longer sends one of the two references, or "
            "(HMRC) sends another name, date of birth or number under it. Such pairs are asked about again if they are compared."
        )
    for month, estimate in told.estimates.items():
        click.echo(f"Queue of {month}: {estimate.decided} pairs of the sample are decided, {estimate.open} are not.")
        click.echo(f"  Of the links made, right: {estimate.precision}.")
        click.echo(f"  Of the pairs that are one person, linked: {estimate.recall}. Pairs never compared are not in this.")
        click.echo(f"  F1, the harmonic mean of the two: {estimate.f1}.")
    for kind in by:
        nothing = "" if told.by_group[kind] else " nothing is decided yet."
        click.echo(f"By {kind.replace('-', ' ')}, all months together:{nothing}")
        for name, estimate in told.by_group[kind].items():
            click.echo(
                f"  {name}: right {estimate.precision}; linked {estimate.recall}; F1 {estimate.f1}; "
                f"{estimate.decided} decided, {estimate.open} not."
            )


@linkage.command()
def train() -> None:
    """Train the linkage model anew on what stands, and compare it with the stored one. Nothing changes until it is adopted."""
    from .linkage import retrain

    settings = load_settings()
    folder = retrain.retrain(settings, day_of(settings, datetime.now(UTC).replace(tzinfo=None)), click.echo)
    click.echo(f"The new model and its comparison with the stored one: {folder / retrain.COMPARISON}")


@linkage.command()
@click.option("--last", default=50, type=click.IntRange(1, 2**31), show_default=True, help="How many events.")
def journal(last: int) -> None:
    """Who was joined or split from night to night, and why, by person_id; the newest first."""
    from .linkage import journal as kept

    events = kept.latest(load_settings(), last)
    for night, kind, person_id, other, count, cause in events:
        words = {"join": "was joined by", "split": "was parted from", "renamed": "has the new number of"}[kind]
        click.echo(f"{night}  {person_id} {words} {other} ({count} references): {cause}")
    if not events:
        click.echo("No person has been joined or split since the first build.")
