"""A night mends what stands only if it can be sure of it; in any other case everything is built, and the log says why."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import duckdb
import pytest
from click.testing import CliRunner

from dagster_project import cli, dbt_child, edge, intake, night, register, standing, warehouse
from dagster_project.contracts import load_contracts
from dagster_project.definition_faults import DefinitionError
from dagster_project.room import NoRoom
from dagster_project.settings import PROJECT_DIR, Settings

TODAY = date(2013, 7, 15)
TOMORROW = TODAY + timedelta(days=1)
LINE = "insert into intake.deliveries (delivery_id, status, accepted_count, received_at) values (?, ?, ?, ?)"


class Home:
    """An installation without dbt: a register, a file where the warehouse is, and one definition that can be changed."""

    def __init__(self, folder):
        project = folder / "project"
        shutil.copytree(PROJECT_DIR / "expectations" / "contracts", project / "expectations" / "contracts")
        shutil.copytree(PROJECT_DIR / "seeds" / "codes", project / "seeds" / "codes")
        (project / "dbt" / "models").mkdir(parents=True)
        (project / "dbt" / "models" / "a_model.sql").write_text("select 1")
        (project / "seeds" / "a_seed.csv").write_text("a\n1\n")
        (project / "pyproject.toml").write_text("")
        self.settings = Settings(project, folder / "home", "500MB", 1)
        self.contracts = load_contracts(self.settings.contracts_dir, self.settings.seeds_dir)
        warehouse.ensure_person_key(self.settings.person_key_file)
        self.con = register.open_restricted(self.settings, self.contracts)
        self.deliver("first", 1000)

    def deliver(self, delivery_id: str, rows: int, status: str = intake.ACCEPTED) -> None:
        self.con.execute(LINE, [delivery_id, status, rows, datetime(2013, 7, 15)])

    def begin(self, today: date | None = TOMORROW, **how) -> standing.Plan:
        return standing.begin(self.con, self.settings, today, **how)

    def night(self, today: date = TODAY, **how) -> standing.Plan:
        """A build from beginning to end."""
        plan = self.begin(today, **how)
        self.settings.warehouse_db.write_bytes(os.urandom(64))
        standing.end(self.con, self.settings, plan, today)
        return plan

    def new(self) -> set[str]:
        """The deliveries that the models take for new, as stg_intake__new_deliveries does."""
        sql = "select delivery_id from intake.deliveries where delivery_id not in (select delivery_id from intake.standing)"
        return {row[0] for row in self.con.execute(sql).fetchall()}


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.con.close()


@pytest.fixture
def built(home) -> Home:
    """A home whose last build was whole and ended."""
    assert home.night().kind == standing.WHOLE
    return home


def test_a_night_after_a_build_mends_and_takes_what_came_since_for_new(built):
    built.deliver("second", 50)
    built.deliver("third", 50, intake.WITH_QUARANTINE)
    built.deliver("refused", 10**6, intake.REFUSED)
    plan = built.begin()
    assert plan.kind == standing.CHANGES and plan.why.startswith("2 new deliveries")
    assert built.new() - {"refused"} == {"second", "third"}


def test_a_night_with_nothing_new_mends(built):
    plan = built.begin()
    assert plan.kind == standing.CHANGES
    assert plan.why == "0 new deliveries since the last build; no person is built again, only counts and figures"


def test_nights_that_mend_follow_each_other_until_the_last_whole_build_is_too_old(built):
    days = range(1, built.settings.whole_build_days + 2)
    kinds = []
    for day in days:
        built.deliver(f"of day {day}", 1)
        kinds.append(built.night(TODAY + timedelta(days=day)).kind)
    assert kinds == [standing.CHANGES] * (len(days) - 2) + [standing.WHOLE, standing.CHANGES]


def test_a_definition_that_changes_while_a_build_works_is_seen_by_the_next(built):
    plan = built.begin()
    (built.settings.seeds_dir / "a_seed.csv").write_text("a\n3\n")
    built.settings.warehouse_db.write_bytes(os.urandom(64))
    standing.end(built.con, built.settings, plan, TOMORROW)
    after = built.begin()
    assert after.kind == standing.WHOLE and "definitions" in after.why


def test_after_a_change_of_the_code_that_links_everything_is_built(built, tmp_path, monkeypatch):
    shutil.copytree(standing.CODE, tmp_path / "linkage")
    monkeypatch.setattr(standing, "CODE", tmp_path / "linkage")
    assert built.night().kind == standing.CHANGES
    (tmp_path / "linkage" / "joins.py").write_text("# joins otherwise")
    plan = built.begin()
    assert plan.kind == standing.WHOLE and "the code" in plan.why


def test_the_first_build_is_whole(home):
    plan = home.begin()
    assert plan.kind == standing.WHOLE and "no build stands" in plan.why


def _key(home: Home) -> None:
    home.settings.person_key_file.unlink()
    warehouse.ensure_person_key(home.settings.person_key_file)


def _file_in_its_place(home: Home) -> None:
    data = home.settings.warehouse_db.read_bytes()
    other = home.settings.warehouse_db.with_name("other")
    other.write_bytes(data)
    os.replace(other, home.settings.warehouse_db)


def _write(path, text: str) -> None:
    path.write_text(text)


REASONS = {
    "a model was changed": (lambda h: _write(h.settings.dbt_dir / "models" / "a_model.sql", "select 22"), "definitions"),
    "a model was added": (lambda h: _write(h.settings.dbt_dir / "models" / "more.sql", "select 2"), "definitions"),
    "a seed was changed": (lambda h: _write(h.settings.seeds_dir / "a_seed.csv", "a\n22\n"), "definitions"),
    "a seed was taken out": (lambda h: (h.settings.seeds_dir / "a_seed.csv").unlink(), "definitions"),
    "the key is another": (_key, "key"),
    "the warehouse is another file": (_file_in_its_place, "the warehouse file"),
    "the warehouse was written to": (lambda h: _write(h.settings.warehouse_db, "other bytes"), "the warehouse file"),
    "there is no warehouse": (lambda h: h.settings.warehouse_db.unlink(), "no build stands"),
    "a delivery is gone": (lambda h: h.con.execute("delete from intake.deliveries"), "is gone"),
    "a delivery does not count any more": (lambda h: h.con.execute("update intake.deliveries set status = 'refused'"), "is gone"),
    "too much is new": (lambda h: h.deliver("second", 112), "more than 10 %"),
    "too much is new in many files": (lambda h: [h.deliver(f"second {n}", 2) for n in range(56)], "112 of 1,112 rows"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_everything_is_built_when(built, reason):
    happens, says = REASONS[reason]
    happens(built)
    plan = built.begin()
    assert plan.kind == standing.WHOLE and plan.why.startswith("everything is built: ") and says in plan.why
    assert built.new() == {row[0] for row in built.con.execute("select delivery_id from intake.deliveries").fetchall()}


def test_versions_of_the_code_and_the_engine_are_part_of_what_a_build_is_made_of(built, monkeypatch):
    real = standing.metadata.version
    for name in standing.MADE_BY:
        monkeypatch.setattr(standing.metadata, "version", lambda n, of=name: "0" if n == of else real(n))
        assert "code" in standing._why_whole(built.con, built.settings, TOMORROW), name
    monkeypatch.setattr(standing.metadata, "version", real)
    assert standing._why_whole(built.con, built.settings, TOMORROW) is None


def test_new_rows_may_be_as_many_as_the_settings_say(built):
    built.deliver("second", 111)  # 9.99 % of 1,111
    assert standing._why_whole(built.con, built.settings, TOMORROW) is None
    built.settings = replace(built.settings, changes_percent=5)
    assert "more than 5 %" in built.begin().why


def test_a_build_is_whole_on_the_day_that_the_last_is_too_old_or_of_no_known_day(built):
    last = TODAY + timedelta(days=built.settings.whole_build_days - 1)
    why = [standing._why_whole(built.con, built.settings, day) for day in (TODAY, last, last + timedelta(days=1))]
    assert why[:2] == [None, None] and "7 days ago or more" in why[2]
    for day in (None, TODAY - timedelta(days=1)):  # no night, or a clock that was put back
        assert standing._why_whole(built.con, built.settings, day) is not None


def test_a_build_of_no_night_is_followed_by_a_whole_one(home):
    home.night(None)
    assert home.begin().kind == standing.WHOLE


def test_a_night_that_may_not_mend_builds_everything_and_says_that_it_was_asked_to(built):
    plan = built.begin(may_mend=False)
    assert (plan.kind, plan.why) == (standing.WHOLE, "everything is built: asked for")


@pytest.mark.parametrize("may_mend", [True, False])
def test_a_night_that_was_killed_is_followed_by_a_whole_one(built, may_mend):
    built.deliver("second", 1)
    built.begin(may_mend=may_mend)
    assert built.con.execute("from intake.built").fetchall() == []
    plan = built.night()
    assert plan.kind == standing.WHOLE and "no build stands" in plan.why
    assert built.begin().kind == standing.CHANGES


def test_the_settings_of_the_project_say_when(tmp_path):
    settings = warehouse.Settings(PROJECT_DIR, tmp_path, "500MB", 1)
    assert (settings.whole_build_days, settings.changes_percent) == (7, 10)


def _aside(home: Home, today: date = TOMORROW, **how) -> tuple[str, str | None]:
    """What the log says and what dbt is told, of a build that puts the file in place that it makes."""
    home.con.close()
    said = []
    with warehouse.built_aside(home.settings, today, log=said.append, **how) as put_in_place:
        told = os.environ.get(warehouse.BUILD)
        home.settings.building_db.write_bytes(os.urandom(64))
        put_in_place()
    home.con = register.open_restricted(home.settings, home.contracts)
    assert warehouse.BUILD not in os.environ
    return (said or [""])[0], told


def test_dbt_is_told_to_mend_only_by_a_night_that_may(built):
    said, told = _aside(built, may_mend=True)
    assert told == standing.CHANGES and "0 new deliveries" in said
    said, told = _aside(built)  # as any caller that does not say so
    assert told == standing.WHOLE and said == ""


def test_some_models_alone_never_mend_and_are_followed_by_a_whole_build(built):
    assert _aside(built, is_whole=False, may_mend=True)[1] == standing.WHOLE
    said, told = _aside(built, may_mend=True)
    assert told == standing.WHOLE and "no build stands" in said
    assert _aside(built, may_mend=True)[1] == standing.CHANGES


def test_a_build_that_fails_is_followed_by_a_whole_one_and_leaves_nothing_told(built):
    built.con.close()
    with pytest.raises(KeyboardInterrupt), warehouse.built_aside(built.settings, TOMORROW, may_mend=True, log=lambda _: None):
        raise KeyboardInterrupt
    assert warehouse.BUILD not in os.environ
    with duckdb.connect(str(built.settings.restricted_db)) as con:
        assert con.execute("from intake.built").fetchall() == []
    built.con = register.open_restricted(built.settings, built.contracts)
    assert built.begin().kind == standing.WHOLE


def test_a_night_that_mends_works_on_a_copy_of_what_stands(built):
    stands = built.settings.warehouse_db.read_bytes()
    built.con.close()
    for may_mend, found in ((True, True), (False, False)):
        with warehouse.built_aside(built.settings, TOMORROW, may_mend=may_mend, log=lambda _: None):
            dbt_child.await_copy_to(built.settings.building_db)
            assert built.settings.building_db.exists() == found
            assert not found or built.settings.building_db.read_bytes() == stands
        assert built.settings.warehouse_db.read_bytes() == stands
    built.con = register.open_restricted(built.settings, built.contracts)


def test_a_copy_that_the_disk_has_no_room_for_is_said_plainly_and_nothing_is_left(built, monkeypatch):
    def half(source, target):
        target.write_bytes(source.read_bytes()[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    built.con.close()
    stands = built.settings.warehouse_db.read_bytes()
    monkeypatch.setattr(warehouse.shutil, "copyfile", half)
    with (
        pytest.raises(NoRoom, match="The build could not begin: the disk is full"),
        warehouse.built_aside(built.settings, TOMORROW, may_mend=True, log=lambda _: None),
    ):
        dbt_child.await_copy_to(built.settings.building_db)
        assert not built.settings.building_db.exists(), "half a copy is none"
    assert built.settings.warehouse_db.read_bytes() == stands and not built.settings.building_db.parent.exists()
    built.con = register.open_restricted(built.settings, built.contracts)


def test_everything_is_built_when_the_command_or_a_run_in_dagster_asks_for_it(monkeypatch):
    seen = []
    monkeypatch.setenv("OUTCOMES_FULL", "")  # the command sets it for its process
    monkeypatch.setattr(night, "run_night", lambda settings: seen.append(edge.is_full_asked({})) or True)
    for arguments in (["run"], ["run", "--full"]):
        assert CliRunner().invoke(cli.main, arguments).exit_code == 0
    assert seen == [False, True]
    monkeypatch.setenv("OUTCOMES_FULL", "")
    assert edge.is_full_asked({"outcomes/full": "yes"}) and not edge.is_full_asked({"outcomes/page": "yes"})


@pytest.mark.parametrize("left", [b"", b"inner_pad,outer_pad\n", b"inner_pad,outer_pad\n00,11\n"])
def test_a_key_that_was_cut_off_is_named_and_no_other_takes_its_place(tmp_path, left):
    key = tmp_path / "keys" / "person_id.key"
    whole = warehouse.ensure_person_key(key).read_bytes()
    assert warehouse.ensure_person_key(key).read_bytes() == whole
    key.write_bytes(left)
    with pytest.raises(warehouse.CannotWrite, match="person_id.key is damaged"):
        warehouse.ensure_person_key(key)
    assert key.read_bytes() == left


def test_a_disk_that_is_full_leaves_no_half_of_a_key(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        warehouse.ensure_person_key(tmp_path / "keys" / "person_id.key")
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_seed_that_dbt_cannot_read_is_named_by_whoever_can(tmp_path, monkeypatch):
    settings = Settings(tmp_path, tmp_path, "1GB", 2)
    shutil.copytree(PROJECT_DIR / "seeds", settings.seeds_dir)
    shutil.copytree(PROJECT_DIR / "dbt", settings.dbt_dir, ignore=shutil.ignore_patterns("docs"))
    seed = settings.seeds_dir / "delivery_confirmations.csv"
    seed.write_bytes(seed.read_text().encode("utf-16"))
    monkeypatch.setattr(warehouse, "run_dbt", lambda *_: SimpleNamespace(success=False, exception="byte 0xff in position 0"))
    with pytest.raises(DefinitionError, match="delivery_confirmations.csv: is not written in UTF-8. Save it again as CSV UTF-8"):
        warehouse.ensure_manifest(settings)
