"""The words of a contract: every name that one may use, by the place where it may stand. Any other is a typo, and is refused.

Names of the standard (Open Data Contract Standard 3.1) are allowed where nothing here reads them too, for they tell people
something. Those that promise a check are not, unless intake makes that check: it would be thought to be on.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

SQL_TYPES = {"string": "varchar", "date": "date", "integer": "bigint", "boolean": "boolean"}  # of the columns, for row rules
ROW_RULE = "row_rule"

_ELEMENT = "authoritativeDefinitions businessName customProperties deprecated description id name physicalType synonyms tags"
STANDARD = {
    "the contract": "apiVersion authoritativeDefinitions context contractCreatedTs customProperties dataProduct description"
    " domain id kind name price roles schema servers slaDefaultElement slaProperties status support tags team tenant version",
    "an extract": f"{_ELEMENT} context dataGranularityDescription logicalType physicalName properties quality relationships",
    "a column": f"{_ELEMENT} classification criticalDataElement encryptedName enum examples logicalType logicalTypeOptions"
    " partitionKeyPosition partitioned physicalName primaryKey primaryKeyPosition quality relationships required semanticType"
    " transformDescription transformLogic transformSourceObjects unique",
    "a service level": "authoritativeDefinitions customProperties description driver element id property schedule scheduler unit"
    " value valueExt",
    "a custom property": "description id property value vendor",
}
UNCHECKED = {"a column": "enum unique"}
KEYS = {place: {*names.split()} - {*UNCHECKED.get(place, "").split()} for place, names in STANDARD.items()}
CUSTOM = {
    "the server": "delimiter encoding",
    "an extract": "comparedFromRows deletedFlag deliveryMode largestPercentOfLast maxQuarantinedPercent maxQuarantinedRows"
    " mayRepeat smallestPercentOfLast toleratedQuarantinedRows",
    "a column": "aliases codeList codeValidOn freeText latestDaysAfterExtract whyAsked",
}
OPTIONS = {"string": "format maxLength pattern", "date": "format maximum minimum", "integer": "maximum minimum"}
SERVICE_LEVELS = (
    "availability carryForward degradation delivery endOfLife endOfSupport errorRate frequency generalAvailability latency"
    " retention severity throughput timeOfAvailability timeToDetect timeToNotify timeToRepair"
)
CLASSIFICATIONS = "confidential identifier internal public restricted sensitive"  # identifier keeps a column in its one room
IMPLEMENTATION = "column failsWhen"
FEW = 10


def nearest(name: Any, known: Iterable[str]) -> str:
    """The remedy for a name that is not known: the one that was meant, or all that there are if they are few."""
    by_case = {k.lower(): k for k in known}
    found = difflib.get_close_matches(str(name).lower(), by_case, 1, 0.7)
    if found:
        return f"Did you mean '{by_case[found[0]]}'?"
    return f"Use one of {', '.join(sorted(by_case.values()))}." if 0 < len(by_case) <= FEW else "Correct it or take it off."


def _unknown(names: Iterable[Any], known: Iterable[str] | str, what: str) -> Iterator[str]:
    known = known.split() if isinstance(known, str) else list(known)
    for name in names:
        if name not in known:
            yield f"has {what} '{name}', which is not known here. {nearest(name, known)}"


def _custom(node: dict, place: str) -> Iterator[str]:
    entries = node.get("customProperties") or []
    yield from _unknown([p["property"] for p in entries], CUSTOM.get(place, ""), "the custom property")
    for entry in entries:
        yield from _unknown(entry, KEYS["a custom property"], f"in its custom property '{entry['property']}' the name")


def _rules(node: dict, may_hold_rules: bool) -> Iterator[str]:
    for rule in node.get("quality") or []:
        name = rule.get("name", "without a name")
        if rule.get("type") == "text":
            continue
        if not may_hold_rules:
            yield f"has the quality rule '{name}', which nobody would check. Make it a row rule of the extract."
        elif rule.get("engine") != ROW_RULE:
            yield f"has the rule '{name}' with engine '{rule.get('engine')}', which checks nothing. Use engine: {ROW_RULE}."
        else:
            yield from _unknown(rule["implementation"], IMPLEMENTATION, f"in the implementation of rule '{name}' the name")


def unknown_names(contract: dict) -> Iterator[str]:
    """Every name of a contract that is not known, each as a sentence with its place and its remedy."""
    for fault in _unknown(contract, KEYS["the contract"], "the name"):
        yield f"it {fault}"
    for server in contract["servers"]:
        for fault in _custom(server, "the server"):
            yield f"the server {fault}"
    levels = contract.get("slaProperties") or []
    for fault in _unknown([level["property"] for level in levels], SERVICE_LEVELS, "in slaProperties the property"):
        yield f"it {fault}"
    for level in levels:
        for fault in _unknown(level, KEYS["a service level"], "the name"):
            yield f"service level '{level['property']}' {fault}"
    for extract in contract["schema"]:
        place = f"extract '{extract['name']}'"
        for fault in (
            *_unknown(extract, KEYS["an extract"], "the name"),
            *_custom(extract, "an extract"),
            *_rules(extract, True),
        ):
            yield f"{place} {fault}"
        for column in extract["properties"]:
            for fault in _of_column(column):
                yield f"{place}, column '{column['name']}' {fault}"


def _of_column(column: dict) -> Iterator[str]:
    yield from _unknown(column, KEYS["a column"], "the name")
    yield from _custom(column, "a column")
    yield from _rules(column, False)
    kind = column.get("logicalType", "string")
    if kind in SQL_TYPES:
        what = f"in logicalTypeOptions of type {kind} the name"
        yield from _unknown(column.get("logicalTypeOptions") or {}, OPTIONS.get(kind, ""), what)
    yield from _unknown(filter(None, [column.get("classification")]), CLASSIFICATIONS, "the classification")
    for entry in column.get("customProperties") or []:
        if entry["property"] == "aliases" and not isinstance(entry.get("value"), list):
            yield f"has aliases '{entry.get('value')}', which are no list. Write [{entry.get('value')}]."
    for name in ("required", "primaryKey"):
        if not isinstance(column.get(name, False), bool):
            yield f"has {name} '{column[name]}'. Write true or false."
    if len(column.get("relationships") or []) > 1:
        yield "has more than one relationship, of which one only would be looked up. Keep one."
