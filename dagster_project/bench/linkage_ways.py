"""``python -m dagster_project.bench.linkage_ways WAY INPUT OUT``: one way of linking, in a process of its own.

INPUT is a folder with refs.duckdb (the references and what else the models read) and sql/ (the compiled models). OUT gets
people_<level>.parquet (reference_id, person_id) and taken.json with the seconds of each step. Ways: ``tiers``, exact links and
then Splink on what they leave, by the product's code; ``current``, the same without former names and postcodes; ``plain``,
Splink on all records, with the stored model; ``trained``, the same with a model learnt from these records first.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..linkage import model as models
from ..linkage import night, train
from ..linkage.joins import JOINED
from .linkage_people import people

REFERENCES, DESCRIPTIONS = "int_people_references", "int_people_descriptions"
BROKEN = "int_people_links_broken"
EXACT = ("int_people_links", "int_people_clusters", "int_people_suspects", "int_people_decided", "int_people_clusters_split")
PAIRS_FOR_U = 5e6  # enough for plain Splink; the stored model was learnt from more
RELATION = re.compile(r'"(?:warehouse|restricted)"\."\w+"\."(\w+)"')


class Steps:
    """Seconds, and CPU seconds of all threads, by step, in order."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[float, float]] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun, used = time.perf_counter(), time.process_time()
        yield
        self.taken[name] = (time.perf_counter() - begun, time.process_time() - used)
        print(f"{name}: {self.taken[name][0]:.1f} s", flush=True)


def tiers(
    con: duckdb.DuckDBPyConnection, given: Path, out: Path, levels: list[tuple[str, float]], default: str, with_former: bool
) -> Steps:
    """Exact links by the compiled models, then the two steps that a night runs inside dbt."""
    steps = Steps()
    with steps.step("exact passes and clusters"):
        for name in EXACT:
            if name == EXACT[2]:
                night.broken(con, *(_table(con, of) for of in (*EXACT[1::-1], REFERENCES, "int_people_overrides"))).create(BROKEN)
            sql = (given / "sql" / f"{name}.sql").read_text(encoding="utf-8")
            con.execute(f"create table {name} as " + RELATION.sub(r"\1", sql))
    with steps.step("Splink on what they leave"):
        former = _table(con, DESCRIPTIONS).filter("true" if with_former else "false")
        night.scores(con, _table(con, REFERENCES), former, _table(con, EXACT[-1]), None).create("int_people_scores")
    with steps.step("joins"):
        tables = (_table(con, name) for name in (EXACT[-1], "int_people_scores", "int_people_overrides"))
        night.joined(con, *tables).create("int_people_joins")
    for level, least in sorted(levels, key=lambda one: one[0] != default):
        with steps.step("people" if level == default else f"(people, {level})"):
            con.execute(
                "create or replace temp table sure as select cluster_a as reference_a, cluster_b as reference_b "
                f"from int_people_joins where verdict = '{JOINED}' and probability >= {least}"
            )
            people(con, EXACT[-1], "sure", key="cluster_id")
        con.execute(f"copy people to '{out / f'people_{level}.parquet'}' (format parquet)")
    return steps


def _table(con: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
    """A relation that says which database it is of, as dbt's do."""
    return con.sql(f"select * from memory.main.{name}")


def plain(con: duckdb.DuckDBPyConnection, out: Path, levels: list[tuple[str, float]], default: str, is_trained: bool) -> Steps:
    """Splink as its manual has it: every record, the model's blocks as blocking rules, connected components at a threshold."""
    from splink import DuckDBAPI, Linker, block_on

    chosen, steps = models.load(night.seeds_dir()), Steps()
    agencies = [a for (a,) in con.execute(f"select distinct agency from {REFERENCES} order by 1").fetchall()]
    with steps.step("records"):
        columns = "reference_id, " + ", ".join(chosen.compared)
        for agency in agencies:
            con.execute(f"create table of_{agency} as select {columns} from {REFERENCES} where agency = '{agency}'")
    if is_trained:
        with steps.step("train"):
            con.execute(f"create view everyone as select {columns} from {REFERENCES}")
            plan = chosen.provenance["plan"]
            plan |= {"blocks_for_m": _useful(con, plan["blocks_for_m"]), "pairs_for_u": min(plan["pairs_for_u"], PAIRS_FOR_U)}
            chosen = train.train(con, "everyone", chosen, plan, say=print)
    with steps.step("predict"):
        rules = [block_on(*block) for block in chosen.blocks]
        settings = chosen.settings | {
            "link_type": "link_only",
            "blocking_rules_to_generate_predictions": [rule.get_blocking_rule("duckdb").blocking_rule_sql for rule in rules],
        }
        api = DuckDBAPI(connection=con)
        tables = [api.register(f"of_{agency}", dataset_display_name=agency) for agency in agencies]
        linker = Linker(tables, settings, log_level=logging.ERROR)
        least = min(bound for _, bound in levels)
        predicted = linker.inference.predict(threshold_match_probability=least)
    for level, bound in sorted(levels, key=lambda one: one[0] != default):
        with steps.step("cluster" if level == default else f"(cluster, {level})"):
            made = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, threshold_match_probability=bound)
        con.execute(
            f"copy (select reference_id, cluster_id as person_id from {made.physical_name}) "
            f"to '{out / f'people_{level}.parquet'}' (format parquet)"
        )
    return steps


def _useful(con: duckdb.DuckDBPyConnection, blocks: list[list[str]]) -> list[list[str]]:
    """The blocks for training whose columns two agencies or more send."""
    count = f"select count(distinct agency) from {REFERENCES} where "
    return [b for b in blocks if con.execute(count + " and ".join(f"{c} is not null" for c in b)).fetchall()[0][0] > 1]


def default_level(folder: Path) -> str:
    """The level at which people are published, of a folder of seeds."""
    file = folder / models.LEVELS
    return duckdb.execute(f"select level_id from read_csv('{file}') where is_default in ('Y', true)").fetchall()[0][0]


def main(way: str, given: Path, out: Path, memory_limit: str) -> None:
    """Link, and note what each step took."""
    out.mkdir(parents=True, exist_ok=True)
    folder = night.seeds_dir()
    levels = models.levels(folder)
    with duckdb.connect(config={"threads": 2, "memory_limit": memory_limit, "temp_directory": str(out / "spill")}) as con:
        con.execute("set preserve_insertion_order = false")
        con.execute(f"attach '{given / 'refs.duckdb'}' as given (read_only)")
        for (name,) in con.execute("select table_name from duckdb_tables() where database_name = 'given'").fetchall():
            con.execute(f"create view {name} as from given.{name}")
        default = default_level(folder)
        if way in ("tiers", "current"):
            took = tiers(con, given, out, levels, default, with_former=way == "tiers")
        else:
            took = plain(con, out, levels, default, is_trained=way == "trained")
    (out / "taken.json").write_text(json.dumps(took.taken))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
