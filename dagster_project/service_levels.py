"""A contract's service levels: how often its extracts are due, how long after, and how long the last one may stand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

UNITS = {"frequency": "m", "latency": "d", "carryForward": "d"}
MONTHS_IN_A_YEAR = 12


@dataclass(frozen=True)
class ServiceLevels:
    """Months from one period's end to the next; days from a period's end to the due date; days that the last file stands in."""

    frequency_months: int
    latency_days: int
    carry_forward_days: int


def _level(properties: dict[str, dict], name: str) -> int:
    node, unit = properties[name], UNITS[name]
    value = node.get("value")
    if node.get("unit") != unit or not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"'{name}' in slaProperties is not a whole number in unit {unit}; correct it")
    return value


def read_service_levels(contract: dict[str, Any]) -> ServiceLevels | None:
    """The service levels of a contract that was read; None if it does not promise all three, and is then never due.

    Raises ValueError naming what is wrong, with the remedy.
    """
    properties = {p.get("property"): p for p in contract.get("slaProperties") or []}
    if not UNITS.keys() <= properties.keys():
        return None
    frequency = _level(properties, "frequency")
    if frequency == 0 or MONTHS_IN_A_YEAR % frequency:
        raise ValueError(
            f"'frequency' in slaProperties is {frequency} months, which do not divide a year; use 1, 2, 3, 4, 6 or 12"
        )
    return ServiceLevels(frequency, _level(properties, "latency"), _level(properties, "carryForward"))
