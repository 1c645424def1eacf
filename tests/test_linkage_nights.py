"""A night that walks again only the joins that something touched leaves those that a walk of all makes."""

from __future__ import annotations

import random

import duckdb
import pytest

from dagster_project.linkage import night
from dagster_project.settings import PROJECT_DIR

COUNT, BITS = 60, (1, 2, 4, 8, 0)
TABLES = """
create or replace table clusters (reference_id bigint, cluster_id bigint, agencies bigint);
create or replace table scores (reference_a bigint, reference_b bigint, match_weight double);
create or replace table overrides (reference_a bigint, reference_b bigint, decision varchar);
create or replace table rivals (reference_id bigint)
"""


class World:
    """References with an agency's bit, clusters of one or two, and scores between them, that chance makes and changes."""

    def __init__(self, seed: int):
        self.rng = rng = random.Random(seed)
        self.bits = {n: rng.choice(BITS) for n in range(COUNT)}
        self.cluster = {n: n - 1 if n % 7 == 1 and self.bits[n] != self.bits[n - 1] else n for n in self.bits}
        self.scores = self.some({tuple(sorted(rng.sample(range(COUNT), 2))) for _ in range(70)})
        self.apart = {tuple(sorted(rng.sample(range(COUNT), 2))) for _ in range(4)}

    def some(self, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], float]:
        fit = (
            p for p in sorted(pairs) if not self.agencies(p[0]) & self.agencies(p[1]) and len({self.cluster[n] for n in p}) > 1
        )
        return {pair: self.rng.choice([-6.5, -2.0, 1.0, 3.5, 8.0, 20.0]) for pair in fit}

    def agencies(self, reference: int) -> int:
        bits = 0
        for n, cluster in self.cluster.items():
            bits |= self.bits[n] if cluster == self.cluster[reference] else 0
        return bits

    def change(self) -> set[int]:
        """Some references are others: one leaves or finds a cluster, evidence goes and comes, a decision is made or ends.

        Returns them, all of their clusters as they were and are, and those that had evidence with one.
        """
        named = set(self.rng.sample(range(COUNT), 3))
        for decided in self.rng.sample(sorted(self.apart), 1):
            self.apart.remove(decided)
            self.apart.add(other := tuple(sorted(self.rng.sample(range(COUNT), 2))))
            named |= {*decided, *other}
        touched = self.grouped(named)
        for n in named:
            alone = [m for m in self.cluster if self.cluster[m] == m and m not in named and not self.agencies(m) & self.bits[n]]
            if list(self.cluster.values()).count(self.cluster[n]) == 1 and alone and self.rng.random() < 0.4:
                self.cluster[n] = self.rng.choice(alone)
            elif self.cluster[n] != n:
                self.cluster[n] = n
        touched |= self.grouped(named)
        rivals = touched | {n for pair in self.scores if touched & set(pair) for n in pair}
        pairs = {tuple(sorted((self.rng.choice(sorted(touched)), m))) for m in self.rng.sample(range(COUNT), 12)}
        self.scores = {p: w for p, w in self.scores.items() if not touched & set(p)} | self.some(
            {p for p in pairs if p[0] != p[1]}
        )
        return rivals

    def grouped(self, named: set[int]) -> set[int]:
        return {n for n, cluster in self.cluster.items() if cluster in {self.cluster[m] for m in named}}

    def write(self, con: duckdb.DuckDBPyConnection, rivals: set[int]) -> None:
        con.execute(TABLES)
        con.executemany("insert into clusters values (?, ?, ?)", [(n, c, self.agencies(n)) for n, c in self.cluster.items()])
        con.executemany("insert into scores values (?, ?, ?)", [(*pair, weight) for pair, weight in self.scores.items()])
        con.executemany("insert into overrides values (?, ?, 'must_not_link')", list(self.apart))
        con.executemany("insert into rivals values (?)", [(n,) for n in rivals] or [(-1,)])


def joins(con: duckdb.DuckDBPyConnection, name: str) -> set[tuple]:
    given = [con.sql(f"select * from memory.main.{table}") for table in ("clusters", "scores", "overrides", "rivals")]
    night.joined(con, *given, standing="memory.main.standing").create(name)
    return set(con.execute(f"from {name}").fetchall())


@pytest.mark.parametrize("seed", range(5))
def test_joins_that_are_mended_are_those_of_all(seed, monkeypatch):
    monkeypatch.setenv("OUTCOMES_SEEDS_DIR", str(PROJECT_DIR / "seeds"))
    world, verdicts = World(seed), set()
    with duckdb.connect() as con:
        world.write(con, set())
        joins(con, "standing")
        for turn in range(4):
            world.write(con, world.change())
            monkeypatch.setenv("OUTCOMES_BUILD", "changes")
            mended = joins(con, f"mended_{turn}")
            monkeypatch.setenv("OUTCOMES_BUILD", "whole")
            whole = joins(con, f"whole_{turn}")
            assert mended == whole and whole
            con.execute(f"create or replace table standing as from whole_{turn}")
            verdicts |= {row[-1] for row in whole}
    assert {"joined", "below"} <= verdicts
