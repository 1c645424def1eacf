"""What every Dagster definition of this project shares: the settings, dbt's manifest, owners and the run lock."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import metadata
from pathlib import Path

import dagster as dg
import duckdb
from dagster_dbt import DbtCliResource, DbtProject
from packaging.version import Version

from . import night, warehouse
from .archive import Archive, instant
from .places import keep_to_owner
from .settings import Settings, day_of, load_settings

OWNER = "team:outcome-data"
JOB = "nightly"


@cache
def settings() -> Settings:
    """The settings of this process, with dbt's surroundings prepared once."""
    keep_to_owner()  # whoever loads the definitions: Dagster's own processes begin without the command line
    found = load_settings()
    warehouse.prepare(found)
    os.environ.update(warehouse.dbt_environment(found))
    warehouse.ensure_manifest(found)
    return found


def today() -> date:
    """The day that a run now is of."""
    at = instant(Archive(settings().archive_dir).latest_instant())
    return day_of(settings(), at)


def is_full_asked(tags: Mapping[str, str]) -> bool:
    """Whether whoever began the run wants everything built: ``outcomes run --full``, or Dagster's run tag outcomes/full."""
    return bool(os.environ.get("OUTCOMES_FULL") or tags.get("outcomes/full"))


@cache
def dbt_project() -> DbtProject:
    """The dbt project with its manifest outside the code folder."""
    return DbtProject(
        project_dir=settings().dbt_dir, target_path=Path(os.environ["DBT_TARGET_PATH"]), profiles_dir=settings().dbt_dir
    )


@dg.resource(description="Held for as long as a run works on the databases, so that two runs never write at once.")
def run_lock(context):
    """Refuses the second of two runs with a plain message; when the last step has ended, however, writes the night's summary."""
    try:
        with warehouse.run_lock(settings()), night.summed_up(settings(), context, JOB):
            yield None
    except warehouse.RunInProgress as error:
        night.locked_out(settings(), context, JOB, str(error))
        raise dg.Failure(description=str(error), allow_retries=False) from error


class Dbt(DbtCliResource):
    """dbt's command line of this environment, and no more.

    Its version needs no process of its own. Nor is a second dbt made ready in this one to ask for row counts and columns:
    ``table_facts`` reads those when the build is done.
    """

    @property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args) -> None:
        return None


def resources() -> dict:
    """Resources of the whole project."""
    return {"dbt": Dbt(project_dir=dbt_project(), dbt_executable=warehouse.dbt_command()), "run_lock": run_lock}


def table_facts(database: Path) -> dict[tuple[str, str], dict]:
    """(schema, table) → row count and column schema of every table of a database file."""
    if not database.exists():
        return {}
    with duckdb.connect(str(database), read_only=True) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name, data_type, comment from duckdb_columns() "
            "where not internal and database_name = current_database() order by all"
        ).fetchall()
        counts = dict(
            ((s, t), n)
            for s, t, n in con.execute("select schema_name, table_name, estimated_size from duckdb_tables()").fetchall()
        )
    facts: dict[tuple[str, str], dict] = {}
    for schema, table, column, kind, comment in columns:
        entry = facts.setdefault((schema, table), {"columns": []})
        entry["columns"].append(dg.TableColumn(column, str(kind), description=comment))
    return {
        key: {
            "dagster/column_schema": dg.TableSchema(columns=entry["columns"]),
            **({"dagster/row_count": counts[key]} if key in counts else {}),
        }
        for key, entry in facts.items()
    }
