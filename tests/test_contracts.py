"""Claims about the contracts of the nine agencies, and about what a contract may hold."""

from __future__ import annotations

import inspect
import json
import re

import duckdb
import jsonschema
import pytest
import yaml
from intake_bench import contract
from open_data_contract_standard.model import OpenDataContractStandard

from dagster_project import checks, contract_words, contracts, guidance
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
    (
        "value: visit_codes}, ",
        "value: visit_codes, id: kinds}, {property: latestDaysAfterExtract, value: 0}, ",
        "which is no date",
    ),
    ("latestDaysAfterExtract, value: 0", "latestDaysAfterExtract, value: soon", "not a usable contract"),
    ("latestDaysAfterExtract, value: 0", "latestDaysAfterExtract, value: 99999999999", "Write days, from 0 to 36,500."),
    ("smallestPercentOfLast, value: 60", "smallestPercentOfLast, value: 300", "not below largestPercentOfLast"),
    ("required: true\n", "required: true\n        relationships: [{to: people}]\n", "as <extract>.<key>"),
    ("servers:", "serverz:", "Did you mean 'servers'?"),
    ("servers:", "name: North\nservr: 1\nservers:", "has the name 'servr'"),
    ("{name: note, ", "{name: note, requried: true, ", "'note' has the name 'requried'"),
    ("{name: note, ", "{name: note, unique: true, ", "'unique', which is not known"),
    ("name: note, ", "name: note, classification: identifer, ", "Did you mean 'identifier'?"),
    ("value: [client]", "value: client", "has aliases 'client', which are no list. Write [client]."),
    ("property: codeList", "property: codelist", "column 'kind_code' has the custom property 'codelist'"),
    ("codeList, value: visit_codes", "codeList, valeu: visit_codes", "Did you mean 'value'?"),
    ("property: mayRepeat", "property: mayrepeat", "Did you mean 'mayRepeat'?"),
    ("property: delimiter", "property: delimeter", "the server has the custom property 'delimeter'"),
    ("property: frequency", "property: frequencey", "Did you mean 'frequency'?"),
    ("value: 1, unit: m", "value: 1, units: m", "service level 'frequency' has the name 'units'"),
    ("engine: row_rule", "engine: rowrule", "rule 'end_not_before_start' with engine 'rowrule'"),
    ("        engine: row_rule\n", "", "with engine 'None', which checks nothing"),
    ("failsWhen:", "failswhen:", "Did you mean 'failsWhen'?"),
    ("description: One row per visit.", "descripton: One row per visit.", "extract 'visits' has the name 'descripton'"),
    ("pattern:", "patern:", "Did you mean 'pattern'?"),
    ("{minimum: 0, maximum: 5000}", "{minimum: 0, maxLength: 4}", "logicalTypeOptions of type integer the name 'maxLength'"),
    ("{name: is_home, logicalType: boolean}", "{name: is_home, quality: [{name: x, rule: nullValues}]}", "nobody would check"),
    ("required: true, primaryKey", 'required: "no", primaryKey', "has required 'no'. Write true or false."),
    ("minimum: 0,", "minimum: never,", "column 'hours' with minimum 'never'. Write a whole number."),
    ('minimum: "1950-01-01"', "minimum: never", "column 'start_date' with minimum 'never'. Write a day as 2013-07-15."),
    ("minimum: 0,", "minimum: 5001,", "minimum 5001, which is above its maximum 5000"),
    ('pattern: "V[0-9]+"', 'pattern: "[("', "column 'visit_id' with pattern '[(', which is no regular expression"),
    ('pattern: "V[0-9]+"', "maxLength: long", "with maxLength 'long'"),
    ("end_date < start_date", "end_date <", "rule 'end_not_before_start' on column 'end_date', whose failsWhen is no SQL"),
    ("end_date < start_date", "end_date < started", "is no SQL over its columns"),
    ("name: changes", "name: visits", "extract 'visits' is there twice"),
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


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("peopel.person_ref", "there is no extract 'peopel'. Did you mean 'people'?"),
        ("people.person_rev", "'person_rev' is not the key of 'people'. Did you mean 'person_ref'?"),
    ],
)
def test_relationship_to_what_is_not_there_is_refused(tmp_path, to, says):
    path = tmp_path / "north.odcs.yaml"
    path.write_text(contract(has_people=True))
    assert read_contract(path)
    path.write_text(contract(has_people=True).replace("to: people.person_ref", f"to: {to}"))
    with pytest.raises(ContractError, match="north.odcs.yaml: extract 'visits' has column 'person_ref'") as error:
        read_contract(path)
    assert says in str(error.value)


def test_two_contracts_of_one_id_are_refused(tmp_path):
    (tmp_path / "visit_codes.csv").write_text("code\nHOME\n")
    for name in ("north", "south"):
        (tmp_path / f"{name}.odcs.yaml").write_text(contract())
    with pytest.raises(ContractError, match="south.odcs.yaml: has the id 'north', as north.odcs.yaml has"):
        load_contracts(tmp_path, tmp_path)


def test_code_list_of_a_typo_is_refused_by_file_extract_and_column(tmp_path):
    (tmp_path / "visit_codes.csv").write_text("code\nHOME\n")
    (tmp_path / "north.odcs.yaml").write_text(contract().replace("value: visit_codes", "value: visit_code"))
    with pytest.raises(ContractError, match="north.odcs.yaml: extract 'visits', column 'kind_code'.*mean 'visit_codes'"):
        load_contracts(tmp_path, tmp_path).codes("visit_code")


def test_code_list_that_a_spreadsheet_saved_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "visit_codes.csv").write_text("code\nHOME\n", encoding="utf-8-sig")
    (tmp_path / "north.odcs.yaml").write_text(contract())
    assert load_contracts(tmp_path, tmp_path).codes("visit_codes") == {"HOME"}


def test_what_the_standard_has_for_readers_is_allowed(tmp_path):
    path = tmp_path / "north.odcs.yaml"
    for_readers = "logicalType: string, tags: [a], businessName: Note, examples: [x], logicalTypeOptions: {maxLength: 9}"
    text = contract().replace("{name: note, logicalType: string", "{name: note, " + for_readers)
    path.write_text(text.replace("status: active", "status: active\ntags: [pilot]\nsupport: []"))
    assert read_contract(path)


def test_names_that_are_known_are_those_of_the_standard():
    schema = json.loads(OpenDataContractStandard.json_schema())

    def names(of):
        return {*schema["$defs"][of]["properties"]}

    element = names("SchemaElement")
    assert {*contract_words.STANDARD["the contract"].split()} == {*schema["properties"]}
    assert {*contract_words.STANDARD["an extract"].split()} == element | names("SchemaObject")
    assert {*contract_words.STANDARD["a column"].split()} == element | names("SchemaBaseProperty")
    assert {*contract_words.STANDARD["a service level"].split()} == names("ServiceLevelAgreementProperty")
    assert {*contract_words.STANDARD["a custom property"].split()} == names("CustomProperty")


def test_custom_properties_that_are_known_are_those_that_are_read():
    read = {
        m
        for code in (contracts, guidance)
        for m in re.findall(r'(?:custom|_custom\(node\))(?:\.get\(|\[)"(\w+)"', inspect.getsource(code))
    }
    read |= set(re.findall(r'server\.get\("(\w+)"', inspect.getsource(contracts)))
    assert read == {name for names in contract_words.CUSTOM.values() for name in names.split()}


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
