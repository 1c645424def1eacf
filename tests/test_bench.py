"""The bench: the floor, pandas and polars find what the product finds, and a difference does not go by unnoticed.

The hand-computed world has more odd cases than a sample world of any size, and is built for other tests already.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner

from dagster_project import arrival, intake, release
from dagster_project.bench import __main__ as bench
from dagster_project.bench import (
    again,
    changes,
    compare,
    equal,
    floor,
    job,
    measure,
    pandas_way,
    polars_way,
    report,
    required,
    worlds,
)
from dagster_project.bench.__main__ import command_of
from dagster_project.bench.child import save_counts
from dagster_project.bench.reads import World
from dagster_project.sample.generate import generate
from dagster_project.settings import PROJECT_DIR, load_settings

HAND = Path(__file__).parent / "hand_world" / "landing"


def results_of(world: Path, folder: Path) -> Path:
    """What the three ways find in a world, each in a folder of its own."""
    with floor.compute(world) as con:
        compare.save_floor(con, folder / "floor")
    for name, way in (("pandas", pandas_way), ("polars", polars_way)):
        counts = way.compute(world)
        (folder / name).mkdir()
        save_counts(counts if name == "pandas" else counts.to_arrow(), folder / name)
    return folder


@pytest.fixture(scope="module")
def hand(hand_world, tmp_path_factory) -> Path:
    """The results of every way in the hand-computed world."""
    folder = results_of(HAND, tmp_path_factory.mktemp("ways"))
    compare.save_product(hand_world.settings, folder / "job")
    return folder


def test_the_floor_finds_the_product_s_outcomes_and_counts(hand):
    assert compare.differences(hand / "job", hand / "floor") == []


@pytest.mark.parametrize("way", ["pandas", "polars"])
def test_the_frames_find_the_product_s_counts(hand, way):
    assert compare.differences(hand / "job", hand / way) == []


def tell_two_apart(world: Path) -> None:
    """Two references of probation whose numbers contradict each other, and a prisons record that is linked with both: it goes
    with the first, which has no job, though the second has one."""
    rows = {
        "probation/people": [
            "S9000001,,N9000JZ,,Corvik,Sarnvey,1963-04-03,M,W,",
            "S9000002,1988/90M,N9001JZ,,Corvik,Sarvney,1963-03-30,M,W,",
        ],
        "probation/employment": ["E90,S9000002,B01,2010-02-20,2010-12-01,N,2010-02-20,N"],
        "prisons/people": ["N9000JZ,1988/90M,C,Sarvney,03/04/1963,M,W,"],
        "prisons/custody": ["B90,N9000JZ,FSI,22/01/2010,16/02/2010,CR,LT6M,DNF,62"],
    }
    for extract, added in rows.items():
        agency, name = extract.split("/")
        path = max((world / agency).glob(f"{name}_*.csv"))
        ended = path.read_text(encoding="utf-8").rstrip("\n")
        path.write_text("\n".join([ended, *added, ""]), encoding="utf-8")


def test_every_way_agrees_where_rows_are_spoilt_and_sent_twice(tmp_path):
    world = tmp_path / "world"
    seeds, contracts = PROJECT_DIR / "seeds", PROJECT_DIR / "expectations" / "contracts"
    generate(world, people=1000, seeds_dir=seeds, contracts_dir=contracts, log=lambda _: None)
    tell_two_apart(world)
    found = results_of(world, tmp_path)
    assert compare.differences(found / "floor", found / "pandas") == []
    assert compare.differences(found / "floor", found / "polars") == []
    with duckdb.connect() as con:
        bridged = f"select employed_six_weeks_status from '{found}/floor/release_outcomes.parquet' where event_ref = 'B90'"
        assert con.execute(bridged).fetchall() == [("unknown",)], "the job of the one counts for the other"
        events = con.execute(f"select count(*) from '{found}/floor/minimum_outcomes.parquet'").fetchone()[0]
        counts = con.execute(f"select sum(yes_count) from '{found}/pandas/{compare.COUNTS}.parquet'").fetchone()[0]
    assert events > 1000 and counts > 1000  # nothing equals nothing


def test_the_floor_merges_spells_as_the_product_does(hand_world):
    with floor.compute(HAND) as con:
        for spells in ("supervision", "accommodation", "custody", "programme", "benefit_claim", "benefit_out_of_work"):
            product = hand_world.query(
                f"select count(*) as n, max(end_date) as latest from warehouse.spells.int_{spells}_spells"
            )[0]
            assert con.execute(f"select count(*), max(end_date) from {spells}_spells").fetchone() == tuple(product.values()), (
                spells
            )
        for spells, named in (("employment_record",) * 2, ("p45", "employment_p45"), ("employment_combined",) * 2):
            product = hand_world.query(f"select count(*) as n from warehouse.spells.int_{named}_spells")[0]
            assert con.execute(f"select count(*) from {spells}_spells").fetchone()[0] == product["n"] > 0, spells


def test_every_way_writes_names_in_letters_alike():
    names = ["Łukasz", "Øster-Ærø", "Đorđe", "Straße", "Þór", "Œuvrard", "Renée", "O'Neil", None, "Zoë  Ħal"]
    frames = pd.DataFrame({"name": names}, dtype="string"), pl.DataFrame({"name": names})
    found = [list(pandas_way.std_name(frames[0]["name"])), frames[1].select(polars_way.std_name("name"))["name"].to_list()]
    macros = [
        line for line in floor.SCRIPT.read_text("utf-8").splitlines() if re.match(r"create macro (std_name|in_l|written)", line)
    ]
    with duckdb.connect() as con:
        con.execute("\n".join(macros))
        found.append([con.execute("select std_name(?)", [name]).fetchone()[0] for name in names])
    said = ["LUKASZ", "OSTERAERO", "DORDE", "STRASSE", "THOR", "OEUVRARD", "RENEE", "ONEIL", None, "ZOEHAL"]
    assert [[None if pd.isna(name) else name for name in way] for way in found] == [said] * 3


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        (
            "minimum_outcomes",
            "* replace (if(event_ref = 'ORD113', 'yes', employed_status) as employed_status)",
            "ORD113",
        ),
        ("release_outcomes", "* replace (event_date + 1 as event_date)", "in floor and not in job"),
        (compare.COUNTS, "* replace (yes_count + 1 as yes_count)", "yes_count"),
        (compare.COUNTS, "* exclude (not_due_count)", "has the columns"),
    ],
)
def test_a_difference_is_reported(hand, tmp_path, table, change, says):
    changed = tmp_path / "floor" / f"{table}.parquet"
    changed.parent.mkdir()
    with duckdb.connect() as con:
        con.execute(f"copy (select {change} from '{hand}/floor/{table}.parquet') to '{changed}' (format parquet)")
    found = compare.differences(hand / "job", changed.parent)
    assert found and all(line.startswith(table) for line in found) and any(says in line for line in found)


def test_a_row_that_is_missing_is_reported(hand, tmp_path):
    kept = tmp_path / "floor" / "disposal_outcomes.parquet"
    kept.parent.mkdir()
    with duckdb.connect() as con:
        con.execute(
            f"copy (from '{hand}/floor/disposal_outcomes.parquet' order by event_ref offset 1) to '{kept}' (format parquet)"
        )
    assert "rows in" in compare.differences(hand / "job", kept.parent)[0]


def test_a_process_is_measured_with_its_children(tmp_path):
    work = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(90_000_000); sum(range(15_000_000))'])"
    taken = measure.run([sys.executable, "-c", f"print('begun'); {work}"], {}, tmp_path)
    assert taken.code == 0 and [line for _, line in taken.lines] == ["begun"]
    assert taken.peak() > 90_000_000 and 0.1 < taken.cpu <= 2 * taken.seconds
    whole = taken.between(taken.began, taken.ended)
    assert 0 < whole["cpu"] <= taken.cpu + 0.1 and whole["peak_bytes"] == taken.peak()


def test_a_way_that_fails_says_what_it_said(tmp_path):
    settings = job.install(tmp_path / "home", HAND)
    assert len(list(settings.landing_dir.glob("*/*.csv*"))) == len(list(HAND.glob("*/*.csv*")))
    assert measure.run([sys.executable, "-c", "import sys; print('why'); sys.exit(3)"], {}, tmp_path).code == 3


@pytest.mark.parametrize(("scale", "people"), [("36k", 36_000), ("3.6m", 3_600_000), ("2000", 2000), ("10M", 10_000_000)])
def test_a_scale_is_a_number_of_people(scale, people):
    assert worlds.people_of(scale) == people


def test_a_scale_that_is_none_is_refused():
    with pytest.raises(ValueError, match="Write it as 2000, 36k or 3.6m"):
        worlds.people_of("many")
    said = subprocess.run([sys.executable, "-m", "dagster_project.bench", "--only", "abacus"], capture_output=True, text=True)
    assert said.returncode == 2 and "choose from job, floor, pandas, polars" in said.stderr
    said = subprocess.run([sys.executable, "-m", "dagster_project.bench", "--scale", "many"], capture_output=True, text=True)
    assert said.returncode == 2 and "Write it as 2000, 36k or 3.6m" in said.stderr


def test_a_result_says_how_it_was_made():
    assert command_of("36k", 3, "job,floor,pandas,polars", None, None) == "make bench SCALE=36k BENCH_TIMES=3"
    said = command_of("360k", 1, "floor,job", Path("secret"), "4GB")
    assert said == "make bench SCALE=360k BENCH_TIMES=1 MEMORY=4GB 'BENCH=--only floor,job --world ...'"
    assert command_of("36k", 1, "job", None, None, ["--weighed"]).endswith("'BENCH=--only job --weighed'")


def test_weighed_links_are_not_compared_with_ways_that_link_exactly():
    said = subprocess.run([sys.executable, "-m", "dagster_project.bench", "--weighed"], capture_output=True, text=True)
    assert said.returncode == 2 and "use it with --only job" in said.stderr


def test_a_page_keeps_its_prose_and_one_section_for_each_scale(tmp_path):
    page, runs = tmp_path / "speed.md", {"floor": [{"seconds": s, "cpu": 1.0, "peak_bytes": 1e9} for s in (3.0, 1.0, 2.0)]}
    page.write_text("# Before\n\n<!-- bench growth -->\n<!-- end of bench growth -->\n\nAfter.\n")
    small = report.summary("2000", runs, "make bench SCALE=2000", 10, 0.0)
    large = report.summary("36k", runs, "make bench SCALE=36k", 10, 0.0)
    assert small["ways"]["floor"] == {"times": 3, "seconds": 2.0, "least": 1.0, "most": 3.0, "cpu": 1.0, "peak_bytes": 1e9}
    results = tmp_path / "results"
    for result in (small, large, small):
        report.write_docs(result, report.keep(result, results), page)
    text = page.read_text()
    assert text.startswith("# Before") and text.rstrip().endswith("After.")
    assert text.count("### 2,000 people") == 1 and text.count("### 36,000 people") == 1 and "| 36k | " in text
    assert "2.0 (1.0–3.0)" in text


def test_sizes_that_were_measured_elsewhere_stay_on_the_page_and_growth_is_also_from_a_tenth(tmp_path):
    page, took = tmp_path / "speed.md", {"cpu": 1.0, "peak_bytes": 1e9}
    page.write_text("<!-- bench growth -->\n<!-- end of bench growth -->\n")
    for scale, seconds in (("360k", 100.0), ("1300000", 200.0), ("3.6m", 600.0)):
        result = report.summary(scale, {"job": [{"seconds": seconds, **took}]}, "make bench", 10, 0.0)
        report.write_docs(result, [], page)  # nothing is kept here of the others
    assert "| 360k | 100.0 |" in page.read_text() and "| 1300000 | 200.0 |" in page.read_text()
    assert "| 3.0 for 2.8 × those of 1300000; 6.0 for 10.0 × those of 360k |" in page.read_text()


def test_a_way_that_fails_is_said_and_what_the_others_took_is_kept(tmp_path, monkeypatch):
    def one(way, *_):
        if way == "pandas":
            raise RuntimeError("pandas failed:\nMemoryError")
        return {"seconds": 2.0, "cpu": 1.0, "peak_bytes": 1e9}

    monkeypatch.setattr(bench, "one", one)
    monkeypatch.setattr(bench, "disagreements", lambda ways, _: [] if "pandas" not in ways else ["compared"])
    monkeypatch.setattr(bench, "BENCH_DIR", tmp_path / "bench")
    monkeypatch.setattr(bench, "world_of", lambda *_: tmp_path)
    said = CliRunner().invoke(bench.main, ["--scale", "3.6M", "--times", "2", "--only", "floor,pandas,polars"])
    assert said.exit_code == 1 and "pandas: pandas failed:\nMemoryError" in said.output, said.output
    kept = json.loads((tmp_path / "bench" / "results" / "3.6m.json").read_text())
    assert {way: took["times"] for way, took in kept["ways"].items()} == {"floor": 2, "polars": 2}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """A sample world of few people."""
    world = tmp_path_factory.mktemp("small")
    seeds, contracts = PROJECT_DIR / "seeds", PROJECT_DIR / "expectations" / "contracts"
    generate(world, people=300, seeds_dir=seeds, contracts_dir=contracts, log=lambda _: None)
    return world


def test_the_next_deliveries_are_sound_under_the_contract_and_change_one_record_in_so_many(small, tmp_path):
    settings, contracts = load_settings(home=tmp_path), World(small).contracts
    for agency in contracts.agencies:
        (settings.landing_dir / agency).mkdir(parents=True)
    written = changes.make(small, settings.landing_dir, every=10, with_full=True)
    deltas = {e.table for e in contracts.extracts if e.mode == "delta" and e.service}
    for file, count in written.items():
        report = intake.check(settings, contracts, settings.landing_dir / file, con=None)
        assert (report.status, report.quarantined_count) == (intake.ACCEPTED, 0), report.messages
        assert (report.accepted_count == count) == (report.extract.table in deltas) and count > 0
        deltas.discard(report.extract.table)
    assert not deltas and len(written) > 10
    assert changes.make(small, settings.landing_dir, every=10).items() <= written.items()


def test_a_changed_record_has_the_key_of_one_that_came_and_one_other_value(small, tmp_path):
    world = World(small)
    extract = world.contracts.find("probation", "accommodation")
    (tmp_path / "probation").mkdir()
    for agency in world.contracts.agencies:
        (tmp_path / agency).mkdir(exist_ok=True)
    changes.make(small, tmp_path, every=10)
    column, key = changes.changed(world.contracts, extract)[0], ", ".join(extract.key)
    with duckdb.connect() as con:
        con.execute(f"create view came as from read_csv('{small}/probation/accommodation_*.csv', all_varchar=true)")
        con.execute(f"create view comes as from read_csv('{tmp_path}/probation/accommodation_*.csv', all_varchar=true)")
        rows = con.execute("select count(*) from comes").fetchone()[0]
        kept = con.execute(
            f"select count(distinct ({key})) from comes inner join came using ({key}) where comes.{column} <> came.{column}"
        )
        assert rows == kept.fetchone()[0] > 0
        others = ", ".join(c.name for c in extract.columns if c.name != column)
        assert (
            con.execute(f"select count(*) from (select {others} from comes except select {others} from came)").fetchone()[0] == 0
        )


def test_two_warehouses_are_equal_but_for_instants_of_a_build_or_their_difference_is_said(tmp_path):
    for name, value, event in (("one", 1, 7), ("same", 1, 8), ("other", 2, 7)):
        with duckdb.connect(str(tmp_path / name)) as con:
            con.execute(f"create schema marts; create table marts.m as select {value} as yes, {event} as built_at")
            con.execute("insert into marts.m select yes, 9 from marts.m" if name == "same" else "select 1")
    with duckdb.connect(str(tmp_path / "more")) as con:
        con.execute("create schema marts; create table marts.m as select 1 as yes, 7 as built_at; create table marts.n (a int)")
    assert equal.differences(tmp_path / "one", tmp_path / "one") == []
    assert equal.differences(tmp_path / "one", tmp_path / "same") == [
        '"marts"."m": 1 and 2 rows, 0 only in the first, 1 only in the second'
    ]
    assert "1 only in the first, 1 only in the second" in equal.differences(tmp_path / "one", tmp_path / "other")[0]
    assert equal.differences(tmp_path / "one", tmp_path / "more") == ['"marts"."n": only in more']
    with duckdb.connect(str(tmp_path / "one")) as con:
        con.execute("update marts.m set built_at = 99")
    assert equal.differences(tmp_path / "one", tmp_path / "more") == ['"marts"."n": only in more']
    assert len(equal.differences(tmp_path / "one", tmp_path / "more", ignoring=())) == 2


def test_a_changed_night_that_fails_or_leaves_other_tables_is_said_and_loses_nothing_measured(tmp_path, monkeypatch):
    settings = load_settings(home=tmp_path)
    settings.data_dir.mkdir()
    with duckdb.connect(str(settings.warehouse_db)) as con:
        con.execute("create table figures as select 1 as n")
    monkeypatch.setattr(changes, "make", lambda *_, **__: {"a/b.csv": 3})
    monkeypatch.setattr(job, "steps_of", lambda *_: [])

    def night(arguments: tuple[str, ...] = (), by: int = 0) -> measure.Taken:
        if arguments:
            with duckdb.connect(str(settings.warehouse_db)) as con:
                con.execute(f"update figures set n = n + {by}")
        return measure.Taken(0.0, 7.0 if arguments else 2.0)

    monkeypatch.setattr(job, "run_job", lambda *_, arguments=(): night(arguments))
    found = again.changed_night(settings, tmp_path, None)
    assert (found["records"], found["seconds"], found["whole_seconds"], found["tables"]) == (3, 2.0, 7.0, 1)
    monkeypatch.setattr(job, "run_job", lambda *_, arguments=(): night(arguments, by=1))
    assert '"main"."figures"' in again.changed_night(settings, tmp_path, None)["failed"]


def test_a_large_world_is_packed_and_every_way_finds_in_it_what_it_finds_in_a_plain_one(tmp_path, monkeypatch):
    plain = worlds.world_of("300", tmp_path / "plain")
    monkeypatch.setattr(worlds, "PACKED_FROM", 300)
    packed = worlds.world_of("300", tmp_path / "packed")
    files = {p.relative_to(packed).as_posix(): p for p in packed.glob("*/*")}
    assert files and all(name.endswith(".csv.gz") and arrival.is_gzip(path) for name, path in files.items())
    for path in plain.glob("*/*.csv"):
        assert gzip.decompress(files[f"{path.relative_to(plain)}.gz"].read_bytes()) == path.read_bytes()
    found, expected = (results_of(world, tmp_path / world.parent.parent.name) for world in (packed, plain))
    names = sorted(p.relative_to(found) for p in found.rglob("*.parquet"))
    assert names
    for name in names:
        for one, other in ((found, expected), (expected, found)):
            assert duckdb.sql(f"from '{one / name}' except all from '{other / name}'").fetchall() == []


def test_a_job_that_fails_says_what_it_took_and_its_last_words(tmp_path, monkeypatch):
    taken = measure.Taken(0.0, 2340.0, code=1, lines=[(1.0, "first"), *((2.0, f"line {n}") for n in range(12))])
    taken.samples.append(measure.Sample(9.0, 1.0, 7_120_000_000, 0, 0))
    monkeypatch.setattr(job, "run", lambda *_: taken)
    with pytest.raises(RuntimeError, match=r"2,340 seconds, with 7\.12 GB at most:\nline 0\n(.*\n)+line 11$"):
        job.run_job(load_settings(home=tmp_path), None)


def test_the_parts_of_publishing_are_told_from_what_the_job_printed():
    lines = [(2.0, f"{release.TABLES_WRITTEN}; the gate asks."), (5.0, f"{release.JUDGED}: 9 rules asked.")]
    taken = measure.Taken(0.0, 7.0, lines=lines)
    assert job._parts_of_publishing(taken, 1.0, 6.0) == [
        ("release: tables", 1.0, 2.0),
        ("release: gate", 2.0, 5.0),
        ("release: publish", 5.0, 6.0),
    ]


def test_what_was_asked_is_set_beside_what_was_measured():
    ways = {"job": {"seconds": 30.0, "peak_bytes": 9e9}, "floor": {"seconds": 10.0}, "pandas": {"seconds": 40.0}}
    again = {"seconds": 3.0, "tables": 5}
    result = {"people": 360_000, "ways": ways, "steps": [{"step": "release: gate", "seconds": 11.0}], "again": again}
    result["answers"] = {"query": 0.05, "trace": 2.0}
    before = {"people": 36_000, "ways": {"job": {"seconds": 2.0}}}
    met = {line[0]: (line[1], line[3]) for line in required.rows(result, [before])}
    assert met["full run, times the floor"] == ("3", "no")
    assert met["full run, beside pandas for the indicators alone"] == ("30 s", "yes")
    assert met["peak of the whole job"] == ("9 GB", "no")
    assert met["growth in time from 36,000 people, 10 times as many"] == ("15 ×", "no")
    assert met["a night with 1 % changed, of the full run"] == ("10 %", "yes")
    assert met["that night beside a full build after it"][1] == "yes" and met["gate on all release tables"] == ("11 s", "no")
    assert (met["typical question to the release"], met["trace"]) == (("50 ms", "yes"), ("2 s", "no"))
    failed = required.rows(result | {"again": {"failed": "Tables differ."}})
    assert ["a night with 1 % changed", "failed", "≤ 20 %", "no"] in failed
    small = {"people": 1000, "ways": {"job": {"seconds": 30.0, "peak_bytes": 1e9}, "floor": {"seconds": 2.0}}, "steps": []}
    assert ["fixed cost of a small first night, beyond the floor", "28 s", "≤ 30 s", "yes"] in required.rows(small)
    later = ["fixed cost of a small night after it, beyond the floor", "33 s", "≤ 30 s", "no"]
    assert later in required.rows(small | {"again": {"seconds": 35.0, "tables": 9}})
