"""Every dbt model, seed and test as Dagster assets and asset checks."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from dagster_project import damage, edge, gate_engine, memory, warehouse

LAST_LARGE = "outcome_counts"  # once it is made, what is left to build is small: there is memory for the gate's libraries
FITS = 4  # where DuckDB may take so many times the memory that the records take on disk, there is from the beginning


class Translator(DagsterDbtTranslator):
    """Groups by layer, one owner; raw tables keep the keys that intake gave them."""

    def get_group_name(self, dbt_resource_props: dict) -> str | None:
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        return dbt_resource_props["fqn"][2] if "intermediate" in dbt_resource_props["fqn"] else dbt_resource_props["fqn"][1]

    def get_description(self, dbt_resource_props: dict) -> str:
        """What the yml says, or else the rule in words on the model's first lines."""
        lines = (dbt_resource_props.get("raw_code") or "").splitlines()
        opening = " ".join(line[3:] for line in itertools.takewhile(lambda line: line.startswith("-- "), lines))
        return (
            dbt_resource_props.get("description")
            or opening
            or f"Seed {dbt_resource_props['name']}: facts as rows, each with its source."
        )

    def get_owners(self, dbt_resource_props: dict) -> list[str]:
        return [edge.OWNER]


def _database_of(schema: str):
    restricted = schema in ("staging", "identity")
    return edge.settings().restricted_db if restricted else edge.settings().warehouse_db


@dbt_assets(
    manifest=edge.dbt_project().manifest_path,
    project=edge.dbt_project(),
    dagster_dbt_translator=Translator(
        DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_duplicate_source_asset_keys=True)
    ),
    required_resource_keys={"dbt", "run_lock"},
)
def dbt_models(context: dg.AssetExecutionContext) -> Iterator:
    """Run ``dbt build``; when it has let go of the databases, say of each table how many rows and which columns it has."""
    log = edge.settings().data_dir / "dbt" / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    events = []
    is_whole = context.selected_asset_keys == dbt_models.keys
    may_mend = is_whole and not edge.is_full_asked(context.run.tags)
    with warehouse.built_aside(edge.settings(), edge.today(), is_whole, may_mend) as put_in_place:
        memory.give_back()  # what intake took: dbt's own process needs it now
        if edge.settings().restricted_db.stat().st_size * FITS < memory.bytes_of(edge.settings().memory_limit):
            gate_engine.make_ready()
        invocation = context.resources.dbt.cli(warehouse.dbt_build(), context=context, raise_on_error=False)
        with open(log, "w", encoding="utf-8") as file:
            stream = iter(invocation.stream())
            while True:
                with contextlib.redirect_stdout(file):
                    event = next(stream, None)
                if event is None:
                    break
                events.append(event)
                if _name(event) == LAST_LARGE:
                    gate_engine.make_ready()
                if len(events) % 50 == 0:
                    print(f"dbt: {len(events)} models and checks done", flush=True)
        print(f"dbt: {len(events)} models and checks done; its log is {log}", flush=True)
        if invocation.is_successful():
            put_in_place()
    facts = {}
    for database in (edge.settings().restricted_db, edge.settings().warehouse_db):
        facts |= edge.table_facts(database)
    for event in events:
        yield _with_facts(event, facts)
    if not invocation.is_successful():
        said = "; ".join(_failures(invocation)) or _why_nothing_ran(log)
        raise dg.Failure(description=f"{said}. The whole log is {log}. The published release is untouched.", allow_retries=False)


def _failures(invocation) -> list[str]:
    """What failed and how, a line each, at most five."""
    with contextlib.suppress(Exception):  # dbt may have died before it wrote its results
        results = invocation.get_artifact("run_results.json")["results"]
        failed = [r for r in results if r["status"] in ("error", "fail")]
        says = {r["unique_id"]: [line.strip() for line in (r["message"] or r["status"]).splitlines()] for r in failed[:5]}
        return [f"{name.split('.', 2)[2]}: {' '.join(lines[:2])}" for name, lines in says.items()]
    return []


def _why_nothing_ran(log: Path) -> str:
    """What kept dbt from its first model: a database that another process held all the while, or else the log must be read."""
    held = damage.held_by(log.read_text(encoding="utf-8", errors="replace"))
    return f"dbt ran no model: {held}" if held else "dbt stopped before it ran a model"


def _name(event) -> str:
    """The model or seed that an output is of; nothing for other events."""
    told = event.metadata.get("unique_id") if isinstance(event, dg.Output) else None
    return str(told.value).split(".")[-1] if told else ""


def _with_facts(event, facts: dict):
    """An output with the row count and columns of its table; anything else as it is."""
    name = _name(event)
    if not name:
        return event
    found = next((f for (schema, table), f in facts.items() if name in (table, f"{schema}_{table}")), {})
    return dg.Output(event.value, output_name=event.output_name, metadata={**event.metadata, **found})
