"""The month's queue of clerical review: pairs drawn by chance, pairs that wait for a second reader, and suspicious clusters."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

import duckdb

from . import model, review_agreement, review_sample, review_sql
from .review_agreement import Pair

DRAWN, WAITING = "drawn by chance", "read before"
FAR_BELOW, BELOW, EXACT = "far below", "below", "exact"
LINKED, NOT_LINKED = ", linked", ", not linked"  # at the end of a stratum's name


@dataclass(frozen=True)
class Row:
    """A pair of the queue. ``stratum``, ``is_linked`` and ``sampling_weight`` (of pairs that it stands for) only if DRAWN."""

    queue_month: str
    number: int
    agency_a: str
    person_ref_a: str
    agency_b: str
    person_ref_b: str
    why: str
    stratum: str = ""
    is_linked: bool | None = None
    sampling_weight: float | None = None
    match_weight: float | None = None
    probability: float | None = None
    agencies: str = ""
    sex: str = ""
    age_from: str = ""
    ethnicity: str = ""
    area: str = ""

    @property
    def pair(self) -> Pair:
        return (self.agency_a, self.person_ref_a), (self.agency_b, self.person_ref_b)

    def as_text(self) -> dict[str, str]:
        return {name: "" if value is None else str(value) for name, value in asdict(self).items()}


COLUMNS = [f.name for f in fields(Row)]


def read_row(text: Mapping[str, str]) -> Row:
    """A row as ``as_text`` wrote it."""
    number = {n: float(text[n]) if text[n] else None for n in ("sampling_weight", "match_weight", "probability")}
    linked = {"True": True, "False": False}.get(text["is_linked"])
    return Row(**{**text, "number": int(text["number"]), "is_linked": linked, **number})


@dataclass(frozen=True)
class Code:
    """An answer of a reader: the key that gives it, and whether it says that the two are one person (None: neither)."""

    code: str
    label: str
    key: str
    is_same: bool | None


def codes(seeds_dir: Path) -> list[Code]:
    """The answers that a reader may give."""
    with open(seeds_dir / "codes" / "linkage_decision_codes.csv", newline="", encoding="utf-8-sig") as file:
        means = {"must_link": True, "must_not_link": False}
        return [Code(row["code"], row["label"], row["key"], means.get(row["override"])) for row in csv.DictReader(file)]


def decisions(con: duckdb.DuckDBPyConnection, seeds_dir: Path) -> list[dict]:
    """All decisions in force, the earliest first, each with its ``pair`` and ``is_same``."""
    means = {code.code: code.is_same for code in codes(seeds_dir)}
    cursor = con.execute(review_agreement.DECISIONS)
    names = [d[0] for d in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [row | {"pair": review_agreement.pair_of(row), "is_same": means.get(row["decision"])} for row in rows]


def states(con: duckdb.DuckDBPyConnection, seeds_dir: Path) -> dict[Pair, str]:
    """Every pair that somebody decided → how it stands (review_agreement.state)."""
    means = {code.code: code.is_same for code in codes(seeds_dir)}
    readers = int(model.rule(seeds_dir, "review_readers"))
    read = review_agreement.by_pair(decisions(con, seeds_dir))
    return {pair: review_agreement.state(said, readers, means) for pair, said in read.items()}


def without_effect(con: duckdb.DuckDBPyConnection, read: Mapping[Pair, str]) -> int:
    """How many settled pairs do nothing, as a reference of theirs is not known any more. ``read``: see ``states``."""
    settled = [pair for pair, how in read.items() if how == review_agreement.SETTLED]
    return len(settled) - len(_known(con, (("", pair) for pair in settled)))


def choose(con: duckdb.DuckDBPyConnection, seeds_dir: Path, month: date) -> list[Row]:
    """The queue of a month (its first day), in the order in which it is shown. The same data and month, the same queue.

    ``con``: has the restricted database attached as ``restricted``, to read.
    """
    number, others = (int(model.rule(seeds_dir, f"review_{name}_per_month")) for name in ("decisions", "suspicious"))
    read = states(con, seeds_dir)
    _know_settled(con, [pair for pair, how in read.items() if how == review_agreement.SETTLED])
    waiting = _known(con, ((f"{WAITING}: {how}", p) for p, how in read.items() if how != review_agreement.SETTLED))
    largest = int(model.rule(seeds_dir, "largest_cluster"))
    suspicious = con.execute(review_sql.SUSPICIOUS.format(largest=largest)).fetchall()
    chosen: dict[tuple[int, int], str] = {}
    for why, a, b in [*waiting, *suspicious]:
        if len(chosen) < others:
            chosen.setdefault((a, b), why)
    drawn = _drawn(con, seeds_dir, month, number - len(chosen))
    return _rows(con, month, drawn, chosen)


def _know_settled(con: duckdb.DuckDBPyConnection, pairs: list[Pair]) -> None:
    ids = _known(con, (("", pair) for pair in pairs))
    con.execute("create or replace temp table settled (reference_a bigint, reference_b bigint)")
    if ids:
        con.execute("insert into settled select unnest(?), unnest(?)", [[a for _, a, _ in ids], [b for *_, b in ids]])


def _known(con: duckdb.DuckDBPyConnection, said: Iterable[tuple[str, Pair]]) -> list[tuple[str, int, int]]:
    """(text, reference_a, reference_b) for the pairs of which both references are still sent."""
    said = list(said)
    references = sorted({end for _, pair in said for end in pair})
    if not references:
        return []
    ids = con.execute(
        "select agency, person_ref, reference_id from restricted.identity.int_people_references "
        "semi join (select unnest(?) as agency, unnest(?) as person_ref) using (agency, person_ref)",
        [[agency for agency, _ in references], [ref for _, ref in references]],
    ).fetchall()
    numbers = {(agency, ref): number for agency, ref, number in ids}
    return [(t, *sorted(numbers[e] for e in pair)) for t, pair in said if all(end in numbers for end in pair)]


def _drawn(con: duckdb.DuckDBPyConnection, seeds_dir: Path, month: date, number: int) -> list[dict]:
    width = int(model.rule(seeds_dir, "review_age_band_years"))
    bands = {"exact": EXACT, "below": BELOW, "far_below": FAR_BELOW, "linked": LINKED, "not_linked": NOT_LINKED}
    con.execute(review_sql.FRAME.format(day=month, width=width, **bands))
    cells = [review_sample.Cell(s, tuple(group), n, mean) for s, group, n, mean in con.execute(review_sql.CELLS).fetchall()]
    sample = review_sample.draw(cells, number, f"{month:%Y-%m}")
    con.execute("create or replace temp table wanted (stratum varchar, subgroup varchar[], count bigint, chance double)")
    if sample:
        con.executemany(
            "insert into wanted values (?, ?, ?, ?)", [[d.cell.stratum, list(d.cell.subgroup), d.count, d.chance] for d in sample]
        )
    cursor = con.execute(review_sql.TAKEN.format(seed=f"{month:%Y-%m}"))
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _rows(con: duckdb.DuckDBPyConnection, month: date, drawn: list[dict], chosen: dict[tuple[int, int], str]) -> list[Row]:
    """Queue rows, mixed, so that a reader is not led by their order; a suspicious pair that was drawn as well is there once."""
    found = {(d.pop("reference_a"), d.pop("reference_b")): d for d in drawn}
    whys = {pair: chosen.get(pair, DRAWN) for pair in [*found, *chosen]}
    ids = sorted({end for pair in whys for end in pair})
    refs = {number: (agency, ref) for number, agency, ref in con.execute(review_sql.REFERENCES, [ids]).fetchall()} if ids else {}
    order = con.execute(
        "select a, b from (select unnest(?) as a, unnest(?) as b) order by md5(concat_ws('/', ?, a, b))",
        [[a for a, _ in whys], [b for _, b in whys], f"{month:%Y-%m}"],
    ).fetchall()
    rows = []
    for number, (a, b) in enumerate(order, start=1):
        (agency_a, ref_a), (agency_b, ref_b) = sorted((refs[a], refs[b]))
        facts = found.get((a, b), {})
        rows.append(Row(f"{month:%Y-%m}", number, agency_a, ref_a, agency_b, ref_b, whys[a, b], **facts))
    return rows
