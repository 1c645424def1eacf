"""The same models on another engine: each macro that differs gives DuckDB's answers, and no table can be empty unnoticed."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import jinja2
import pyarrow as pa
import pytest

from dagster_project.archive import Archive, write_whole
from dagster_project.engine import compare, raw, server
from dagster_project.engine.session import faults, run_dbt, session
from dagster_project.settings import PROJECT_DIR, load_settings
from dagster_project.warehouse import ensure_person_key

MACROS = PROJECT_DIR / "dbt" / "macros"
FILES = ("engines", "letters", "keyed_hash", "dates", "standardise", "rates", "delivery_calendar", "disclosure")
FILES += ("spread_labels", "components", "nearest_labels")
TEXT = "\n".join(re.sub(r"{% test .*?{% endtest %}", "", (MACROS / f"{f}.sql").read_text("utf-8"), flags=re.S) for f in FILES)
Z = "1.959963984540054"


def macros(engine: str, key_file: Path = Path("key")) -> SimpleNamespace:
    """The project's macros as dbt writes them out for an adapter: duckdb has the default ones."""
    names: dict = {"execute": True, "return": lambda text: text, "var": lambda _: Z, "env_var": lambda *_: str(key_file)}
    names |= {"ref": lambda name: name}
    made_for = "spark" if engine == "spark" else "default"
    names["adapter"] = SimpleNamespace(dispatch=lambda name: getattr(made, f"{made_for}__{name}"))
    made = jinja2.Environment(extensions=["jinja2.ext.do"]).from_string(TEXT).make_module(names)
    return made


@pytest.fixture(scope="module")
def key_file(tmp_path_factory) -> Path:
    return ensure_person_key(tmp_path_factory.mktemp("key") / "person_id.key")


@pytest.fixture(scope="module")
def spark(tmp_path_factory, key_file):
    with server.sail(tmp_path_factory.mktemp("sail")) as running, session(running.remote, key_file) as made:
        yield made


DAYS = [date(2012, 1, 31) + timedelta(days=n) for n in range(0, 800, 7)] + [
    date(2012, 2, 29),
    date(1900, 4, 1),
    date(9999, 12, 31),
    None,
]
INSTANTS = [
    datetime(2013, month, day, hour, 30) for month, day in ((3, 31), (10, 27), (7, 5), (1, 1)) for hour in (0, 1, 2, 22, 23)
]
BLANKS = [chr(c) for c in (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x09, 0x0A, 0x200B, 0xFEFF)]
DATE_TEXTS = [
    "2013-07-05",
    "2013-7-5",
    "2013/07/05",
    "2013",
    "2013-07",
    "2013-02-30",
    "05/07/2013",
    "yes",
    "",
    "2013-07-05x",
    None,
]
NI_NUMBERS = ["AB123456C", " ab 12 34 56 c", "AB123456E", "AB12345C", "xAB123456C", "AB123456CD", "", None]
PNC_IDS = dict.fromkeys(
    ["2001/0123456X", "2001/123456x", "01/123456X", " 01/0123456 X", "20010123456X", "2001123456X", "01123456X", "010123456X"],
    "20010123456X",
) | {"99/1Z": "19990000001Z", "1999/1Z": "19990000001Z", "991Z": "19990000001Z", "49/1Z": "20490000001Z", "50/1Z": "19500000001Z"}
OTHER_PNC_IDS = ["not known", "2001/01234567X", "2001/0123456", "X", "7", "", " ", None]
WORDS = ["Ada  Lovelace", " ada\tlovelace ", "ADA\n\rLovelace", "Zoë O'Brien", "", None]
PAIRS = [(n, d) for d in range(0, 220) for n in range(0, d + 1)] + [
    (k, d) for d in (4000, 32000, 160000) for k in range(0, 4000, 7)
]

TABLES = {
    "every_character": {"x": [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF]},
    "days": {"d": DAYS},
    "day_steps": {"d": [d for d in DAYS if d and d.year < 9000 for _ in range(25)], "n": None},
    "instants": {"n": list(range(len(INSTANTS))), "x": INSTANTS},
    "blanks": {"x": [f"{b}a b{b}" for b in BLANKS] + BLANKS + [None]},
    "date_texts": {"x": DATE_TEXTS},
    "british_days": {"x": ["05/07/2013", "31/12/1999", None]},
    "ni_numbers": {"x": NI_NUMBERS},
    "pnc_ids": {"x": [*PNC_IDS, *OTHER_PNC_IDS]},
    "words": {"x": WORDS},
    "pairs": {"n": [n for n, _ in PAIRS], "d": [d for _, d in PAIRS]},
    "links": {"reference_a": [1, 2, 3, 10, 11, 20], "reference_b": [2, 3, 7, 11, 12, 7]},
    "nodes": {"reference_id": list(range(1, 8)), "label": [70, None, None, None, None, None, 60]},
    "edges": {"from_id": [*range(1, 7), *range(2, 8)], "to_id": [*range(2, 8), *range(1, 7)]},
    "lists": {"g": [1, 1, 1, 2, 3, 3], "x": ["b", None, "a", None, "é", "Z"], "k": ["2", "1", "3", "1", "b", "B"]},
}
TABLES["day_steps"]["n"] = [n for d in DAYS if d and d.year < 9000 for n in range(-12, 13)]

CASES = {  # what is tried: the table, and the columns of one row of the answer, written with the macros
    "add_months": ("day_steps", lambda m: f"d, n, {m.add_months('d', 'n')}"),
    "add_days": ("day_steps", lambda m: f"d, n, {m.add_days('d', 'n')}"),
    "days_between": ("day_steps", lambda m: f"d, n, {m.days_between('''date '2012-02-29' ''', 'd')}"),
    "day_in_words": ("days", lambda m: f"d, {m.day_in_words('d')}"),
    "day_after_period": ("day_steps", lambda m: "d, n, " + ", ".join(m.day_after_period("d", k) for k in (1, 3, 12))),
    "london_day": ("instants", lambda m: f"n, {m.london_day('x')}"),
    "date_from_text": ("british_days", lambda m: f"x, {m.date_from_text('x', '%d/%m/%Y')}"),
    "date_or_null": ("date_texts", lambda m: f"x, {m.date_or_null('x')}"),
    "trimmed": ("blanks", lambda m: f"x, {m.trimmed('x')}"),
    "is_like": ("ni_numbers", lambda m: f"x, {m.std_ni_number('x')}"),
    "replace_all": ("words", lambda m: f"x, {m.same_words('x')}"),
    "plain_letters": ("every_character", lambda m: f"x, {m.std_name('x')}"),
    "std_pnc_id": ("pnc_ids", lambda m: f"x, {m.std_pnc_id('x')}"),
    "plain_characters": ("every_character", lambda m: f"x, {m.std_number('x')}"),
    "keyed_hash": ("words", lambda m: f"x, {m.keyed_hash('x')}"),
    "plain_hash": ("words", lambda m: f"x, {m.plain_hash('x')}"),
    "rates": ("pairs", lambda m: f"n, d, {m.pct('n', 'd')}, {m.wilson_pct('n', 'd', '-')}, {m.wilson_pct('n', 'd', '+')}"),
}


def answers_of(sql: str, duck: duckdb.DuckDBPyConnection) -> pa.Table:
    return duck.execute(sql).to_arrow_table()


@pytest.fixture(scope="module")
def both(spark, key_file):
    """DuckDB and the engine with the same tables. Gives a function: SQL made of macros → both answers, sorted."""
    duck = duckdb.connect()
    duck.execute(macros("duckdb", key_file).read_person_key())
    for name, columns in TABLES.items():
        table = pa.table(columns)
        duck.register(name, table)
        spark.createDataFrame(table).createOrReplaceTempView(name)

    def ask(write) -> tuple[list, list]:
        ours = duck.execute(write(macros("duckdb", key_file))).fetchall()
        theirs = [tuple(c.as_py() for c in row) for row in zip(*spark.sql(write(macros("spark"))).toArrow().columns, strict=True)]
        return sorted(ours, key=repr), sorted(theirs, key=repr)

    yield ask
    duck.close()


@pytest.mark.parametrize("name", CASES)
def test_both_engines_give_the_same_answer(both, name):
    table, write = CASES[name]
    ours, theirs = both(lambda m: f"select {write(m)} from {table}")
    assert len(ours) == len(next(iter(TABLES[table].values())))
    wrong = [(o, t) for o, t in zip(ours, theirs, strict=True) if o != t]
    assert not wrong, wrong[:5]


def test_a_police_number_is_one_however_its_year_and_noughts_are_written(both):
    values = ", ".join(f"('{text}')" for text in PNC_IDS)
    ours, theirs = both(lambda m: f"select x, {m.std_pnc_id('x')} from (values {values}) as t (x)")
    assert ours == theirs and dict(ours) == PNC_IDS
    ours, theirs = both(lambda m: f"select x, {m.std_pnc_id('x')} from pnc_ids where x = '2001/01234567X'")
    assert ours == theirs == [("2001/01234567X", "200101234567X")], "what is no police number is compared as it is"


@pytest.mark.parametrize("name", "std_name std_number std_ni_number std_pnc_id same_words trimmed date_or_null".split())
def test_a_field_that_an_agency_does_not_send_is_empty(both, name):
    """DuckDB works a column of nothing out in advance, and in some functions fails; a night of one agency has such columns."""
    ours, theirs = both(lambda m: f"select {getattr(m, name)('x')} from (select cast(null as string) as x from words)")
    assert ours == theirs == [(None,)] * len(WORDS)


def test_letters_that_are_no_accents_are_written_out(both):
    written = {
        "Łukasz": "LUKASZ",
        "Øster-Ærø": "OSTERAERO",
        "Đorđe": "DORDE",
        "Straße": "STRASSE",
        "Þór": "THOR",
        "ŒUVRE": "OEUVRE",
    }
    values = ", ".join(f"('{name}')" for name in written)
    ours, theirs = both(lambda m: f"select {m.std_name('x')} from (values {values}) as t (x)")
    assert ours == theirs and {name for (name,) in ours} == set(written.values())


def test_texts_of_a_group_stand_in_the_same_order_on_both(both):
    ours, theirs = both(lambda m: f"select g, {m.text_list('x', '; ', 'k')} from lists group by g")
    assert ours == theirs == [(1, "b; a"), (2, None), (3, "Z; é")]


def test_groups_and_what_is_nearest_are_the_same_on_both(both):
    ours, theirs = both(lambda m: m.components("links"))
    assert ours == theirs and dict(ours) == {1: 1, 2: 1, 3: 1, 7: 1, 20: 1, 10: 10, 11: 10, 12: 10}
    ours, theirs = both(lambda m: m.nearest_labels("nodes", "edges"))
    assert ours == theirs and dict(ours) == {1: 70, 2: 70, 3: 70, 4: 60, 5: 60, 6: 60, 7: 60}, "of two as near the least"


def test_every_macro_that_differs_is_tried():
    tried = set(CASES) | {"read_person_key", "text_list", "hide_what_follows", "components", "nearest_labels"}
    written = set(re.findall(r"macro spark__(\w+)", TEXT))
    assert written - {"materialized", "read_again"} == tried & written
    assert set(re.findall(r"macro default__(\w+)", TEXT)) == written


WALK = "cell_id int, joint_id int, leads boolean, size int, first_count int, second_count int, moved int, is_hidden boolean"


def walked(cells: list[tuple], groups: list[tuple], harmless: dict) -> list[list[tuple[int, bool]]]:
    """(cell, is it hidden), by DuckDB's walk and by Spark's rounds. Both are SQL that DuckDB knows, so it answers for both."""
    with duckdb.connect() as con:
        con.execute(
            "create table disclosure_rules as from (values ('suppress_below', 5), ('zero_is_published', 1)) t (rule_id, value)"
        )
        con.execute(f"create table primary_cells ({WALK})")
        con.execute("create table disclosure_groups (group_id bigint, cell_id bigint, is_whole boolean)")
        con.executemany("insert into primary_cells values (?, ?, ?, ?, ?, ?, ?, ?)", cells)
        con.executemany("insert into disclosure_groups values (?, ?, ?)", groups)
        hide = [macros(engine).hide_what_follows("primary_cells", harmless, ["moved"]) for engine in ("duckdb", "spark")]
        return [con.execute(f"with {sql} select cell_id, is_hidden from hidden_last order by 1").fetchall() for sql in hide]


def test_cells_are_hidden_alike_whichever_way_the_rounds_are_written():
    """Spark's way reads each round once. Over worlds of chance."""
    chance = random.Random(4)
    for _ in range(40):
        cells = []
        for n in range(chance.randint(2, 14)):
            counts = [chance.choice([0, 0, 1, 2, 5, 9]) for _ in range(2)]
            joint, moved = chance.randint(0, 4), chance.choice([0, 0, 0, -1, 2, 7])
            cells.append((n, joint, chance.random() < 0.5, sum(counts), *counts, moved, chance.random() < 0.25))
        groups = [(g, n, i == 0) for g in range(5) for i, n in enumerate(chance.sample(range(len(cells)), min(3, len(cells))))]
        harmless = chance.choice([{}, {"first": "always"}, {"first": "all", "second": "all"}])
        one, other = walked(cells, groups, harmless)
        assert one == other, (cells, groups, harmless)


@pytest.mark.parametrize(
    ("of", "parts", "harmless", "hidden"),
    [  # of a whole and its parts: yes, no, how they differ from another view's, hidden? → the parts that are hidden then
        ("nothing", [(0, 3, 0, 1), (0, 4, 0, 1), (8, 9, 0, 0), (9, 9, 0, 0)], {}, [1, 2, 3]),
        ("one each", [(1, 0, 0, 1)] * 6 + [(8, 9, 0, 0), (9, 9, 0, 0)], {}, [1, 2, 3, 4, 5, 6, 7]),
        ("one that has some", [(6, 9, 0, 1), (0, 9, 0, 1), (8, 9, 0, 0), (9, 9, 0, 0)], {"first": "always"}, [1, 2, 3]),
        ("enough", [(6, 9, 0, 1), (6, 9, 0, 1), (8, 9, 0, 0), (9, 9, 0, 0)], {}, [1, 2]),
        ("few more than another view", [(50, 9, 1, 1), (25, 9, 2, 1), (80, 90, 7, 0), (90, 90, 0, 0)], {}, [1, 2, 3]),
    ],
)
def test_hidden_parts_that_add_up_to(of, parts, harmless, hidden):
    total = [sum(p[i] for p in parts) for i in range(3)]
    cells = [(0, 0, False, sum(total[:2]), *total, False)]
    cells += [(n, n, False, yes + no, yes, no, moved, bool(h)) for n, (yes, no, moved, h) in enumerate(parts, 1)]
    for found in walked(cells, [(1, cell[0], cell[0] == 0) for cell in cells], harmless):
        assert [n for n, is_hidden in found if is_hidden] == hidden, of


def test_a_whole_that_another_view_hides_has_a_hidden_part_though_nobody_is_in_any():
    """Or the build fails: what is hidden alone in a sum follows from the others."""
    cells = [(0, 0, False, 0, 0, 0, 0, False), (1, 1, False, 0, 0, 0, 0, False), (2, 2, False, 0, 0, 0, 0, False)]
    cells.append((3, 0, True, 4, 4, 0, 0, True))
    for found in walked(cells, [(1, 0, True), (1, 1, False), (1, 2, False)], {"first": "always"}):
        assert dict(found) == {0: True, 1: True, 2: False, 3: True}


# ------------------------------------------------------------------ the guards


def _landed(folder: Path, rows: int) -> raw.Exported:
    place = folder / "raw.made_up"
    place.mkdir()
    duckdb.execute(f"copy (select n from range({rows}) as t (n)) to '{place / 'rows.parquet'}' (format parquet)")
    return raw.Exported("raw", "made_up", place, rows)


def test_a_table_whose_rows_are_all_there_is_taken(spark, tmp_path):
    raw.place(spark, [_landed(tmp_path, 5)])
    assert raw.count(spark, "raw.made_up") == 5


def test_an_engine_that_reads_nothing_where_rows_are_is_found_out(spark, tmp_path):
    """Sail makes a table of a folder without files, and of a wrong name, and says nothing."""
    landed = _landed(tmp_path, 5)
    landed.folder.joinpath("rows.parquet").rename(tmp_path / "elsewhere.parquet")
    with pytest.raises(raw.RowsMissing, match="raw.made_up has .*the export says 5 rows"):
        raw.place(spark, [landed])


def _world(tmp_path: Path, rows: int) -> SimpleNamespace:
    """Two databases of which one holds a table of indicators, as compare.compare reads them."""
    made = SimpleNamespace(
        warehouse_db=tmp_path / "warehouse.duckdb", restricted_db=tmp_path / "restricted.duckdb", memory_limit="1GB"
    )
    duckdb.connect(str(made.restricted_db)).close()
    with duckdb.connect(str(made.warehouse_db)) as con:
        con.execute(
            f"create schema made_up; create table made_up.figures as select n as area, n * 2 as rate from range({rows}) as t (n)"
        )
    return made


def _on_engine(spark, sql: str) -> None:
    spark.sql("create schema if not exists made_up")
    spark.sql("drop table if exists made_up.figures")
    spark.sql(f"create table made_up.figures using parquet as {sql}")


def test_an_empty_table_of_the_engine_stops_the_comparison(spark, tmp_path):
    _on_engine(spark, "select n as area, n * 2 as rate from range(0, 3) as t (n) where n < 0")
    with pytest.raises(raw.RowsMissing, match="made_up.figures has 0 rows, DuckDB says 3 rows"):
        compare.compare(_world(tmp_path, 3), spark, tmp_path)


def test_a_table_that_the_engine_did_not_build_stops_the_comparison(spark, tmp_path):
    spark.sql("drop table if exists made_up.figures")
    with pytest.raises(raw.RowsMissing, match="made_up.figures has no such table"):
        compare.compare(_world(tmp_path, 3), spark, tmp_path)


def test_equal_tables_are_equal_and_a_changed_figure_is_shown(spark, tmp_path):
    world = _world(tmp_path, 3)
    _on_engine(spark, "select n as area, n * 2 as rate from range(0, 3) as t (n)")
    assert compare.compare(world, spark, tmp_path) == (1, 3, [])
    _on_engine(spark, "select n as area, n * 2 + case when n = 1 then 1 else 0 end as rate from range(0, 3) as t (n)")
    assert compare.compare(world, spark, tmp_path)[2] == [
        "made_up.figures: 1 rows only on the engine",
        "    area=1, rate=3",
        "made_up.figures: 1 rows only in DuckDB",
        "    area=1, rate=2",
    ]


def test_rows_that_cannot_be_read_are_not_taken_for_equal(spark, tmp_path, monkeypatch):
    _on_engine(spark, "select n as area, n * 2 as rate from range(0, 3) as t (n)")
    monkeypatch.setattr(compare.Path, "rglob", lambda *_: iter(()))
    assert "the engine wrote none of its 3 rows" in compare.compare(_world(tmp_path, 3), spark, tmp_path)[2][0]


def test_tables_without_rows_are_equal(spark, tmp_path):
    _on_engine(spark, "select n as area, n * 2 as rate from range(0, 3) as t (n) where n < 0")
    assert compare.compare(_world(tmp_path, 0), spark, tmp_path) == (1, 0, [])


def test_the_server_ends_when_the_process_that_started_it_is_killed(tmp_path):
    code = (
        "import pathlib, time\nfrom dagster_project.engine.server import sail\n"
        f"with sail(pathlib.Path({str(tmp_path)!r})) as s:\n    print(s.process, flush=True)\n    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIR)
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until = time.monotonic() + 20
    while time.monotonic() < until and _runs(child):
        time.sleep(0.1)
    assert not _runs(child)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


# ------------------------------------------------------------------ the whole build


@pytest.mark.drill
def test_every_table_of_the_engine_equals_duckdbs_and_the_key_is_written_nowhere(hand_world, tmp_path):
    settings = hand_world.settings
    with server.sail(tmp_path / "sail") as running, session(running.remote, settings.person_key_file) as spark:
        raw.place(spark, raw.export(settings, tmp_path / "landed"))
        assert faults(run_dbt(settings, tmp_path / "dbt", "build")) == []
        tables, rows, differences = compare.compare(settings, spark, tmp_path / "compared")
        assert differences == [] and tables > 100 and rows > 10_000
        halves = settings.person_key_file.read_text().splitlines()[1].split(",")
        written = [p for p in tmp_path.rglob("*") if p.is_file() for h in halves if h.encode() in p.read_bytes()]
        assert written == []
        spark.sql(
            "create or replace view staging.stg_probation__orders as select * from staging.stg_probation__orders where false"
        )


@pytest.mark.drill
def test_rows_that_the_register_knows_and_the_raw_table_lost_are_missed_but_those_that_retention_removed(hand_world, tmp_path):
    import shutil

    home = tmp_path / "home"
    shutil.copytree(hand_world.settings.home, home)
    settings = load_settings(home=home)
    with duckdb.connect(str(settings.restricted_db)) as con:
        delivery, content = con.execute(
            "select delivery_id, content_hash from intake.deliveries where extract = 'orders' and accepted_count > 0"
        ).fetchone()
        con.execute("delete from raw.probation__orders where _delivery_id = ?", [delivery])
    with pytest.raises(raw.RowsMissing, match="raw.probation__orders has .* the register says"):
        raw.export(settings, tmp_path / "landed")
    archive = Archive(settings.archive_dir)
    write_whole(archive.note_of_removal(content), b"{}")
    archive.place(content).unlink()
    shutil.rmtree(tmp_path / "landed")
    assert raw.export(settings, tmp_path / "landed")
