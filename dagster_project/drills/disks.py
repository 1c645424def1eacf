"""The disk: full, cut off by a power failure, read-only."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

from . import mounts, nights
from .case import Case, Missed
from .world import SNAPSHOTS

MB = 1 << 20
FULL = r"free some disk|MB free"
READ_ONLY = r"read-only|not permitted|permission|cannot be written"
PLACES = {
    "intake": ("waiting", "data", "landed"),
    "build": ("landed", "data", "built"),
    "release": ("built", "published", "done"),
}


def disk_full(case: Case) -> None:
    """Another program fills the disk at a random moment of intake, build (data) and release (published) in turn."""
    step = list(PLACES)[case.result.number % len(PLACES)]
    snapshot, place, following = PLACES[step]
    try:
        mounts.own_namespace()
    except mounts.NotAllowed as error:
        case.note(f"no small file system here ({error}); a limit on the size of files instead")
        return _file_limit(case, snapshot)
    settings = case.begin(snapshot, lambda home: mounts.on_small_disk(home / place, 400 * MB))
    night = case.start()
    night.wait_for(step)
    time.sleep(case.rng.random() * case.world.seconds[following] * 0.8)
    filler = mounts.fill(settings.home / place, case.rng.choice([0, 4096, 100_000]))
    failed = case.must_fail(night, FULL)
    case.check()
    filler.unlink()
    if not failed:
        raise Missed(f"the {step} was over")
    case.note(f"disk full in {step}")
    case.recover()


def _file_limit(case: Case, snapshot: str) -> None:
    settings = case.begin(snapshot)

    def work(mark):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = case.rng.randrange(100_000, 2 * MB)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return nights.night(settings, mark)

    if not case.must_fail(case.start(work=work), FULL + "|file too large"):
        raise Missed("no file was so large")
    case.check()
    case.recover()


def damage(path: Path, rng, how: str) -> str:
    """Cut a file off at a random length, or to nothing, or turn some bytes in it; says what was done."""
    size = path.stat().st_size
    if how == "bytes":
        places = [rng.randrange(size) for _ in range(rng.randrange(4, 40))]
        with open(path, "r+b") as file:
            for place in places:
                file.seek(place)
                file.write(bytes([rng.randrange(256)]))
        return f"{len(places)} bytes of {path.name} turned"
    length = 0 if how == "nothing" else rng.randrange(1, size)
    os.truncate(path, length)
    return f"{path.name} cut from {size:,} to {length:,} bytes"


def truncate(case: Case) -> None:
    """restricted.duckdb and warehouse.duckdb in turn: cut at a random length, cut to nothing, some bytes turned."""
    settings = case.begin("waiting")
    number = case.result.number
    path = (settings.restricted_db, settings.warehouse_db)[number % 2]
    case.note(damage(path, case.rng, ("length", "nothing", "bytes", "length")[number // 2 % 4]))
    case.check()
    case.recover()


def read_only(case: Case) -> None:
    """The data folder is read-only from some step on; the real command says so too."""
    snapshot = case.rng.choice(SNAPSHOTS)
    try:
        mounts.own_namespace()
    except mounts.NotAllowed as error:
        if os.geteuid() == 0:
            raise RuntimeError(f"cannot be drilled here: {error}, and root may write anywhere") from error
        settings, turn = case.begin(snapshot), _turn_modes
    else:
        settings = case.begin(snapshot, lambda home: mounts.on_small_disk(home / "data", 400 * MB))
        turn = mounts.remount
    before = _times(settings.data_dir)
    turn(settings.data_dir, True)
    case.must(case.must_fail(case.start(), READ_ONLY), "a night went through on a read-only folder")
    arguments, environment = nights.command(settings, "run")
    said = subprocess.run(arguments, env=environment, capture_output=True, text=True, cwd=settings.home)
    case.must(said.returncode == 1 and re.search(READ_ONLY, said.stderr, re.I), f"outcomes run says: {said.stderr[-300:]}")
    case.must("Traceback" not in said.stderr, f"outcomes run ends in a traceback: {said.stderr[-300:]}")
    case.must(before == _times(settings.data_dir), "something in data has changed")
    case.check()
    turn(settings.data_dir, False)
    case.recover()


def _turn_modes(folder: Path, is_closed: bool) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222 if is_closed else path.stat().st_mode | 0o200)


def _times(folder: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
