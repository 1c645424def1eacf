"""A night's record and its small costs: Dagster's record is what it always was, in few openings, and dbt starts once."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from nights_lab import copy_project

from dagster_project import edge, warehouse
from dagster_project.run_record import kept_open
from dagster_project.settings import load_settings


@dg.asset
def first():
    return 1


@dg.asset(check_specs=[dg.AssetCheckSpec("is_two", asset="second")])
def second(first):
    yield dg.Output(2)
    yield dg.AssetCheckResult(passed=True)


@dg.op
def fails():
    raise ValueError("as it must")


@dg.job
def failing():
    fails()


@pytest.fixture
def opened(monkeypatch):
    """The files that Dagster opens for its record of events."""
    names, make = [], sqlite_event_log.create_engine
    monkeypatch.setattr(sqlite_event_log, "create_engine", lambda name, **how: names.append(name) or make(name, **how))
    return names


def _told(instance, run_id):
    return [(e.dagster_event.event_type_value, e.dagster_event.step_key) for e in instance.all_logs(run_id) if e.dagster_event]


def test_a_record_kept_open_is_the_record_that_dagster_writes_in_few_openings(tmp_path, opened):
    told, openings = [], []
    for name, keep in (("plain", False), ("kept", True)):
        (tmp_path / name).mkdir()
        with dg.DagsterInstance.local_temp(str(tmp_path / name)) as instance:
            opened.clear()
            if keep:
                with kept_open(instance):
                    run = dg.materialize([first, second], instance=instance)
                    with dg.DagsterInstance.local_temp(str(tmp_path / name)) as other:  # the UI looks on
                        assert _told(other, run.run_id) == _told(instance, run.run_id)
                        opened_by_other = len(opened)
                openings.append(opened_by_other)
            else:
                run = dg.materialize([first, second], instance=instance)
                openings.append(len(opened))
            assert run.success and "_connect" not in vars(instance.event_log_storage)
        with dg.DagsterInstance.local_temp(str(tmp_path / name)) as again:
            told.append(_told(again, run.run_id))
            assert again.get_latest_materialization_event(dg.AssetKey("second")).run_id == run.run_id
    assert told[0] == told[1]
    assert openings[1] * 3 < openings[0]


def test_a_record_kept_open_holds_a_failure_as_well(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance, kept_open(instance):
        run = failing.execute_in_process(instance=instance, raise_on_error=False)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as again:
        assert "STEP_FAILURE" in [kind for kind, _ in _told(again, run.run_id)]


def test_a_record_that_is_not_in_files_is_left_as_it_is():
    with dg.DagsterInstance.ephemeral() as instance, kept_open(instance):
        assert dg.materialize([first, second], instance=instance).success


def test_the_version_of_dbt_is_known_without_starting_it():
    said = subprocess.run([sys.executable, "-c", "from dbt.version import installed; print(installed.to_version_string(True))"],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert str(edge.Dbt._cli_version.fget(None)) == said.strip().lstrip("=")


def test_dagster_looks_for_a_table_of_its_record_until_it_is_there_and_then_no_more(tmp_path, monkeypatch):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        asked, has_table = [], instance.event_log_storage.has_table
        monkeypatch.setattr(type(instance.event_log_storage), "has_table", lambda _, name: asked.append(name) or has_table(name))
        with kept_open(instance):
            dg.materialize([first, second], instance=instance)
            assert instance.event_log_storage.supports_asset_checks
            assert not any(instance.event_log_storage.has_table("nowhere") for _ in range(2))
        found = [name for name in asked if name != "nowhere"]
        assert len(found) == len(set(found)) > 0 and asked.count("nowhere") == 2
        assert "has_table" not in vars(instance.event_log_storage)


@pytest.fixture
def read_here(monkeypatch) -> list[tuple]:
    """What dbt is asked for in this process; it does nothing."""
    asked = []
    monkeypatch.setattr(warehouse, "run_dbt", lambda *of: asked.append(of))
    return asked


def test_dbt_reads_a_project_in_a_process_of_its_own_and_once(tmp_path, read_here, monkeypatch):
    settings = load_settings(home=tmp_path)
    with warehouse.manifest_made_meanwhile(settings):
        assert not warehouse._manifest(settings).exists()  # this process goes on meanwhile
    assert warehouse.ensure_manifest(settings) == warehouse._manifest(settings)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("the project has been read"))
    with warehouse.manifest_made_meanwhile(settings):
        pass
    assert read_here == []


def test_who_asks_for_the_manifest_while_another_process_writes_it_waits_for_the_whole(tmp_path, read_here):
    settings = load_settings(home=tmp_path)
    with warehouse.manifest_made_meanwhile(settings):
        assert not warehouse._manifest(settings).exists()
        assert warehouse._is_whole(warehouse.ensure_manifest(settings))
    assert read_here == []


def test_of_a_project_that_dbt_cannot_read_the_night_itself_says_why(tmp_path):
    project = copy_project(tmp_path / "project", [])
    (project / "dbt" / "dbt_project.yml").write_text("name: outcomes\n")
    settings = load_settings(home=tmp_path / "home", project_dir=project)
    with warehouse.manifest_made_meanwhile(settings):
        pass
    with pytest.raises(RuntimeError, match="(?s)dbt cannot read the project: .*no profile was specified"):
        warehouse.ensure_manifest(settings)
