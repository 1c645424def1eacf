"""Children of the night's run, dbt above all: they end when it does, so that no orphan writes after a run was killed."""

from __future__ import annotations

import os
import threading
import time

LOOK_SECONDS = 0.2


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def end_with_parent() -> None:
    """Let this process end as soon as the one that started it has ended, however that ended."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def main() -> None:
    """The command ``outcomes-dbt``: dbt's own command line."""
    end_with_parent()
    from dbt.cli.main import cli

    cli()
