"""What readers decided, pair by pair: which pairs are settled, which wait for a second reader, and how far readers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

Z = 1.959964  # 95 %
SETTLED, ONE_READER, DISAGREE = "settled", "one reader", "readers disagree"
Pair = tuple[tuple[str, str], tuple[str, str]]  # two of (agency, person_ref), in order

DECISIONS = """
select agency_a, person_ref_a, agency_b, person_ref_b, reader, decision, cast(decided_date as varchar) as decided_date,
    queue_month, stratum, sampling_weight
from restricted.staging.stg_linkage__decisions order by decided_date, _delivery_id, _row_number
"""


def pair_of(row: Mapping) -> Pair:
    """The pair that a row is about, whichever of the two it names first."""
    one, other = (row["agency_a"], row["person_ref_a"]), (row["agency_b"], row["person_ref_b"])
    return (one, other) if one <= other else (other, one)


def by_pair(decisions: Iterable[Mapping]) -> dict[Pair, dict[str, str]]:
    """Pair → reader → what that reader decided last. ``decisions``: rows, the earliest first."""
    found: dict[Pair, dict[str, str]] = {}
    for row in decisions:
        found.setdefault(pair_of(row), {})[row["reader"].upper()] = row["decision"]
    return found


def state(decided: Mapping[str, str], readers: int, meanings: Mapping[str, bool | None]) -> str:
    """How a pair stands that each reader decided so: SETTLED when ``readers`` say the same, that it cannot be told included.

    ``meanings``: code of a decision → whether it says that the two are one person; None if it says neither.
    """
    said = Counter(decided.values())
    if {True, False} <= {meanings.get(code) for code in said}:
        return DISAGREE
    if max(said.values()) >= readers:
        return SETTLED
    return ONE_READER if len(decided) < readers else DISAGREE


@dataclass(frozen=True)
class Agreement:
    """``pairs`` that two readers decided, on how many they ``agree``, Cohen's kappa and its 95 % interval (None: not known)."""

    pairs: int
    agree: int
    kappa: float | None
    low: float | None
    high: float | None


def kappa(decided: Iterable[tuple[str, str]]) -> Agreement:
    """Cohen's kappa of two readers' answers, a tuple for each pair that both read; its interval by the large-sample error.

    Fleiss, Cohen and Everitt (1969). Kappa is None when chance alone would make them agree on all.
    """
    table = Counter(decided)
    n = sum(table.values())
    agree = sum(count for (one, other), count in table.items() if one == other)
    rows, columns = Counter(), Counter()
    for (one, other), count in table.items():
        rows[one] += count / n
        columns[other] += count / n
    chance = sum(rows[answer] * columns[answer] for answer in rows)
    if not n or chance >= 1:
        return Agreement(n, agree, None, None, None)
    observed = agree / n
    value = (observed - chance) / (1 - chance)
    on = sum(table[a, a] / n * (1 - (rows[a] + columns[a]) * (1 - value)) ** 2 for a in rows)
    off = (1 - value) ** 2 * sum(c / n * (columns[a] + rows[b]) ** 2 for (a, b), c in table.items() if a != b)
    variance = (on + off - (value - chance * (1 - value)) ** 2) / (n * (1 - chance) ** 2)
    half = Z * sqrt(max(variance, 0.0))
    return Agreement(n, agree, value, max(-1.0, value - half), min(1.0, value + half))


def answers(pairs: Mapping[Pair, Mapping[str, str]]) -> list[tuple[str, str]]:
    """The two answers to each pair that two readers read, by the readers' initials; of more than two, every two of them."""
    return [tuple(said[r] for r in two) for said in pairs.values() for two in combinations(sorted(said), 2)]
