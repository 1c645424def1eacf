"""What memory_limit says is of the whole night: DuckDB is given what is left beside Python, Dagster and dbt."""

from __future__ import annotations

import os
import subprocess
import sys

import duckdb
import pytest

from dagster_project import memory, register, warehouse
from dagster_project.settings import load_settings


@pytest.mark.parametrize("whole", ["1.1GB", "2GB", "4GB", "8 GiB", "16GB"])
def test_duckdb_and_what_stands_beside_it_take_no_more_than_the_whole(whole):
    share = memory.bytes_of(memory.for_duckdb(whole))
    assert memory.LEAST <= share and share * memory.BEYOND + memory.BESIDE <= memory.bytes_of(whole)
    assert share * memory.BEYOND + memory.BESIDE > memory.bytes_of(whole) - 2_000_000  # nothing is left lying


def test_an_amount_is_read_as_duckdb_reads_it():
    with duckdb.connect() as con:
        for text in ("900MB", "1.5GB", "4 GiB", "512mib"):
            con.execute(f"set memory_limit = '{text}'")
            other = con.execute("select current_setting('memory_limit')").fetchone()[0]
            con.execute(f"set memory_limit = '{memory.bytes_of(text)}B'")
            assert con.execute("select current_setting('memory_limit')").fetchone()[0] == other


@pytest.mark.parametrize("text", ["900MB", "1GB", "0GB", "plenty", "80%", "4"])
def test_too_little_is_said_with_the_least_or_how_to_write_it(text, monkeypatch):
    monkeypatch.setenv("OUTCOMES_MEMORY_LIMIT", text)
    with pytest.raises(memory.TooLittleMemory, match=f"memory_limit is '?{text}.*(The least is 1.1GB|write it as 4GB)"):
        load_settings()


def test_the_command_says_it_in_a_line():
    command = [sys.executable, "-m", "dagster_project.cli", "releases"]
    said = subprocess.run(command, env=os.environ | {"OUTCOMES_MEMORY_LIMIT": "900MB"}, capture_output=True, text=True)
    assert said.returncode == 1 and said.stderr.startswith("memory_limit is 900MB") and said.stderr.count("\n") == 1


def test_the_least_that_is_said_is_enough():
    assert memory.for_duckdb("1.1GB") == f"{memory.bytes_of(memory.for_duckdb('1.1GB')) // 10**6}MB"


def test_the_databases_get_their_part_and_not_the_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTCOMES_MEMORY_LIMIT", "2GB")
    settings = load_settings(home=tmp_path)
    assert (settings.whole_memory, settings.memory_limit) == ("2GB", "851MB")
    assert warehouse.dbt_environment(settings)["OUTCOMES_DUCKDB_MEMORY"] == "851MB"
    assert "OUTCOMES_MEMORY_LIMIT" not in warehouse.dbt_environment(settings)  # or the next settings would share out a share
    with register.connect(settings) as con:
        assert con.execute("select current_setting('memory_limit')").fetchone()[0] == "811.5 MiB"
    assert "OUTCOMES_DUCKDB_MEMORY" in (settings.dbt_dir / "profiles.yml").read_text()


def test_no_threads_asked_for_are_all_there_are(tmp_path, monkeypatch):
    for asked, threads in (("0", os.cpu_count()), ("", os.cpu_count()), ("3", 3)):
        monkeypatch.setenv("OUTCOMES_THREADS", asked)
        assert load_settings(home=tmp_path).threads == threads


def test_memory_that_is_free_goes_back_to_the_system():
    work = (
        "from dagster_project import memory\n"
        "def resident(): return int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "kept = [bytearray(1000) for _ in range(300_000)]\n"
        "last = bytearray(1000)\n"  # above them: without being asked, the system's library keeps what is below
        "del kept; before = resident(); memory.give_back(); print(before - resident())"
    )
    said = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True)
    assert int(said.stdout) > 200_000_000 or sys.platform != "linux"
