"""What goes wrong is said in a line with a remedy, by every command of the command line, and never as a traceback."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import click
import duckdb
import pytest
from click.testing import CliRunner

from dagster_project import cli, night, room, summary
from dagster_project.settings import PROJECT_DIR, SettingsError, day_of, load_settings


def commands(group: click.Group, before: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Every command of a group and of the groups in it, by its whole name."""
    found = {}
    for name, command in group.commands.items():
        path = (*before, name)
        found |= commands(command, path) if isinstance(command, click.Group) else {" ".join(path): path}
    return found


EVERY = commands(cli.main)
SETTINGS = {
    "OUTCOMES_LINKAGE": ("foo", "write evidence or exact"),
    "OUTCOMES_THREADS": ("abc", "write a number"),
    "OUTCOMES_MEMORY_LIMIT": ("much", "write it as 4GB"),
    "OUTCOMES_HOME": ("a file", "Name the folder"),
    "OUTCOMES_PROJECT": ("nowhere", "Mend it, or OUTCOMES_PROJECT"),
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home; what a command sets in the environment is taken back."""
    for name in ("OUTCOMES_HOME", "OUTCOMES_PROJECT", "OUTCOMES_FULL", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("OUTCOMES_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path, monkeypatch, home):
    """A project whose contract of ETE has a typo."""
    project = tmp_path / "project"
    shutil.copytree(PROJECT_DIR / "expectations", project / "expectations")
    shutil.copy(PROJECT_DIR / "pyproject.toml", project)
    for folder in ("seeds", "dbt"):
        (project / folder).symlink_to(PROJECT_DIR / folder)
    path = project / "expectations" / "contracts" / "ete.odcs.yaml"
    path.write_text(path.read_text().replace("required: true, primaryKey", "requried: true, primaryKey"))
    monkeypatch.setenv("OUTCOMES_PROJECT", str(project))
    return project


def refused(*arguments: str) -> str:
    """What a command said that was refused, in few plain lines."""
    told = CliRunner().invoke(cli.main, list(arguments))
    assert told.exit_code != 0, told.output
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    assert "Traceback" not in told.output
    return told.output


def one_line(said: str) -> str:
    """The message: of click's own refusals, the line after how the command is called."""
    lines = [line for line in said.splitlines() if line and not line.startswith(("Usage:", "Try "))]
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("command", EVERY)
def test_a_setting_that_cannot_be_used_is_one_plain_line_from_every_command(home, monkeypatch, command, setting):
    value, remedy = SETTINGS[setting]
    if value == "a file":
        value = str(home / "file")
        (home / "file").write_text("")
    monkeypatch.setenv(setting, value)
    assert remedy in one_line(refused(*EVERY[command]))


BEYOND = "9" * 20


@pytest.mark.parametrize("arguments", [("sample", "--seed", BEYOND), ("linkage", "journal", "--last", BEYOND)])
def test_a_number_beyond_all_measure_is_one_plain_line(home, arguments):
    assert f"{BEYOND} is not in the range" in one_line(refused(*arguments))


def test_more_threads_than_any_machine_has_and_a_day_of_no_night_are_refused(home, monkeypatch):
    monkeypatch.setenv("OUTCOMES_TODAY", "0001-01-01")
    with pytest.raises(SettingsError, match="write a day as 2013-07-15"):
        day_of(load_settings(), datetime(2013, 7, 15))
    monkeypatch.setenv("OUTCOMES_THREADS", BEYOND)
    with pytest.raises(SettingsError, match="write a number from 0 to 1,024"):
        load_settings()


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "job_starts_2021-06-30.csv"),
        ("guidance",),
        ("sample",),
        ("fixes", "ete"),
        ("retention",),
        ("linkage", "review"),
    ],
    ids=" ".join,
)
def test_a_contract_with_a_typo_is_one_plain_line_with_its_place_and_remedy(project, arguments):
    said = one_line(refused(*arguments))
    assert "ete.odcs.yaml: extract 'job_starts', column 'job_id'" in said and "Did you mean 'required'?" in said


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("sample", "--people", "0"), "x>=200"),
        (("sample", "--people", "-5"), "x>=200"),
        (("sample", "--seed", "-1"), "0<=x<="),
        (("drill", "all", "--people", "0"), "x>=200"),
        (("drill", "nothing"), "Known:"),
        (("linkage", "journal", "--last", "0"), "1<=x<="),
        (("linkage", "review", "--month", "July"), "write it as 2013-07"),
        (("dev", "--port", "0"), "1<=x<=65535"),
        (("fixes", "ete", "--to", "/no/dir/x.csv"), "Make it, or name another"),
        (("fixes", "ete"), "outcomes run"),
        (("fixes", "nobody"), "choose from"),
        (("run", "--as-at", "2099-01-01"), "up to now"),
        (("run", "--as-at", "2099-01-01T00:00:00"), "up to now"),
        (("run", "--as-at", "soon"), "Write 2013-07-15"),
        (("run",), "outcomes sample"),
        (("query", "select 1"), "make run"),
        (("trace", "NI143", "nation", "2013-04"), "make run"),
        (("night",), "outcomes run"),
        (("diff", "a", "b"), "Published are"),
        (("restore",), ""),
        (("restore", "--from", "/no/dir"), "does not exist"),
        (("linkage", "review"), ""),
        (("linkage", "train"), ""),
        (("check", "/no/dir/job_starts_2021-06-30.csv"), ""),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_what_an_empty_installation_cannot_do_is_said_plainly(home, arguments, remedy):
    assert remedy in refused(*arguments)


def test_a_damaged_database_is_one_plain_line_with_the_way_to_make_it_anew(home):
    data = home / "data"
    data.mkdir()
    duckdb.connect(str(data / "restricted.duckdb")).close()
    (data / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    assert "outcomes restore" in one_line(refused("fixes", "ete"))


def test_a_fault_of_the_code_is_not_hidden(monkeypatch, home):
    monkeypatch.setattr(cli, "load_settings", lambda: 1 / 0)
    assert isinstance(CliRunner().invoke(cli.main, ["guidance"]).exception, ZeroDivisionError)


def test_a_run_with_nothing_to_take_says_so_before_anything_is_built(home, monkeypatch):
    monkeypatch.setattr(night, "_run_job", lambda *_: pytest.fail("the job was run"))
    assert "Put extracts into" in one_line(refused("run")) and not [*home.rglob("*.duckdb")]


def test_a_run_goes_on_when_a_file_waits_or_was_ever_taken(home):
    settings = load_settings()
    assert not night.has_anything(settings)
    waiting = settings.landing_dir / "ete" / "job_starts.csv"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("")
    assert night.has_anything(settings)
    waiting.unlink()
    settings.data_dir.mkdir()
    with duckdb.connect(str(settings.restricted_db)) as con:
        con.execute("create schema intake; create table intake.deliveries as select 1 as n where false")
    assert not night.has_anything(settings)
    with duckdb.connect(str(settings.restricted_db)) as con:
        con.execute("insert into intake.deliveries values (1)")
    assert night.has_anything(settings)


def test_a_day_that_is_under_way_can_be_made_again(home):
    today = load_settings() and date.today() - timedelta(days=1)
    assert "still to come" not in refused("run", "--as-at", today.isoformat())


FULL = [
    "(sqlite3.OperationalError) disk I/O error [SQL: PRAGMA journal_mode=WAL]",
    "database or disk is full",
    "No space left on device",
]


@pytest.mark.parametrize("says", FULL)
def test_a_full_disk_is_said_to_be_full_in_whichever_words_it_was_met(tmp_path, monkeypatch, says):
    assert room.said_plainly(says, tmp_path) == says  # there is room: something else is wrong
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert "is full (0.0 MB free)" in room.said_plainly(says, tmp_path)
    assert room.said_plainly("no such table", tmp_path) == "no such table"


def test_a_full_disk_at_the_very_start_is_the_fault_that_a_run_tells(home, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(night, "has_anything", lambda _: True)
    monkeypatch.setattr(night, "_run_job", full)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    said = refused("run")
    assert "FAILED: reading the project: The disk of" in said and "Free some disk" in said and "I/O error" not in said


def test_a_night_that_could_not_write_its_page_is_not_said_to_have_been_ended_from_outside(home, monkeypatch):
    settings = load_settings()
    summary.under_way(settings, summary.begin(settings))
    with monkeypatch.context() as now:
        now.setattr(summary, "_new_folder", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        assert summary.finish(settings, summary.begin(settings)).folder is None
    after = summary.begin(settings)
    summary.under_way(settings, after)
    assert [note for note in after.notes if "could not write its page" in note]
    assert not [note for note in after.notes if "from outside" in note]
    again = summary.begin(settings)
    summary.finish(settings, after)
    summary.under_way(settings, again)
    assert not again.notes
