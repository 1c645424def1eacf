"""Fictional people and every extract about them, deterministic for a number of people and a seed.

The world is made in DuckDB, batch by batch, so memory does not grow with the number of people: files ``1x`` to ``7x`` of
``sql/`` make one batch and its ``send_<agency>__<extract>`` tables, whose rows become parts of the files; the parts are
joined in the order of the batches. Batches are made side by side, each by a connection of its own.
Columns, their order, delimiter, encoding and date format come from the contracts; codes, areas and published counts
from the seeds; rates from ``parameters.py``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from ..contracts import Contracts, load_contracts
from . import LEAST_PEOPLE, defects, truth, write
from .parameters import CHOICES, FIRST_DELIVERY, MAIN_DELIVERY, PARAMETERS, RETURNS, WEIGHTS

SQL_DIR = Path(__file__).parent / "sql"
BATCH_PEOPLE = 100_000  # part of the world: another size makes other people
READ_SEED = "read_csv(?, all_varchar = true, header = true, delim = ',', quote = '\"')"
WINDOW = (date(2009, 4, 1), date(2009, 8, 1))


@dataclass(frozen=True)
class World:
    """What is to be made, with what, and where its parts are kept until they are joined."""

    contracts: Contracts
    people: int
    seed: int
    work: Path
    memory_limit: str
    has_truth: bool
    is_packed: bool
    workers: int
    own: threading.local = field(default_factory=threading.local)

    @property
    def everyone(self) -> int:
        return self.people + round(self.people * PARAMETERS["comparison_share"][0])

    def connection(self) -> duckdb.DuckDBPyConnection:
        """The calling thread's own database, with seeds, parameters and macros in it."""
        if not hasattr(self.own, "con"):
            self.own.con = _open(self)
            _prepare(self.own.con, self)
        return self.own.con


def generate(
    out_dir: Path,
    *,
    people: int = 36_000,
    seed: int = 2009,
    truth_dir: Path | None = None,
    seeds_dir: Path,
    contracts_dir: Path,
    memory_limit: str = "2GB",
    is_packed: bool = False,
    log: Callable[[str], object] = print,
) -> dict[str, int]:
    """Write every extract under ``out_dir/<agency>/`` and return file (relative to ``out_dir``) → rows.

    ``truth_dir``, if given, receives what was planted, as Parquet. The same arguments give the same bytes; files of an
    earlier world with the same names are replaced. ``is_packed``: every file is, not only those of agencies that pack theirs.
    """
    if people < LEAST_PEOPLE:
        raise ValueError(f"The sample world needs at least {LEAST_PEOPLE} people, so that every area has some.")
    contracts = load_contracts(Path(contracts_dir), Path(seeds_dir))
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=".sample-", dir=out_dir))
    batches = range(0, people + round(people * PARAMETERS["comparison_share"][0]), BATCH_PEOPLE)
    workers = min(os.cpu_count() or 1, len(batches), 4)
    world = World(contracts, people, seed, work, memory_limit, truth_dir is not None, is_packed, workers)
    files = write.Files(out_dir)
    try:
        with ThreadPoolExecutor(workers) as pool:
            for made, parts in enumerate(pool.map(lambda first: _make_batch(world, first), batches), 1):
                files.append(parts)
                done = min(made * BATCH_PEOPLE, world.everyone)
                log(f"sample: {done:,} of {world.everyone:,} people ({time.monotonic() - began:.0f} s)")
        con = world.connection()
        con.execute("set variable batch = 999999")
        _run_files(con, "8")
        files.append(_send(con, world))
        if truth_dir:
            truth.write(con, work, Path(truth_dir))
        con.close()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    rows = dict(sorted(files.rows.items()))
    log(f"sample: {sum(rows.values()):,} rows in {len(rows)} files, {time.monotonic() - began:.0f} s")
    return rows


def _make_batch(world: World, first: int) -> list[write.Part]:
    """Make the people ``first + 1`` and following, and write their parts of every file."""
    con = world.connection()
    con.execute(f"set variable batch = {first // BATCH_PEOPLE}; set variable first_p = {first + 1}")
    con.execute(f"set variable last_p = {min(first + BATCH_PEOPLE, world.everyone)}")
    for number in "1234567":
        _run_files(con, number)
    parts = _send(con, world)
    if world.has_truth:
        truth.put_by(con, world.work)
    return parts


def _size(text: str) -> int:
    """Bytes of DuckDB's text form of a memory limit."""
    with duckdb.connect() as con:
        con.execute(f"set memory_limit = '{text}'")
        number, unit = con.execute("select current_setting('memory_limit')").fetchone()[0].split(" ")
    return int(float(number) * 1024 ** ["bytes", "KiB", "MiB", "GiB", "TiB"].index(unit))


def _open(world: World) -> duckdb.DuckDBPyConnection:
    """A database in memory that spills to the folder of the run; limits are shared between the workers."""
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    con.execute(f"set memory_limit = '{_size(world.memory_limit) // world.workers} bytes'")
    con.execute(f"set threads = {max(1, (os.cpu_count() or 1) // world.workers)}; set preserve_insertion_order = true")
    con.execute(f"set temp_directory = '{world.work / f'spill-{threading.get_ident()}'}'")
    return con


def _prepare(con: duckdb.DuckDBPyConnection, world: World) -> None:
    """Seeds as tables, parameters as variables, and the tables that every batch draws from."""
    for name, value in {"seed": world.seed, "people": world.people}.items():
        con.execute(f"set variable {name} = cast({value} as bigint)")
    for name, (value, _) in PARAMETERS.items():
        con.execute(f"set variable {name} = cast({value} as double)")
    days = {"first_day": FIRST_DELIVERY, "main_day": MAIN_DELIVERY, "window_start": WINDOW[0], "window_end": WINDOW[1]}
    for name, day in days.items():
        con.execute(f"set variable {name} = date '{day}'")
    con.execute(f"set variable window_days = {(WINDOW[1] - WINDOW[0]).days}")
    seeds_dir = world.contracts.seeds_dir
    for path in [*sorted(seeds_dir.glob("*.csv")), *sorted((seeds_dir / "codes").glob("*.csv"))]:
        con.execute(f"create table seed_{path.stem} as select * from {READ_SEED}", [str(path)])
    _weigh_codes(con, world.contracts)
    con.execute("create table psa16_figure (indicator varchar, percent double, denominator bigint)")
    con.executemany("insert into psa16_figure values (?, ?, ?)", [(code, *figure) for code, figure in RETURNS.items()])
    _run_files(con, "0")
    con.execute("set variable establishments = (select count(*) from establishment)")
    con.execute("set variable surnames = (select count(*) from surname)")
    con.execute("set variable forenames = (select count(*) // 2 from forename)")


def _weigh_codes(con: duckdb.DuckDBPyConnection, contracts: Contracts) -> None:
    """Table ``weighted_code``: for each choice the codes of each meaning with their weight."""
    con.execute("create table weighted_code (list varchar, class varchar, code varchar, weight double)")
    for name, (code_list, mappings, weights) in CHOICES.items():
        known = contracts.codes(code_list)
        meanings = [_meaning(con, contracts, code_list, mapping, view) for mapping, view in mappings]
        rows = [
            (name, "/".join(m.get(code, "none") for m in meanings) or "any", code, weight)
            for code, weight in WEIGHTS[weights].items()
            if code in known
        ]
        con.executemany("insert into weighted_code values (?, ?, ?, ?)", rows)


def _meaning(con: duckdb.DuckDBPyConnection, contracts: Contracts, code_list: str, mapping: str, view: str) -> dict[str, str]:
    """Code → status of one view of a mapping seed."""
    rows = con.execute(
        f"select code, status from {READ_SEED} where code_list = ? and view_id = ?",
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


def _send(con: duckdb.DuckDBPyConnection, world: World) -> list[write.Part]:
    """Write the batch's part of every file, with the rows that intake must refuse mixed in."""
    made = {row[0] for row in con.execute("select table_name from duckdb_tables()").fetchall()}
    defects.create_table(con)
    parts = []
    for extract in world.contracts.extracts:
        table = f"send_{extract.table}"
        if table not in made:
            continue
        for delivery in [FIRST_DELIVERY, MAIN_DELIVERY] if extract.mode == "delta" else [MAIN_DELIVERY]:
            where = f"_delivery = date '{delivery}'" if extract.mode == "delta" else "true"
            con.execute(f"create or replace temp view sound as select {write.as_text(extract)} from {table} where {where}")
            name = write.file_name(extract, delivery, world.is_packed)
            defects.plant(con, extract, name)
            parts.append(write.write_part(con, extract, name, world.work))
        con.execute(f"drop table {table}")
    if world.has_truth:
        truth.put_by(con, world.work, {"defects": "select * from planted_defect"})
    return parts
