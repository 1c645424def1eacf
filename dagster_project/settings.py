"""Where things live and how much of the machine may be used.

One place for paths and limits. The project folder holds the code, contracts and seeds; the home folder holds what a
run makes. They are the same folder unless OUTCOMES_HOME says otherwise.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Paths and limits of one installation. ``memory_limit`` is DuckDB's text form, for example ``4GB``."""

    project_dir: Path
    home: Path
    memory_limit: str
    threads: int

    landing_dir = property(lambda self: self.home / "landing")
    data_dir = property(lambda self: self.home / "data")
    published_dir = property(lambda self: self.home / "published")
    archive_dir = property(lambda self: self.data_dir / "archive")
    restricted_db = property(lambda self: self.data_dir / "restricted.duckdb")
    warehouse_db = property(lambda self: self.data_dir / "warehouse.duckdb")
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
    """Settings from ``[tool.outcomes]`` in pyproject.toml, overridden by OUTCOMES_HOME, _MEMORY_LIMIT and _THREADS."""
    project = Path(project_dir or os.environ.get("OUTCOMES_PROJECT") or PROJECT_DIR).resolve()
    with open(project / "pyproject.toml", "rb") as file:
        written = tomllib.load(file).get("tool", {}).get("outcomes", {})
    return Settings(
        project_dir=project,
        home=Path(home or os.environ.get("OUTCOMES_HOME") or project).resolve(),
        memory_limit=os.environ.get("OUTCOMES_MEMORY_LIMIT") or written.get("memory_limit", "4GB"),
        threads=int(os.environ.get("OUTCOMES_THREADS") or written.get("threads", 0) or os.cpu_count() or 2),
    )
