"""Training: m and u of every level from the records themselves, without labels, by Splink; and how common values are."""

from __future__ import annotations

import copy
import csv
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb

from .model import ANY_OTHER, FILE, FREQUENCIES, Model

DECIMALS = 12  # of m and u in the file


def train(con: duckdb.DuckDBPyConnection, records: str, model: Model, plan: dict, say: Callable[[str], None] = print) -> Model:
    """A model with the same blocks and comparisons, and m, u and frequencies as the records have them.

    ``plan``, kept in the model's file: ``pairs_for_u`` and ``seed`` of the random pairs; ``blocks_for_m``: lists of columns,
    each of which finds pairs that are mostly one person, and leaves its own columns untrained; ``least_m``: no evidence is
    taken to be rarer than that among true pairs; ``least_share`` and ``least_records``: which values are listed as common.
    Levels that say ``fix_u_probability`` or ``fix_m_probability`` keep what they have.
    """
    from splink import DuckDBAPI, Linker, block_on

    settings = copy.deepcopy(model.settings)
    linker = Linker(DuckDBAPI(connection=con).register(records), settings, log_level=logging.ERROR)
    say("u, from random pairs")
    linker.training.estimate_u_using_random_sampling(max_pairs=plan["pairs_for_u"], seed=plan["seed"])
    for columns in plan["blocks_for_m"]:
        say(f"m, from pairs that agree on {', '.join(columns)}")
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*columns), fix_probability_two_random_records_match=True
        )
    learnt = linker.misc.save_model_to_json(None)
    for before, after in zip(settings["comparisons"], learnt["comparisons"], strict=True):
        for old, new in zip(before["comparison_levels"], after["comparison_levels"], strict=True):
            if not old.get("is_null_level"):
                old["m_probability"] = _kept(max(new.get("m_probability") or 0.0, plan["least_m"]), old, "m")
                old["u_probability"] = _kept(new.get("u_probability") or 1 / plan["pairs_for_u"], old, "u")
    return replace(model, settings=settings, frequencies=_common_values(con, records, model.adjusted, plan))


def _kept(learnt: float, level: dict, which: str) -> float:
    fixed = level.get(f"fix_{which}_probability") and level.get(f"{which}_probability")
    return fixed or round(learnt, DECIMALS)


def _common_values(con: duckdb.DuckDBPyConnection, records: str, columns: list[str], plan: dict) -> dict[str, dict[str, float]]:
    """Column → value → share, of values that are common; all others have the share of one that is just not listed, on average."""
    found = {}
    for column in columns:
        counted = (
            f"select {column} as v, count(*) as n, sum(count(*)) over () as every from {records} "
            f"where {column} is not null group by 1"
        )
        is_common = f"n >= {plan['least_records']} and n >= every * {plan['least_share']}"
        common = con.execute(f"select v, round(n / every, 7) from ({counted}) where {is_common} order by n desc, v").fetchall()
        rare = con.execute(f"select coalesce(sum(n * n) / sum(n) / max(every), 0) from ({counted}) where not ({is_common})")
        found[column] = dict(common) | {ANY_OTHER: float(f"{max(rare.fetchall()[0][0], 1e-7):.3g}")}
    return found


def write(folder: Path, model: Model) -> None:
    """Write the model's file and its frequencies to a folder of seeds."""
    content = {"provenance": model.provenance, "blocks": model.blocks, "settings": model.settings}
    (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    with open(folder / FREQUENCIES, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["field", "value", "share", "source"])
        source = f"records of {model.provenance['trained_at']}"
        for field, shares in sorted(model.frequencies.items()):
            ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
            writer.writerows((field, value, f"{share:.7f}", source) for value, share in ordered)
