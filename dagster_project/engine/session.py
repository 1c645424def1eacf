"""A session on a Spark Connect server, with what dbt must find in it: the key of person_id, and nothing written down."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import warehouse
from ..settings import Settings
from .raw import python_models

CLOCK = "spark.sql.session.timeZone"


@contextmanager
def session(remote: str, key_file: Path) -> Iterator:
    """The session of this process with a server (``sc://host:port``); dbt uses the same one. It stands in UTC.

    The key's two halves are a temporary view of the session, ``person_key``: no table, no compiled SQL and no log holds them.
    One session at a time; it ends with the block.
    """
    main = sys.modules["__main__"]
    if main.__spec__ is None and not hasattr(main, "__file__"):
        main.__file__ = "<session>"  # pyspark takes a main module without a file for its own doctests, and ends the process
    os.environ["SPARK_REMOTE"] = remote  # dbt-spark's session method asks for the session of the process
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyspark warns of a pandas that it is not used with here
        from pyspark.sql import SparkSession

        spark = SparkSession.builder.config(CLOCK, "UTC").getOrCreate()
    try:
        put_key(spark, key_file)
        yield spark
    finally:
        spark.stop()
        os.environ.pop("SPARK_REMOTE", None)


def put_key(spark, key_file: Path) -> None:
    """Make the temporary view ``person_key`` (inner_pad, outer_pad: hexadecimal text) of a key file."""
    import pyarrow as pa

    names, halves = (line.split(",") for line in key_file.read_text(encoding="utf-8").splitlines()[:2])
    spark.createDataFrame(pa.table({n: [h] for n, h in zip(names, halves, strict=True)})).createOrReplaceTempView("person_key")


def run_dbt(settings: Settings, folder: Path, *arguments: str):
    """Run dbt on the target spark in this process and its session. It writes under ``folder``. Returns dbt's own result."""
    from dbt.cli.main import dbtRunner

    surroundings = warehouse.dbt_environment(settings) | {
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    before = {name: os.environ.get(name) for name in surroundings}
    os.environ.update(surroundings)
    try:
        ready = ["--exclude", *python_models(settings.dbt_dir)]
        return dbtRunner().invoke([*arguments, *ready, "--target", "spark", "--quiet"])
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def faults(result) -> list[str]:
    """What failed in a run of dbt, a line each; empty when all went well."""
    if result.exception:
        return [str(result.exception)]
    failed = [r for r in result.result.results if r.status not in ("success", "pass", "no-op")]
    return [f"{r.node.name}: {' '.join((r.message or str(r.status)).split())}" for r in failed]
