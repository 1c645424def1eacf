"""Sail, a Spark Connect server without a JVM, as a process of its own on this machine: it ends when its parent does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..dbt_child import end_with_parent

END_SECONDS = 10


@dataclass(frozen=True)
class Server:
    """A server that runs: its address as SPARK_REMOTE takes it, and its process."""

    remote: str
    process: int


@contextmanager
def sail(folder: Path) -> Iterator[Server]:
    """A Sail server on 127.0.0.1 and a free port for as long as the block runs. Its tables are files under ``folder``.

    Raises RuntimeError with what it said last when it does not start.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "sail.log"
    with open(log, "w", encoding="utf-8") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=folder,  # it writes its tables to ./spark-warehouse
            env=os.environ | {"RUST_LOG": "warn", "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    try:
        address = child.stdout.readline().strip()
        if not address:
            raise RuntimeError(f"Sail did not start: {log.read_text(encoding='utf-8').strip()[-500:]}")
        yield Server(f"sc://{address}", child.pid)
    finally:
        child.terminate()
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main() -> None:
    """The process itself: start, say the address on the first line, and serve until it is ended."""
    end_with_parent()
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    print(f"{host}:{port}", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
