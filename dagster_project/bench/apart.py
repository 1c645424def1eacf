"""Groups of linked references that hold two people whom their agency tells apart, for the ways of the bench on frames."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import numpy as np
import pandas as pd

from .reads import SEEDS

GENERATION = int(pd.read_csv(SEEDS / "linkage_rules.csv", index_col="rule_id")["value"]["generation_years"])
TELLS_NOBODY_APART = "hmrc"
OF_ONE_PERSON = ("noms_number", "pnc_id", "ni_number")  # two people do not share them


def crowded(agencies: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """The numbers of the rows whose agency speaks of their person in other rows too, if it gives one reference to one person."""
    rows = pd.DataFrame({"agency": agencies, "person": persons})
    return np.flatnonzero((rows["agency"] != TELLS_NOBODY_APART) & rows.duplicated(keep=False))


def take_apart(people: pd.DataFrame, links: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """The person of each row, where two references that contradict each other are two people (decision 012).

    ``people``: what the crowded rows say, by row number; ``links``: pairs of row numbers; ``persons``: the group of each row. Of
    a group with such two every reference goes with the nearest that is told apart, of two as near with the lesser.
    """
    apart = _told_apart(people, links, persons)
    troubled = np.flatnonzero(np.isin(persons, persons[apart]))
    near = defaultdict(set)
    for one, other in links[np.isin(links[:, 0], troubled)]:
        near[one].add(other)
        near[other].add(one)
    told = {row: _number(people.at[row, "agency"], people.at[row, "ref"]) for row in apart}
    reached = dict(told)
    while reached:
        heard = defaultdict(list)
        for row, number in reached.items():
            for neighbour in near[row] - told.keys():
                heard[neighbour].append(number)
        reached = {row: min(numbers) for row, numbers in heard.items()}
        told |= reached
    found, numbers = persons.copy(), {number: len(persons) + nth for nth, number in enumerate(sorted(set(told.values())))}
    for row, number in told.items():
        found[row] = numbers[number]
    return found


def _told_apart(people: pd.DataFrame, links: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """The rows of pairs of one agency and group that no link joins and whose numbers contradict each other."""
    rows = people.assign(row=people.index, person=persons[people.index])
    pairs = rows.merge(rows, on=["person", "agency"], suffixes=("", "_b"))
    pairs = pairs[pairs["row"] < pairs["row_b"]]
    contradict = np.logical_or.reduce([_differ(pairs[number], pairs[f"{number}_b"]) for number in OF_ONE_PERSON])
    initials = [pairs[name].str[:1] for name in ("first_name", "first_name_b")]
    same_name = _agree(pairs["last_name"], pairs["last_name_b"]) & _agree(*initials)
    same_name &= of_one_generation(pairs["date_of_birth"], pairs["date_of_birth_b"]).to_numpy()
    pairs = pairs[contradict & ~same_name & ~_agree(pairs["date_of_birth"], pairs["date_of_birth_b"])]
    linked = {(min(pair), max(pair)) for pair in links[np.isin(links[:, 0], pairs[["row", "row_b"]])].tolist()}
    is_linked = [pair in linked for pair in zip(pairs["row"], pairs["row_b"], strict=True)]
    return np.unique(pairs.loc[~np.array(is_linked, dtype=bool), ["row", "row_b"]])


def of_one_generation(one: pd.Series, other: pd.Series) -> pd.Series:
    """Whether fewer years lie between two births than between parent and child, or that is not known (decision 003)."""
    years = (pd.to_datetime(one).dt.year - pd.to_datetime(other).dt.year).abs()
    return (years < GENERATION) | years.isna()


def _agree(one: pd.Series, other: pd.Series) -> np.ndarray:
    return (one == other).fillna(False).to_numpy(dtype=bool)


def _differ(one: pd.Series, other: pd.Series) -> np.ndarray:
    return (one != other).fillna(False).to_numpy(dtype=bool) & one.notna().to_numpy() & other.notna().to_numpy()


def _number(agency: str, ref: str) -> int:
    """The number of a reference, as dbt/macros/people.sql has it."""
    return int(hashlib.md5(f"{agency}/{ref}".encode()).hexdigest()[:15], 16)
