"""Wrong seeds refused before anything is built from them, above all definitions of indicators: figures that nobody meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from . import seed_faults
from .seed_faults import YAML, Seed, one_of

DEFINITIONS, NEEDS = "indicator_definitions", "indicator_needs"
SHOWN = 20
STATUS = "_status"


class DefinitionError(RuntimeError):
    """The seeds cannot be used. The message names file, line, column and remedy, a line for each fault."""


def must_be_sound(seeds_dir: Path, dbt_dir: Path) -> None:
    """Raise DefinitionError if a row of a seed would break the build or make figures that nobody meant."""
    found = list(faults(seeds_dir, dbt_dir))
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    if found:
        first = f"{len(found)} fault{'s' if len(found) > 1 else ''} in seeds/: nothing was built, and what is published stands."
        raise DefinitionError("\n".join([first, *found[:SHOWN], *more]))


def faults(seeds_dir: Path, dbt_dir: Path) -> Iterator[str]:
    """Each fault with its file, line, column and what to do. A file that is not there has none."""
    seeds = seed_faults.read(seeds_dir)
    yield from seed_faults.faults(seeds_dir, seeds)
    definitions, needs = seeds.get(DEFINITIONS), seeds.get(NEEDS)
    used = ("population", "outcome", "follow_up_id", "basis")
    if definitions is None or not definitions.header:
        return
    if gone := [column for column in used if column not in definitions.header]:
        yield from (f"{definitions.says}, line 1, {column}: the column is missing. Put it back." for column in gone)
        return
    for line, says in sorted(
        [*_without_needs(definitions, needs), *_uncounted(definitions, dbt_dir), *_looked_at_twice(definitions)]
    ):
        yield f"{definitions.says}, line {line}, {says}"


def _without_needs(definitions: Seed, needs: Seed | None) -> Iterator[tuple[int, str]]:
    if needs is None or not {"population", "outcome"} <= {*needs.header}:
        return
    known = {(row["population"], row["outcome"]) for _, row in needs.rows}
    for line, row in definitions.rows:
        if (row["population"], row["outcome"]) not in known:
            what = f"{row['outcome']!r} of population {row['population']!r} is not a row of {needs.says}"
            yield line, f"outcome: {what}. Correct it, or say there which extracts it needs."


def _uncounted(definitions: Seed, dbt_dir: Path) -> Iterator[tuple[int, str]]:
    """Computed figures of a population or an outcome that no mart has: they would all be zero."""
    outcomes = _outcomes(dbt_dir)
    for line, row in definitions.rows:
        if row["basis"] != "computed":
            continue
        if not row["follow_up_id"]:
            yield (
                line,
                "follow_up_id: is blank. Say on which day the outcome is looked at, by a row of seeds/follow_up_points.csv.",
            )
        if outcomes and row["population"] not in outcomes:
            yield line, f"population: {row['population']!r} is none that figures are computed of. {one_of(outcomes)}"
        elif outcomes and row["outcome"] not in outcomes[row["population"]]:
            remedy = one_of(outcomes[row["population"]])
            yield line, f"outcome: no mart has {row['outcome']!r} of population {row['population']!r}. {remedy}"


def _outcomes(dbt_dir: Path) -> dict[str, list[str]]:
    """Population → its outcomes, as the macro population_marts and the contracts of the marts have them."""
    macro, contracts = dbt_dir / "macros" / "status_columns.sql", dbt_dir / "models" / "marts" / "marts.yml"
    if not macro.exists() or not contracts.exists():
        return {}
    text = macro.read_text(encoding="utf-8").partition("macro population_marts()")[2].partition("endmacro")[0]
    models = {m["name"]: m for m in yaml.load(contracts.read_text(encoding="utf-8"), Loader=YAML)["models"]}
    return {
        population: [c["name"].removesuffix(STATUS) for c in models[mart]["columns"] if c["name"].endswith(STATUS)]
        for population, mart in re.findall(r"'(\w+)': '(\w+)'", text)
        if mart in models
    }


def _looked_at_twice(definitions: Seed) -> Iterator[tuple[int, str]]:
    """Rows of one outcome that look at it on different days: which of them the events were counted for nobody could say."""
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for line, row in definitions.rows:
        if row["follow_up_id"]:
            before, point = first.setdefault((row["population"], row["outcome"]), (line, row["follow_up_id"]))
            if row["follow_up_id"] != point:
                what = f"{row['follow_up_id']!r}, but line {before} has {point!r} for {row['population']} {row['outcome']} too"
                yield line, f"follow_up_id: {what}. Make them agree, or look at another outcome."
