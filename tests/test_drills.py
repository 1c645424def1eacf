"""The drills on small homes: what is cut, held, corrupted or set back is said in plain words, and the next night is whole.

The whole drills, with full nights, are ``outcomes drill all``, which ``make drills`` runs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, tzinfo

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner
from intake_bench import Bench, as_csv, sha256, sound_rows
from small_release import PROJECT
from small_release import build_world as build_release_world

from dagster_project import archive, damage, dbt_child, definition_faults, intake, recovery, release, restore, warehouse
from dagster_project.archive import Archive
from dagster_project.cli_drill import drill
from dagster_project.components import agency_extracts
from dagster_project.contracts import load_contracts
from dagster_project.drills import case, children, company, disks, inputs, readers, run, state
from dagster_project.settings import load_settings
from dagster_project.untouched import night_over

LANDED = {"visits_2013-06-30.csv": 30, "changes_2013-06-30.csv": 12, "changes_2013-07-01.csv": 9}


@pytest.fixture
def bench(tmp_path) -> Bench:
    """A home with three deliveries taken."""
    made = Bench(tmp_path)
    for number, (name, rows) in enumerate(LANDED.items()):
        made.put(as_csv(sound_rows(rows, 1 + 100 * number)), name)
    _night(made)
    return made


def _night(bench: Bench) -> list[str]:
    """Take in what is waiting, as a night does; what was said."""
    said: list[str] = []
    intake.land_all(bench.settings, bench.contracts, say=said.append)
    return said


def _holding(database) -> tuple[children.Child, int]:
    child = children.Child(lambda mark: company._hold(database, mark), database.with_name("holder.log"))
    assert child.wait_for("held")
    return child, child.pid


# the drills themselves ---------------------------------------------------------------------------------------------------


def test_every_drill_is_listed_with_what_it_does():
    listed = CliRunner().invoke(drill, []).output
    assert all(name in listed for name in run.DRILLS)
    assert CliRunner().invoke(drill, ["no-such-drill"]).exit_code == 2


def test_every_disturbance_of_a_drill_comes_as_often_as_asked():
    counted = [name for name, _ in run.plan(list(run.DRILLS), 5)]
    assert (
        counted.count("kill") == 20
        and counted.count("disk-full") == 15
        and counted.count("memory") == counted.count("real-kill") == 5
    )


def test_a_drill_that_finds_a_fault_ends_with_exit_code_1(monkeypatch):
    for faults, code in ([], 0), (["1 table differs"], 1):
        monkeypatch.setattr(run, "run", lambda *_, f=faults: [run.case.Result("memory", 0, faults=f)])
        assert CliRunner().invoke(drill, ["memory"]).exit_code == code


def test_a_changed_row_and_a_lost_table_are_told_by_the_fingerprint(tmp_path):
    path = tmp_path / "d.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("create table t as select 1 as a, timestamp '2013-01-01' as taken_at; create table u as select 2 as b")
    before = state.tables(path)
    with duckdb.connect(str(path)) as con:
        con.execute("update t set taken_at = timestamp '2014-01-01'")
    assert state.tables(path) == before  # an instant may differ
    with duckdb.connect(str(path)) as con:
        con.execute("update t set a = 2; drop table u")
    assert len(state.differences(before, state.tables(path))) == 2


def test_a_reader_tells_a_torn_release_from_a_whole_one(tmp_path):
    folder = tmp_path / "r1"
    folder.mkdir()
    (tmp_path / "current").symlink_to("r1")
    with duckdb.connect(str(folder / "outcomes.duckdb")) as con:
        con.execute("create table t as select 1 as a")
    size = (folder / "outcomes.duckdb").stat().st_size
    manifest = {"files": {"outcomes.duckdb": {"bytes": size}}, "row_counts": {"t": 1}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert readers.look(tmp_path / "current", random.Random(1)) == ""
    (folder / "manifest.json").write_text(json.dumps({**manifest, "row_counts": {"t": 2}}))
    assert "should have 2" in readers.look(tmp_path / "current", random.Random(1))
    os.truncate(folder / "outcomes.duckdb", size // 2)
    assert "bytes long" in readers.look(tmp_path / "current", random.Random(1))


def test_what_a_killed_night_leaves_lying_about_is_found(bench):
    assert state.leftovers(bench.settings) == []
    for name in ("data/building/x", "data/archive/.incoming-1", "data/archive/ab/.writing-2", "published/.candidate-3/t.csv"):
        (bench.settings.home / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.settings.home / name).write_text("half")
    assert len(state.leftovers(bench.settings)) == 4


def test_what_a_process_started_is_found_while_its_threads_come_and_go(tmp_path):
    def work(mark):
        started = subprocess.Popen(["sleep", "60"])
        mark("started")
        while started.poll() is None:  # a thread that ends while it is looked at is no fault
            threading.Thread(target=time.sleep, args=(0.0005,)).start()

    busy = children.Child(work, tmp_path / "busy.log")
    assert busy.wait_for("started")
    found = [children.descendants(busy.pid) for _ in range(300)]
    children.end_all({busy.pid} | found[0])
    assert {len(pids) for pids in found} == {1}


@pytest.mark.parametrize("error", [OSError("gone"), case.Missed("too late")])
def test_a_drill_that_breaks_or_misses_leaves_nothing_at_work(tmp_path, error):
    started = tmp_path / "started"

    def break_off(_case):
        held = subprocess.Popen([sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '60'])"])
        while len(pids := children.descendants(os.getpid())) < 2:
            assert held.poll() is None
        with open(started, "a") as file:
            file.writelines(f"{pid}\n" for pid in pids)
        raise error

    done = children.Child(lambda _: asdict(case.run(None, tmp_path, "any", break_off, 0, 0)), tmp_path / "case.log").wait()
    assert len(done.result["faults"]) == 1, done.said
    pids = {int(line) for line in started.read_text().split()}
    assert len(pids) == 2 * (case.TRIES if isinstance(error, case.Missed) else 1)
    assert children.outlive(pids, 0) == set()


# killed ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_intake_killed_at_a_random_moment_is_completed_by_the_next_night(bench, seed):
    for number in range(6):
        bench.put(as_csv(sound_rows(20, 1000 * (number + 1))), f"changes_2013-07-0{number + 2}.csv")
    child = children.Child(lambda _: _night(bench) and None, bench.settings.home / "night.log")
    time.sleep(random.Random(seed).uniform(0, 0.3))
    child.kill()
    child.wait()
    _night(bench)
    assert len(bench.rows("north__changes")) == 12 + 9 + 6 * 20
    assert [d["n"] for d in bench.query("select count(*) as n from intake.deliveries")] == [9]
    assert state.leftovers(bench.settings) == []


def test_dbt_ends_with_the_night_that_started_it(tmp_path):
    code = "import threading, os, time; from dagster_project import dbt_child as d; "
    code += "threading.Thread(target=d._end_with, args=(os.getppid(),), daemon=True).start(); time.sleep(60)"

    def work(mark):
        dbt = subprocess.Popen([sys.executable, "-c", code])
        mark("started")
        dbt.wait()

    night = children.Child(work, tmp_path / "night.log")
    assert night.wait_for("started")
    time.sleep(1)
    started = children.descendants(night.pid)
    assert len(started) == 1
    night.kill()
    assert night.wait().code == -signal.SIGKILL
    assert children.outlive(started, 10 * dbt_child.LOOK_SECONDS + 3) == set()


def test_a_manifest_of_which_a_killed_dbt_wrote_half_is_not_taken_for_whole(tmp_path):
    half = tmp_path / "manifest.json"
    for text, is_whole in ('{"nodes": {', False), ("", False), ('{"nodes": {}}', True):
        half.write_text(text)
        assert warehouse._is_whole(half) is is_whole


# cut off and turned ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["length", "nothing", "bytes"])
@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_restricted_database_is_made_anew_from_the_archive(bench, how, seed):
    before = state.tables(bench.settings.restricted_db)
    done = disks.damage(bench.settings.restricted_db, random.Random(seed), how)
    said = _night(bench)
    assert state.tables(bench.settings.restricted_db) == before, done
    assert any("damaged" in line for line in said) or how == "bytes"  # bytes that nothing uses may be turned


# others at work ----------------------------------------------------------------------------------------------------------


def test_the_second_of_two_runs_says_who_holds_the_lock_and_a_dead_one_holds_none(bench):
    def hold(mark):
        with warehouse.run_lock(bench.settings):
            mark("held")
            time.sleep(60)

    first = children.Child(hold, bench.settings.home / "first.log")
    assert first.wait_for("held")
    with pytest.raises(warehouse.RunInProgress, match=f"process {first.pid}"), warehouse.run_lock(bench.settings):
        pass
    first.kill()
    first.wait()
    with warehouse.run_lock(bench.settings):
        assert (bench.settings.data_dir / "run.lock").read_text() == str(os.getpid())


def test_a_night_says_which_process_holds_the_restricted_database_and_goes_on_when_it_is_closed(bench):
    holder, pid = _holding(bench.settings.restricted_db)
    bench.put(as_csv(sound_rows(5, 500)), "changes_2013-07-02.csv")
    for open_it in (_night, lambda b: intake.open_restricted(b.settings, b.contracts)):
        with pytest.raises(damage.DatabaseHeld, match=f"held by process {pid} .*run again"):
            open_it(bench)
    holder.kill()
    holder.wait()
    _night(bench)
    assert len(bench.rows("north__changes")) == 12 + 9 + 5


def test_of_what_dbt_leaves_a_night_keeps_the_latest_builds(bench):
    target = bench.settings.data_dir / "dbt" / "target"
    for number in range(9):
        (target / f"dbt_models-{number}").mkdir(parents=True)
        os.utime(target / f"dbt_models-{number}", (1000 + number, 1000 + number))
    with warehouse.run_lock(bench.settings):
        assert sorted(p.name for p in target.iterdir()) == [f"dbt_models-{n}" for n in range(2, 9)]


def test_what_a_killed_process_had_spilled_is_removed_by_the_next_run_and_what_another_spills_stays(bench):
    work = bench.settings.data_dir / "work"
    for name in ("spill-4194305", f"spill-{os.getppid()}"):  # no process has so high a number
        (work / name).mkdir()
        (work / name / "part").write_text("identifiers")
    (work / "duckdb_temp_4194305_0_storage_DEFAULT-0.tmp").write_text("identifiers")
    with warehouse.run_lock(bench.settings):
        assert [p.name for p in work.iterdir()] == [f"spill-{os.getppid()}"]


def test_too_little_memory_is_said_as_such_and_enough_of_it_takes_the_file(bench):
    bench.put(as_csv(sound_rows(20_000, 5000)), "changes_2013-07-02.csv")
    enough = bench.settings
    bench.settings = replace(enough, memory_limit="1MB")
    with pytest.raises(duckdb.Error, match="(?i)memory"):
        _night(bench)
    bench.settings = enough
    _night(bench)
    assert len(bench.rows("north__changes")) == 12 + 9 + 20_000


def test_a_data_folder_that_cannot_be_written_is_said_in_a_line(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    bench.settings.data_dir.mkdir()
    (bench.settings.data_dir / "run.lock").mkdir()  # root may write anywhere, but not into a folder as if it were a file
    with pytest.raises(warehouse.CannotWrite, match="cannot be written .*run again"), warehouse.run_lock(bench.settings):
        pass


# the clock ---------------------------------------------------------------------------------------------------------------


def test_receipts_and_nights_stay_in_order_when_the_clock_is_set_back(bench, monkeypatch):
    class Earlier(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) - timedelta(days=400)

    night = archive.Night(datetime(2037, 1, 1), "2037-01-01", "", {}, "", "published")  # later than all receipts
    Archive(bench.settings.archive_dir).write_night(night)
    monkeypatch.setattr(archive, "datetime", Earlier)
    for day in ("02", "03", "04"):
        bench.put(as_csv(sound_rows(3, int(day) * 1000)), f"changes_2013-07-{day}.csv")
        _night(bench)
    receipts = Archive(bench.settings.archive_dir).receipts()
    assert all(r.received_at > night.at for r in receipts[-3:])  # or that night, made again, would know of them
    names = [r.file_name for r in receipts]
    assert names[-3:] == ["changes_2013-07-02.csv", "changes_2013-07-03.csv", "changes_2013-07-04.csv"]


def test_a_release_is_named_and_dated_after_the_one_before_it_when_the_clock_is_set_back(tmp_path, monkeypatch):
    from dagster_project import gate

    world = build_release_world(tmp_path)
    result = gate.RuleResult("rates", "indicators", "", "block", 0, 9, 0.0, 0, "passed", ("all",), "")
    monkeypatch.setattr(gate, "run", lambda *_: gate.Verdict((result,)))
    at = datetime(2013, 7, 5, 2)
    ids = []
    for number in range(3):
        with duckdb.connect(str(world.warehouse_db)) as con:
            con.execute("update publish.linkage_rates set linked_count = linked_count + 1")
        ids.append(release.publish(world, at - timedelta(days=number), log=lambda _: None).release_id)
    nights = Archive(world.archive_dir).nights()
    assert [n.release_id for n in nights] == ids and [n.at for n in nights] == sorted({n.at for n in nights})


def test_the_schedule_asks_for_each_night_once_through_both_changes_of_the_clock():
    found = company.ticks(2024)
    assert len(found) == len(set(found)) == 366 and found == sorted(found)


# what a night works from -------------------------------------------------------------------------------------------------


def _corrupt(bench: Bench, name: str) -> archive.Receipt:
    kept = Archive(bench.settings.archive_dir)
    receipt = next(r for r in kept.receipts() if r.file_name == name)
    kept.place(receipt.content_hash).chmod(0o600)
    kept.place(receipt.content_hash).write_bytes(b"something else")
    return receipt


@pytest.mark.parametrize("name", LANDED)
def test_a_corrupted_archive_file_is_put_right_from_the_landing_folder(bench, name):
    receipt = _corrupt(bench, name)
    before = state.tables(bench.settings.restricted_db)
    disks.damage(bench.settings.restricted_db, random.Random(1), "nothing")
    _night(bench)
    assert Archive(bench.settings.archive_dir).is_sound(receipt.content_hash)
    assert state.tables(bench.settings.restricted_db) == before


@pytest.mark.parametrize("name", LANDED)
def test_restore_names_the_corrupted_file_and_changes_nothing(bench, name):
    receipt = _corrupt(bench, name)
    (bench.settings.landing_dir / "north" / name).unlink()
    before = sha256(bench.settings.restricted_db.read_bytes())
    with pytest.raises(archive.ArchiveError, match=f"{receipt.content_hash}: north/{name}"):
        restore.must_be_whole(bench.settings, Archive(bench.settings.archive_dir))
    assert sha256(bench.settings.restricted_db.read_bytes()) == before
    _night(bench)  # goes on: the database has what it needs
    assert not recovery.mend(bench.settings, Archive(bench.settings.archive_dir), receipt)


def test_the_definitions_that_are_there_are_sound():
    assert list(definition_faults.faults(PROJECT / "seeds", PROJECT / "dbt")) == []


@pytest.mark.parametrize("kind", inputs.KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_definition_is_said_with_row_column_and_remedy(tmp_path, kind, seed):
    seeds = shutil.copytree(PROJECT / "seeds", tmp_path / "seeds")
    words = inputs.spoil(seeds / inputs.DEFINITIONS, kind, random.Random(seed))
    with pytest.raises(definition_faults.DefinitionError) as error:
        definition_faults.must_be_sound(seeds, PROJECT / "dbt")
    assert all(word in str(error.value) for word in words), error.value


# the look at every block -------------------------------------------------------------------------------------------------


def test_a_run_reads_every_block_once_and_again_after_an_agency_that_failed(tmp_path, monkeypatch):
    settings = replace(load_settings(), home=tmp_path)
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    first, second, third, fourth = contracts.agencies[:4]
    looked = []

    def look(database):
        looked.append(database.name)

    def land_all(settings, contracts, agency, is_whole, **_):
        recovery.open_recovered(settings, contracts, is_whole=is_whole).close()
        if agency == third:
            raise OSError("the disk is gone")
        return []

    monkeypatch.setattr(damage, "damage", look)
    monkeypatch.setattr(intake, "land_all", land_all)
    monkeypatch.setattr(agency_extracts.edge, "settings", lambda: settings)
    lock = {"run_lock": dg.ResourceDefinition.none_resource()}

    def run_of(*agencies):
        looked.clear()
        assets = [agency_extracts._agency_assets(contracts, agency) for agency in agencies]
        dg.materialize(assets, resources=lock, raise_on_error=False)
        return len(looked)

    assert run_of(first, second) == 1
    assert run_of(first) == 1  # every run looks for itself
    assert run_of(*sorted([first, second, third, fourth])) == 2


@pytest.mark.parametrize("since", ["nothing", "bytes turned", "a log of writes left", "days gone by"])
def test_a_database_that_nights_alone_wrote_to_is_not_read_whole_again_for_some_days(bench, monkeypatch, since):
    database, looked, sound = bench.settings.restricted_db, [], damage.damage
    monkeypatch.setattr(damage, "damage", lambda path: (looked.append(path), sound(path))[1])
    for _ in range(2):
        with night_over(database, bench.settings.untouched_file, bench.settings.whole_build_days):
            _night(bench)
    assert len(looked) == 1, "the second night finds it as the first left it"
    if since == "bytes turned":
        was = database.stat()
        disks.damage(database, random.Random(1), "bytes")
        os.utime(database, ns=(was.st_atime_ns, was.st_mtime_ns))
        with night_over(database, bench.settings.untouched_file, bench.settings.whole_build_days):
            pass  # a night that broke before it looked vouches for nothing
    elif since == "a log of writes left":
        database.with_name(f"{database.name}.wal").write_bytes(b"")
    elif since == "days gone by":
        kept = json.loads(bench.settings.untouched_file.read_text())
        on = (datetime.now(UTC).date() - timedelta(days=bench.settings.whole_build_days)).isoformat()
        bench.settings.untouched_file.write_text(json.dumps({state: seen | {"on": on} for state, seen in kept.items()}))
    _night(bench)
    assert len(looked) == (1 if since == "nothing" else 2)
