"""Work in a forked process that can be killed: what is imported is imported once, what is opened dies with it."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..processes import stat, tree

Mark = Callable[[str], None]


class Child:
    """A process that does ``work(mark)``; ``mark`` tells the parent how far it is. Its output goes to ``log``.

    ``result`` is what the work returned (JSON); ``said`` the message of what it raised, ``code`` the exit code, negative
    for a signal.
    """

    def __init__(self, work: Callable[[Mark], Any], log: Path):
        self.log, self._answer = log, log.with_suffix(".json")
        self._answer.unlink(missing_ok=True)
        self._ear, mouth = os.pipe()
        self._heard, self.code, self.result, self.said = b"", None, None, ""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._ear)
            self._be(work, lambda text: os.write(mouth, f"{text}\n".encode()))
        os.close(mouth)

    def _be(self, work: Callable[[Mark], Any], mark: Mark) -> None:
        answer, code = {}, 1
        try:
            out = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(out, 1)
            os.dup2(out, 2)
            answer, code = {"result": work(mark)}, 0
        except BaseException as error:
            traceback.print_exc()
            answer = {"said": f"{error}", "kind": type(error).__name__}
        finally:
            self._answer.write_text(json.dumps(answer), encoding="utf-8")
            sys.stdout.flush()
            os._exit(code)

    def wait_for(self, mark: str, seconds: float = 600) -> bool:
        """Wait until the child has marked this; False if it ended before."""
        until = time.monotonic() + seconds
        while f"{mark}\n".encode() not in self._heard:
            ready, _, _ = select.select([self._ear], [], [], max(0, until - time.monotonic()))
            piece = os.read(self._ear, 4096) if ready else b""
            if not piece:
                return False
            self._heard += piece
        return True

    def kill(self) -> None:
        """End it as the system does when memory is short: at once, and it alone."""
        os.kill(self.pid, signal.SIGKILL)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._end(status)
        return self.code is None

    def wait(self, seconds: float = 900) -> Child:
        """Wait for its end. Raises TimeoutError, having killed it."""
        until = time.monotonic() + seconds
        while self.is_running:
            if time.monotonic() > until:
                self.kill()
                raise TimeoutError(f"no end after {seconds:.0f} seconds; its log is {self.log}")
            time.sleep(0.02)
        return self

    def _end(self, status: int) -> None:
        self.code = os.waitstatus_to_exitcode(status)
        os.close(self._ear)
        if self._answer.exists():
            answer = json.loads(self._answer.read_text(encoding="utf-8") or "{}")
            self.result, self.said = answer.get("result"), answer.get("said", "")


def descendants(pid: int) -> set[int]:
    """Processes started by a process, and by those, that are still there."""
    return {p for p, fields in tree(pid).items() if _is_at_work(fields)} - {pid}


def outlive(pids: set[int], seconds: float = 3) -> set[int]:
    """Which processes are still there after so many seconds."""
    until = time.monotonic() + seconds
    while (left := {p for p in pids if _is_at_work(stat(p))}) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def end_all(pids: set[int]) -> None:
    """End processes at once, and wait until they have gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    outlive(pids)


def _is_at_work(fields: list[str] | None) -> bool:
    return fields is not None and fields[0] not in "ZX"  # ended, and only waiting to be noticed
