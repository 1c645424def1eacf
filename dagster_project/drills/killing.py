"""Killed: the night ends at any moment, as when memory is short or the power goes."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from .. import release
from . import nights
from .case import Case, Missed
from .children import descendants, outlive

# one after the other, in the release; None: at a random moment
MOMENTS = (None, "write_tables", "_write_json", "publish_folder", "point_current_to", "pointing", "sync", "write_night")
BEFORE = {"intake": "waiting", "build": "landed", "gate": "built", "release": "built"}
SHARE = {"gate": 0.5, "release": 0.4}  # of the time that judging, writing and publishing take together


def kill(case: Case) -> None:
    """SIGKILL in intake, build, gate and release in turn, and in the release between its steps."""
    step = nights.STEPS[case.result.number % len(nights.STEPS)]
    if step == "release" and (moment := MOMENTS[case.result.number // len(nights.STEPS) % len(MOMENTS)]):
        return _kill_before(case, moment)
    case.begin(BEFORE[step])
    night = case.start()
    night.wait_for(step)
    following = {"intake": "landed", "build": "built"}.get(step, "done")
    time.sleep(case.rng.random() * case.world.seconds[following] * SHARE.get(step, 1))
    _kill(case, night, step)
    case.check()
    case.recover()


def _kill(case: Case, night, step: str) -> None:
    started = descendants(night.pid) if night.is_running else set()
    if not night.is_running:
        raise Missed(f"the {step} was over")
    night.kill()
    if night.wait().code != -signal.SIGKILL:
        raise Missed(f"the {step} was over")
    left = outlive(started)
    case.must(not left, f"{len(left)} of {len(started)} processes outlive the night")
    case.note(f"killed in {step}")


def _kill_before(case: Case, moment: str) -> None:
    """The night kills itself just before a step of the release."""
    settings = case.begin("built")

    def die(*_given, **_named):
        os.kill(os.getpid(), signal.SIGKILL)

    def work(mark):
        if moment == "pointing":  # the link is made, and not yet in place
            real = os.replace
            release.os.replace = lambda a, b: die() if os.path.islink(a) else real(a, b)
        elif moment == "write_night":
            release.Archive.write_night = die
        else:
            setattr(release, moment, die)
        return nights.night(settings, mark)

    night = case.start(work=work).wait()
    if night.code != -signal.SIGKILL:
        raise Missed(f"{moment} was not come to: {night.said}")
    case.note(f"killed before {moment}")
    case.check()
    case.recover()


def real_kill(case: Case) -> None:
    """``outcomes run`` itself, killed at a random moment; dbt, its child, must end with it."""
    settings = case.begin("waiting")
    arguments, environment = nights.command(settings, "run")
    log = case.log("outcomes-run")
    with open(log, "wb") as out:
        night = subprocess.Popen(arguments, env=environment, stdout=out, stderr=subprocess.STDOUT, cwd=settings.home)
    until = time.monotonic() + 300
    wanted = case.result.number % 2 == 0  # every other time while dbt works
    while wanted and not _dbt_of(night.pid) and night.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(case.rng.random() * (case.world.seconds["built"] if wanted else sum(case.world.seconds.values()) + 20))
    started, dbt = descendants(night.pid), _dbt_of(night.pid)
    if night.poll() is not None:
        raise Missed(f"the night was over: {log.read_text()[-200:]}")
    night.kill()
    night.wait()
    left = outlive(started)
    case.must(not left, f"{len(left)} of {len(started)} processes outlive the night")
    case.note(f"killed outcomes run, which had {len(started)} processes under it, dbt {'among' if dbt else 'not among'} them")
    case.check()
    again = subprocess.run(arguments, env=environment, capture_output=True, text=True, cwd=settings.home)
    case.must(again.returncode == 0, f"the next outcomes run fails: {(again.stdout + again.stderr)[-500:]}")
    case.recover()


def _dbt_of(pid: int) -> set[int]:
    found = set()
    for child in descendants(pid):
        try:
            with open(f"/proc/{child}/cmdline", "rb") as file:
                command = file.read()
                found |= {child} if b"outcomes-dbt" in command and b"build" in command else set()  # it reads the project first
        except OSError:
            continue
    return found
