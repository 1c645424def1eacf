"""What a release was made from: files, deliveries, definitions, contracts, code and versions, so that it can be traced."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from .contracts import load_contracts
from .release_tables import DATABASE
from .settings import PROJECT_DIR

if TYPE_CHECKING:
    from .settings import Settings

# no reason text: it may quote what an agency sent
_DELIVERY = ["delivery_id", "agency", "extract", "file_name", "content_hash", "byte_count", "extract_date", "received_at"]
_DELIVERY += ["row_count", "accepted_count", "quarantined_count", "status", "contract_version"]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def clock(settings: Settings) -> date | None:
    """The day that the warehouse was built for; None if it was built for no night."""
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        known = con.execute("select 1 from duckdb_tables() where schema_name = 'intake' and table_name = 'clock'").fetchone()
        return con.execute("select max(today) from intake.clock").fetchone()[0] if known else None


def code_state(project_dir: Path = PROJECT_DIR) -> dict[str, Any]:
    """``commit`` and ``is_dirty`` of the git checkout that this code is in, or a commit that says there is none."""
    answers = []
    for question in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            answers.append(
                subprocess.run(["git", "-C", str(project_dir), *question], capture_output=True, text=True, check=True).stdout
            )
        except (OSError, subprocess.CalledProcessError):
            return {"commit": "not a git checkout", "is_dirty": None}
    return {"commit": answers[0].strip(), "is_dirty": bool(answers[1].strip())}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def deliveries_in_force(settings: Settings) -> list[dict[str, Any]]:
    """Accepted deliveries that the figures rest on: of a full extract the latest, of a delta all; dates in ISO form."""
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    full = {(e.agency, e.name) for e in contracts.extracts if e.mode == "full"}
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        rows = con.execute(
            f"select {', '.join(_DELIVERY)} from intake.deliveries where status in ('accepted', 'accepted_with_quarantine') "
            "order by agency, extract, extract_date desc, sequence desc, received_at desc, delivery_id desc"
        ).fetchall()
    kept, seen = [], set()
    for row in rows:
        delivery = {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in zip(_DELIVERY, row, strict=True)}
        key = (delivery["agency"], delivery["extract"])
        if key not in full or key not in seen:
            kept.append(delivery)
        seen.add(key)
    return kept


def _definitions(folder: Path) -> list[dict[str, Any]]:
    with duckdb.connect(str(folder / DATABASE), read_only=True) as con:
        rows = con.execute("select indicator_id, view_id, definition_version from indicator_definitions order by all").fetchall()
    return [{"indicator_id": i, "view_id": v, "definition_version": n} for i, v, n in rows]


def build_manifest(settings: Settings, folder: Path) -> dict[str, Any]:
    """Everything about a candidate folder that does not depend on its id. Raises OSError when a source cannot be read."""
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    seeds = sorted(settings.seeds_dir.rglob("*.csv"))
    return {
        "files": {p.name: {"sha256": sha256(p), "bytes": p.stat().st_size} for p in sorted(folder.iterdir())},
        "deliveries": deliveries_in_force(settings),
        "definitions": _definitions(folder),
        "seeds": {str(p.relative_to(settings.seeds_dir)): sha256(p) for p in seeds},
        "contracts": {e.agency: {"version": e.contract_version, "sha256": e.contract_hash} for e in contracts.extracts},
        "release_rules": {p.name: sha256(p) for p in sorted(settings.suites_dir.glob("*.yml"))},
        "versions": {
            "product": _version("outcome-warehouse"),
            "python": platform.python_version(),
            "duckdb": duckdb.__version__,
            "dbt": _version("dbt-core"),
            "great_expectations": _version("great-expectations"),
        },
    }
