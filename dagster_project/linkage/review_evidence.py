"""Why two records look like one person or two: the weight of each comparison, from Splink itself, for the pairs of a queue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2

import duckdb

from . import looks, score
from .model import Model

# of record r, how else its agency described it, the latest first
TOLD = """(
    select string_agg(concat_ws(' ', first_name, last_name, postcode), '; ' order by nth)
    from shown_descriptions as d where d.reference_id = r.reference_id
)"""
PRIOR, OTHERWISE, TOTAL = "Before comparing", "Described otherwise", "All together"


@dataclass(frozen=True)
class Step:
    """One bar of the waterfall: what was compared (a column, PRIOR or OTHERWISE), what was found, its weight (log2 of odds)."""

    compared: str
    found: str
    weight: float


def explain(
    con: duckdb.DuckDBPyConnection, records: str, descriptions: str, pairs: Iterable[tuple[int, int]], model: Model
) -> dict[tuple[int, int], list[Step]]:
    """(reference_a, reference_b), a < b → the steps of the weight, which add up to it; the prior is the first.

    ``records``: a table with reference_id and what the model compares; ``descriptions``: how they were described otherwise
    (looks.of): of each pair the two looks are explained that gave it its weight. Names stay in the connection's current database.
    """
    wanted = sorted({(min(pair), max(pair)) for pair in pairs})
    if not wanted:
        return {}
    con.execute("create or replace table explained (reference_a bigint, reference_b bigint)")
    con.execute("insert into explained select unnest(?), unnest(?)", [[a for a, _ in wanted], [b for _, b in wanted]])
    looks.of(con, records, descriptions)
    shown = model.with_settings(retain_intermediate_calculation_columns=True, retain_matching_columns=True)
    predicted = score.predict(con, *looks.pairs_of(con, records, "explained"), shown, least=None)
    cursor = con.execute(
        "select l.reference_a, l.reference_b, l.doubt, p.* from look_pairs as l "
        f"join {predicted} as p on least(p.reference_id_l, p.reference_id_r) = least(l.look_a, l.look_b) "
        "and greatest(p.reference_id_l, p.reference_id_r) = greatest(l.look_a, l.look_b) "
        "qualify row_number() over (partition by l.reference_a, l.reference_b "
        "order by p.match_weight - l.doubt desc, l.doubt, look_a, look_b) = 1"
    )
    names = [d[0] for d in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    con.execute(f"drop table {predicted}; drop table explained")
    return {(row["reference_a"], row["reference_b"]): _steps(row, model) for row in rows}


def _steps(row: dict, model: Model) -> list[Step]:
    prior = model.settings["probability_two_random_records_match"]
    steps = [Step(PRIOR, "two records picked at random", log2(prior / (1 - prior)))]
    for comparison in model.settings["comparisons"]:
        name = comparison["output_column_name"]
        steps.append(Step(name, _label(comparison, row[f"gamma_{name}"]), row[f"mw_{name}"]))
        rarity = row.get(f"mw_tf_adj_{name}") or 0.0
        if rarity:
            steps.append(Step(name, "a rare value" if rarity > 0 else "a common value", rarity))
    if row["doubt"]:
        steps.append(Step(OTHERWISE, f"the best of {2 ** row['doubt']:.0f} comparisons", -row["doubt"]))
    return steps


def _label(comparison: dict, gamma: int) -> str:
    """What a level of a comparison is called: Splink counts levels from the last, and calls the one of blanks -1."""
    levels = comparison["comparison_levels"]
    if gamma < 0:
        return next((level["label_for_charts"] for level in levels if level.get("is_null_level")), "not stated")
    ordered = [level for level in levels if not level.get("is_null_level")]
    return ordered[len(ordered) - 1 - gamma]["label_for_charts"]
