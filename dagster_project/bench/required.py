"""What the job was asked to show, beside what one bench measured; what it could not measure is not in the table."""

from __future__ import annotations

from typing import Any

from .tables import as_table

TIMES_FLOOR, FIXED_SECONDS, CHANGED_SHARE, GATE_SECONDS = 2.5, 30.0, 20.0, 10.0
TRACE_SECONDS, QUERY_SECONDS, PEAK_GB = 1.0, 0.1, 8.0
SMALL = 2000  # people, of a night that is all fixed cost


def table(result: dict[str, Any], others: list[dict[str, Any]] = ()) -> str:
    """Measure, what was measured, what is wanted, and whether it is met."""
    return as_table(["what", "measured", "wanted", "met"], rows(result, others))


def rows(result: dict[str, Any], others: list[dict[str, Any]] = ()) -> list[list[str]]:
    """The lines that this bench can say something about."""
    ways, found = result["ways"], []

    def add(what: str, measured: float, unit: str, limit: float, is_met: bool | None = None) -> None:
        is_met = measured <= limit if is_met is None else is_met
        found.append([what, f"{measured:,.3g} {unit}".strip(), f"≤ {limit:,.3g} {unit}".strip(), "yes" if is_met else "no"])

    job, floor, pandas = (ways.get(name, {}).get("seconds") for name in ("job", "floor", "pandas"))
    if job and floor and result["people"] > SMALL:
        add("full run, times the floor", job / floor, "", TIMES_FLOOR)
    if job and pandas and result["people"] > SMALL:
        add("full run, beside pandas for the indicators alone", job, "s", pandas)
    if job:
        add("peak of the whole job", ways["job"]["peak_bytes"] / 1e9, "GB", PEAK_GB)
    again = result.get("again") or {}
    if job and floor and result["people"] <= SMALL:
        add("fixed cost of a small first night, beyond the floor", job - floor, "s", FIXED_SECONDS)
    if floor and "seconds" in again and result["people"] <= SMALL:
        add("fixed cost of a small night after it, beyond the floor", again["seconds"] - floor, "s", FIXED_SECONDS)
    smaller = [other for other in others if 0 < other["people"] < result["people"] and "job" in other["ways"]]
    tenth = [other for other in smaller if other["people"] * 10 == result["people"]]
    before = max(tenth or smaller, key=_people, default=None)
    if job and before and before["people"] > SMALL:
        grew, people = job / before["ways"]["job"]["seconds"], result["people"] / before["people"]
        add(f"growth in time from {before['people']:,} people, {people:.3g} times as many", grew, "×", people)
    if "failed" in again:
        found.append(["a night with 1 % changed", "failed", f"≤ {CHANGED_SHARE:g} %", "no"])
    elif job and again:
        add("a night with 1 % changed, of the full run", 100 * again["seconds"] / job, "%", CHANGED_SHARE)
        same = f"{again['tables']} tables equal"
        found.append(["that night beside a full build after it", same, "equal", "yes"])  # or the bench had failed
    if gate := next((step["seconds"] for step in result["steps"] if step["step"] == "release: gate"), None):
        add("gate on all release tables", gate, "s", GATE_SECONDS)
    if answers := result.get("answers"):
        add("typical question to the release", 1000 * answers["query"], "ms", 1000 * QUERY_SECONDS)
        add("trace", answers["trace"], "s", TRACE_SECONDS)
    return found


def _people(result: dict[str, Any]) -> int:
    return result["people"]
