"""Where things live and how much of the machine may be used.

One place for paths and limits. The project folder holds the code, contracts and seeds; the home folder holds what a
run makes. They are the same folder unless OUTCOMES_HOME says otherwise.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from .memory import for_duckdb

PROJECT_DIR = Path(__file__).resolve().parent.parent
EVIDENCE, EXACT = "evidence", "exact"
MOST_THREADS = 1024
YEARS = range(1900, 2200)  # that a night can be of


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it, where it is set, and the remedy."""


@dataclass(frozen=True)
class Settings:
    """Paths and limits of one installation. ``memory_limit`` is what DuckDB may take, in its text form, for example ``900MB``."""

    project_dir: Path
    home: Path
    memory_limit: str
    threads: int
    today: str = ""  # the day that a night is of, where it is not the day of the run; a date in ISO form
    whole_memory: str = ""  # what all processes of a night may take together, of which DuckDB has ``memory_limit``
    whole_build_days: int = 7  # a night of changes is one that is no longer than that after a whole build
    changes_percent: float = 10  # and whose deliveries hold no more of all rows than that
    fix_list_rows: int = 100_000  # of each thing to fix a night lists no more records than that, the latest; 0: all
    linkage: str = EVIDENCE  # or exact: then nothing is weighed, and people are the clusters of exact links

    landing_dir = property(lambda self: self.home / "landing")
    data_dir = property(lambda self: self.home / "data")
    published_dir = property(lambda self: self.home / "published")
    archive_dir = property(lambda self: self.data_dir / "archive")
    untouched_file = property(lambda self: self.data_dir / "untouched.json")
    restricted_db = property(lambda self: self.data_dir / "restricted.duckdb")
    warehouse_db = property(lambda self: self.data_dir / "warehouse.duckdb")
    building_db = property(lambda self: self.data_dir / "building" / "warehouse.duckdb")  # same name, so same catalog
    rebuilt_dir = property(lambda self: self.data_dir / "rebuilt")
    person_key_file = property(lambda self: self.data_dir / "keys" / "person_id.key")
    refused_dir = property(lambda self: self.data_dir / "refused")
    guidance_dir = property(lambda self: self.data_dir / "guidance")
    dagster_dir = property(lambda self: self.data_dir / "dagster")
    sample_truth_dir = property(lambda self: self.data_dir / "sample_truth")
    seeds_dir = property(lambda self: self.project_dir / "seeds")
    contracts_dir = property(lambda self: self.project_dir / "expectations" / "contracts")
    suites_dir = property(lambda self: self.project_dir / "expectations" / "releases")
    dbt_dir = property(lambda self: self.project_dir / "dbt")


def load_settings(home: Path | str | None = None, project_dir: Path | str | None = None) -> Settings:
    """Settings from ``[tool.outcomes]`` in pyproject.toml, or from OUTCOMES_HOME, _MEMORY_LIMIT, _THREADS, _TODAY and _LINKAGE.

    Raises memory.TooLittleMemory when the limit leaves nothing to work with, SettingsError on any other that cannot be used.
    """
    project = Path(project_dir or os.environ.get("OUTCOMES_PROJECT") or PROJECT_DIR).resolve()
    try:
        with open(project / "pyproject.toml", "rb") as file:
            written = tomllib.load(file).get("tool", {}).get("outcomes", {})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{project / 'pyproject.toml'} cannot be read ({error}). Mend it, or OUTCOMES_PROJECT.") from error
    linkage = os.environ.get("OUTCOMES_LINKAGE") or written.get("linkage", EVIDENCE)
    if linkage not in (EVIDENCE, EXACT):
        raise SettingsError(
            f"linkage is '{linkage}' (OUTCOMES_LINKAGE or [tool.outcomes] in pyproject.toml): write {EVIDENCE} or {EXACT}."
        )
    whole = os.environ.get("OUTCOMES_MEMORY_LIMIT") or written.get("memory_limit", "4GB")
    threads = os.environ.get("OUTCOMES_THREADS") or written.get("threads", 0)
    where = Path(home or os.environ.get("OUTCOMES_HOME") or project).resolve()
    if where.exists() and not where.is_dir():
        raise SettingsError(f"{where} is a file (OUTCOMES_HOME or --home). Name the folder of landing, data and published.")
    return Settings(
        project_dir=project,
        home=where,
        memory_limit=for_duckdb(whole),
        threads=int(_number("threads (or OUTCOMES_THREADS)", threads, MOST_THREADS)) or os.cpu_count() or 2,
        today=os.environ.get("OUTCOMES_TODAY") or str(written.get("today", "")),
        whole_memory=whole,
        whole_build_days=int(_number("whole_build_days", written.get("whole_build_days", 7), 36_500)),
        changes_percent=_number("changes_percent", written.get("changes_percent", 10)),
        fix_list_rows=int(_number("fix_list_rows", written.get("fix_list_rows", 100_000))),
        linkage=linkage,
    )


def _number(name: str, text: object, most: int = 1_000_000_000) -> float:
    try:
        found = float(str(text))
    except ValueError:
        found = -1
    if not 0 <= found <= most:
        says = f"{name} is '{text}' in the settings ([tool.outcomes] in pyproject.toml): write a number from 0 to {most:,}."
        raise SettingsError(says)
    return found


def day_of(settings: Settings, at: datetime) -> date:
    """The day that a night at an instant (naive UTC) is of: the one named in the settings, or else the day in London."""
    try:
        named = date.fromisoformat(settings.today) if settings.today else None
        if named and named.year not in YEARS:
            raise ValueError(f"nothing here is of {named.year}")
    except ValueError as error:
        says = f"today is '{settings.today}' (OUTCOMES_TODAY or [tool.outcomes] in pyproject.toml): write a day as 2013-07-15."
        raise SettingsError(says) from error
    return named or at.replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/London")).date()
