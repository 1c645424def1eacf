"""The whole job as an operator runs it, on a copy of the project that has been given an agency and an indicator of its own."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from one_room import Scanner, open_to_others
from planting import Planted, plant

from dagster_project.settings import PROJECT_DIR

PEOPLE = 1500

CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: charity
name: Visits by a made-up charity
version: 1.0.0
status: active
description: {purpose: Who was visited, usage: A test that an agency needs no Python, limitations: Made up}
team: {name: Charity}
servers:
  - server: landing
    type: local
    path: landing/charity
    format: csv
    customProperties: [{property: delimiter, value: ";"}, {property: encoding, value: utf-8}]
slaProperties: [{property: frequency, value: 1, unit: m}]
schema:
  - name: visits
    description: One row per visit.
    customProperties:
      - {property: deliveryMode, value: full}
      - {property: maxQuarantinedPercent, value: 50}
      - {property: maxQuarantinedRows, value: 10}
      - {property: toleratedQuarantinedRows, value: 5}
    properties:
      - {name: visit_id, logicalType: string, required: true, primaryKey: true, description: Reference of the visit}
      - {name: client, logicalType: string, required: true, classification: identifier, description: Reference of the person}
      - {name: visit_date, logicalType: date, required: true, description: Day, logicalTypeOptions: {format: dd/MM/yyyy}}
"""

STAGING = """-- One row per visit in force.
with sent as (
    {{ in_force('charity', 'visits') }}
)

select visit_id, client as person_ref, visit_date, _delivery_id, _row_number
from sent
"""

PUBLISH_ALONE = """
import sys
import dagster as dg
from dagster_project.definitions import defs
only = dg.AssetSelection.assets("published_release").without_checks()
alone = dg.define_asset_job("alone", only, executor_def=dg.in_process_executor)
job = dg.Definitions.merge(defs(), dg.Definitions(jobs=[alone])).resolve_job_def("alone")
sys.exit(0 if job.execute_in_process(raise_on_error=False).success else 1)
"""

VISITS = "visit_id;client;visit_date\nV1;C1;01/05/2009\nV2;C2;31/02/2009\nV3;C3;03/05/2009\n"

INDICATOR = (
    "TEST1,licences,1,Made-up indicator,Licences that ended with a P45 job.,"
    "termination,employed_p45,licence,Y,at_event,2001-04-01,,computed,Y,A test\n"
)


@dataclass
class Copy:
    """A copy of the project with its own landing, data and published folders."""

    folder: Path
    planted: list[Planted] = field(default_factory=list)  # identifiers that no file of this folder may hold (test_one_room.py)

    def outcomes(self, *arguments: str) -> subprocess.CompletedProcess:
        return self._run("-m", "dagster_project.cli", *arguments)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("OUTCOMES_", "DBT_", "DAGSTER_"))}
        env |= {"PYTHONPATH": str(self.folder), "DAGSTER_HOME": str(self.folder / "data" / "dagster")}
        ran = subprocess.run([sys.executable, *arguments], cwd=self.folder, env=env, capture_output=True, text=True, timeout=500)
        with open(self.folder / "said.log", "a") as log:
            log.write(ran.stdout + ran.stderr)
        return ran

    def publish_without_checks(self) -> subprocess.CompletedProcess:
        """The publishing asset alone, with every asset check left out."""
        return self._run("-c", PUBLISH_ALONE)

    def rows(self, database: str, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.folder / database), read_only=True) as con:
            return con.execute(sql).fetchall()

    def current(self) -> dict[str, bytes]:
        """Every byte that readers can see."""
        return {p.name: p.read_bytes() for p in sorted((self.folder / "published" / "current").iterdir())}


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Copy:
    folder = tmp_path_factory.mktemp("copy") / "project with a space"
    folder.mkdir()
    for name in ("dagster_project", "dbt", "expectations", "seeds"):
        shutil.copytree(PROJECT_DIR / name, folder / name, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    shutil.copy(PROJECT_DIR / "pyproject.toml", folder)
    (folder / "expectations" / "contracts" / "charity.odcs.yaml").write_text(CONTRACT)
    (folder / "dbt" / "models" / "staging" / "charity").mkdir()
    (folder / "dbt" / "models" / "staging" / "charity" / "stg_charity__visits.sql").write_text(STAGING)
    with open(folder / "seeds" / "indicator_definitions.csv", "a") as seed:
        seed.write(INDICATOR)
    made = Copy(folder)
    assert made.outcomes("sample", "--people", str(PEOPLE)).returncode == 0
    made.planted = plant(folder)
    (folder / "landing" / "charity").mkdir()
    (folder / "landing" / "charity" / "visits_2013-06-30.csv").write_text(VISITS)
    ran = made.outcomes("run")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return made


def test_a_new_agency_needs_a_contract_and_a_staging_model_and_no_python(copy):
    assert copy.rows("data/restricted.duckdb", "select visit_id, client, visit_date from raw.charity__visits order by 1") == [
        ("V1", "C1", "01/05/2009"),
        ("V3", "C3", "03/05/2009"),
    ]
    assert copy.rows(
        "data/restricted.duckdb",
        "select line, column_name, reason, offending_text, record_key from intake.quarantine where agency = 'charity'",
    ) == [(3, "visit_date", "bad_date", "31/02/2009", "V2")]
    assert copy.rows(
        "data/restricted.duckdb", "select cast(visit_date as varchar) from staging.stg_charity__visits order by visit_id"
    ) == [
        ("2009-05-01",),
        ("2009-05-03",),
    ]


def test_the_run_leaves_the_nights_summary_with_every_step_and_what_the_new_agency_must_fix(copy):
    folder = copy.folder / "data" / "nights" / "latest"
    told = json.loads((folder / "summary.json").read_text())
    assert (told["result"], told["notes"], told["failures"]) == ("published", [], [])
    assert {"charity_intake", "dbt_models", "publish_release"} <= {
        s["name"] for s in told["ran"]["steps"] if s["outcome"] == "done"
    }
    assert [(f["count"], f["examples"]) for a in told["agencies"] if a["agency"] == "charity" for f in a["fixes"]] == [
        (1, ["V2 (line 3)"])
    ]
    assert "V2" in (folder / "fix_charity.csv").read_text()


def test_a_new_indicator_is_one_row_and_equals_a_count_by_hand(copy):
    window = "event_date >= date '2009-04-01' and event_date < date '2009-08-01'"
    expected = copy.rows(
        "data/warehouse.duckdb",
        "select count(*) filter (employed_p45_status = 'yes'), count(*), count(*) filter (employed_p45_status = 'unknown') "
        f"from marts.minimum_outcomes where order_group = 'licence' and is_in_scope and {window}",
    )[0]
    found = copy.rows(
        "data/warehouse.duckdb",
        "select numerator, denominator, unknown_count from indicators.indicators "
        "where indicator_id = 'TEST1' and geography_type = 'nation' and period_type = 'published_window'",
    )
    assert found == [expected]
    assert expected[1] > 0
    assert (
        copy.rows("published/current/outcomes.duckdb", "select count(*) from indicators where indicator_id = 'TEST1'")[0][0] > 0
    )


def test_the_command_answers_a_query_and_a_trace_from_the_release(copy):
    asked = copy.outcomes(
        "query",
        "--format",
        "csv",
        "select count(*) as n from indicators where indicator_id = 'NI143' and view_id = 'policy' "
        "and period_type = 'published_window' and geography_type = 'probation_area'",
    )
    assert list(csv.DictReader(asked.stdout.splitlines())) == [{"n": "42"}], asked.stderr
    traced = copy.outcomes("trace", "NI143", "London", "2009/10")
    assert traced.returncode == 0, traced.stderr
    assert "Settled and suitable accommodation" in traced.stdout
    assert "probation" in traced.stdout


def test_running_again_changes_nothing(copy):
    before = copy.current()
    again = copy.outcomes("run")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "the same bytes were taken before" in again.stdout
    assert copy.current() == before


def test_the_release_and_its_rebuild_as_at_then_are_equal_byte_for_byte(copy):
    again = copy.outcomes("run", "--as-at", os.readlink(copy.folder / "published" / "current"))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "byte for byte" in again.stdout, again.stdout


def test_a_second_run_at_the_same_time_is_told_who_runs(copy):
    import fcntl

    with open(copy.folder / "data" / "run.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = copy.outcomes("run")
    assert refused.returncode == 1
    assert "Another run is in progress" in refused.stdout + refused.stderr


def test_the_publishing_asset_alone_with_checks_skipped_refuses_damaged_tables(copy):
    before = copy.current()
    with duckdb.connect(str(copy.folder / "data" / "warehouse.duckdb")) as con:
        con.execute(
            "update publish.indicators set numerator = denominator + 1 where status = 'available' and indicator_id = 'NI143'"
        )
    refused = copy.publish_without_checks()
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "The release was refused" in refused.stdout + refused.stderr
    assert copy.current() == before


def test_the_whole_job_refuses_when_half_of_the_orders_are_gone(copy):
    before = copy.current()
    orders = next((copy.folder / "landing" / "probation").glob("orders_2013-06-30.csv*"))
    lines = orders.read_text().splitlines(keepends=True)
    half = "".join(lines[: len(lines) // 2])
    (copy.folder / "landing" / "probation" / "orders_2013-07-31.csv").write_text(half)
    with open(copy.folder / "seeds" / "delivery_confirmations.csv", "a") as seed:  # or intake would not take it
        seed.write(f"probation,orders,{hashlib.sha256(half.encode()).hexdigest()},A test,Ann Smith,2013-08-01\n")
    refused = copy.outcomes("run")
    assert refused.returncode == 1, refused.stdout
    assert "orders_2013-07-31.csv: accepted" in refused.stdout
    assert copy.current() == before
    pages = sorted((copy.folder / "data" / "refused").glob("*/why.md"))
    assert "volume" in pages[-1].read_text()
    assert "Readers see release" in refused.stderr and "The night's page" in refused.stderr


def test_the_manifest_names_each_delivery_and_the_hash_of_each_file(copy):
    folder = copy.folder / "published" / "current"
    manifest = json.loads((folder / "manifest.json").read_text())
    text = json.dumps(manifest)
    for delivery, content_hash in copy.rows(
        "data/restricted.duckdb", "select delivery_id, content_hash from intake.deliveries where extract_date <= '2013-06-30'"
    ):
        assert delivery in text
        assert content_hash in text
    for name in ("outcomes.duckdb", "indicators.csv", "indicators.parquet"):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in text


def test_every_worked_question_of_the_docs_runs_and_has_an_answer(copy):
    page = (PROJECT_DIR / "dbt" / "docs" / "queries.md").read_text()
    questions = re.findall(r"```sql\n(.*?)```", page, re.S)
    assert len(questions) >= 8
    for question in questions:
        assert copy.rows("published/current/outcomes.duckdb", question), question


def test_the_planted_people_were_taken_linked_and_counted(copy):
    """Or else nothing is proved by not finding them."""
    keys = {p.text for p in copy.planted if any(is_key and is_identifier for *_, is_key, is_identifier in p.places)}
    named = ", ".join("'" + key.replace("'", "''") + "'" for key in keys)
    linked = f"select person_id, max(reference_count) from identity.int_people where person_ref in ({named}) group by person_id"
    people = copy.rows("data/restricted.duckdb", linked)
    assert len(people) == 2 and min(count for _, count in people) >= 6, people
    spells = "select person_id from spells.int_accommodation_spells union all select person_id from spells.int_custody_spells"
    ids = ", ".join(str(person) for person, _ in people)
    assert copy.rows("data/warehouse.duckdb", f"select count(*) from ({spells}) where person_id in ({ids})")[0][0] >= 2


def test_no_night_leaves_a_planted_identifier_outside_the_restricted_places(copy):
    found = Scanner(copy.planted).scan(copy.folder)
    assert not found, found[:20]


def test_everything_in_the_data_folder_is_for_its_owner_only_and_what_is_published_is_open(copy):
    assert open_to_others(copy.folder) == []
    for path in (copy.folder / "published", *(copy.folder / "published").rglob("*")):
        assert path.stat().st_mode & 0o044 == 0o044, path
