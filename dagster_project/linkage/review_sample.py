"""Which pairs tell the most about precision and recall together, drawn by chance with known probability; and what they then tell.

The pairs that linkage compared are divided into strata: how likely each is one person, and whether it is linked. Half of the
decisions go to the strata equally, so that none is taken on the model's word; half where the model leaves the most in doubt.
Large strata, and large subgroups within a stratum, get more by a power of their size only (Bankier's power allocation), so that
the sample tells of each of them as well as of the whole. A pair drawn stands for as many as its weight says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, sqrt

POWER = 0.75  # of a subgroup's size: at 1 rare ones are hardly seen, at 0.5 weights differ so much that half the sample is wasted
NOT_KNOWN = "not known"
DRAWS, TAIL = 20_000, 0.025  # of the posterior; on either side of a 95 % interval


GROUPS: dict[str, Callable[[Mapping], str]] = {  # which group of a kind a pair of the queue is in
    "agency-pair": lambda row: " and ".join(sorted((row["agency_a"], row["agency_b"]))),
    "sex": lambda row: row.get("sex") or NOT_KNOWN,
    "age-band": lambda row: f"from {row['age_from']}" if row.get("age_from") else NOT_KNOWN,
    "ethnicity": lambda row: row.get("ethnicity") or NOT_KNOWN,
    "area": lambda row: row.get("area") or NOT_KNOWN,
}


@dataclass(frozen=True)
class Cell:
    """``count`` pairs of one stratum that are alike in subgroup; ``mean``: their mean probability of being one person."""

    stratum: str
    subgroup: tuple[str, ...]
    count: int
    mean: float


@dataclass(frozen=True)
class Drawn:
    """``count`` pairs to draw from a cell, each with the same chance to be drawn, before the dice are cast: ``chance``."""

    cell: Cell
    count: int
    chance: float


def draw(cells: Iterable[Cell], number: int, seed: str) -> list[Drawn]:
    """How many pairs of which cells make a sample of ``number`` pairs (all, if there are fewer); the same for the same seed."""
    by_stratum: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda c: (c.stratum, c.subgroup)):
        by_stratum.setdefault(cell.stratum, []).append(cell)
    dice = random.Random(seed)
    found = []
    for stratum, share in _shares(by_stratum, number).items():
        own = by_stratum[stratum]
        expected = _spread([cell.count**POWER for cell in own], [cell.count for cell in own], share)
        for cell, size, count in zip(own, expected, _systematic(expected, dice.random()), strict=True):
            if count:
                found.append(Drawn(cell, count, size / cell.count))
    return found


def _shares(by_stratum: Mapping[str, Sequence[Cell]], number: int) -> dict[str, int]:
    """How many of the pairs each stratum gets, as whole numbers that add up."""
    sizes = {stratum: sum(cell.count for cell in own) for stratum, own in by_stratum.items()}
    number = min(number, sum(sizes.values()))
    if not number:
        return {}
    sure = 1 / (number + 1)  # what so small a sample could not tell from never

    def doubt(stratum: str) -> float:
        mean = sum(c.mean * c.count for c in by_stratum[stratum]) / sizes[stratum]
        mean = min(max(mean, sure), 1 - sure)
        return sqrt(sizes[stratum] * mean * (1 - mean))

    doubts = {stratum: doubt(stratum) for stratum in sizes}
    wanted = [0.5 / len(sizes) + 0.5 * doubts[s] / sum(doubts.values()) for s in sizes]
    exact = dict(zip(sizes, _spread(wanted, list(sizes.values()), number), strict=True))
    whole = {stratum: floor(share + 1e-9) for stratum, share in exact.items()}
    for stratum in sorted(exact, key=lambda s: (whole[s] - exact[s], s))[: number - sum(whole.values())]:
        whole[stratum] += 1
    return whole


def _spread(wanted: Sequence[float], most: Sequence[int], number: float) -> list[float]:
    """``number`` divided as ``wanted`` says, none more than its ``most``; what one cannot take goes to the others."""
    found, open_ = [0.0] * len(wanted), set(range(len(wanted)))
    left = float(number)
    while open_ and left > 1e-9:
        per = left / sum(wanted[i] for i in open_)
        full = {i for i in open_ if wanted[i] * per >= most[i]}
        for i in full or open_:
            found[i] = float(most[i]) if full else wanted[i] * per
        left -= sum(found[i] for i in full or open_)
        open_ = open_ - full if full else set()
    return found


def _systematic(expected: Sequence[float], start: float) -> list[int]:
    """Whole numbers, each the expected one rounded up or down and on average equal to it, of a fixed sum."""
    counts, reached, before = [], 0.0, 0
    for size in expected:
        reached += size
        now = floor(reached + start + 1e-9)
        counts.append(now - before)
        before = now
    return counts


@dataclass(frozen=True)
class Measure:
    """A share with its 95 % interval, all between 0 and 1; None where nothing was decided."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        return NOT_KNOWN if self.value is None else f"{self.value:.2%} (95 % interval {self.low:.2%} to {self.high:.2%})"


@dataclass(frozen=True)
class Estimate:
    """Of the links made, how many are right; of the pairs that are one person, how many are linked: among pairs compared.

    ``f1`` is the harmonic mean of the two. ``decided`` pairs count; ``open`` ones were drawn and are not decided alike, or cannot
    be told.
    """

    precision: Measure
    recall: Measure
    f1: Measure
    decided: int
    open: int


def estimate(decisions: Iterable[Mapping], queue: Iterable[Mapping], seed: int = 1) -> Estimate:
    """Precision, recall and F1 from a sample that people decided, or from those of its pairs that are of one group.

    ``queue``: a row per pair, with ``pair`` (anything that names it), ``stratum``, ``is_linked`` and ``sampling_weight`` (None or
    blank for a pair that was not drawn by chance: it is left out). ``decisions``: a row per decision, with ``pair`` and
    ``is_same``: True, False, or None if it cannot be told; a pair counts if all that was decided of it is True, or all False.
    """
    said: dict = {}
    for row in decisions:
        said.setdefault(row["pair"], set()).add(row["is_same"])
    strata: dict[str, _Stratum] = {}
    for row in queue:
        if not row["sampling_weight"]:
            continue
        stratum = strata.setdefault(row["stratum"], _Stratum(bool(row["is_linked"])))
        stratum.add(float(row["sampling_weight"]), said.get(row["pair"], set()))
    known = list(strata.values())
    values, (lows, highs) = _ratios(known, [s.share for s in known]), _intervals(known, seed)
    precision, recall, f1 = (_measure(*ends) for ends in zip(values, lows, highs, strict=True))
    return Estimate(
        precision=precision,
        recall=recall,
        f1=f1,
        decided=sum(s.decided for s in known),
        open=sum(s.drawn - s.decided for s in known),
    )


def estimate_by(group: Callable[[Mapping], str], decisions: Iterable[Mapping], queue: Iterable[Mapping]) -> dict[str, Estimate]:
    """The same for each group of pairs, by its name: ``group`` says that of a pair of the queue."""
    pairs: dict[str, list[Mapping]] = {}
    for row in queue:
        if row["sampling_weight"]:
            pairs.setdefault(group(row), []).append(row)
    decisions = list(decisions)
    return {name: estimate(decisions, pairs[name]) for name in sorted(pairs)}


@dataclass
class _Stratum:
    """Sums over the pairs drawn of a stratum: of weights, and of those that were decided."""

    is_linked: bool
    total: float = 0.0
    weight: float = 0.0
    squares: float = 0.0
    same: float = 0.0
    drawn: int = 0
    decided: int = 0

    def add(self, weight: float, decided: set) -> None:
        self.total += weight
        self.drawn += 1
        if decided in ({True}, {False}):
            self.weight += weight
            self.squares += weight**2
            self.same += weight * (decided == {True})
            self.decided += 1

    @property
    def share(self) -> float | None:
        """Of the pairs of the stratum, how many are one person; None if none was decided."""
        return self.same / self.weight if self.weight else None

    @property
    def effective(self) -> float:
        """As many pairs of equal weight would tell as much."""
        return self.weight**2 / self.squares if self.squares else 0.0


def _ratios(strata: Sequence[_Stratum], shares: Sequence) -> tuple:
    """Precision, recall and F1, numbers or arrays, if such shares of the strata are one person; a stratum of None is left out."""
    parts = [(s, share) for s, share in zip(strata, shares, strict=True) if share is not None]
    linked = sum(s.total for s, _ in parts if s.is_linked)
    right = sum(s.total * share for s, share in parts if s.is_linked)
    same = right + sum(s.total * share for s, share in parts if not s.is_linked)
    return _ratio(right, linked), _ratio(right, same), _ratio(2 * right, linked + same)


def _ratio(part, whole):
    """Part ÷ whole, of a number or of each in an array: None of nothing; in an array, where others are of something, all."""
    if isinstance(whole, (int, float)):
        return part / whole if whole else None
    return (part + (whole == 0)) / (whole + (whole == 0))


def _intervals(strata: Sequence[_Stratum], seed: int) -> tuple:
    """Lower and upper ends for both: what is still likely, stratum by stratum (beta distributions).

    The lower end has Jeffreys' prior. The upper end has one in favour of the linkage, or a few sure pairs, which rarely show an
    error, would be held to show that there are some.
    """
    import numpy as np

    dice = np.random.default_rng(seed)
    lower, upper = [], []
    for s in strata:
        good = (s.share if s.is_linked else 1 - s.share) * s.effective if s.decided else 0.0
        bad = s.effective - good
        for ends, more_good, more_bad in ((lower, 0.5, 0.5), (upper, 1.0, 0.0)):
            # a beta distribution of nothing bad is the number 1
            share = dice.beta(good + more_good, bad + more_bad, DRAWS) if bad + more_bad > 0 else np.ones(DRAWS)
            ends.append(None if not s.decided else share if s.is_linked else 1 - share)
    if not any(s.decided for s in strata):
        return (None,) * 3, (None,) * 3
    found = []
    for draws, tail in ((lower, TAIL), (upper, 1 - TAIL)):
        ratios = _ratios(strata, draws)
        found.append(tuple(float(np.quantile(r, tail)) if isinstance(r, np.ndarray) else r for r in ratios))
    return tuple(found)


def _measure(value: float | None, low: float | None, high: float | None) -> Measure:
    if value is None or low is None or high is None:
        return Measure(None, None, None)
    return Measure(float(value), float(min(low, value)), float(max(high, value)))
