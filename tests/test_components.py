"""Groups of linked references, found by the macro on DuckDB and, beside it, by SciPy's search of graphs."""

from __future__ import annotations

import random

import duckdb
import jinja2
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dagster_project.settings import PROJECT_DIR

MACROS = (PROJECT_DIR / "dbt" / "macros" / "components.sql").read_text(encoding="utf-8")
COMPONENTS = jinja2.Environment().from_string(MACROS).make_module().default__components("links")


def found(links: list[tuple[int, int]]) -> dict[int, int]:
    """Reference → the least reference of its group, as the macro says."""
    with duckdb.connect() as con:
        con.execute("create table links (reference_a bigint, reference_b bigint)")
        if links:
            con.executemany("insert into links values (?, ?)", links)
        rows = con.execute(COMPONENTS).fetchall()
    assert len(dict(rows)) == len(rows), "a reference came twice"
    return dict(rows)


def expected(links: list[tuple[int, int]]) -> dict[int, int]:
    """The same from SciPy."""
    names, ends = np.unique(np.array(links, dtype=np.int64).reshape(-1), return_inverse=True)
    ends = ends.reshape(-1, 2)
    graph = coo_array((np.ones(len(links)), (ends[:, 0], ends[:, 1])), shape=(len(names), len(names)))
    labels = connected_components(graph, directed=False)[1]
    least = {label: names[labels == label].min() for label in np.unique(labels)}
    return {int(name): int(least[label]) for name, label in zip(names, labels, strict=True)}


@pytest.mark.parametrize("seed", range(12))
def test_groups_of_chance_links_are_those_that_a_search_finds(seed):
    chance = random.Random(seed)
    references = [chance.getrandbits(60) for _ in range(400)]
    links = {tuple(sorted(chance.sample(references, 2))) for _ in range(chance.choice([80, 200, 300, 500]))}
    assert found(sorted(links)) == expected(sorted(links))


def test_a_chain_of_three_hundred_in_any_order_is_one_group():
    order = list(range(300))
    random.Random(7).shuffle(order)
    links = [tuple(sorted(pair)) for pair in zip(order, order[1:], strict=False)]
    assert set(found(links).values()) == {0} and len(found(links)) == 300


def test_two_groups_with_all_their_links_stay_two():
    groups = [(1, 5, 9), (2, 3, 4, 8)]
    links = [(a, b) for group in groups for a in group for b in group if a < b]
    assert found(links) == {1: 1, 5: 1, 9: 1, 2: 2, 3: 2, 4: 2, 8: 2}


def test_no_links_are_no_groups():
    assert found([]) == {}
