"""Who may read whom, where identifiers may stand, and what is written about each table: held over dbt's own manifest.

| layer        | may read                                                              |
|--------------|-----------------------------------------------------------------------|
| staging      | its one source, the register of deliveries and the clock              |
| intermediate | staging, intermediate, seeds; `changes`, in a night of changes, what  |
|              | records were before as well (macros/nights.sql)                       |
| marts        | intermediate, seeds                                                   |
| indicators   | marts, indicators, seeds                                              |
| publish      | marts, indicators, publish; and the seeds named in SEEDS_OF_PUBLISH    |
"""

from __future__ import annotations

import copy
import json

import duckdb
import pytest

from dagster_project import warehouse
from dagster_project.bench.linkage import SEEDS_READ
from dagster_project.bench.linkage_ways import BROKEN, EXACT, REFERENCES
from dagster_project.contracts import load_contracts

MAY_READ = {
    "staging": {"source"},
    "intermediate": {"staging", "intermediate", "seed"},
    "marts": {"intermediate", "seed"},
    "indicators": {"marts", "indicators", "seed"},
    "publish": {"marts", "indicators", "publish"},
}
SEEDS_OF_PUBLISH = {  # model: the seed that it publishes as it is, or whose rule of release it follows
    "publish_indicator_definitions": {"indicator_definitions"},
    "publish_published_comparison": {"published_figures"},
    "publish_linkage_rates": {"disclosure_rules"},
    "publish_indicator_linkage": {"disclosure_rules"},
    "publish_linkage_by_subgroup": {"disclosure_rules"},
}
REGISTER = {f"source.outcomes.intake.{table}" for table in ("deliveries", "first_seen", "clock", "standing")}
RESTRICTED_FOLDERS = {("staging",), ("intermediate", "identity"), ("intermediate", "changes")}
OURS = {"person_ref", "reference_id"}  # identifiers under the names that staging and identity give them


@pytest.fixture(scope="module")
def manifest(hand_world) -> dict:
    path = hand_world.settings.data_dir / "dbt" / "target" / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8"))


def models(manifest: dict) -> list[dict]:
    return [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]


def layer(node: dict) -> str:
    """The layer of a node: the folder that its model stands in, or what it is."""
    return node["fqn"][1] if node["resource_type"] == "model" else node["resource_type"]


def breaches(manifest: dict) -> list[str]:
    """Every reading that the table above does not allow, in words."""
    found = []
    nodes = manifest["nodes"] | manifest["sources"]
    for model in models(manifest):
        read = [nodes[name] | {"unique_id": name} for name in model["depends_on"]["nodes"]]
        for parent in read:
            is_named_seed = layer(parent) == "seed" and parent["name"] in SEEDS_OF_PUBLISH.get(model["name"], ())
            if layer(parent) not in MAY_READ[layer(model)] and not is_named_seed:
                found.append(f"{layer(model)} {model['name']} reads {layer(parent)} {parent['name']}")
        if layer(model) == "staging":
            sources = {p["unique_id"] for p in read if layer(p) == "source"} - REGISTER
            expected = 0 if model["fqn"][2] == "intake" else 1
            if len(sources) != expected:
                found.append(f"staging {model['name']} reads {len(sources)} sources")
            if any(nodes[s]["source_name"] != model["fqn"][2] for s in sources):
                found.append(f"staging {model['name']} reads the source of another agency")
    return found


def test_every_model_stands_in_a_layer_of_the_table(manifest):
    assert {layer(m) for m in models(manifest)} == set(MAY_READ)


def test_layers_read_only_what_the_table_allows(manifest):
    assert breaches(manifest) == []


@pytest.mark.parametrize(
    ("reader", "parent"),
    [
        ("model.outcomes.minimum_outcomes", "model.outcomes.stg_probation__people"),
        ("model.outcomes.minimum_outcomes", "model.outcomes.release_outcomes"),
        ("model.outcomes.indicators", "model.outcomes.int_terminations"),
        ("model.outcomes.publish_indicators", "model.outcomes.int_people"),
        ("model.outcomes.publish_indicators", "seed.outcomes.areas"),
        ("model.outcomes.int_people", "source.outcomes.probation.people"),
        ("model.outcomes.int_people", "model.outcomes.minimum_outcomes"),
        ("model.outcomes.stg_probation__people", "source.outcomes.probation.orders"),
        ("model.outcomes.stg_probation__people", "seed.outcomes.areas"),
        ("model.outcomes.stg_intake__deliveries", "source.outcomes.prisons.people"),
    ],
)
def test_a_forbidden_reading_is_seen(manifest, reader, parent):
    changed = copy.deepcopy(manifest)
    assert parent in changed["nodes"] or parent in changed["sources"]
    changed["nodes"][reader]["depends_on"]["nodes"].append(parent)
    assert any(changed["nodes"][reader]["name"] in breach for breach in breaches(changed))


def test_a_staging_model_that_reads_another_agency_instead_of_its_own_is_seen(manifest):
    changed = copy.deepcopy(manifest)
    changed["nodes"]["model.outcomes.stg_probation__people"]["depends_on"]["nodes"] = [
        "source.outcomes.prisons.people",
        *REGISTER,
    ]
    assert breaches(changed) == ["staging stg_probation__people reads the source of another agency"]


def test_the_bench_of_linkage_is_given_all_that_the_models_of_exact_links_read(manifest):
    read = {p for name in EXACT for p in manifest["nodes"][f"model.outcomes.{name}"]["depends_on"]["nodes"]}
    read = {manifest["nodes"][p]["name"] for p in read if "changes" not in manifest["nodes"][p]["fqn"]}
    assert read - set(EXACT) == {REFERENCES, BROKEN, "int_people_overrides", *SEEDS_READ}


def stands_still(node: dict) -> bool:
    """Whether a night of changes has it from the last build, as definitions alone make it."""
    return node["resource_type"] == "seed" or node["config"]["materialized"] == "view"


def asks_how_the_night_goes(manifest: dict, node: dict) -> bool:
    """Whether the SQL of a node is another in a night of changes."""
    known, waiting = set(), set(node["depends_on"]["macros"])
    while waiting:
        known |= waiting
        waiting = {m for name in waiting for m in manifest["macros"][name]["depends_on"]["macros"]} - known
    return "macro.outcomes.is_mending" in known


def test_what_a_night_of_changes_does_not_build_again_is_the_same_in_every_night(manifest):
    assert [m["name"] for m in models(manifest) if stands_still(m) and asks_how_the_night_goes(manifest, m)] == []
    assert [m["name"] for m in models(manifest) if asks_how_the_night_goes(manifest, m)] != []


def test_a_night_of_changes_asks_every_test_save_those_of_what_stands_alone(hand_world, manifest):
    def listed(*arguments: str) -> set[str]:
        found = warehouse.run_dbt(
            hand_world.settings, "ls", "--select", "fqn:*", *arguments, "--output", "json", "--output-keys", "unique_id"
        )
        return {json.loads(line)["unique_id"] for line in found.result}

    nodes = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] != "operation"}
    left_out = {nodes[name]["unique_id"] for name in listed() - listed(*warehouse.STANDS_STILL)}
    still = {name for name, node in nodes.items() if stands_still(node)}
    tests_of_them = {
        n for n, node in nodes.items() if node["resource_type"] == "test" and set(node["depends_on"]["nodes"]) <= still
    }
    assert still and tests_of_them
    assert left_out == still | tests_of_them


def test_the_restricted_database_holds_staging_identity_and_decisions_on_people_and_nothing_else(manifest):
    for model in models(manifest):
        is_restricted_folder = any(tuple(model["fqn"][1 : 1 + len(f)]) == f for f in RESTRICTED_FOLDERS)
        assert (model["database"] == "restricted") == is_restricted_folder, model["name"]
    assert {n["name"] for n in manifest["nodes"].values() if n["resource_type"] == "seed" and n["database"] == "restricted"} == {
        "linkage_overrides"
    }  # decisions name people by their agencies' references


def identifiers(settings) -> set[str]:
    """The names, and other names, of every column that a contract marks as an identifier."""
    marked = [
        c for e in load_contracts(settings.contracts_dir, settings.seeds_dir).extracts for c in e.columns if c.is_identifier
    ]
    return {name for c in marked for name in (c.name, *c.aliases)}


def test_no_table_of_the_warehouse_has_a_column_that_a_contract_marks_as_identifier(hand_world):
    forbidden = identifiers(hand_world.settings) | OURS
    assert {"crn", "ni_number", "last_name", "date_of_birth", "postcode"} <= forbidden
    with duckdb.connect(str(hand_world.settings.warehouse_db), read_only=True) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "where database_name = current_database() and not internal"
        ).fetchall()
    # linkage_overrides is a seed: it names references by hand and is empty in the project
    held = [c for c in columns if c[1] != "linkage_overrides"]
    assert len({c[:2] for c in held}) > 40
    assert [c for c in held if c[2] in forbidden or any(c[2].endswith("_" + name) for name in forbidden - {"crn"})] == []


def test_no_text_of_the_warehouse_is_a_reference_or_a_name_of_a_person(hand_world):
    persons = hand_world.restricted("select * from identity.int_people_references")
    secret = {
        str(p[c]).upper()
        for p in persons
        for c in ("person_ref", "ni_number", "noms_number", "pnc_id", "crn", "postcode")
        if p[c]
    }
    secret |= {str(p["first_name"]) + str(p["last_name"]) for p in persons} | {str(p["date_of_birth"]) for p in persons}
    assert len(secret) > 100
    with duckdb.connect(str(hand_world.settings.warehouse_db), read_only=True) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where database_name = current_database() "
            "and not internal and data_type = 'VARCHAR' and schema_name <> 'seeds'"
        ).fetchall()
        assert len(columns) > 100
        for schema, table, column in columns:
            values = {v for (v,) in con.execute(f'select distinct upper("{column}") from {schema}."{table}"').fetchall()}
            assert not values & secret, f"{schema}.{table}.{column}"


OPEN_LAYERS = ("marts", "indicators", "publish")


@pytest.mark.parametrize("name", OPEN_LAYERS)
def test_every_model_and_column_that_readers_meet_is_described(hand_world, manifest, name):
    with duckdb.connect(str(hand_world.settings.warehouse_db), read_only=True) as con:
        built = con.execute("select schema_name, table_name, column_name from duckdb_columns() where not internal").fetchall()
    for model in (m for m in models(manifest) if layer(m) == name):
        assert model["description"].startswith("One row"), f"{model['name']}: the description says what one row is"
        columns = [c for s, t, c in built if (s, t) == (model["schema"], model["alias"])]
        assert columns and [c for c in columns if not model["columns"].get(c, {}).get("description")] == [], model["name"]


@pytest.mark.parametrize("name", OPEN_LAYERS)
def test_every_model_that_readers_meet_is_held_to_a_contract(manifest, name):
    assert [m["name"] for m in models(manifest) if layer(m) == name and not m["config"]["contract"]["enforced"]] == []
