"""The bench: the floor, pandas and polars find what the product finds, and a difference does not go by unnoticed.

The hand-computed world has more odd cases than a sample world of any size, and is built for other tests already.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dagster_project.bench import compare, floor, job, measure, pandas_way, polars_way, report, worlds
from dagster_project.bench.__main__ import command_of
from dagster_project.bench.child import save_counts
from dagster_project.sample.generate import generate
from dagster_project.settings import PROJECT_DIR

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


def test_every_way_agrees_where_rows_are_spoilt_and_sent_twice(tmp_path):
    world = tmp_path / "world"
    seeds, contracts = PROJECT_DIR / "seeds", PROJECT_DIR / "expectations" / "contracts"
    generate(world, people=1000, seeds_dir=seeds, contracts_dir=contracts, log=lambda _: None)
    found = results_of(world, tmp_path)
    assert compare.differences(found / "floor", found / "pandas") == []
    assert compare.differences(found / "floor", found / "polars") == []
    with duckdb.connect() as con:
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


def test_a_result_says_how_it_was_made():
    assert command_of("36k", 3, "job,floor,pandas,polars", None, None) == "make bench SCALE=36k BENCH_TIMES=3"
    said = command_of("360k", 1, "floor,job", Path("secret"), "4GB")
    assert said == "make bench SCALE=360k BENCH_TIMES=1 MEMORY=4GB 'BENCH=--only floor,job --world ...'"


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
