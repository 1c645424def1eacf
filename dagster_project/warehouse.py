"""What dbt needs to know of this installation: its databases, limits, key and derived sources. No Dagster inside."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path

from . import standing
from .archive import write_whole
from .contracts import Contracts, load_contracts, write_dbt_sources
from .dbt_child import copying_to, keep_values_out_of_errors, open_patiently
from .definition_faults import must_be_sound
from .linkage import journal
from .register import open_restricted, set_clock, transaction
from .room import must_have_room, room_for
from .settings import Settings
from .spare_memory import try_again_with_one_thread

HMAC_BLOCK_BYTES = 64
KEY = re.compile(rb"inner_pad,outer_pad\n[0-9a-f]{128},[0-9a-f]{128}\n")
KEPT_BUILDS = 7
BUILD = "OUTCOMES_BUILD"  # tells dbt's macros how the build goes about it
# seeds, views, and the tests of nothing else; tests that ask something of a table as well are asked every night
STANDS_STILL = ["--exclude", "resource_type:seed config.materialized:view", "--indirect-selection", "cautious"]
SPILLED = re.compile(r"(?:spill-|duckdb_temp_)(\d+)")


class RunInProgress(RuntimeError):
    """Another run holds the lock; the message says which process."""


class CannotWrite(RuntimeError):
    """The data folder cannot be written, or what it must hold is damaged; the message says why."""


@contextmanager
def run_lock(settings: Settings) -> Iterator[None]:
    """One run at a time. The system drops the lock when its holder ends, however it ends, so it never goes stale."""
    import fcntl

    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = open(settings.data_dir / "run.lock", "a+")
    except OSError as error:
        says = f"{settings.data_dir} cannot be written ({error.strerror}). Nothing was changed; make it writable and run again."
        raise CannotWrite(says) from error
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise RunInProgress(
                f"Another run is in progress (process {file.read().strip() or 'unknown'}). Wait until it ends."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        _sweep(settings.data_dir / "work")
        for folder in _old_builds(settings.data_dir / "dbt" / "target"):
            shutil.rmtree(folder, ignore_errors=True)
        yield


def _sweep(work: Path) -> None:
    """Remove what processes that were killed had spilled; the names hold their numbers."""
    for path in work.glob("*"):
        owner = SPILLED.match(path.name)
        if owner and not _is_running(int(owner[1])):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _old_builds(target: Path) -> list[Path]:
    """What dbt and Dagster left of builds but the latest: compiled SQL and results, some megabytes each night."""
    return sorted(target.glob("dbt_models-*"), key=lambda folder: folder.stat().st_mtime)[:-KEPT_BUILDS]


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


def ensure_person_key(path: Path) -> Path:
    """The project's key for person_id, made on first use, readable by its owner only. Keep a copy: without it ids change.

    The file holds the two padded halves that HMAC-SHA-256 uses, so that SQL can do the rest. Raises CannotWrite for one that is
    damaged, and OSError where none can be written.
    """
    if not path.exists():
        key = secrets.token_bytes(HMAC_BLOCK_BYTES)
        inner, outer = bytes(b ^ 0x36 for b in key).hex(), bytes(b ^ 0x5C for b in key).hex()
        write_whole(path, f"inner_pad,outer_pad\n{inner},{outer}\n".encode(), mode=0o600)
    if not KEY.fullmatch(path.read_bytes()):
        raise CannotWrite(f"{path} is damaged; under another key every person would have another id. Put back your copy of it.")
    return path


def private_copy(source: Path, target: Path) -> None:
    """Copy a file that is for its owner only."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    os.chmod(target, 0o600)


def dbt_command() -> str:
    """dbt's command line as this project has it (dbt_child.py): this environment's, whatever PATH says."""
    return str(Path(sys.executable).with_name("outcomes-dbt"))


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Environment for dbt: where the databases and the key are, and what it may use. Telemetry is off here as well."""
    return {
        "DBT_PROFILES_DIR": str(settings.dbt_dir),
        "DBT_PROJECT_DIR": str(settings.dbt_dir),
        "DBT_TARGET_PATH": str(settings.data_dir / "dbt" / "target"),
        "DBT_LOG_PATH": str(settings.data_dir / "dbt" / "logs"),
        "DBT_LOG_LEVEL_FILE": "info",  # all that dbt thinks is as long as the build itself takes to say
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "OUTCOMES_WAREHOUSE_DB": str(settings.building_db),
        "OUTCOMES_RESTRICTED_DB": str(settings.restricted_db),
        "OUTCOMES_PERSON_KEY_FILE": str(settings.person_key_file),
        "OUTCOMES_WORK_DIR": str(settings.data_dir / "work"),
        "OUTCOMES_SEEDS_DIR": str(settings.seeds_dir),
        "OUTCOMES_LINKAGE": settings.linkage,
        "OUTCOMES_DUCKDB_MEMORY": settings.memory_limit,
        "OUTCOMES_THREADS": str(settings.threads),
    }


def prepare(settings: Settings) -> Contracts:
    """Everything dbt reads that is not in git: the derived sources and the key. Returns the contracts."""
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    write_dbt_sources(contracts, settings.dbt_dir)
    ensure_person_key(settings.person_key_file)
    for folder in (settings.landing_dir / agency for agency in contracts.agencies):
        folder.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "work").mkdir(parents=True, exist_ok=True)
    return contracts


def _is_whole(manifest: Path) -> bool:
    """Whether dbt was done writing it; a run that was killed may leave half."""
    try:
        return bool(json.loads(manifest.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


def _manifest(settings: Settings) -> Path:
    return settings.data_dir / "dbt" / "target" / "manifest.json"


def _is_read(settings: Settings) -> bool:
    """Whether dbt's manifest is of the project as it is: no model, macro, seed or contract is younger."""
    manifest = _manifest(settings)
    folders = [settings.dbt_dir / "models", settings.dbt_dir / "macros", settings.dbt_dir / "tests", settings.seeds_dir]
    inputs = [settings.dbt_dir / "dbt_project.yml", *(p for folder in folders for p in folder.rglob("*") if p.is_file())]
    return _is_whole(manifest) and manifest.stat().st_mtime >= max(p.stat().st_mtime for p in inputs)


@contextmanager
def _sole_reader(settings: Settings) -> Iterator[int]:
    """One process at a time reads the project, and others wait for what it writes. Yields the lock, which a child may inherit."""
    import fcntl

    folder = settings.data_dir / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "manifest.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def ensure_manifest(settings: Settings) -> Path:
    """dbt's manifest, made again when the project is not what it was. Returns its path."""
    with _sole_reader(settings):
        if not _is_read(settings):
            result = run_dbt(settings, "parse")
            if not result.success:
                must_be_sound(settings.seeds_dir, settings.dbt_dir)  # names the seed, if it is one that dbt cannot read
                raise RuntimeError(f"dbt cannot read the project: {result.exception or 'see data/dbt/logs/dbt.log'}")
    return _manifest(settings)


@contextmanager
def manifest_made_meanwhile(settings: Settings) -> Iterator[None]:
    """If the manifest has to be made, a process of its own makes it while the block runs, which imports what takes seconds.

    Whatever goes wrong there is for ``ensure_manifest`` to find and to say. Raises ContractError, as ``prepare`` does.
    """
    prepare(settings)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    reader = None
    with _sole_reader(settings) as lock:
        if not _is_read(settings):  # the child holds the lock as well: the project is being read for as long as either lives
            command, surroundings = [dbt_command(), "parse"], os.environ | dbt_environment(settings)
            reader = subprocess.Popen(command, env=surroundings, pass_fds=[lock], **quiet)
    try:
        yield
    finally:
        if reader:
            reader.wait()


@contextmanager
def built_aside(
    settings: Settings, today: date | None, is_whole: bool = True, may_mend: bool = False, log: Callable[[str], None] = print
) -> Iterator[Callable[[], None]]:
    """A place to build the warehouse, away from its readers; what is yielded puts it in place, and is called when it is whole.

    Models of a build that is not whole (``is_whole``: some of them were asked for) read the tables of the warehouse that stands;
    with ``may_mend``, a night of few changes mends a copy of them (decision 011). ``today``: see register.set_clock.
    """
    must_be_sound(settings.seeds_dir, settings.dbt_dir)
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    with room_for("The build could not begin"), open_restricted(settings, contracts) as con:
        set_clock(con, today)
        plan = standing.begin(con, settings, today, may_mend and is_whole)
    if may_mend:
        log(f"Build: {plan.why}")
    building = settings.building_db
    shutil.rmtree(building.parent, ignore_errors=True)  # what a killed run left
    building.parent.mkdir(mode=0o700, parents=True)
    is_copied = settings.warehouse_db.exists() and (not is_whole or plan.kind == standing.CHANGES)
    done = []

    def put_in_place() -> None:
        _put_in_place(building, settings.warehouse_db)
        done.append(True)
        if is_whole:
            with open_restricted(settings, contracts) as con:
                with transaction(con):
                    journal.record(con, today, plan.made_with, plan.kind == standing.WHOLE)
                standing.end(con, settings, plan, today)

    os.environ[BUILD] = plan.kind
    try:
        with copied_meanwhile(settings.warehouse_db, building) if is_copied else nullcontext():
            try:
                yield put_in_place
            except Exception:
                must_have_room(settings.data_dir)
                raise
            if not done:
                must_have_room(settings.data_dir)
    finally:
        os.environ.pop(BUILD, None)  # whoever runs dbt by hand builds everything
        shutil.rmtree(building.parent, ignore_errors=True)


@contextmanager
def copied_meanwhile(standing_db: Path, building: Path) -> Iterator[None]:
    """A copy of the warehouse that stands is made while dbt starts, which waits for it (dbt_child.open_patiently).

    Raises NoRoom at the end if the disk was too small for it; nothing can have been built then.
    """
    copying = copying_to(building)
    copying.touch(mode=0o600)

    def copy() -> None:
        try:
            with room_for("The build could not begin"):
                shutil.copyfile(standing_db, copying)
            copying.rename(building)
        finally:
            copying.unlink(missing_ok=True)

    with ThreadPoolExecutor(1, thread_name_prefix="copying") as pool:
        made = pool.submit(copy)
        try:
            yield
        finally:
            made.result()


def dbt_build() -> list[str]:
    """dbt's arguments for the build under way. In a night of changes what definitions alone make stands from the last build."""
    return ["build", *(STANDS_STILL if os.environ.get(BUILD) == standing.CHANGES else [])]


def _put_in_place(building: Path, warehouse: Path) -> None:
    if building.exists():
        with open(building, "rb") as file:
            os.fsync(file.fileno())
        os.replace(building, warehouse)
        warehouse.with_name(f"{warehouse.name}.wal").unlink(missing_ok=True)  # of the one that was there


def build(settings: Settings, today: date | None = None, may_mend: bool = False):
    """Build every seed, model and test of dbt. The warehouse is replaced if all went well. Returns dbt's own result object."""
    with built_aside(settings, today, may_mend=may_mend) as put_in_place:
        result = run_dbt(settings, *dbt_build())
        if result.success:
            put_in_place()
    return result


def run_dbt(settings: Settings, *arguments: str):
    """Run dbt in this process, for example ``run_dbt(settings, "parse")``. Returns dbt's own result object."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    keep_values_out_of_errors()
    open_patiently()
    try_again_with_one_thread()
    os.environ.update(dbt_environment(settings))
    settings.building_db.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return dbtRunner().invoke([*arguments, "--quiet"])
    finally:
        DuckDBConnectionManager.close_all_connections()  # or the files stay open until this process ends
