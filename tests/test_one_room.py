"""Identifiers stay in one room: contracts mark them all, one list says where they may be, errors and modes keep to it.

The nights that are looked through are those of test_whole_job.py and of the drill below; test_scanner.py proves the scan.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from one_room import Scanner, open_to_others
from planting import DAY, KEY, NAME, NUMBER, Planter, a_few

from dagster_project import dbt_child, release
from dagster_project.contracts import load_contracts
from dagster_project.places import IDENTIFIERS, NOTHING, PLACES, may_hold
from dagster_project.settings import PROJECT_DIR, load_settings


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner(a_few())


# what may be where -------------------------------------------------------------------------------------------------------------


def test_restricted_places_may_hold_identifiers_and_no_other_place_may():
    for name in (
        "restricted.duckdb",
        "restricted.duckdb.wal",
        "archive/ab/abcd",
        "work/spill-1/a",
        "restricted.duckdb.damaged-1",
    ):
        assert may_hold(f"data/{name}") == IDENTIFIERS, name
    for name in ("data/warehouse.duckdb", "data/building/warehouse.duckdb", "data/refused/1/why.md", "data/dbt/logs/dbt.log"):
        assert may_hold(name) == NOTHING, name
    for name in ("published/1/indicators.csv", "data/guidance/police.html", "data/dagster/storage/a", "data/keys/person_id.key"):
        assert may_hold(name) == NOTHING, name
    assert may_hold("data/nights/1/alert.json") == may_hold("data/nights/alerted.json") == NOTHING
    assert may_hold("landing/police/offences_2013-06-30.csv") == IDENTIFIERS
    assert may_hold("data/rebuilt/20130731T000000Z/data/restricted.duckdb") == IDENTIFIERS
    assert may_hold("data/rebuilt/20130731T000000Z/data/warehouse.duckdb") == NOTHING


def test_the_operations_page_lists_the_restricted_places_as_the_code_has_them():
    page = (PROJECT_DIR / "dbt" / "docs" / "operations.md").read_text()
    section = page.split("## Where identifiers are\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", section, re.M)
    assert listed == [(place.pattern, place.holds, place.why) for place in PLACES]


def test_a_name_that_identifies_in_one_contract_does_in_all():
    columns = [
        c for e in load_contracts(PROJECT_DIR / "expectations" / "contracts", PROJECT_DIR / "seeds").extracts for c in e.columns
    ]
    marked = {c.name for c in columns if c.is_identifier}
    assert len(marked) >= 9
    assert [c.name for c in columns if c.name in marked and not c.is_identifier] == []


def test_every_identifying_column_of_every_contract_is_planted(tmp_path):
    contracts = load_contracts(PROJECT_DIR / "expectations" / "contracts", PROJECT_DIR / "seeds")
    planter = Planter(tmp_path, contracts)
    planted = {place[:3] for value in planter.all() for place in value.places if place[4]}
    columns = {(e.agency, e.name, c.name) for e in contracts.extracts for c in e.columns if c.is_identifier}
    assert columns <= planted
    assert Scanner(planter.list()).days


# errors and modes --------------------------------------------------------------------------------------------------------------

FAILING = [
    f"select cast(x as date) from (values ('{DAY}')) t(x)",
    f"select strptime(x, '%Y-%m-%d') from (values ('{DAY}')) t(x)",
    "select cast(x as int) from (values ('O''Zqfab-Björk Smyth')) t(x)",
    f"select error(x) from (values ('{KEY}')) t(x)",
    f"create temp table t (x varchar primary key); insert into t values ('{KEY}'), ('{KEY}')",
    f"select regexp_matches('a', x) from (values ('({KEY}')) t(x)",
]


@pytest.mark.parametrize("sql", FAILING)
def test_an_error_that_dbt_meets_is_told_without_the_value_it_is_about(scanner, sql):
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager as Connections
    from dbt.exceptions import DbtRuntimeError

    class Connection:
        def rollback_if_open(self):
            pass

    dbt_child.keep_values_out_of_errors()
    with duckdb.connect() as con, pytest.raises(DbtRuntimeError) as told:
        with Connections.exception_handler(Connection(), "select 1"):
            con.execute("create table given as select 1")  # so that the text of the query is not all there is
            con.execute(sql)
    says = "\n".join(
        line for line in str(told.value).splitlines() if "LINE " not in line
    )  # the query itself, here with the value
    assert scanner.look(says.encode()) == [] and "left out here" in says
    with duckdb.connect() as con, pytest.raises(duckdb.Error) as plain:
        con.execute(sql)
    assert scanner.look(str(plain.value).splitlines()[0].encode()), "DuckDB repeats it, or else there is nothing to leave out"


def test_an_error_of_a_python_model_is_told_by_kind_and_place_and_our_own_in_full(scanner):
    trace = f"""Python model failed:
Traceback (most recent call last):
  File "model.py", line 7, in model
    con.execute("{KEY}")
_duckdb.ConversionException: Conversion Error: {NAME}
{DAY}

ValueError: {NUMBER}
dagster_project.linkage.model.ModelUnsound: Train the model: outcomes linkage train.
"""
    says = dbt_child.traced_without_values(trace)
    assert scanner.look(says.encode()) == []
    assert "line 7" in says and "_duckdb.ConversionException: " in says and "outcomes linkage train" in says


@contextmanager
def _umask(mask: int):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("folder", "file_mode", "folder_mode"), [(0o755, 0o644, 0o755), (0o750, 0o640, 0o750), (0o700, 0o600, 0o700)]
)
def test_a_release_is_as_open_as_the_folder_of_releases(tmp_path, folder, file_mode, folder_mode):
    settings = load_settings(home=tmp_path)
    with _umask(0o077):
        release.open_to_readers(settings.published_dir)
        assert settings.published_dir.stat().st_mode & 0o777 == 0o755
        settings.published_dir.chmod(folder)
        candidate = settings.published_dir / ".candidate-1"
        candidate.mkdir()
        (candidate / "indicators.csv").write_text("a")
        made = release.publish_folder(settings, candidate, "1")
        release.open_to_readers(settings.published_dir)
    assert (made / "indicators.csv").stat().st_mode & 0o777 == file_mode
    assert made.stat().st_mode & 0o777 == folder_mode
    assert settings.published_dir.stat().st_mode & 0o777 == folder


# nights ------------------------------------------------------------------------------------------------------------------------


def _outcomes(home: Path, *arguments: str) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OUTCOMES_", "DBT_", "DAGSTER_"))}
    env |= {"OUTCOMES_HOME": str(home), "OUTCOMES_ALERT_COMMAND": "true", "PYTHONPATH": str(PROJECT_DIR)}
    command = [sys.executable, "-m", "dagster_project.cli", *arguments]
    ran = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=500)
    with open(home / "said.log", "a") as log:
        log.write(ran.stdout + ran.stderr)
    return ran


@pytest.mark.drill
def test_nights_of_changes_and_nights_that_fail_leave_no_identifier_either(tmp_path):
    assert _outcomes(tmp_path, "sample", "--people", "400").returncode == 0
    settings = load_settings(home=tmp_path)
    planter = Planter(settings.landing_dir, load_contracts(settings.contracts_dir, settings.seeds_dir))
    planter.all()
    assert _outcomes(tmp_path, "run").returncode == 0
    planter.second_night("2013-07-05")
    second = _outcomes(tmp_path, "run")
    assert second.returncode == 0 and "only the people they speak of" in second.stdout
    assert Scanner(planter.list()).scan(tmp_path) == []
    day = next(value.text for value in planter.list() if value.day and value.day[1:] == (2, 31))
    with duckdb.connect(str(settings.restricted_db)) as con:  # as text would be that was taken under an earlier contract
        con.execute("update raw.probation__people set date_of_birth = ?", [day])
    third = _outcomes(tmp_path, "run", "--full")
    assert third.returncode == 1 and dbt_child.LEFT_OUT in third.stderr
    assert Scanner(planter.list()).scan(tmp_path) == []
    assert open_to_others(tmp_path) == []
