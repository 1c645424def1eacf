"""Claims about the contracts of the nine agencies, and about what a contract may hold."""

from __future__ import annotations

import json

import duckdb
import jsonschema
import pytest
import yaml
from intake_bench import contract
from open_data_contract_standard.model import OpenDataContractStandard

from dagster_project import checks
from dagster_project.contracts import ContractError, dbt_sources, load_contracts, read_contract, write_dbt_sources
from dagster_project.settings import load_settings

SETTINGS = load_settings()
CONTRACTS = load_contracts(SETTINGS.contracts_dir, SETTINGS.seeds_dir)
FILES = sorted(SETTINGS.contracts_dir.glob("*.odcs.yaml"))


def named(extract) -> str:
    return f"{extract.agency}/{extract.name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_contract_is_valid_against_the_open_standard(path):
    validator = jsonschema.Draft201909Validator(json.loads(OpenDataContractStandard.json_schema()))
    faults = [
        f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(yaml.safe_load(path.read_text()))
    ]
    assert not faults
    OpenDataContractStandard.from_file(str(path))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_contract_is_called_after_its_agency(path):
    assert {e.agency for e in read_contract(path)} == {path.name.removesuffix(".odcs.yaml")}


@pytest.mark.parametrize("extract", CONTRACTS.extracts, ids=named)
def test_every_code_list_exists_and_holds_codes(extract):
    for column in extract.columns:
        if column.code_list:
            assert CONTRACTS.codes(column.code_list)


@pytest.mark.parametrize("extract", CONTRACTS.extracts, ids=named)
def test_every_check_and_rule_is_sql_over_the_extract(extract):
    with duckdb.connect() as con:
        columns = ", ".join(f'"{c.name}" varchar' for c in extract.columns)
        con.execute(f"create table sent (_line bigint, _row_number bigint, {columns})")
        con.execute("insert into sent (_line, _row_number) values (2, 1)")
        checks.find(con, extract, CONTRACTS)
        found = con.execute("select distinct column_name from findings where reason = 'required'").fetchall()
    assert {name for (name,) in found} == {c.name for c in extract.columns if c.is_required}


@pytest.mark.parametrize("extract", CONTRACTS.extracts, ids=named)
def test_every_parent_is_a_key_that_exists(extract):
    for column in (c for c in extract.columns if c.parent):
        parent, key = column.parent.split(".")
        assert CONTRACTS.find(extract.agency, parent).key == (key,)


@pytest.mark.parametrize("extract", CONTRACTS.extracts, ids=named)
def test_every_end_is_held_to_its_start_by_a_rule(extract):
    ends = {"end_date", "termination_date", "release_date", "withdrawn_date", "valid_to", "period_end", "disposal_date"}
    ends |= {"attachment_date", "job_outcome_date", "last_sustainment_date"}
    others = {"date_of_birth", "recorded_date", "assessed_date"}  # one day, not the end of anything
    dates = [c.name for c in extract.columns if c.type == "date" and c.name not in others]
    assert set(dates[1:]) <= ends  # a new kind of date belongs to one of the two
    for name in dates[1:]:
        assert any(r.column == name and name in r.fails_when and "<" in r.fails_when for r in extract.rules), name


@pytest.mark.parametrize("extract", CONTRACTS.extracts, ids=named)
def test_every_identifier_column_says_so(extract):
    personal = {"crn", "pnc_id", "noms_number", "ni_number", "first_name", "last_name", "date_of_birth", "postcode", "client_ref"}
    assert {c.name for c in extract.columns if c.name in personal} <= {c.name for c in extract.columns if c.is_identifier}


def test_no_two_extracts_share_a_raw_table():
    tables = [e.table for e in CONTRACTS.extracts]
    assert len(tables) == len(set(tables))


def test_dbt_sources_name_every_extract_and_column_of_the_contracts():
    sources = dbt_sources(CONTRACTS)["sources"]
    found = {(s["name"], t["name"], c["name"]) for s in sources for t in s["tables"] for c in t["columns"]}
    assert found == {(e.agency, e.name, c.name) for e in CONTRACTS.extracts for c in e.columns}


def test_dbt_sources_file_is_left_alone_when_nothing_changed(tmp_path):
    path = write_dbt_sources(CONTRACTS, tmp_path)
    before = path.stat().st_mtime_ns
    assert write_dbt_sources(CONTRACTS, tmp_path).stat().st_mtime_ns == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


FAULTS = [
    ("{name: visit_id", "{name: Visit-Id", "small letters"),
    ("primaryKey: true", "primaryKey: false", "primaryKey"),
    ("value: [client]", "value: [note]", "may be called 'note'"),
    ("logicalType: integer", "logicalType: number", "intake cannot check"),
    ("format: yyyy-MM-dd", "format: dd-MMM-yyyy", "unknown date format"),
    ("column: end_date", "column: last_date", "does not have"),
    ("value: delta", "value: sometimes", "deliveryMode"),
    ('delimiter, value: ","', 'delimiter, value: "||"', "one character"),
    ("encoding, value: utf-8", "encoding, value: utf-9", "encoding 'utf-9'"),
    ("codeValidOn, value: start_date", "codeValidOn, value: hours", "name of a date column"),
    ("value: visit_codes}, ", "value: visit_codes, was: 1}, {property: latestDaysAfterExtract, value: 0}, ", "which is no date"),
    ("latestDaysAfterExtract, value: 0", "latestDaysAfterExtract, value: soon", "not a usable contract"),
    ("smallestPercentOfLast, value: 60", "smallestPercentOfLast, value: 300", "not below largestPercentOfLast"),
    ("required: true\n", "required: true\n        relationships: [{to: people}]\n", "as <extract>.<key>"),
    ("servers:", "serverz:", "not a usable contract"),
    ("id: north", "id: [north", "not a usable contract"),
]


@pytest.mark.parametrize(("was", "becomes", "says"), FAULTS, ids=[f[1] for f in FAULTS])
def test_contract_that_would_go_wrong_later_is_refused_by_name(tmp_path, was, becomes, says):
    path = tmp_path / "north.odcs.yaml"
    assert was in contract()
    path.write_text(contract().replace(was, becomes))
    with pytest.raises(ContractError, match="north.odcs.yaml") as error:
        read_contract(path)
    assert says in str(error.value)


def test_folder_without_a_contract_is_refused(tmp_path):
    with pytest.raises(ContractError, match="no contract"):
        load_contracts(tmp_path, tmp_path)


@pytest.mark.parametrize(("text", "says"), [(None, "has no file"), ("name\nx\n", "has no column"), ("code\n", "holds no code")])
def test_code_list_that_cannot_be_used_is_refused(tmp_path, text, says):
    (tmp_path / "north.odcs.yaml").write_text(contract())
    if text is not None:
        (tmp_path / "visit_codes.csv").write_text(text)
    with pytest.raises(ContractError, match=says):
        load_contracts(tmp_path, tmp_path).codes("visit_codes")


def test_rule_that_is_not_sql_is_refused_by_its_name(tmp_path):
    (tmp_path / "north.odcs.yaml").write_text(contract().replace("end_date < start_date", "ended < start_date"))
    (tmp_path / "visit_codes.csv").write_text("code\nHOME\n")
    contracts = load_contracts(tmp_path, tmp_path)
    with duckdb.connect() as con:
        columns = ", ".join(f'"{c.name}" varchar' for c in contracts.extracts[0].columns)
        con.execute(f"create table sent (_line bigint, _row_number bigint, {columns})")
        with pytest.raises(ContractError, match="end_not_before_start"):
            checks.find(con, contracts.extracts[0], contracts)
