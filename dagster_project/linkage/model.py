"""The linkage model: a reviewed JSON file with its blocks, Splink's settings with m and u, and where they come from."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

FILE, FREQUENCIES, LEVELS, RULES = "linkage_model.json", "linkage_frequencies.csv", "linkage_levels.csv", "linkage_rules.csv"
ANY_OTHER = "*"  # in the file of frequencies: any value that is not listed


class ModelUnsound(ValueError):
    """The model or its frequencies cannot be used; the message says which file, where, and what to do."""


@dataclass(frozen=True)
class Model:
    """``blocks``: lists of columns or SQL of a record; two records that agree on all of a list are compared.

    ``settings``: Splink 5's settings, trained. ``frequencies``: column → value → share of the records that have it.
    """

    blocks: tuple[tuple[str, ...], ...]
    settings: dict
    provenance: dict
    frequencies: dict[str, dict[str, float]]

    @property
    def compared(self) -> list[str]:
        """The names of the comparisons, in order."""
        return [c["output_column_name"] for c in self.settings["comparisons"]]

    @property
    def adjusted(self) -> list[str]:
        """The columns whose values weigh more when they are rare."""
        levels = [level for c in self.settings["comparisons"] for level in c["comparison_levels"]]
        return sorted({level["tf_adjustment_column"] for level in levels if level.get("tf_adjustment_column")})

    def with_settings(self, **changes) -> Model:
        """The same model with other settings of Splink."""
        return replace(self, settings=self.settings | changes)


def load(folder: Path) -> Model:
    """Read the model and the frequencies of a folder of seeds. Raises ModelUnsound."""
    path = folder / FILE
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        blocks = tuple(tuple(block) for block in written["blocks"])
        model = Model(blocks, written["settings"], written["provenance"], _frequencies(folder / FREQUENCIES))
        untrained = _untrained(model)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnsound(f"{path}: {type(error).__name__}: {error}. Restore it, or train: outcomes linkage train.") from error
    if untrained:
        raise ModelUnsound(f"{path}: {untrained} has no m or no u. Train the model: outcomes linkage train.")
    missing = [c for c in model.adjusted if ANY_OTHER not in model.frequencies.get(c, {})]
    if missing:
        raise ModelUnsound(f"{folder / FREQUENCIES}: no row '{ANY_OTHER}' (any other value) of {', '.join(missing)}. Add one.")
    return model


def _untrained(model: Model) -> str:
    for comparison in model.settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            if not level.get("is_null_level") and not (level.get("m_probability") and level.get("u_probability")):
                return f"{comparison['output_column_name']}, level '{level['label_for_charts']}',"
    return ""


def _frequencies(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["field"], {})[row["value"]] = float(row["share"])
    return found


def levels(folder: Path) -> list[tuple[str, float]]:
    """(level_id, least probability) of the named levels, the strictest first."""
    with open(folder / LEVELS, newline="", encoding="utf-8-sig") as file:
        rows = [(row["level_id"], float(row["least_probability"])) for row in csv.DictReader(file)]
    return sorted(rows, key=lambda row: -row[1])


def rule(folder: Path, rule_id: str) -> float:
    """The value of a row of the rules of linkage. Raises ModelUnsound if there is none."""
    with open(folder / RULES, newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if row["rule_id"] == rule_id:
                return float(row["value"])
    raise ModelUnsound(f"{folder / RULES}: no row {rule_id}.")
