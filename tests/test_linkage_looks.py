"""A reference is compared in every look that its agency gave it: former names and postcodes are evidence, and cost a little."""

from __future__ import annotations

import random
from math import log2

import duckdb
import pytest
from test_linkage import DWP, MAN, POLICE, PROBATION, SEEDS, people, table

from dagster_project.linkage import candidates, looks, model, review_evidence, score

MOVED = MAN | {"postcode": "QX99ZZ"}
WED = MAN | {"last_name": "BRINDLECOTT"}
Said = list[tuple[int, int, str, str, str]]  # reference, nth, first name, last name, postcode


@pytest.fixture(scope="module")
def stored() -> model.Model:
    return model.load(SEEDS)


def described(con: duckdb.DuckDBPyConnection, said: Said) -> str:
    con.execute(
        "create or replace table said (reference_id bigint, nth integer, first_name varchar, last_name varchar, postcode varchar)"
    )
    con.executemany("insert into said values (?, ?, ?, ?, ?)", said or [(0, 1, "", "", "")])
    return "said"


def weights(stored, records, said: Said) -> dict[tuple[int, int], float]:
    """(reference, reference) → weight of the pairs that are found in any look."""
    with duckdb.connect() as con:
        made = table(con, records)
        every = looks.of(con, made, described(con, said))
        found = con.execute(
            f"from {looks.weigh(con, made, candidates.find(con, every, stored, clusters=made), stored)}"
        ).fetchall()
    assert len(found) == len({(a, b) for a, b, _ in found}), "each pair once"
    return {(a, b): weight for a, b, weight in found}


def former(reference: int, nth: int, given: dict) -> tuple:
    return reference, nth, given["first_name"], given["last_name"], given["postcode"]


@pytest.mark.parametrize("now, then", [(MOVED, MAN), (WED, MAN), (WED | {"postcode": "QX99ZZ"}, MAN)])
def test_a_former_name_or_postcode_weighs_as_one_that_stands_less_the_chance_of_two_comparisons(stored, now, then):
    as_it_was = weights(stored, [(1, PROBATION, then), (2, DWP, MAN)], [])[1, 2]
    without = weights(stored, [(1, PROBATION, now), (2, DWP, MAN)], []).get((1, 2), score.LEAST_WEIGHT)
    with_former = weights(stored, [(1, PROBATION, now), (2, DWP, MAN)], [former(1, 1, then)])[1, 2]
    assert without < with_former == pytest.approx(as_it_was - 1, abs=1e-3)


def test_looks_of_both_are_compared_with_each_other(stored):
    other = MOVED | {"postcode": "QX53CD"}
    records = [(1, PROBATION, MOVED), (2, DWP, other)]
    found = weights(stored, records, [former(1, 1, MAN), former(2, 1, MAN)])
    alike = weights(stored, [(1, PROBATION, MAN), (2, DWP, MAN)], [])
    assert found[1, 2] == pytest.approx(alike[1, 2] - log2(4), abs=1e-3)


def test_what_was_said_otherwise_never_speaks_against(stored):
    records = [(1, PROBATION, MAN), (2, DWP, MAN), (3, POLICE, MAN)]
    assert weights(stored, records, [former(1, 1, MOVED), former(1, 2, WED)]) == weights(stored, records, [])


def test_a_pair_that_meets_in_no_block_as_it_stands_is_found_by_a_former_name(stored):
    now = MAN | {"first_name": "OTTOLIN", "last_name": "BRINDLECOTT", "postcode": None}
    records = [(1, PROBATION, now), (2, DWP, MAN)]
    assert weights(stored, records, []) == {}
    assert weights(stored, records, [former(1, 1, MAN)])[1, 2] > 0


@pytest.mark.parametrize("seed", range(2))
def test_steps_add_up_to_the_weight_and_say_what_the_choice_of_a_look_costs(stored, seed):
    rng = random.Random(seed)
    records = people(30, rng)
    said = [former(n, nth, given) for n, (_, _, given) in enumerate(people(30, rng)) for nth in (1, 2)[: n % 3]]
    found = weights(stored, records, said)
    with duckdb.connect() as con:
        steps = review_evidence.explain(con, table(con, records), described(con, said), found, stored)
    costs = {pair: sum(s.weight for s in of if s.compared == review_evidence.OTHERWISE) for pair, of in steps.items()}
    assert set(steps) == set(found) and any(costs.values()) and not all(costs.values())
    for pair, weight in found.items():
        assert sum(step.weight for step in steps[pair]) == pytest.approx(weight, abs=1e-3)
