"""Fictional people and every extract about them, deterministic for a number of people and a seed.

The world is made in DuckDB, batch by batch, so memory does not grow with the number of people: files ``1x`` to ``7x`` of
``sql/`` make one batch and its ``send_<agency>__<extract>`` tables, whose rows are appended to the files at once.
Columns, their order, delimiter, encoding and date format come from the contracts; codes, areas and published counts
from the seeds; rates from ``parameters.py``.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from ..contracts import Contracts, load_contracts
from . import defects, truth, write
from .parameters import CHOICES, FIRST_DELIVERY, MAIN_DELIVERY, PARAMETERS, RETURNS, WEIGHTS

SQL_DIR = Path(__file__).parent / "sql"
BATCH_PEOPLE = 150_000
WINDOW = (date(2009, 4, 1), date(2009, 8, 1))


def generate(
    out_dir: Path,
    *,
    people: int = 36_000,
    seed: int = 2009,
    truth_dir: Path | None = None,
    seeds_dir: Path,
    contracts_dir: Path,
    memory_limit: str = "2GB",
    log: Callable[[str], object] = print,
) -> dict[str, int]:
    """Write every extract under ``out_dir/<agency>/`` and return file (relative to ``out_dir``) → rows.

    ``truth_dir``, if given, receives what was planted, as Parquet. The same arguments give the same bytes.
    """
    if people < 200:
        raise ValueError("The sample world needs at least 200 people, so that every area has some.")
    contracts = load_contracts(Path(contracts_dir), Path(seeds_dir))
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=".sample-", dir=out_dir))
    try:
        con = _open(work, memory_limit)
        _prepare(con, contracts, people, seed)
        defects.create_table(con)
        files = write.Files(out_dir, work)
        everyone = people + round(people * PARAMETERS["comparison_share"][0])
        for first in range(1, everyone + 1, BATCH_PEOPLE):
            last = min(first + BATCH_PEOPLE - 1, everyone)
            con.execute(f"set variable first_p = {first}; set variable last_p = {last}")
            for number in "1234567":
                _run_files(con, number)
            _send(con, contracts, files)
            if truth_dir:
                truth.put_by(con)
            log(f"sample: people up to {last:,} of {everyone:,} ({time.monotonic() - began:.0f} s)")
        _run_files(con, "8")
        _send(con, contracts, files)
        rows = files.close()
        if truth_dir:
            truth.write(con, Path(truth_dir))
        con.close()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    log(f"sample: {sum(rows.values()):,} rows in {len(rows)} files, {time.monotonic() - began:.0f} s")
    return rows


def _open(work: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """A connection that spills to a folder, and keeps the truth in a file, both of which go away with the run."""
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    con.execute(f"set memory_limit = '{memory_limit}'; set temp_directory = '{work / 'spill'}'")
    con.execute(f"attach '{work / 'truth.duckdb'}' as planted; set preserve_insertion_order = true")
    return con


def _prepare(con: duckdb.DuckDBPyConnection, contracts: Contracts, people: int, seed: int) -> None:
    """Seeds as tables, parameters as variables, and the tables that every batch draws from."""
    for name, value in {"seed": seed, "people": people}.items():
        con.execute(f"set variable {name} = cast({value} as bigint)")
    for name, (value, _) in PARAMETERS.items():
        con.execute(f"set variable {name} = cast({value} as double)")
    for name, day in {
        "first_day": FIRST_DELIVERY, "main_day": MAIN_DELIVERY, "window_start": WINDOW[0], "window_end": WINDOW[1],
    }.items():
        con.execute(f"set variable {name} = date '{day}'")
    con.execute(f"set variable window_days = {(WINDOW[1] - WINDOW[0]).days}")
    for path in sorted(contracts.seeds_dir.rglob("*.csv")):
        if path.parent.name in ("codes", contracts.seeds_dir.name):
            con.execute(
                f"create table seed_{path.stem} as select * from read_csv(?, all_varchar = true, header = true, delim = ',', quote = '\"')",
                [str(path)],
            )
    _weigh_codes(con, contracts)
    con.execute("create table psa16_figure (indicator varchar, percent double, denominator bigint)")
    con.executemany("insert into psa16_figure values (?, ?, ?)", [(code, *figure) for code, figure in RETURNS.items()])
    _run_files(con, "0")
    con.execute("set variable establishments = (select count(*) from establishment)")


def _weigh_codes(con: duckdb.DuckDBPyConnection, contracts: Contracts) -> None:
    """Table ``weighted_code``: for each choice the codes of each meaning with their weight."""
    con.execute("create table weighted_code (list varchar, class varchar, code varchar, weight double)")
    for name, (code_list, mappings, weights) in CHOICES.items():
        known = contracts.codes(code_list)
        meanings = [_meaning(contracts, code_list, mapping, view) for mapping, view in mappings]
        for code, weight in WEIGHTS[weights].items():
            if code in known:
                meaning = "/".join(m.get(code, "none") for m in meanings) or "any"
                con.execute("insert into weighted_code values (?, ?, ?, ?)", [name, meaning, code, weight])


def _meaning(contracts: Contracts, code_list: str, mapping: str, view: str) -> dict[str, str]:
    """Code → status of one view of a mapping seed."""
    with duckdb.connect() as con:
        rows = con.execute(
            "select code, status from read_csv(?, all_varchar = true, header = true, delim = ',', quote = '\"') where code_list = ? and view_id = ?",
            [str(contracts.seeds_dir / "mappings" / f"{mapping}.csv"), code_list, view],
        ).fetchall()
    return dict(rows)


def _run_files(con: duckdb.DuckDBPyConnection, number: str) -> None:
    """Run the SQL files whose names begin with a digit, in the order of their names."""
    for path in sorted(SQL_DIR.glob(f"{number}*.sql")):
        try:
            con.execute(path.read_text(encoding="utf-8"))
        except duckdb.Error as error:
            raise RuntimeError(f"{path.name}: {error}") from error


def _send(con: duckdb.DuckDBPyConnection, contracts: Contracts, files: write.Files) -> None:
    """Append the batch's rows to the files of its extracts, with the rows that intake must refuse mixed in."""
    made = {row[0] for row in con.execute("select table_name from duckdb_tables() where table_name like 'send\\_%' escape '\\'").fetchall()}
    for extract in contracts.extracts:
        table = f"send_{extract.table}"
        if table not in made:
            continue
        for delivery in [FIRST_DELIVERY, MAIN_DELIVERY] if extract.mode == "delta" else [MAIN_DELIVERY]:
            where = f"_delivery = date '{delivery}'" if extract.mode == "delta" else "true"
            con.execute(f"create or replace temp view sound as select {write.as_text(extract)} from {table} where {where}")
            name = write.file_name(extract, delivery)
            defects.plant(con, extract, name)
            files.append(con, extract, name)
        con.execute(f"drop table {table}")
