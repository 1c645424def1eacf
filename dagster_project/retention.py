"""What may go after how long, by configuration: bytes and rows of deliveries that were superseded, and old releases.

Receipts stay for ever. Nothing that the figures of today rest on is ever removed.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path

from . import first_seen
from .archive import Archive, write_whole
from .contracts import Contracts
from .register import REFUSED, open_restricted
from .release import current_release
from .settings import Settings

OF = f"select agency, extract from intake.deliveries where delivery_id = ? and status <> '{REFUSED}'"


class WrongTerms(ValueError):
    """Terms of retention that cannot be understood; nothing is removed under them."""


@dataclass(frozen=True)
class Terms:
    """Days for which superseded and refused deliveries and releases are kept; how many releases stay whatever their age."""

    deliveries_days: int
    releases_days: int
    releases_at_least: int


@dataclass(frozen=True)
class Doomed:
    """What may go: a delivery (by its id) or a release. ``byte_count`` is what it frees, ``why`` a sentence."""

    kind: str
    name: str
    byte_count: int
    why: str
    delivery_id: str = ""
    content_hash: str = ""


def read_terms(settings: Settings) -> Terms | None:
    """The terms in ``[tool.outcomes.retention]``; None if there are none, and then everything is kept.

    Raises WrongTerms for a term that is missing, unknown, or no whole number of 0 or more.
    """
    with open(settings.project_dir / "pyproject.toml", "rb") as file:
        written = tomllib.load(file).get("tool", {}).get("outcomes", {}).get("retention")
    if not written:
        return None
    names = {field.name for field in fields(Terms)}
    wrong = {n for n, v in written.items() if not isinstance(v, int) or isinstance(v, bool) or v < 0} | (names ^ written.keys())
    if wrong:
        raise WrongTerms(
            f"[tool.outcomes.retention] in pyproject.toml: look at {', '.join(sorted(wrong))}. "
            f"It takes {', '.join(sorted(names))}, each a whole number of 0 or more. Nothing was removed."
        )
    return Terms(**written)


def find(settings: Settings, contracts: Contracts, terms: Terms, at: datetime) -> list[Doomed]:
    """Everything that the terms let go at an instant (naive UTC). Changes nothing."""
    return [*_deliveries(settings, contracts, at - timedelta(days=terms.deliveries_days)), *_releases(settings, terms, at)]


def _deliveries(settings: Settings, contracts: Contracts, before: datetime) -> list[Doomed]:
    """Refused deliveries, and full ones that another has superseded, received before an instant. Rows of a delta are all kept."""
    full = {(e.agency, e.name) for e in contracts.extracts if e.mode == "full"}
    removed = Archive(settings.archive_dir).removed()
    with open_restricted(settings, contracts) as con:
        rows = con.execute(
            "select delivery_id, agency, extract, file_name, content_hash, byte_count, received_at, status, "
            "row_number() over (partition by agency, extract, status = 'refused' "
            "order by extract_date desc, sequence desc, received_at desc) as nth "
            "from intake.deliveries order by received_at"
        ).fetchall()
    in_use = {r[4] for r in rows if r[7] != REFUSED and ((r[1], r[2]) not in full or r[8] == 1 or r[6] >= before)}
    doomed = []
    for delivery_id, agency, extract, file_name, content_hash, size, received_at, status, nth in rows:
        is_superseded = status != REFUSED and (agency, extract) in full and nth > 1
        if received_at >= before or content_hash in removed | in_use | {None} or not (is_superseded or status == REFUSED):
            continue
        why = f"{'superseded' if is_superseded else 'refused'}; received {received_at:%d %B %Y}"
        doomed.append(Doomed("delivery", f"{agency}/{file_name}", size, why, delivery_id, content_hash))
    return doomed


def _releases(settings: Settings, terms: Terms, at: datetime) -> list[Doomed]:
    current = current_release(settings)
    folders = sorted((p for p in settings.published_dir.glob("[0-9]*") if p.is_dir()), reverse=True)
    doomed = []
    for folder in folders[terms.releases_at_least :]:
        created = datetime.strptime(folder.name.split("-")[0], "%Y%m%dT%H%M%SZ")
        if folder != current and created < at - timedelta(days=terms.releases_days):
            size = sum(p.stat().st_size for p in folder.iterdir())
            doomed.append(Doomed("release", folder.name, size, f"published {created:%d %B %Y}"))
    return doomed


def remove(settings: Settings, contracts: Contracts, doomed: list[Doomed], at: datetime) -> None:
    """Remove what was found; the caller holds the run lock. A delivery's removal is written down before its bytes go."""
    archive = Archive(settings.archive_dir)
    with open_restricted(settings, contracts) as con:
        going = {
            (agency, extract) for d in doomed if d.delivery_id for agency, extract in con.execute(OF, [d.delivery_id]).fetchall()
        }
        for extract in (e for e in contracts.extracts if (e.agency, e.name) in going and first_seen.is_kept(e)):
            first_seen.write_down(con, settings, archive, extract)
        for item in (d for d in doomed if d.kind == "delivery"):
            note = {"removed_at": at.isoformat(), "name": item.name, "why": item.why}
            write_whole(archive.note_of_removal(item.content_hash), json.dumps(note).encode())
            for agency, extract in con.execute(OF, [item.delivery_id]).fetchall():
                con.execute(f"delete from raw.{agency}__{extract} where _delivery_id = ?", [item.delivery_id])
            archive.place(item.content_hash).unlink(missing_ok=True)
    for item in (d for d in doomed if d.kind == "release"):
        _remove_folder(settings.published_dir / item.name)


def _remove_folder(folder: Path) -> None:
    """Take a release out of sight in one step, then remove its files."""
    hidden = folder.with_name(f".removed-{folder.name}")
    folder.rename(hidden)
    shutil.rmtree(hidden)
