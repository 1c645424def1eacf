"""Children of the night's run, dbt above all: they end when it does, so that no orphan writes after a run was killed.

What dbt says of an error goes to its log, its results, Dagster's record, the night's page and the terminal. So a value that an
error is about, which may identify a person, is taken out where the error arises.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from .beginning import begin_lightly
from .damage import HOLDER
from .ending import end_at_once_after
from .spare_memory import try_again_with_one_thread

LOOK_SECONDS, COPY_LOOK_SECONDS = 0.2, 0.05
HELD_SECONDS = 60  # so long dbt waits for a reader of its databases; who asks a question is done by then
TOLD = re.compile(r"(?:when casting from source column \w+|NOT NULL constraint failed: [\w.]+)$")
RAISED = re.compile(r"((?:\w+\.)*\w*(?:Error|Exception))(?::|$)")
OURS = "dagster_project."  # errors that say what to do, and repeat no value
LEFT_OUT = "what it says is left out here, for it may hold a value that identifies a person"


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def end_with_parent() -> None:
    """Let this process end as soon as the one that started it has ended, however that ended."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def without_values(says: str) -> str:
    """An error of DuckDB about a value without the value: what kind it is, of which column, and in which line of which SQL."""
    first, *rest = says.splitlines() or [""]
    kind, where = first.split(": ")[0], TOLD.search(first)
    told = f"{kind}: {LEFT_OUT}{', ' + where[0] if where else ''}"
    return "\n".join([told, *(line for line in rest if line.startswith("LINE "))])


def traced_without_values(says: str) -> str:
    """A traceback as text without what its errors say, save those of this project: files, lines and kinds of error."""
    told = []
    for line in says.splitlines():
        kind = RAISED.match(line)
        if line.startswith('  File "') or line.startswith(OURS):
            told.append(line)
        elif kind:
            told.append(f"{kind[1]}: {LEFT_OUT}")
    return "\n".join(["Python model failed:", *told])


def keep_values_out_of_errors() -> None:
    """From here on dbt in this process says of a value that does not fit where it met it, and not what it is."""
    import duckdb
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager as Connections
    from dbt.adapters.duckdb.environments import Environment
    from dbt.exceptions import DbtRuntimeError

    handler, run_job = Connections.exception_handler, Environment.run_python_job.__func__
    if getattr(handler, "keeps_values", False):
        return

    @contextmanager
    def quiet(self, sql, connection_name="master"):
        with handler(self, sql, connection_name):
            try:
                yield
            except (duckdb.DataError, duckdb.InvalidInputException, duckdb.ConstraintException) as error:
                raise type(error)(without_values(str(error))) from None

    def run_quietly(cls, *arguments, **named):
        try:
            return run_job(cls, *arguments, **named)
        except DbtRuntimeError as error:
            raise DbtRuntimeError(traced_without_values(error.msg)) from None

    quiet.keeps_values = True
    Connections.exception_handler, Environment.run_python_job = quiet, classmethod(run_quietly)


def copying_to(database: Path) -> Path:
    """Where a copy of a database is while it is being made."""
    return database.with_name(f"{database.name}.copying")


def await_copy_to(database: Path) -> None:
    """Return when a copy of a database that is being made, if one is, has been made (or could not be)."""
    while copying_to(database).exists():
        time.sleep(COPY_LOOK_SECONDS)


def open_patiently() -> None:
    """From here on dbt in this process opens its databases when it can: the one that it builds may be a copy that is still being
    made, and a reader may have the other open for a while."""
    import duckdb
    from dbt.adapters.duckdb.environments import Environment

    opened = Environment.initialize_db.__func__
    if getattr(opened, "is_patient", False):
        return

    def patiently(cls, creds, *arguments, **named):
        await_copy_to(Path(creds.path))
        until = time.monotonic() + HELD_SECONDS
        while True:
            try:
                return opened(cls, creds, *arguments, **named)
            except duckdb.IOException as error:
                if not HOLDER.search(str(error)) or time.monotonic() > until:
                    raise
                time.sleep(LOOK_SECONDS)

    patiently.is_patient = True
    Environment.initialize_db = classmethod(patiently)


def say_nothing_unread() -> None:
    """From here on dbt in this process makes no line that no log keeps; else it writes thirty a node as JSON, and drops them.

    Nor does it make of a thought what a line is made of before one is.
    """
    import logging

    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    fire, make = EventManager.fire_event, BaseEvent.__init__

    def keep(event, *arguments, **named):
        object.__setattr__(event, "said", (arguments, named))

    def make_when_asked(event, name):
        if name != "pb_msg":
            return getattr(event.pb_msg, name)
        arguments, named = object.__getattribute__(event, "said")
        make(event, *arguments, **named)
        return object.__getattribute__(event, name)

    def fire_if_read(self, event, level=None, *arguments, **named):
        is_debug = (level or event.level_tag()) == EventLevel.DEBUG
        if not is_debug or any(log._python_logger.isEnabledFor(logging.DEBUG) for log in self.loggers):
            fire(self, event, level, *arguments, **named)

    EventManager.fire_event = fire_if_read
    BaseEvent.__init__, BaseEvent.__getattr__ = keep, make_when_asked


def write_no_manifest() -> None:
    """From here on dbt in this process leaves its manifest unwritten: a build writes two, and all read the one of parsing."""
    from dbt.contracts.graph.manifest import Manifest

    Manifest.write = lambda self, path: None


def main() -> None:
    """The command ``outcomes-dbt``: dbt's own command line."""
    begin_lightly()
    end_with_parent()
    if sys.argv[1:2] == ["parse"]:
        gc.disable()  # it ends when it has read the project
    from dbt.cli.main import cli

    if sys.argv[1:2] == ["build"]:
        write_no_manifest()

    keep_values_out_of_errors()
    open_patiently()
    say_nothing_unread()
    try_again_with_one_thread()
    end_at_once_after(cli)
