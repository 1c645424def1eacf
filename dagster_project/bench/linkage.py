"""``make linkage-bench``: how right and how fast linkage is, beside plain Splink on all records, on a world whose truth is known.

Prints Markdown; dbt/docs/linkage.md is made of it by hand.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import click
import duckdb

from ..linkage import accuracy
from ..linkage.model import levels as read_levels
from ..sample.generate import generate
from ..settings import PROJECT_DIR, Settings, load_settings
from . import febrl, linkage_home, linkage_missed
from .linkage_ways import DESCRIPTIONS, EXACT, REFERENCES, default_level
from .measure import run

WAYS = {
    "tiers": "exact tiers, then Splink on what they leave, stored model",
    "current": "the same, without former names and postcodes",
    "plain": "plain Splink on all records, stored model",
    "trained": "plain Splink on all records, trained on them first",
}
BENCH_DIR = PROJECT_DIR / "data" / "bench" / "linkage"
SEEDS = PROJECT_DIR / "seeds"
SEEDS_READ = ("linkage_passes", "linkage_rules")  # by the models of exact links
MANY, ENDS = 12, 2
BY = (accuracy.ALL, accuracy.AGENCY_PAIR, *linkage_home.SUBGROUPS)


@dataclass(frozen=True)
class Way:
    """What a way took, and where its people are: OUT/people_<level>.parquet. ``steps``: seconds and CPU seconds of each."""

    name: str
    steps: dict[str, tuple[float, float]]
    peak_bytes: int
    out: Path

    @property
    def counted(self) -> dict[str, tuple[float, float]]:
        """The steps up to the people of the default level; those of other levels, in brackets, are for the comparison only."""
        return {name: took for name, took in self.steps.items() if not name.startswith("(")}

    @property
    def seconds(self) -> float:
        return sum(took for took, _ in self.counted.values())

    @property
    def cpu(self) -> float:
        return sum(used for _, used in self.counted.values())


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--people", default=36_000, show_default=True, help="People under supervision in the sample world.")
@click.option("--world", type=click.Path(path_type=Path), help="Its files, with --truth; made if not given.")
@click.option("--truth", type=click.Path(path_type=Path), help="What was planted in it.")
@click.option("--home", type=click.Path(path_type=Path), help="An installation whose people are built already, with --truth.")
@click.option(
    "--agencies", default="probation,dwp", show_default=True, help="Between whom the ways are compared; all: every one."
)
@click.option(
    "--ways", default="tiers,plain,trained", show_default=True, help=f"Of {', '.join(WAYS)}; none: the job's people only."
)
@click.option(
    "--moved", default=0, help="Per cent of probation's people who live elsewhere by its next list of them, which is made."
)
@click.option("--memory-limit", default="3GB", show_default=True, help="What DuckDB may take in our way.")
@click.option("--plain-memory-limit", default="14GB", show_default=True, help="What DuckDB may take in plain Splink.")
@click.option("--febrl", "wheel", type=click.Path(path_type=Path, exists=True), help=f"Febrl's sets as well: {febrl.HOW}")
@click.option("--only-febrl", is_flag=True, help="Febrl's sets and nothing else.")
def main(people, world, truth, home, agencies, ways, moved, memory_limit, plain_memory_limit, wheel, only_febrl) -> None:
    """Link a world in each way, one after the other, each in a process of its own, and print what it took and how right it is."""
    if wheel:
        click.echo("## Febrl\n\n" + febrl.told(febrl.measure(wheel, read_levels(SEEDS))))
    else:
        click.echo(f"Febrl's sets are not measured: {febrl.HOW}")
    if only_febrl:
        return
    world, truth = (world, truth) if truth else _world(people)
    settings = load_settings(home=home) if home else linkage_home.build(BENCH_DIR / f"home-{people}", world, moved)
    chosen = [way for way in ways.split(",") if way in WAYS]
    if chosen:
        linkage_home.compile_models(settings, EXACT)
    with duckdb.connect(config={"threads": 2, "memory_limit": "6GB", "temp_directory": str(BENCH_DIR / "spill")}) as con:
        linkage_home.attach(con, settings)
        lacking = linkage_home.make_truth(con, truth, SEEDS)
        click.echo(f"\n## All agencies\n\nReferences whose person nobody knows: {lacking}.")
        _tell_people(con)
        if chosen:
            given = _inputs(con, settings, None if agencies == "all" else agencies.split(","))
            limits = {"plain": plain_memory_limit, "trained": plain_memory_limit}
            done = [_run(way, given, limits.get(way, memory_limit)) for way in chosen]
            click.echo(f"\n## Ways, {agencies}\n\n" + told(done, default_level(SEEDS)))
            _tell_ways(con, done)


def _world(people: int) -> tuple[Path, Path]:
    """The folders of a world and its truth, made if they are not there whole."""
    folder = BENCH_DIR / f"world-{people}"
    if not folder.exists():
        making = folder.with_name(f".making-{people}-{os.getpid()}")
        (making / "landing").mkdir(parents=True)
        contracts = PROJECT_DIR / "expectations" / "contracts"
        generate(making / "landing", people=people, seeds_dir=SEEDS, contracts_dir=contracts, truth_dir=making / "truth")
        making.rename(folder)
    return folder / "landing", folder / "truth"


def _inputs(con: duckdb.DuckDBPyConnection, settings: Settings, agencies: list[str] | None) -> Path:
    """A folder with what a way reads: references of the agencies, and what the compiled models ask for beside them."""
    given = BENCH_DIR / "given"
    shutil.rmtree(given, ignore_errors=True)
    (given / "sql").mkdir(parents=True)
    compiled = settings.data_dir / "dbt" / "target" / "compiled"
    for name in EXACT:
        shutil.copy(next(compiled.rglob(f"{name}.sql")), given / "sql")
    con.execute(f"attach '{given / 'refs.duckdb'}' as given")
    which = f"where agency in ({', '.join(repr(a) for a in agencies)})" if agencies else ""
    con.execute(f"create table given.{REFERENCES} as from restricted.identity.{REFERENCES} {which}")
    for name in ("int_people_overrides", DESCRIPTIONS):
        con.execute(f"create table given.{name} as from restricted.identity.{name}")
    for seed in SEEDS_READ:
        con.execute(f"create table given.{seed} as from warehouse.seeds.{seed}")
    con.execute("detach given")
    return given


def _run(way: str, given: Path, memory_limit: str) -> Way:
    """Run one way in a process of its own. Raises RuntimeError if it fails."""
    out = BENCH_DIR / "out" / way
    shutil.rmtree(out, ignore_errors=True)
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "dagster_project.bench.linkage_ways",
        way,
        str(given),
        str(out),
        memory_limit,
    ]
    click.echo(f"{WAYS[way]} …", err=True)
    taken = run(command, os.environ | {"OUTCOMES_SEEDS_DIR": str(SEEDS)}, PROJECT_DIR)
    if taken.code:
        raise RuntimeError(f"{way} failed:\n" + "\n".join(line for _, line in taken.lines[-12:]))
    return Way(way, json.loads((out / "taken.json").read_text()), taken.peak(), out)


def _tell_people(con: duckdb.DuckDBPyConnection) -> None:
    """The people that the job made, of every agency, at each level; and what it missed."""
    for level, least in read_levels(SEEDS):
        linkage_missed.people_at(con, least)
        click.echo(f"\n### At the level {level} ({least})\n\n" + accuracy.told_counts(accuracy.counts(con, "people", "truth")))
        by = BY if level in (read_levels(SEEDS)[0][0], default_level(SEEDS)) else (accuracy.ALL,)
        click.echo("\n" + accuracy.told(shown(accuracy.table(con, "people", "truth", by))))
        click.echo("\n" + linkage_missed.told(linkage_missed.why(con, least)))


def _tell_ways(con: duckdb.DuckDBPyConnection, done: list[Way]) -> None:
    """How right each way is: at every level in all and by agency pair, by subgroup too at the default one."""
    default = default_level(SEEDS)
    for level, _ in read_levels(SEEDS):
        for way in done:
            con.execute(f"create or replace view linked as from '{way.out / f'people_{level}.parquet'}'")
            by = BY if level == default else (accuracy.ALL, accuracy.AGENCY_PAIR)
            rows = shown(accuracy.table(con, "linked", "truth", by))
            click.echo(f"\n### {WAYS[way.name]}, level {level}\n\n" + accuracy.told(rows))


def shown(rows: list[accuracy.Row]) -> list[accuracy.Row]:
    """Of subgroups that are many, those with the least and the greatest recall; groups without pairs are left out."""
    kept = []
    for _, group in groupby((row for row in rows if row.true_pairs or row.linked_pairs), key=lambda row: row.dimension):
        group = list(group)
        if len(group) > MANY and group[0].dimension != accuracy.AGENCY_PAIR:
            ranked = sorted(group, key=lambda row: row.recall.value or 0)
            group = [*ranked[:ENDS], *ranked[-ENDS:]]
        kept += group
    return kept


def told(done: list[Way], default: str) -> str:
    """What each way took, step by step, and the ratios to the first."""
    lines = [
        "| way | seconds | CPU seconds | peak GB | the first's part of it: seconds, CPU | steps |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for way in done:
        steps = "; ".join(f"{name} {took:.1f}" for name, (took, _) in way.counted.items())
        part = f"{done[0].seconds / way.seconds:.2f}, {done[0].cpu / way.cpu:.2f}"
        peak = f"{way.peak_bytes / 1e9:.2f}"
        lines.append(f"| {WAYS[way.name]} | {way.seconds:.1f} | {way.cpu:.1f} | {peak} | {part} | {steps} |")
    return "\n".join(lines) + f"\n\nTo the people of the level {default}; starting Python is left out."


if __name__ == "__main__":
    main()
