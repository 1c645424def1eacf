"""The parts of a night's summary, each gathered on its own: verdict, calendar, what to fix, what came in, what changed."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from . import delivery_calendar, fixes, linkage_words, register
from .archive import STAMP, Night
from .contracts import load_contracts
from .reader import connect, load_json, rate
from .release import current_release
from .release_tables import quote
from .settings import Settings

PUBLISHED, UNCHANGED, REFUSED = "published", "unchanged", "refused"  # as nights are written down
RECEIPTS = "select delivery_id, received_at from r.intake.deliveries"


def night_since(settings: Settings, since: datetime) -> Night | None:
    """The latest night written down since an instant; None if none judged a release. Earlier ones are not opened."""
    names = sorted(path for path in (settings.archive_dir / "nights").glob("*.json") if path.stem >= since.strftime(STAMP))
    if not names:
        return None
    night = json.loads(names[-1].read_text(encoding="utf-8"))
    return Night(**{**night, "at": datetime.fromisoformat(night["at"])})


def damaged(settings: Settings) -> set[str]:
    """Names of the damaged databases that are kept aside."""
    return {p.name for p in settings.data_dir.glob("*.damaged-*") if not p.name.endswith(".wal")}


def registered(settings: Settings) -> set[tuple[str, datetime]]:
    """(delivery id, received at) of everything in the register."""
    if not settings.restricted_db.exists():
        return set()
    with register.connect(settings) as con:
        con.execute(f"attach {quote(settings.restricted_db)} as r (read_only)")
        return set(con.execute(RECEIPTS).fetchall())


def verdict(settings: Settings, night: Night, failures: list[dict[str, str]]) -> dict[str, Any]:
    """The rules that did not simply pass, and the waivers; ``step``: the failed step that is the refusal itself."""
    folder = (settings.refused_dir if night.result == REFUSED else settings.published_dir) / night.release_id
    verdict = load_json(folder, "verdict")
    found = {o: [r for r in verdict["rules"] if r["outcome"] == o] for o in ("failed", "warned", "waived")}
    waived = {state: [w for w in found_ if w] for state, found_ in verdict.get("waivers", {}).items()}
    if night.result == UNCHANGED:  # the verdict is of the release that stays; which waivers are over may have changed since
        from . import suites, waivers

        now = waivers.load_waivers(settings, date.fromisoformat(night.today), suites.load_suites(settings.suites_dir))
        waived |= {k: v for k, v in waivers.report(now, (), {}).to_dict().items() if k in ("not_yet", "expired", "unsound")}
    lines = [{"state": state.replace("_", " "), **w} for state, listed in waived.items() for w in listed]
    step = next((f["step"] for f in failures if night.release_id in f["says"]), None) if night.result == REFUSED else None
    return {"counts": verdict["counts"], **found, "waivers": lines, "step": step}


def calendar(settings: Settings) -> dict[str, Any]:
    """What is late, the indicators held for it (indicator → deliveries), and what is carried forward meanwhile."""
    late, held, carried = [], {}, []
    for delivery in delivery_calendar.deliveries_due(settings):
        if delivery.status == delivery_calendar.ON_TIME:
            continue
        days = {k: v.isoformat() if isinstance(v, date) else v for k, v in asdict(delivery).items()}
        late.append(days | {"says": delivery.says})
        for indicator in delivery.held_indicators:
            held[indicator] = ", ".join(filter(None, [held.get(indicator), f"{delivery.agency} {delivery.extract}"]))
        if delivery.status == delivery_calendar.LATE:
            needing = fixes.indicators_that_need(settings, delivery.agency, delivery.extract)
            carried.append({"delivery": f"{delivery.agency} {delivery.extract}", "says": delivery.says, "indicators": needing})
    return {"late": late, "held": dict(sorted(held.items())), "carried": carried}


def agencies(settings: Settings, since: datetime, folder: Path | None) -> list[dict[str, Any]]:
    """The agencies that have something to fix, by how far it could move an indicator; a list of records of each in a folder."""
    if not settings.restricted_db.exists():
        return []
    by_agency: dict[str, list[fixes.Fix]] = {}
    with fixes.Fixes(settings, load_contracts(settings.contracts_dir, settings.seeds_dir), settings.fix_list_rows) as both:
        for fix in both.all(since):
            by_agency.setdefault(fix.agency, []).append(fix)
        for name, own in by_agency.items() if folder else ():
            both.write(own, folder / f"fix_{name}.csv")
    return [{"agency": name, "fixes": [f.to_dict() for f in own]} for name, own in by_agency.items()]


def intake(
    settings: Settings, since: datetime, known: set[tuple[str, datetime]] | None, damaged_before: set[str]
) -> dict[str, Any]:
    """What came since the night began, per agency; how many receipts that were not ``known`` before it; databases set aside."""
    found = sorted(damaged(settings) - damaged_before)
    if not settings.restricted_db.exists():
        return {"intake": [], "recovered": 0, "damaged": found}
    with register.connect(settings) as con:
        con.execute(f"attach {quote(settings.restricted_db)} as r (read_only)")
        rows = con.execute(
            "select coalesce(agency, 'unknown'), count(*) filter (status <> 'refused'), "
            "coalesce(sum(accepted_count) filter (status <> 'refused'), 0), "
            "coalesce(sum(quarantined_count) filter (status <> 'refused'), 0), count(*) filter (status = 'refused') "
            "from r.intake.deliveries where received_at >= ? group by 1 order by 1",
            [since],
        ).fetchall()
        earlier = con.execute(f"{RECEIPTS} where received_at < ?", [since]).fetchall()
    names = ("agency", "files", "rows", "quarantined", "refused")
    return {
        "intake": [dict(zip(names, row, strict=True)) for row in rows],
        "recovered": 0 if known is None else sum(tuple(row) not in known for row in earlier),
        "damaged": found,
    }


def changes(settings: Settings, night: Night | None) -> dict[str, Any]:
    """The national figures that differ from the release before; after a refusal, what would have differed."""
    if night is None or night.result == UNCHANGED:
        return {"old": None, "new": None, "count": 0, "figures": []}
    if night.result == REFUSED:
        old, new = current_release(settings), None
    else:
        new = settings.published_dir / night.release_id
        before = load_json(new, "manifest")["previous_release_id"]
        old = settings.published_dir / before if before else None
    if old is None or not old.exists():
        return {"old": None, "new": new.name if new else None, "count": 0, "figures": []}
    count = None
    if new:
        from .difference import compare

        count = len(compare(settings, old.name, new.name).figures)
    figures = _national_changes(_national(settings, old), _national(settings, new))
    return {"old": old.name, "new": new.name if new else None, "count": count, "figures": figures}


def linkage(settings: Settings) -> list[str]:
    """What linking people does to the latest national figures that readers see, a line each."""
    release = current_release(settings)
    if release is None:
        return []
    with connect(release) as con:
        return linkage_words.national(con)


NATIONAL = """
select indicator_id, view_id, geography_type, geography_code, geography_name, period_type, period_start, status, rate_pct,
    numerator, denominator, period_end, date_diff('month', period_start, period_end) as months
from {table} where geography_type in ('nation', 'country') and status <> 'not_applicable'
"""


def _national(settings: Settings, folder: Path | None) -> dict[tuple, dict[str, Any]]:
    """National rows of a release by their key; of the tables that the gate refused if there is no folder."""
    with connect(folder) if folder else register.connect(settings) as con:
        if folder is None:
            con.execute(f"attach {quote(settings.warehouse_db)} as w (read_only)")
        cursor = con.execute(NATIONAL.format(table="indicators" if folder else "w.publish.indicators"))
        rows = [dict(zip([d[0] for d in cursor.description], row, strict=True)) for row in cursor.fetchall()]
    key = ("indicator_id", "view_id", "geography_type", "geography_code", "period_type", "period_start")
    return {tuple(row[k] for k in key): row for row in rows}


def _national_changes(old: dict[tuple, dict], new: dict[tuple, dict]) -> list[dict[str, Any]]:
    """The latest national figure of each indicator and view, over its longest periods, where it is not what it was."""
    best: dict[tuple, tuple] = {}
    for key in {*old, *new}:
        sides = [s[key] for s in (old, new) if key in s]
        if all(s["status"] != "available" for s in sides):
            continue
        row = sides[-1]
        size = max(s["denominator"] or 0 for s in sides)
        rank = (row["months"], row["period_end"], row["geography_type"] == "nation", size, key[3])
        best[key[:2]] = max(best.get(key[:2], (rank, key)), (rank, key))
    changes = []
    for _, key in sorted(best.values(), key=lambda found: found[1][:2]):
        was, now = old.get(key), new.get(key)
        shown = [None if s is None else (s["status"], s["rate_pct"], s["numerator"], s["denominator"]) for s in (was, now)]
        if shown[0] != shown[1]:
            row = now or was
            rates = [s["rate_pct"] if s else None for s in (was, now)]
            changes.append(
                {k: row[k] for k in ("indicator_id", "view_id", "geography_name", "period_type")}
                | {"period_start": row["period_start"].isoformat(), "old": _figure(was), "new": _figure(now)}
                | {"points": None if None in rates else round(rates[1] - rates[0], 3)}
            )
    return changes


def _figure(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not there"
    if row["status"] != "available":
        return row["status"].replace("_", " ")
    return f"{rate(row)} ({row['numerator']:,} of {row['denominator']:,})"
