"""A sample world as far as its people: landed, linked by the job's own models; and who is who in it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path

import duckdb

from .. import intake, warehouse
from ..contracts import FILE_NAME
from ..linkage.model import rule
from ..settings import Settings
from . import job, moves

SUBGROUPS = ("sex", "age_band", "ethnicity", "area")

# an agency that sends no reference of people has its records' keys in the truth instead: who they are about, staging knows
TRUTH = """
create or replace table truth as
with refs as (
    select reference_id, agency, person_ref, ethnicity, first_seen_date from restricted.identity.int_people_references
),
named as (
    select agency, person_ref, true_person from read_parquet('{truth}/person_refs.parquet')
    union
    select t.agency, s.person_ref, t.true_person
    from read_parquet('{truth}/person_refs.parquet') as t
    join restricted.staging.stg_hmrc__employment_spells as s on t.agency = 'hmrc' and t.person_ref = s.spell_id
),
known as (
    select refs.reference_id, refs.agency, refs.ethnicity, min(named.true_person) as true_person
    from refs join named using (agency, person_ref)
    group by all
),
ethnicities as (select true_person, mode(ethnicity order by ethnicity) as ethnicity from known group by true_person),
latest as (select max(first_seen_date) as today from refs)
select known.reference_id, known.agency, known.true_person, people.sex, ethnicities.ethnicity, people.area_code as area,
    printf('%02d to %02d', first_age, first_age + {years} - 1) as age_band
from known
join ethnicities using (true_person)
join (
    select *, {years} * (date_diff('year', dob, today) // {years}) as first_age
    from read_parquet('{truth}/people.parquet') cross join latest
) as people using (true_person)
"""


def build(home: Path, world: Path, moved: int = 0) -> Settings:
    """Land those files of a world that people rest on and build its people, as a night does, in an installation of its own.

    ``moved``: per cent of people of whom the next list says that they live elsewhere (moves.make). Raises RuntimeError.
    """
    settings = job.install(home, world)
    if moved:
        moves.make(world, settings.landing_dir, moved)
    contracts = warehouse.prepare(settings)
    needed = _extracts_behind(warehouse.ensure_manifest(settings), "model.outcomes.int_people")
    for path in settings.landing_dir.glob("*/*.csv*"):
        if f"{path.parent.name}__{FILE_NAME.match(path.name)['extract']}" not in needed:
            path.unlink()
    intake.land_all(settings, contracts, say=lambda _: None)
    with warehouse.built_aside(settings, None, is_whole=False) as put_in_place:
        result = warehouse.run_dbt(settings, "build", "--select", "+int_people", "--exclude-resource-type", "test")
        if not result.success:
            failed = [f"{r.node.name}: {r.message}" for r in result.result.results if r.status not in ("success", "pass")]
            raise RuntimeError("The people could not be built:\n" + "\n".join(failed))
        put_in_place()
    return settings


def compile_models(settings: Settings, models: Iterable[str]) -> None:
    """Leave the SQL of models as a whole build has it under target/compiled. Raises RuntimeError."""
    with redirect_stdout(io.StringIO()):  # dbt shows what it compiles
        done = warehouse.run_dbt(settings, "compile", "--select", *models)
    if not done.success:
        raise RuntimeError("The linking models could not be compiled: see data/dbt/logs/dbt.log of the installation.")


def _extracts_behind(manifest: Path, model: str) -> set[str]:
    """Raw tables that a model rests on, by dbt's manifest: <agency>__<extract>."""
    parents, found, todo = json.loads(manifest.read_text(encoding="utf-8"))["parent_map"], set(), [model]
    while todo:
        found.add(node := todo.pop())
        todo += [parent for parent in parents.get(node, []) if parent not in found]
    return {"__".join(node.split(".")[-2:]) for node in found if node.startswith("source.")}


def attach(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """The two databases of an installation, to read."""
    con.execute(f"attach '{settings.restricted_db}' as restricted (read_only)")
    con.execute(f"attach '{settings.warehouse_db}' as warehouse (read_only)")


def make_truth(con: duckdb.DuckDBPyConnection, truth: Path, seeds: Path) -> int:
    """The table ``truth`` (reference_id, agency, true_person, SUBGROUPS) of an attached installation. Returns how many
    references it lacks: those of rows that the sample world spoilt so that nobody knows whose they are."""
    con.execute(TRUTH.format(truth=truth, years=int(rule(seeds, "review_age_band_years"))))
    refs = "restricted.identity.int_people_references"
    return con.execute(f"select count(*) from {refs} where reference_id not in (select reference_id from truth)").fetchall()[0][0]
