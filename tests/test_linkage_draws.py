"""Draws that decide doubtful joins anew, held to every way in which they can be decided."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from dagster_project.linkage import resample
from dagster_project.linkage.resample import Join

RANKS = (1, 2, 3)
NONE_SPEAK: dict[int, int] = {}


def joins(*rows) -> list[Join]:
    return [Join(*row) for row in rows]


def shares(group: resample.Group, draw_count: int) -> dict[frozenset, float]:
    """World → the share of draws in which it holds."""
    return {world: len(draws) / draw_count for world, draws in group.draws}


def world(*people) -> frozenset:
    return frozenset(frozenset(p) for p in people)


def test_a_doubtful_join_is_taken_as_often_as_it_is_likely_and_a_sure_one_always():
    (group,) = resample.groups(joins((1, 2, 0.3), (2, 3, 1.0, 1)), NONE_SPEAK, RANKS, 20000, 1)
    assert shares(group, 20000) == {
        world([1, 2, 3]): pytest.approx(0.3, abs=0.01),
        world([1], [2, 3]): pytest.approx(0.7, abs=0.01),
    }


def test_groups_without_doubt_are_not_looked_at():
    assert list(resample.groups(joins((1, 2, 1.0, 1), (3, 4, 1.0, 1)), NONE_SPEAK, RANKS, 10, 1)) == []


def test_draws_of_independent_joins_are_as_frequent_as_enumeration_says():
    made = joins((1, 2, 0.9, 2), (2, 3, 0.6, 3), (3, 4, 0.2))
    (group,) = resample.groups(made, NONE_SPEAK, RANKS, 50000, 7)
    expected: dict[frozenset, float] = {}
    for taken in itertools.product((True, False), repeat=len(made)):
        chance = 1.0
        for join, is_taken in zip(made, taken, strict=True):
            chance *= join.probability if is_taken else 1 - join.probability
        at = resample._joined([1, 2, 3, 4], [j for j, is_taken in zip(made, taken, strict=True) if is_taken])
        expected[at] = expected.get(at, 0) + chance
    assert shares(group, 50000) == {at: pytest.approx(chance, abs=0.008) for at, chance in expected.items()}


def test_of_candidates_that_exclude_each_other_one_is_taken_and_each_as_often_as_it_is_likely():
    agencies = {1: 1, 2: 2, 3: 2, 4: 2}  # 2, 3 and 4 are three people to an agency that speaks of each
    (group,) = resample.groups(joins((1, 2, 0.5), (1, 3, 0.3), (1, 4, 0.1)), agencies, RANKS, 50000, 3)
    assert shares(group, 50000) == {
        world([1, 2], [3], [4]): pytest.approx(0.5, abs=0.01),
        world([1, 3], [2], [4]): pytest.approx(0.3, abs=0.01),
        world([1, 4], [2], [3]): pytest.approx(0.1, abs=0.01),
        world([1], [2], [3], [4]): pytest.approx(0.1, abs=0.01),
    }


def test_twins_are_paired_one_way_or_the_other():
    agencies = {1: 1, 2: 1, 3: 2, 4: 2}
    (group,) = resample.groups(joins(*((a, b, 0.5) for a in (1, 2) for b in (3, 4))), agencies, RANKS, 20000, 3)
    assert shares(group, 20000) == {
        world([1, 3], [2, 4]): pytest.approx(0.5, abs=0.02),
        world([1, 4], [2, 3]): pytest.approx(0.5, abs=0.02),
    }


def test_two_that_must_not_be_linked_are_never_one_person_however_they_are_led_together():
    made = joins((1, 2, 0.9, 2), (2, 3, 0.8, 3))
    (group,) = resample.groups(made, NONE_SPEAK, RANKS, 500, 3, apart=[(3, 1)])
    assert all(not {1, 3} <= person for at, _ in group.draws for person in at)


def test_levels_are_the_joins_of_that_level_and_of_the_stricter_ones():
    (group,) = resample.groups(joins((1, 2, 0.995, 1), (2, 3, 0.95, 2), (3, 4, 0.6, 3), (4, 5, 0.2)), NONE_SPEAK, RANKS, 5, 1)
    assert group.levels == {
        1: world([1, 2], [3], [4], [5]),
        2: world([1, 2, 3], [4], [5]),
        3: world([1, 2, 3, 4], [5]),
    }


def chain(length: int, seed: int) -> tuple[list[Join], dict[int, int]]:
    chance = random.Random(seed)
    made = [
        Join(a, b, round(chance.random(), 1), chance.choice([None, 1, 2, 3])) for a, b in itertools.pairwise(range(1, length))
    ]
    more = [Join(a, a + 3, round(chance.random() / 2, 1), None) for a in range(1, length - 3, 2)]
    return made + more, {c: 1 << chance.randrange(9) for c in range(1, length)}


def told(made: list[Join], agencies: dict[int, int]) -> tuple:
    found = resample.otherwise(resample.groups(made, agencies, RANKS, 50, 11), 2)
    return tuple({name: column.tolist() for name, column in part.items()} for part in (found.members, found.changes, found.holds))


def test_the_order_in_which_joins_come_changes_nothing():
    made, agencies = chain(40, 5)
    expected = told(made, agencies)
    for seed in range(5):
        mixed = random.Random(seed).sample(made, len(made))
        assert told(mixed, dict(random.Random(seed).sample(sorted(agencies.items()), len(agencies)))) == expected


def test_a_join_that_comes_to_the_rest_changes_no_draw_of_another_group():
    lone = joins((100, 101, 0.4))
    made, agencies = chain(12, 2)
    own = [g for g in resample.groups(lone + made, agencies, RANKS, 50, 11) if frozenset([100]) in g.levels[1]]
    (alone,) = resample.groups(lone, agencies, RANKS, 50, 11)
    assert [(w, d.tolist()) for g in own for w, d in g.draws] == [(w, d.tolist()) for w, d in alone.draws]


def test_every_draw_holds_one_world_of_each_group():
    made, agencies = chain(30, 9)
    for group in resample.groups(made, agencies, RANKS, 50, 4):
        assert sorted(d for _, draws in group.draws for d in draws.tolist()) == list(range(1, 51))
        assert len({frozenset(c for person in at for c in person) for at, _ in group.draws}) == 1


def spelt_out(found: resample.Otherwise) -> set[tuple]:
    """Each change as (people counted in it, people no longer counted, where it holds)."""
    people: dict[int, set[int]] = {}
    for person, cluster in zip(*found.members.values(), strict=True):
        people.setdefault(person, set()).add(cluster)
    counted: dict[int, dict[int, set[frozenset]]] = {}
    for change, person, sign in zip(*found.changes.values(), strict=True):
        counted.setdefault(change, {1: set(), -1: set()})[sign].add(frozenset(people[person]))
    holds: dict[int, set[tuple[int, int]]] = {}
    for change, rank, draw in zip(*found.holds.values(), strict=True):
        holds.setdefault(change, set()).add((rank, draw))
    assert holds.keys() == counted.keys()
    return {(frozenset(c[1]), frozenset(c[-1]), frozenset(holds[change])) for change, c in counted.items()}


@pytest.mark.parametrize("default", RANKS)
def test_joins_that_stand_alone_change_what_they_would_as_groups(monkeypatch, default):
    chance = random.Random(7)
    agencies = {c: 1 << chance.randrange(2) for c in range(100)}  # of the last nobody speaks
    apart = [(0, 1), (7, 6)]
    made, is_apart = [], []
    for a, b in ((2 * n, 2 * n + 1) for n in range(60)):
        is_apart.append((a, b) in [(0, 1), (6, 7)] or bool(agencies.get(a, 0) & agencies.get(b, 0)))
        rank = chance.choice([None, 1, 2, 3])  # of joins that are made
        made.append(Join(a, b, chance.choice([0.0, 0.001, 0.2, 0.6, 0.93, 0.999]), None if is_apart[-1] else rank))
    columns = zip(*((j.cluster_a, j.cluster_b, j.probability, j.rank or 0) for j in made), strict=True)
    pairs = dict(zip(resample.PAIR, map(np.array, [*columns, is_apart]), strict=True))

    monkeypatch.setattr(resample, "PAIRS_AT_ONCE", 7)
    parts = list(resample.otherwise_alone(pairs, RANKS, default, 50, 11))
    found = set().union(*map(spelt_out, parts))
    assert found == spelt_out(resample.otherwise(resample.groups(made, agencies, RANKS, 50, 11, apart), default))
    assert len(found) > 20 and sum(len(spelt_out(part)) for part in parts) == len(found)
    numbers = [person for part in parts for person in set(part.members["person"].tolist())]
    assert len(numbers) == len(set(numbers)) and max(numbers) < 0
