"""The release rules on disk (``expectations/releases/*.yml``) → typed rules, or a clear complaint.

A suite holds the rules of one published table. A rule says what it checks, how much failure is allowed, which
indicators it protects and what to do when it fails. Thresholds live there; nothing here knows one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

DATABASES = ("release", "warehouse")
SEVERITIES = ("block", "warn")
ROW_COUNT = "expect_table_row_count_to_be_between"
_RULE_KEYS = {"id", "type", "kwargs", "severity", "limit", "denominator", "endangers", "says", "remedy", "needs", "waivable"}
_REQUIRED = {"id", "type", "severity", "endangers", "says", "remedy"}


class GateError(RuntimeError):
    """The gate could not do its work (not: a release failed its rules). The message says where and what to do."""


@dataclass(frozen=True)
class Rule:
    """One rule. ``limit_percent`` is of the rows checked; ``needs`` names a table without which it cannot apply.

    Not waivable are rules that protect people and those without which the tables are not what they say they are.
    """

    id: str
    type: str
    kwargs: dict[str, Any]
    severity: str
    limit_percent: float
    limit_count: int
    denominator: str | None
    endangers: tuple[str, ...]
    says: str
    remedy: str
    needs: str | None
    is_waivable: bool = True


@dataclass(frozen=True)
class Suite:
    """The rules of one table; ``name`` is the file's stem, ``views`` are helper queries by name.

    A table that may be empty need not have rows; while it has none, its rules do not apply.
    """

    name: str
    table: str
    database: str
    rules: tuple[Rule, ...]
    views: dict[str, str] = field(default_factory=dict)
    may_be_empty: bool = False


def _flag(node: dict, key: str, default: bool, where: str) -> bool:
    value = node.get(key, default)
    if not isinstance(value, bool):
        raise GateError(f"{where}: {key} is '{value}', not true or false.")
    return value


def _rule(node: dict, path: Path) -> Rule:
    where = f"{path.name}, rule '{node.get('id', '?')}'"
    unknown, missing = set(node) - _RULE_KEYS, {k for k in _REQUIRED if not node.get(k)}
    if unknown or missing:
        raise GateError(f"{where}: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}. Correct the suite.")
    if node["severity"] not in SEVERITIES:
        raise GateError(f"{where}: severity is '{node['severity']}', allowed are {', '.join(SEVERITIES)}.")
    limit = node.get("limit") or {}
    if set(limit) - {"percent", "count"}:
        raise GateError(f"{where}: limit knows only percent and count, not {sorted(set(limit) - {'percent', 'count'})}.")
    endangers = node["endangers"]
    return Rule(
        id=str(node["id"]),
        type=str(node["type"]),
        kwargs=dict(node.get("kwargs") or {}),
        severity=node["severity"],
        limit_percent=float(limit.get("percent", 0)),
        limit_count=int(limit.get("count", 0)),
        denominator=node.get("denominator"),
        endangers=tuple([endangers] if isinstance(endangers, str) else endangers),
        says=" ".join(str(node["says"]).split()),
        remedy=" ".join(str(node["remedy"]).split()),
        needs=node.get("needs"),
        # an empty table would pass every other rule, so nobody may waive that there are rows
        is_waivable=_flag(node, "waivable", True, where) and str(node["type"]) != ROW_COUNT,
    )


def read_suite(path: Path) -> Suite:
    """One suite file. Raises GateError, naming the file and rule, for anything that could be misread."""
    try:
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        unknown = set(node) - {"table", "database", "rules", "views", "may_be_empty"}
        if unknown:
            raise GateError(f"{path.name}: unknown keys {sorted(unknown)}.")
        suite = Suite(
            path.stem,
            node["table"],
            node["database"],
            tuple(_rule(r, path) for r in node["rules"]),
            dict(node.get("views") or {}),
            _flag(node, "may_be_empty", False, path.name),
        )
    except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise GateError(
            f"{path.name}: not a usable suite ({type(error).__name__}: {error}). Compare it with its neighbours."
        ) from error
    if suite.database not in DATABASES:
        raise GateError(f"{path.name}: database is '{suite.database}', allowed are {', '.join(DATABASES)}.")
    # an empty table passes every rule about its rows, so each suite must ask for rows first, or say that it may have none
    if not suite.may_be_empty and not any(
        r.type == ROW_COUNT and r.severity == "block" and r.kwargs.get("min_value", 0) >= 1 for r in suite.rules
    ):
        raise GateError(f"{path.name}: has no blocking {ROW_COUNT} with min_value of 1 or more. Add one, or may_be_empty: true.")
    return suite


def load_suites(folder: Path) -> list[Suite]:
    """Every suite of a folder by file name. Raises GateError when there is none or a rule id or view is there twice."""
    suites = [read_suite(path) for path in sorted(folder.glob("*.yml"))]
    if not suites:
        raise GateError(f"{folder}: no release suite (*.yml) found, so nothing may be published.")
    for what, names in (("rule id", [r.id for s in suites for r in s.rules]), ("view", [v for s in suites for v in s.views])):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise GateError(f"{folder}: {what} written twice: {', '.join(twice)}. Each must be unique over all suites.")
    return suites
