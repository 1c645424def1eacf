"""Why two records look like one person or two: the weight of each comparison, from Splink itself, for the pairs of a queue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2

import duckdb

from . import score
from .model import Model

PRIOR, TOTAL = "Before comparing", "All together"


@dataclass(frozen=True)
class Step:
    """One bar of the waterfall: what was compared (a column's name, or PRIOR), what was found, and its weight (log2 of odds)."""

    compared: str
    found: str
    weight: float


def explain(
    con: duckdb.DuckDBPyConnection, records: str, pairs: Iterable[tuple[int, int]], model: Model
) -> dict[tuple[int, int], list[Step]]:
    """(reference_a, reference_b), a < b → the steps of the weight, which add up to it; the prior is the first.

    ``records``: a table with reference_id and what the model compares. Names stay in the connection's current database.
    """
    wanted = sorted({(min(pair), max(pair)) for pair in pairs})
    if not wanted:
        return {}
    con.execute("create or replace table explained (reference_a bigint, reference_b bigint)")
    con.execute("insert into explained select unnest(?), unnest(?)", [[a for a, _ in wanted], [b for _, b in wanted]])
    shown = model.with_settings(retain_intermediate_calculation_columns=True, retain_matching_columns=True)
    predicted = score.predict(con, records, "explained", shown, least=None)
    cursor = con.execute(f"select * from {predicted}")
    names = [d[0] for d in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    con.execute(f"drop table {predicted}; drop table explained")
    return {_pair(row): _steps(row, model) for row in rows}


def _pair(row: dict) -> tuple[int, int]:
    ends = row["reference_id_l"], row["reference_id_r"]
    return min(ends), max(ends)


def _steps(row: dict, model: Model) -> list[Step]:
    prior = model.settings["probability_two_random_records_match"]
    steps = [Step(PRIOR, "two records picked at random", log2(prior / (1 - prior)))]
    for comparison in model.settings["comparisons"]:
        name = comparison["output_column_name"]
        steps.append(Step(name, _label(comparison, row[f"gamma_{name}"]), row[f"mw_{name}"]))
        rarity = row.get(f"mw_tf_adj_{name}") or 0.0
        if rarity:
            steps.append(Step(name, "a rare value" if rarity > 0 else "a common value", rarity))
    return steps


def _label(comparison: dict, gamma: int) -> str:
    """What a level of a comparison is called: Splink counts levels from the last, and calls the one of blanks -1."""
    levels = comparison["comparison_levels"]
    if gamma < 0:
        return next((level["label_for_charts"] for level in levels if level.get("is_null_level")), "not stated")
    ordered = [level for level in levels if not level.get("is_null_level")]
    return ordered[len(ordered) - 1 - gamma]["label_for_charts"]
