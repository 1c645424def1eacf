"""Who would be one person in other worlds: at each level of certainty, and in draws that decide doubtful joins anew.

A world is a way to join exact clusters to people. Worlds differ only in the few groups of clusters that a doubtful join holds
together, so each group is looked at by itself, and all that is kept is where it differs from the people that figures count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Person = frozenset[int]  # the clusters that are one person
World = frozenset[Person]
SURE = 1.0
PAIR = ("cluster_a", "cluster_b", "probability", "rank", "is_apart")  # the columns of joins that stand alone
GROUPS_AT_ONCE = 200  # whose draws are in memory together, some 2 MB: more takes of the night's memory and is no faster
PAIRS_AT_ONCE = 2_000  # some 10 MB


@dataclass(frozen=True, order=True)
class Join:
    """Two clusters that are one person with a probability. ``rank`` is that of the strictest level at which they are joined
    (1 is the strictest), none when they are joined at no level."""

    cluster_a: int
    cluster_b: int
    probability: float
    rank: int | None = None


@dataclass(frozen=True)
class Group:
    """Clusters that joins hold together, with who would be one person: at each level by its rank, and in the draws.

    ``draws``: (world, numbers of the draws in which it holds), each draw once.
    """

    levels: dict[int, World]
    draws: list[tuple[World, np.ndarray]]


def groups(
    joins: Iterable[Join],
    agencies: Mapping[int, int],
    ranks: Iterable[int],
    draw_count: int,
    seed: int,
    apart: Iterable[tuple[int, int]] = (),
) -> Iterator[Group]:
    """Each group of clusters that joins hold together and that is not one person in all worlds, by its least cluster.

    ``agencies``: for each cluster a bit for each agency that speaks of it and gives a person one reference only; ``apart``:
    pairs of clusters that are known to be two people. A draw takes each join with its probability; of joins that exclude each
    other it takes one at most, each as often as its probability says. The order of what is given changes nothing.
    """
    forbidden, ranks = {frozenset(pair) for pair in apart}, sorted(ranks)
    found = [own for own in _connected(joins) if any(j.probability < SURE for j in own)]
    for first in range(0, len(found), GROUPS_AT_ONCE):
        some = found[first : first + GROUPS_AT_ONCE]
        every = [j for own in some for j in own]
        chances = _chances([j.cluster_a for j in every], [j.cluster_b for j in every], draw_count, seed)
        always = (chances < np.array([j.probability for j in every])[:, None]).all(axis=1).tolist()
        at = 0
        for own in some:
            clusters = sorted({c for j in own for c in (j.cluster_a, j.cluster_b)})
            firm = sum(always[at + n] and j.rank == ranks[0] for n, j in enumerate(own))
            if firm < len(clusters) - 1:  # else all of them are one person at every level and in every draw
                levels = {rank: _joined(clusters, (j for j in own if j.rank is not None and j.rank <= rank)) for rank in ranks}
                draws = list(_draws(clusters, own, agencies, forbidden, chances[at : at + len(own)]))
                yield Group(levels, draws)
            at += len(own)


def _connected(joins: Iterable[Join]) -> list[list[Join]]:
    """The joins of each group, from the surest down."""
    above: dict[int, int] = {}

    def top(cluster: int) -> int:
        while (higher := above.get(cluster, cluster)) != cluster:
            above[cluster] = above.get(higher, higher)
            cluster = higher
        return cluster

    every = sorted(joins, key=lambda j: (-j.probability, j.cluster_a, j.cluster_b))
    for join in every:
        one, other = sorted((top(join.cluster_a), top(join.cluster_b)))
        above[other] = one
    found: dict[int, list[Join]] = {}
    for join in every:
        found.setdefault(top(join.cluster_a), []).append(join)
    return [found[cluster] for cluster in sorted(found)]


def _joined(clusters: list[int], joins: Iterable[Join]) -> World:
    """The people that some joins make, all of them taken."""
    person = {c: frozenset([c]) for c in clusters}
    for join in joins:
        one = person[join.cluster_a] | person[join.cluster_b]
        person.update(dict.fromkeys(one, one))
    return frozenset(person.values())


def _draws(
    clusters: list[int], joins: list[Join], agencies: Mapping[int, int], forbidden: set[frozenset[int]], chances: np.ndarray
) -> Iterator[tuple[World, np.ndarray]]:
    """Each world that is drawn. All draws go through the joins together and part where they decide one differently."""
    todo = [(0, {c: frozenset([c]) for c in clusters}, (), np.arange(chances.shape[1]))]
    drawn: dict[World, list[np.ndarray]] = {}
    while todo:
        nth, person, refused, draws = todo.pop()
        if nth == len(joins):
            drawn.setdefault(frozenset(person.values()), []).append(draws)
            continue
        join = joins[nth]
        a, b = person[join.cluster_a], person[join.cluster_b]
        if a == b:
            todo.append((nth + 1, person, refused, draws))
            continue
        if _exclude(a, b, agencies, forbidden):
            todo.append((nth + 1, person, (*refused, join), draws))
            continue
        taken = chances[nth, draws] < _chance(join, refused, agencies)
        if not taken.all():
            todo.append((nth + 1, person, (*refused, join), draws[~taken]))
        if taken.any():
            one = a | b
            todo.append((nth + 1, person | dict.fromkeys(one, one), refused, draws[taken]))
    for world, parts in drawn.items():
        yield world, np.sort(np.concatenate(parts)) + 1


def _exclude(a: Person, b: Person, agencies: Mapping[int, int], forbidden: set[frozenset[int]]) -> bool:
    """May two people not be one, because an agency speaks of both, or because somebody said so?"""
    if _spoken(a, agencies) & _spoken(b, agencies):
        return True
    return bool(forbidden) and any(frozenset((c, d)) in forbidden for c in a for d in b)


def _spoken(person: Person, agencies: Mapping[int, int]) -> int:
    bits = 0
    for cluster in person:
        bits |= agencies.get(cluster, 0)
    return bits


def _chance(join: Join, refused: tuple[Join, ...], agencies: Mapping[int, int]) -> float:
    """How likely a join is once those that exclude it were refused: what was theirs is shared among those that are left."""
    lost = [0.0, 0.0]
    ends = (join.cluster_a, join.cluster_b)
    for other in refused:
        for side, (here, there) in enumerate((ends, ends[::-1])):
            if here in (other.cluster_a, other.cluster_b):
                rival = other.cluster_b if here == other.cluster_a else other.cluster_a
                if agencies.get(rival, 0) & agencies.get(there, 0):
                    lost[side] += other.probability
    left = 1 - max(lost)
    return min(1.0, join.probability / left) if left > 0 else 1.0


def _chances(ones: Sequence[int], others: Sequence[int], draw_count: int, seed: int) -> np.ndarray:
    """A number from 0 up to 1 for each join (its two clusters) and draw, made of the seed, the two clusters and the draw alone:
    what other joins there are, and in what order, changes none of them."""
    with np.errstate(over="ignore"):
        draws = np.arange(1, draw_count + 1, dtype=np.uint64)
        made = _mixed(np.uint64(seed) + np.zeros(len(ones), np.uint64))
        for clusters in (ones, others):
            made = _mixed(made ^ np.asarray(clusters, dtype=np.int64).astype(np.uint64))
        bits = _mixed(made[:, None] ^ _mixed(draws)[None, :])
    return (bits >> np.uint64(11)).astype(np.float64) / 2**53


def _mixed(x: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014): 64 bits to 64 bits, each of the result's resting on all."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


@dataclass(frozen=True)
class Otherwise:
    """Who would be one person otherwise, as columns. ``members``: person, cluster_id; ``changes``: change, person, sign (1:
    counted in that change, -1: in the usual world and not in it); ``holds``: change, rank (0: a draw), draw (0: a level).
    """

    members: dict[str, np.ndarray]
    changes: dict[str, np.ndarray]
    holds: dict[str, np.ndarray]


def otherwise(found: Iterable[Group], default: int) -> Otherwise:
    """Every change from the world of the ``default`` rank that some level or draw makes in a group, and where it holds."""
    numbers: dict[Person, int] = {}
    changes: list[tuple[int, int, int]] = []
    holds: list[np.ndarray] = []
    count = 0
    for group in found:
        usual = group.levels[default]
        where: dict[World, list[tuple[int, np.ndarray]]] = {}
        for rank, world in group.levels.items():
            where.setdefault(world, []).append((rank, np.zeros(1, np.int64)))
        for world, draws in group.draws:
            where.setdefault(world, []).append((0, draws))
        where.pop(usual, None)
        for world, places in where.items():
            count += 1
            for sign, ones in ((1, world - usual), (-1, usual - world)):
                for person in sorted(ones, key=sorted):
                    changes.append((count, numbers.setdefault(person, len(numbers) + 1), sign))
            holds += [np.stack([np.full_like(draws, count), np.full_like(draws, rank), draws]) for rank, draws in places]
    people = [(number, cluster) for person, number in numbers.items() for cluster in sorted(person)]
    return Otherwise(
        _columns(("person", "cluster_id"), *np.array(people, np.int64).reshape(-1, 2).T),
        _columns(("change", "person", "sign"), *np.array(changes, np.int64).reshape(-1, 3).T),
        _columns(("change", "rank", "draw"), *(np.concatenate(holds, axis=1) if holds else np.empty((3, 0)))),
    )


def otherwise_alone(
    pairs: Mapping[str, np.ndarray], ranks: Iterable[int], default: int, draw_count: int, seed: int
) -> Iterator[Otherwise]:
    """The same of joins that share no cluster with another, as most do: some thousand at once, each as ``groups`` and
    ``otherwise`` would find. Their changes and people have numbers below zero, which are nobody's there.

    ``pairs``, a column each: cluster_a, cluster_b, probability, rank (0: none), is_apart (they may not be one person).
    """
    ranks = np.array(sorted(ranks))
    for first in range(0, len(pairs["rank"]), PAIRS_AT_ONCE):
        a, b, probability, rank, is_apart = (pairs[name][first : first + PAIRS_AT_ONCE] for name in PAIR)
        is_drawn = (_chances(a, b, draw_count, seed) < probability[:, None]) & ~is_apart[:, None]
        is_at = (rank[:, None] > 0) & (rank[:, None] <= ranks)
        is_usual = is_at[:, ranks == default]
        nth, place = np.nonzero(np.hstack([is_at, is_drawn]) != is_usual)
        is_draw = place >= len(ranks)
        rank, draw = np.where(is_draw, 0, np.take(ranks, place, mode="clip")), np.where(is_draw, place - len(ranks) + 1, 0)
        changed = np.unique(nth)
        a, b, sign = a[changed], b[changed], np.where(is_usual[changed, 0], 1, -1)  # of one apart from the other
        change = -(first + changed + 1)
        one, other, both = 3 * change, 3 * change + 1, 3 * change + 2
        yield Otherwise(
            _columns(("person", "cluster_id"), np.concatenate([one, other, both, both]), np.concatenate([a, b, a, b])),
            _columns(
                ("change", "person", "sign"),
                np.tile(change, 3),
                np.concatenate([one, other, both]),
                np.concatenate([sign, sign, -sign]),
            ),
            _columns(("change", "rank", "draw"), -(first + nth + 1), rank, draw),
        )


def _columns(names: tuple[str, ...], *columns: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.asarray(column, np.int64) for name, column in zip(names, columns, strict=True)}
