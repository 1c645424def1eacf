"""Results of a bench → tables for the terminal and for dbt/docs/speed.md."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from . import required
from .tables import as_table
from .worlds import people_of

TOLD = {
    "job": "the night's job",
    "floor": "floor: one DuckDB script",
    "pandas": "pandas, counts only",
    "polars": "polars, counts only",
}
SHOWN = 12


def machine() -> str:
    """What ran it, without its name."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    versions = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "polars", "pandas"))
    system = f"{platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} cores, {pages / 2**30:.0f} GiB, {system}; Python {platform.python_version()}, {versions}"


def summary(scale: str, runs: dict[str, list[dict[str, Any]]], command: str, size: int, busy: float) -> dict[str, Any]:
    """What is kept of a bench: medians, extremes, the job's steps of its median run. ``busy``: load of the machine before it."""
    ways = {}
    for way, taken in runs.items():
        seconds = [run["seconds"] for run in taken]
        ways[way] = {
            "times": len(taken),
            "seconds": median(seconds),
            "least": min(seconds),
            "most": max(seconds),
            "cpu": median(run["cpu"] for run in taken),
            "peak_bytes": max(run["peak_bytes"] for run in taken),
        }
    typical = min(runs.get("job", []), key=lambda run: abs(run["seconds"] - ways["job"]["seconds"]), default={})
    details = {name: typical.get(name, []) for name in ("steps", "files", "models")}
    details |= {name: next((r[name] for r in runs.get("job", [])[::-1] if r.get(name)), None) for name in ("answers", "again")}
    date = datetime.now(UTC).date().isoformat()
    facts = {"date": date, "machine": machine(), "command": command, "bytes": size, "load": round(busy, 1)}
    return {"scale": scale, "people": people_of(scale), **facts, "ways": ways, **details}


def ways_table(result: dict[str, Any]) -> str:
    """A row per way: seconds, CPU seconds, memory, and how many times the floor it took."""
    floor, rows = result["ways"].get("floor"), []
    for way, took in result["ways"].items():
        ratio = f"{took['seconds'] / floor['seconds']:.1f}" if floor else ""
        span = f"{took['seconds']:.1f} ({took['least']:.1f}–{took['most']:.1f})"
        rows.append([TOLD[way], span, f"{took['cpu']:.1f}", f"{took['peak_bytes'] / 1e9:.2f}", ratio])
    return as_table(["way", "seconds, median (least–most)", "CPU seconds", "peak GB", "times the floor"], rows)


def steps_table(result: dict[str, Any]) -> str:
    """A row per step of the job."""
    rows = []
    for step in result["steps"]:
        figures = [f"{step['seconds']:.1f}", f"{step['cpu']:.1f}", f"{step['peak_bytes'] / 1e9:.2f}"]
        moved = [f"{step['bytes_read'] / 1e6:,.0f}", f"{step['bytes_written'] / 1e6:,.0f}"]
        rows.append([step["step"], *figures, *(_whole(step[k], by) for k, by in (("rows", 1), ("bytes", 1e6))), *moved])
    head = ["step", "seconds", "CPU seconds", "peak GB", "rows", "MB taken or left", "MB read", "MB written"]
    return as_table(head, rows)


def _whole(number: float | None, by: float) -> str:
    return "" if number is None else f"{number / by:,.0f}"


def growth_table(results: list[dict[str, Any]]) -> str:
    """A row per size that was measured: seconds of each way, and how many times as long the job took as for the size before."""
    measured = [
        (r["scale"], r["people"], {way: f"{took['seconds']:.1f}" for way, took in r["ways"].items()})
        for r in sorted(results, key=lambda r: r["people"])
    ]
    return _grown(measured)


def _grown(measured: list[tuple[str, int, dict[str, str]]]) -> str:
    """The table of (scale, people, way → seconds), the smallest first."""
    rows, jobs = [], {}
    for scale, people, seconds in measured:
        grew = []
        if "job" in seconds:
            jobs[people] = (scale, float(seconds["job"]))
            before = sorted({n for n in (*sorted(jobs)[-2:-1], people // 10) if n in jobs and n != people}, reverse=True)
            grew = [f"{jobs[people][1] / jobs[n][1]:.1f} for {people / n:.1f} × those of {jobs[n][0]}" for n in before]
        rows.append([scale, *(seconds.get(way, "") for way in TOLD), "; ".join(grew)])
    return as_table(["people", *TOLD, "growth of the job"], rows)


def slowest(result: dict[str, Any]) -> str:
    """The dbt nodes that took longest, and what each file cost intake."""
    nodes = [[name, f"{seconds:.1f}"] for name, seconds in result["models"][:SHOWN]]
    files = [[name, f"{seconds:.1f}", f"{cpu:.1f}"] for name, seconds, cpu in result["files"]]
    return f"{as_table(['dbt node', 'seconds'], nodes)}\n\n{as_table(['file', 'seconds', 'CPU seconds'], files)}"


def told(result: dict[str, Any], others: list[dict[str, Any]]) -> str:
    """Everything about one bench, for the terminal."""
    parts = [f"{result['people']:,} people, {result['bytes'] / 1e6:,.0f} MB of files.", ways_table(result)]
    if result["steps"]:
        parts += [steps_table(result), slowest(result)]
    if "steps" in (result.get("again") or {}):
        parts.append(f"A night with 1 % of records changed:\n\n{steps_table(result['again'])}")
    if others:
        parts.append(growth_table([*others, result]))
    parts.append(required.table(result, others))
    return "\n\n".join(parts)


def keep(result: dict[str, Any], results_dir: Path) -> list[dict[str, Any]]:
    """Write the result as the latest of its scale. Returns those of other scales."""
    results_dir.mkdir(parents=True, exist_ok=True)
    others = [json.loads(p.read_text(encoding="utf-8")) for p in results_dir.glob("*.json") if p.stem != result["scale"]]
    (results_dir / f"{result['scale']}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return others


def section(result: dict[str, Any], others: list[dict[str, Any]] = ()) -> str:
    """The part of dbt/docs/speed.md about one scale."""
    facts = f"{result['date']} · {result['machine']} · `{result['command']}` · {result['bytes'] / 1e6:,.0f} MB of files"
    busy = f" · load of the machine before: {result['load']}" if result["load"] > 1 else ""
    parts = [f"### {result['people']:,} people", facts + busy, ways_table(result)]
    return "\n\n".join(parts + ([steps_table(result)] if result["steps"] else []) + [required.table(result, others)])


def write_docs(result: dict[str, Any], others: list[dict[str, Any]], page: Path) -> None:
    """Put a scale's section and the growth table between their marks; whatever else the page says stays, other sizes included."""
    text = page.read_text(encoding="utf-8")
    measured = {people_of(scale): (scale, people_of(scale), seconds) for scale, seconds in _on_page(text)}
    seconds = {way: f"{took['seconds']:.1f}" for way, took in result["ways"].items()}
    measured[result["people"]] = (result["scale"], result["people"], seconds)
    text = _between(text, result["scale"], section(result, others), before="growth")
    text = _between(text, "growth", _grown([measured[people] for people in sorted(measured)]))
    page.write_text(text, encoding="utf-8")


def _on_page(text: str) -> list[tuple[str, dict[str, str]]]:
    """(scale, way → seconds) of each row of the growth table that the page has."""
    found = re.search(r"<!-- bench growth -->(.*?)<!-- end of bench growth -->", text, re.DOTALL)
    lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in (found[1] if found else "").splitlines()[3:]]
    return [(scale, {w: s for w, s in zip(TOLD, seconds, strict=False) if s}) for scale, *seconds in lines if scale]


def _between(text: str, name: str, content: str, before: str | None = None) -> str:
    """``text`` with the content between the marks of a name; new marks go before those of ``before``."""
    opening, closing = f"<!-- bench {name} -->", f"<!-- end of bench {name} -->"
    block = f"{opening}\n{content}\n{closing}"
    if opening in text:
        return re.sub(f"{re.escape(opening)}.*?{re.escape(closing)}", lambda _: block, text, flags=re.DOTALL)
    place = f"<!-- bench {before} -->"
    if before is None or place not in text:
        return f"{text.rstrip()}\n\n{block}\n"
    return text.replace(place, f"{block}\n\n{place}")
