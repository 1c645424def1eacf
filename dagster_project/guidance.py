"""Guidance for suppliers, a page per agency, made from the contracts and seeds and from nothing else."""

from __future__ import annotations

import csv
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .contracts import Column, ContractError, Extract, read_contract

LONG_LIST = 15  # longer code lists are folded away
TYPES = {"string": "Text", "integer": "Whole number", "boolean": "Y or N", "date": "Date"}
EXAMPLE_DATE = {"yyyy": "2009", "MM": "07", "dd": "31"}
UNITS = {"d": "days", "m": "months", "y": "years", "h": "hours"}


def code_labels(seeds_dir: Path, code_list: str) -> list[tuple[str, str]]:
    """(code, label) of a list written as ``seed`` or ``seed.column``; a code that has ended says until when.

    The label is the column ``label``, or the one after the code's. Raises ContractError when the seed or column is missing.
    """
    seed, _, column = code_list.partition(".")
    column = column or "code"
    path = next(iter(sorted(seeds_dir.rglob(f"{seed}.csv"))), None)
    if path is None:
        raise ContractError(f"Code list '{code_list}' has no file {seed}.csv under {seeds_dir}. Add the seed.")
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        names = list(rows.fieldnames or [])
        if column not in names:
            raise ContractError(f"{path}: has no column '{column}', which code list '{code_list}' asks for.")
        after = names[names.index(column) + 1] if names.index(column) + 1 < len(names) else column
        label = "label" if "label" in names else after
        is_own_list = "code" in names and column == "code"
        labels: dict[str, str] = {}
        for row in rows:
            ended = f" (until {row['valid_to']})" if is_own_list and row.get("valid_to") else ""
            labels.setdefault(row[column], row[label] + ended)
    return list(labels.items())


def _bound(column: Column, value: Any) -> str:
    """A limit as the supplier would write it."""
    return date.fromisoformat(str(value)).strftime(column.date_format) if column.type == "date" else str(value)


def _format(column: Column) -> str:
    """The form of a value in words."""
    options, words = column.options, TYPES.get(column.type, column.type)
    if column.type == "date":
        form = example = options.get("format", "yyyy-MM-dd")
        for part, value in EXAMPLE_DATE.items():
            example = example.replace(part, value)
        words = f"Date as {form}, for example {example}"
    limits = [
        f"{word} {_bound(column, options[key])}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in options
    ]
    if limits:
        words += f", {' '.join(limits)}"
    if "pattern" in options:
        words += f", of the form {options['pattern']}"
    if column.max_chars:
        words += f", at most {column.max_chars:,} characters"
    if column.latest_days is not None:
        words += f", not later than {f'{column.latest_days} days after ' if column.latest_days else ''}the extract date"
    return words


def _custom(node: dict) -> dict[str, Any]:
    return {p["property"]: p.get("value") for p in node.get("customProperties") or []}


def _field(column: Column, node: dict, seeds_dir: Path) -> dict[str, Any]:
    codes = code_labels(seeds_dir, column.code_list) if column.code_list else []
    return {
        "name": column.name,
        "meaning": column.description,
        "format": _format(column),
        "is_required": column.is_required,
        "is_key": column.is_key,
        "is_identifier": column.is_identifier,
        "why": _custom(node).get("whyAsked", ""),
        "parent": column.parent,
        "code_valid_on": column.code_valid_on,
        "aliases": column.aliases,
        "codes": codes,
        "is_long": len(codes) > LONG_LIST,
    }


def _extract(extract: Extract, node: dict, seeds_dir: Path) -> dict[str, Any]:
    return {
        "name": extract.name,
        "description": extract.description,
        "key": ", ".join(extract.key),
        "is_full": extract.mode == "full",
        "deleted_flag": extract.deleted_flag,
        "max_percent": f"{extract.max_percent:g}",
        "max_rows": f"{extract.max_rows:,}",
        "tolerated_rows": f"{extract.tolerated_rows:,}",
        "may_repeat": extract.may_repeat,
        "smallest_percent": None if extract.smallest_percent is None else f"{extract.smallest_percent:g}",
        "largest_percent": None if extract.largest_percent is None else f"{extract.largest_percent:g}",
        "compared_from": f"{extract.compared_from:,}",
        "rules": [{"name": r.name, "says": r.says} for r in extract.rules],
        "fields": [_field(c, p, seeds_dir) for c, p in zip(extract.columns, node["properties"], strict=True)],
    }


def _agency(path: Path, seeds_dir: Path) -> dict[str, Any]:
    """Everything that the page of one contract says."""
    extracts = read_contract(path)
    contract = yaml.safe_load(path.read_text(encoding="utf-8"))
    sla = [
        {
            "name": re.sub("(?=[A-Z])", " ", p["property"]).lower(),
            "says": p.get("description") or f"{p['value']} {UNITS.get(p.get('unit', ''), p.get('unit', ''))}",
        }
        for p in contract.get("slaProperties") or []
    ]
    first = extracts[0]
    return {
        "id": contract["id"],
        "name": contract["name"],
        "version": contract["version"],
        "description": {"purpose": "", "usage": "", "limitations": "", **(contract.get("description") or {})},
        "team": (contract.get("team") or {}).get("name", ""),
        "folder": contract["servers"][0].get("path", ""),
        "sla": sla,
        "encoding": first.encoding.upper(),
        "delimiter": {",": "a comma (,)", ";": "a semicolon (;)", "\t": "a tab", "|": "a bar (|)"}.get(
            first.delimiter, first.delimiter
        ),
        "extracts": [_extract(e, n, seeds_dir) for e, n in zip(extracts, contract["schema"], strict=True)],
    }


@cache
def _environment() -> Any:
    from jinja2 import DictLoader, Environment, StrictUndefined

    from .guidance_pages import TEMPLATES

    return Environment(
        loader=DictLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def write_guidance(contracts_dir: Path, seeds_dir: Path, out_dir: Path) -> list[Path]:
    """Write ``<agency>.html`` per contract and ``index.html``; returns their paths, the index first.

    Raises ContractError when there is no contract, or when a contract or one of its code lists cannot be used.
    """
    agencies = [_agency(path, seeds_dir) for path in sorted(contracts_dir.glob("*.odcs.yaml"))]
    if not agencies:
        raise ContractError(f"{contracts_dir}: no contract (*.odcs.yaml) found.")
    out_dir.mkdir(parents=True, exist_ok=True)
    pages = {"index.html": _environment().get_template("index.html").render(agencies=agencies)}
    for agency in agencies:
        pages[f"{agency['id']}.html"] = _environment().get_template("agency.html").render(agency=agency)
    for name, text in pages.items():
        (out_dir / name).write_text(text, encoding="utf-8")
    return [out_dir / name for name in pages]
