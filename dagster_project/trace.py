"""From one figure of a release back to its definition, evidence, deliveries, checks and code. Reads the release folder only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from . import linkage_words
from .reader import NULL, connect, load_json, percent, rate

AREA_ORDER = ["probation_area", "country", "region", "nation"]
MATCHES = 8
CELL = ("indicator_id", "view_id", "geography_type", "geography_code", "period_type", "period_start")


class NotFound(LookupError):
    """No such indicator, view, place or period; the message lists near matches."""


@dataclass(frozen=True)
class Place:
    """A geography of the release."""

    kind: str
    code: str
    name: str


def _rows(con: duckdb.DuckDBPyConnection, sql: str, values: list | None = None) -> list[dict[str, Any]]:
    cursor = con.execute(sql, values or [])
    return [dict(zip([d[0] for d in cursor.description], row, strict=True)) for row in cursor.fetchall()]


def _not_found(what: str, asked: str, known: Iterable[str]) -> NotFound:
    known = list(dict.fromkeys(known))
    near = [k for k in known if asked.lower() in k.lower()] + difflib.get_close_matches(asked, known, MATCHES, 0.4)
    shown = list(dict.fromkeys(near))[:MATCHES] or known[:MATCHES]
    return NotFound(f"There is no {what} '{asked}' in this release. Near are: {'; '.join(shown)}.")


def period_names(kind: str, start: date, end: date) -> list[str]:
    """Every way to write a half-open period, the usual one first."""
    last = end - timedelta(days=1)
    names = [f"{start:%Y-%m}..{last:%Y-%m}", start.isoformat(), kind]
    if kind == "month":
        names.insert(0, f"{start:%Y-%m}")
    elif kind == "quarter":
        names.append(f"{start.year}-Q{(start.month + 2) // 3}")
    elif kind == "financial_year":
        names.insert(0, f"{start.year}/{last:%y}")
    return names


def _find_place(con: duckdb.DuckDBPyConnection, asked: str) -> tuple[Place, list[Place]]:
    """The place of a code, a name or ``nation``, and other places of the same name."""
    rows = con.execute("select distinct geography_type, geography_code, geography_name from indicators").fetchall()
    places = sorted(
        (Place(*row) for row in rows), key=lambda p: (AREA_ORDER.index(p.kind) if p.kind in AREA_ORDER else 9, p.code)
    )
    wanted = asked.strip().lower()
    for matches in (
        [p for p in places if p.code.lower() == wanted],
        [p for p in places if p.name.lower() == wanted],
        [p for p in places if p.kind == wanted == "nation"],
    ):
        if matches:
            return matches[0], matches[1:]
    raise _not_found("area", asked, [f"{p.name} ({p.code})" for p in places])


def _find_period(con: duckdb.DuckDBPyConnection, indicator: str, place: Place, asked: str) -> tuple[str, date, date]:
    periods = con.execute(
        "select distinct period_type, period_start, period_end from indicators where indicator_id = ? and geography_code = ? "
        "and geography_type = ? order by period_end - period_start, period_start",
        [indicator, place.code, place.kind],
    ).fetchall()
    if not periods:
        raise NotFound(f"{indicator} has no row for {place.name} ({place.kind}). Ask for another place, for example nation.")
    named = [(p, [n.lower() for n in period_names(*p)]) for p in periods]
    matches = [p for p, names in named if asked.strip().lower() in names]
    distinct = {p[1:] for p in matches}
    if len(distinct) == 1:
        return matches[0]
    if matches:
        raise NotFound(f"'{asked}' could be any of: {'; '.join(period_names(*p)[0] for p in matches[:MATCHES])}.")
    raise _not_found("period", asked, [period_names(*p)[0] for p in periods])


def _find_view(con: duckdb.DuckDBPyConnection, indicator: str, view: str | None) -> tuple[str, list[str]]:
    """The view asked for, else the one compared with print, else the first; and the others."""
    views = [
        v
        for (v,) in con.execute(
            "select distinct view_id from indicators where indicator_id = ? order by 1", [indicator]
        ).fetchall()
    ]
    if view is None:
        printed = con.execute("select min(view_id) from published_comparison where indicator_id = ?", [indicator]).fetchone()[0]
        view = printed if printed in views else views[0]
    if view not in views:
        raise _not_found(f"view of {indicator}", view, views)
    return view, [v for v in views if v != view]


def _count(value: int | None) -> str:
    return NULL if value is None else f"{value:,}"


def _figure_lines(row: dict[str, Any]) -> list[str]:
    met = {None: NULL, True: "met", False: "missed"}[row["is_target_met"]]
    base = "stays in the denominator" if row["unknown_in_denominator"] else "is left out of the denominator"
    pairs = [
        ("numerator (yes)", _count(row["numerator"])),
        ("no", _count(row["no_count"])),
        ("unknown", f"{_count(row['unknown_count'])}, {base}"),
        ("out of scope", _count(row["out_of_scope_count"])),
        ("denominator", _count(row["denominator"])),
        ("rate", rate(row)),
        ("rate of the known", percent(row["known_rate_pct"])),
        ("if the unknown are all no … all yes", f"{percent(row['lower_bound_pct'])} to {percent(row['upper_bound_pct'])}"),
        ("95 % interval", f"{percent(row['interval_low_pct'])} to {percent(row['interval_high_pct'])}"),
        ("target", f"{percent(row['target_pct'])}, {met}" if row["target_pct"] is not None else NULL),
        ("status", row["status"] + (f": {row['status_reason']}" if row["status_reason"] else "")),
        ("hidden", row["suppressed_fields"] or "nothing"),
        ("notes", row.get("notes") or "none"),
    ]
    return [f"  {name:<36}{value}" for name, value in pairs]


def _waiver_lines(con: duckdb.DuckDBPyConnection, key: list) -> list[str]:
    """The waivers that the release prints and in whose scope a figure is, whichever rule they name."""
    if not con.execute("select 1 from duckdb_tables() where table_name = 'waivers'").fetchall():
        return []  # a release from before there were any
    figure = dict(zip(CELL, key, strict=True))
    in_scope = [f"coalesce({name}, 'all') in ('all', ?)" for name in ("indicator_id", "geography_code")]
    found = _rows(
        con,
        f"from waivers where {' and '.join(in_scope)} and coalesce(period_start, ?) = ? order by waiver_id",
        [figure["indicator_id"], figure["geography_code"], figure["period_start"], figure["period_start"]],
    )
    return [
        f"  {w['waiver_id']}: {w['rule_id']}, asked for by {w['requested_by']}, agreed by {w['approved_by']}, "
        f"until before {w['valid_to']}: {w['reason']}"
        for w in found
    ]


def trace(folder: Path, indicator: str, area: str, period: str, view: str | None = None) -> str:
    """Everything behind one figure, as text. Raises NotFound with near matches, reader.ReaderError for a damaged release."""
    manifest, verdict = load_json(folder, "manifest"), load_json(folder, "verdict")
    with connect(folder) as con:
        known = con.execute("select distinct indicator_id, title from indicators order by 1").fetchall()
        ids = {i.lower(): i for i, _ in known}
        found = ids.get(indicator.replace(" ", "").lower())
        if found is None:
            raise _not_found("indicator", indicator, [f"{i} ({t})" for i, t in known])
        view, other_views = _find_view(con, found, view)
        place, same_name = _find_place(con, area)
        kind, start, end = _find_period(con, found, place, period)
        key = [found, view, place.kind, place.code, kind, start]
        where = " and ".join(f"{name} = ?" for name in CELL)
        rows = _rows(
            con, f"from indicators where {where} order by status = 'not_applicable', definition_version desc limit 1", key
        )
        if not rows:
            raise NotFound(f"{found} ({view}) has no row for {place.name}, {period_names(kind, start, end)[0]}.")
        row = rows[0]
        waivers = _waiver_lines(con, key)
        key.append(row["definition_version"])
        definition = _rows(
            con,
            "from indicator_definitions where indicator_id = ? and view_id = ? and definition_version = ?",
            [found, view, row["definition_version"]],
        )[0]
        linkage = linkage_words.sentences(con, row)
        evidence = _rows(con, f"from evidence_mix where {where} and definition_version = ? order by share_pct desc, agency", key)
    assumption = "an assumption" if row["is_assumption"] else "not an assumption"
    lines = [
        f"{found} {view}, version {row['definition_version']}: {row['title']}",
        f"{place.name} ({place.kind} {place.code}), {kind.replace('_', ' ')} {start} to before {end}",
        *(f"  (also a {p.kind} of that name: ask for {p.code})" for p in same_name if p.code != place.code),
        *([f"  (other views: {', '.join(other_views)}; ask with --view)"] if other_views else []),
        "",
        "Definition",
        f"  {definition['definition']}",
        f"  {row['basis']}; the definition is {assumption}; source: {definition['source']}",
        "",
        "Figure",
        *_figure_lines(row),
        *(["", "Linkage", *(f"  {line}" for line in linkage)] if linkage else []),
        "",
        "Evidence by agency (rounded)",
        *(
            [f"  {e['agency']:<20}{percent(e['share_pct'])}" for e in evidence]
            or ["  none shown (few events or hidden unknowns)"]
        ),
        "",
        f"Deliveries in force: {len(manifest['deliveries'])}",
        *(
            f"  {d['content_hash'][:12]}  {d['extract_date']}  received {d['received_at'][:10]}  {d['agency']}/{d['file_name']}"
            for d in manifest["deliveries"]
        ),
        "",
        *(["Waivers in whose scope this figure is", *waivers, ""] if waivers else []),
        "Release rules that touch this indicator",
        *(
            f"  {r['outcome']:<15}{r['rule_id']} ({r['numerator']:,} failing of {r['denominator']:,})"
            + (f", waived by {', '.join(r['waived_by'])}" if r.get("waived_by") else "")
            for r in verdict["rules"]
            if {"all", found} & set(r["endangers"])
        ),
        "",
        f"Release {manifest['release_id']}, created {manifest['created_at']}",
        f"Code {manifest['code']['commit']}{' (with changes not committed)' if manifest['code']['is_dirty'] else ''}",
    ]
    return "\n".join(lines)
