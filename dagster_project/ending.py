"""How the long commands end: at once. Python takes a second to take apart all that dbt or Great Expectations loaded."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable


def end_at_once_after(command: Callable[[], None]) -> None:
    """Run a command line; when it ends, do what is to be done at the end (databases are closed then) and leave.

    The process ends with the command's exit code. An error that the command does not catch ends it as always.
    """
    try:
        command()
        code: int | str | None = 0
    except SystemExit as end:
        code = end.code
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)
