"""dbt as the night's child says what is read, and spends nothing on what is not."""

import io
import threading

import duckdb
import pytest
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.environments import Environment
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.logger import LineFormat, LoggerConfig
from dbt_common.events.types import Note

from dagster_project import dbt_child
from dagster_project.defs.transform.dbt_models import _why_nothing_ran


@pytest.fixture
def manager(monkeypatch):
    for of, name in ((EventManager, "fire_event"), (BaseEvent, "__init__"), (BaseEvent, "__getattr__")):
        monkeypatch.setattr(of, name, getattr(of, name))  # put back when the test is over
    dbt_child.say_nothing_unread()
    return EventManager()


def _log(manager: EventManager, level: EventLevel) -> tuple[io.StringIO, list[str]]:
    """What a log of the level keeps, and all lines that were made for it."""
    kept, made = io.StringIO(), []
    manager.add_logger(LoggerConfig(name=f"test_{id(kept)}", level=level, line_format=LineFormat.Json, output_stream=kept))
    create = manager.loggers[-1].create_line
    manager.loggers[-1].create_line = lambda event: made.append(event.info.msg) or create(event)
    return kept, made


def test_a_line_that_no_log_keeps_is_not_made(manager):
    kept, made = _log(manager, EventLevel.INFO)
    manager.fire_event(Note(msg="a thought"), EventLevel.DEBUG)
    manager.fire_event(Note(msg="a result"), EventLevel.INFO)
    assert made == ["a result"]
    assert "a result" in kept.getvalue()


def test_a_log_that_keeps_every_thought_gets_it(manager):
    _log(manager, EventLevel.INFO)
    kept, _ = _log(manager, EventLevel.DEBUG)
    manager.fire_event(Note(msg="a thought"), EventLevel.DEBUG)
    assert "a thought" in kept.getvalue()


def test_a_thought_is_put_together_when_it_is_read_and_not_before(manager, monkeypatch):
    kept, _ = _log(manager, EventLevel.INFO)
    thought = Note(msg="a thought")
    manager.fire_event(thought, EventLevel.DEBUG)
    assert "pb_msg" not in vars(thought)
    assert (thought.msg, thought.message(), thought.to_dict()) == ("a thought", "a thought", {"msg": "a thought"})
    with pytest.raises(AttributeError):
        _ = thought.nothing_of_the_kind


def test_a_database_is_opened_when_its_copy_is_whole_and_not_before(tmp_path, monkeypatch):
    opened = []
    whole = tmp_path / "warehouse.duckdb"
    monkeypatch.setattr(Environment, "initialize_db", classmethod(lambda cls, creds: opened.append(whole.read_text())))
    dbt_child.open_patiently()
    copying = dbt_child.copying_to(whole)
    copying.write_text("half")
    child = threading.Thread(target=Environment.initialize_db, args=[DuckDBCredentials(path=str(whole))])
    child.start()
    child.join(timeout=4 * dbt_child.COPY_LOOK_SECONDS)
    assert child.is_alive() and not opened
    copying.write_text("whole")
    copying.rename(whole)
    child.join(timeout=10)
    assert opened == ["whole"]


@pytest.fixture
def held(monkeypatch):
    """What DuckDB says while a reader has the file, three times over; then it opens."""
    tries = []

    def open_it(cls, creds):
        tries.append(creds.path)
        if len(tries) < 4:
            raise duckdb.IOException(
                'Could not set lock on file "r.duckdb": Conflicting lock is held in /usr/bin/python3 (PID 77)'
            )
        return "open"

    monkeypatch.setattr(Environment, "initialize_db", classmethod(open_it))
    monkeypatch.setattr(dbt_child, "LOOK_SECONDS", 0.001)
    dbt_child.open_patiently()
    return tries


def test_a_database_that_a_reader_has_open_for_a_moment_is_opened_after_it(held, tmp_path):
    assert Environment.initialize_db(DuckDBCredentials(path=str(tmp_path / "w.duckdb"))) == "open" and len(held) == 4


def test_a_reader_that_stays_is_named(held, tmp_path, monkeypatch):
    monkeypatch.setattr(dbt_child, "HELD_SECONDS", -1)
    with pytest.raises(duckdb.IOException) as caught:
        Environment.initialize_db(DuckDBCredentials(path=str(tmp_path / "w.duckdb")))
    log = tmp_path / "build.log"
    log.write_text(f"a line\n{caught.value}\n")
    assert "held by process 77 (/usr/bin/python3)" in _why_nothing_ran(log)
    log.write_text("something else")
    assert _why_nothing_ran(log) == "dbt stopped before it ran a model"
