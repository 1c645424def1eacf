"""How right linkage is where truth is known: pairwise precision, recall and F1, with intervals, by subgroup and agency pair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import sqrt

import duckdb

ALL, AGENCY_PAIR = "all", "agency_pair"
Z = 1.959964  # 95 %


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval; all None when there is nothing to have a share of."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        return "none" if self.value is None else f"{self.value:.5f} ({self.low:.5f}–{self.high:.5f})"


@dataclass(frozen=True)
class Row:
    """Pairs of references of a group. ``wrong_pairs`` are linked and of two people; ``missed_pairs`` of one, and not linked."""

    dimension: str
    group: str
    true_pairs: float
    linked_pairs: float
    wrong_pairs: float
    missed_pairs: float
    precision: Share
    recall: Share
    f1: Share


def table(con: duckdb.DuckDBPyConnection, linked: str, truth: str, by: Iterable[str] = (ALL,)) -> list[Row]:
    """A row per group of each dimension of ``by``, in its order and then the groups' own.

    ``linked``: a relation (reference_id, person_id); ``truth``: (reference_id, true_person, agency, and a column for each
    other dimension); references that are not in both are left out. ALL and AGENCY_PAIR are dimensions that need no column.
    A pair counts half for each of its two references in the group of that reference, so that groups add up to the whole;
    for a pair of agencies it counts once. Nothing larger than the references is made: pairs are counted, not listed.
    """
    by = list(by)
    columns = "".join(f", t.{column}" for column in by if column not in (ALL, AGENCY_PAIR))
    con.execute(
        "create or replace temp table references_known as select l.person_id, t.true_person, t.agency"
        f"{columns} from {linked} as l join {truth} as t using (reference_id)"
    )
    rows = []
    for dimension in by:
        found = _of_agency_pairs(con) if dimension == AGENCY_PAIR else _of_groups(con, dimension)
        rows += [_row(dimension, group, *found[group]) for group in sorted(found)]
    con.execute("drop table references_known")
    return rows


# over the people as linked (precision) or as they are (recall), who hang together: d pairs and w wrong or missed ones of each
SUMS = "sum({w}), sum({d}), sum({w} * {w}), sum({w} * {d}), sum({d} * {d})"
GROUPS = """
with cells as (
    select person_id, true_person, coalesce(cast({column} as varchar), 'not known') as label, count(*)::double as n
    from references_known
    group by all
),
sized as (
    select *,
        sum(n) over (partition by person_id, true_person) as of_cell,
        sum(n) over (partition by person_id) as of_person,
        sum(n) over (partition by true_person) as of_true
    from cells
),
by_person as (
    select label, sum(n * (of_person - of_cell)) / 2 as w, sum(n * (of_person - 1)) / 2 as d from sized group by person_id, label
),
by_true as (
    select label, sum(n * (of_true - of_cell)) / 2 as w, sum(n * (of_true - 1)) / 2 as d from sized group by true_person, label
)
select label, 0 as measure, {sums} from by_person group by label
union all
select label, 1, {sums} from by_true group by label
"""


def _of_groups(con: duckdb.DuckDBPyConnection, column: str) -> dict[str, list[tuple]]:
    sql = GROUPS.format(column=f"'{ALL}'" if column == ALL else column, sums=SUMS.format(w="w", d="d"))
    found: dict[str, list[tuple]] = {}
    for label, measure, *sums in con.execute(sql).fetchall():
        found.setdefault(label, [None, None])[measure] = tuple(sums)
    return found


def _of_agency_pairs(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple]]:
    """As _of_groups. A column for each agency, and one for each two of them, is far less than a row for each pair."""
    agencies = [a for (a,) in con.execute("select distinct agency from references_known order by 1").fetchall()]
    pairs = list(combinations_with_replacement(range(len(agencies)), 2))
    counted = ", ".join(f"count(*) filter (agency = '{name}')::double as n{k}" for k, name in enumerate(agencies))
    in_all = ", ".join(f"sum(n{k}) as n{k}" for k in range(len(agencies)))
    in_cells = ", ".join(f"sum({_product(i, j)}) as c{i}_{j}" for i, j in pairs)
    found = {f"{agencies[i]} × {agencies[j]}": [] for i, j in pairs}
    for whole in ("person_id", "true_person"):
        sql = (
            f"with cells as (select person_id, true_person, {counted} from references_known group by all), "
            f"wholes as (select {in_all}, {in_cells} from cells group by {whole}), "
            "counted as (select "
            + ", ".join(f"{_product(i, j)} as d{i}_{j}, {_product(i, j)} - c{i}_{j} as w{i}_{j}" for i, j in pairs)
            + " from wholes) select "
            + ", ".join(SUMS.format(w=f"w{i}_{j}", d=f"d{i}_{j}") for i, j in pairs)
            + " from counted"
        )
        sums = con.execute(sql).fetchall()[0] if pairs else ()
        for n, label in enumerate(found):
            found[label].append(sums[5 * n : 5 * n + 5])
    return {label: sums for label, sums in found.items() if sums[0][1] or sums[1][1]}  # of agencies that share no one


def _product(i: int, j: int) -> str:
    return f"n{i} * n{j}" if i != j else f"n{i} * (n{i} - 1) / 2"


def _row(dimension: str, group: str, linked: tuple, true: tuple) -> Row:
    precision, recall = share(*linked), share(*true)
    return Row(dimension, group, true[1], linked[1], linked[0], true[0], precision, recall, _f1(precision, recall, linked, true))


def share(wrong: float, pairs: float, wrong_2: float, wrong_pairs: float, pairs_2: float) -> Share:
    """1 − wrong ÷ pairs, with Wilson's interval at 95 % for the *effective* number of pairs.

    Pairs of one person are right or wrong together, so n pairs say less than n. How much less is the design effect: the variance
    of the share over whole people (of each, w wrong of d pairs; given are the sums of w, d, w², wd, d²) ÷ that over independent
    pairs. Where nothing is wrong, people are taken to be right or wrong as a whole. A bootstrap over people tends to the same
    variance, but says ±0 where nothing is wrong, and costs a pass per sample; this is one pass and has no chance in it.
    """
    if not pairs:
        return Share(None, None, None)
    q = wrong / pairs
    together = wrong_2 - 2 * q * wrong_pairs + q * q * pairs_2
    effect = together / (pairs * q * (1 - q)) if 0 < q < 1 else pairs_2 / pairs
    n = pairs / max(effect, 1.0)
    middle, half = (q + Z * Z / (2 * n)) / (1 + Z * Z / n), Z / (1 + Z * Z / n) * sqrt(q * (1 - q) / n + Z * Z / (4 * n * n))
    return Share(1 - q, max(0.0, min(1 - q, 1 - middle - half)), min(1.0, max(1 - q, 1 - middle + half)))


def _f1(precision: Share, recall: Share, linked: tuple, true: tuple) -> Share:
    """The harmonic mean. Its interval joins the two lower ends and the two upper ends: wider than need be, never narrower."""
    if precision.value is None or recall.value is None:
        return Share(None, None, None) if precision.value is recall.value else Share(0.0, 0.0, 1.0)
    value = 2 * (true[1] - true[0]) / (linked[1] + true[1])
    return Share(value, *(2 * p * r / (p + r) if p + r else 0.0 for p, r in _ends(precision, recall)))


def _ends(precision: Share, recall: Share) -> list[tuple[float, float]]:
    return [(precision.low, recall.low), (precision.high, recall.high)]


COUNTS = """
with known as (
    select l.person_id, t.true_person, count(*) over (partition by l.person_id) as together
    from {linked} as l join {truth} as t using (reference_id)
),
people as (select count(distinct true_person) as n from known group by person_id),
true_people as (select count(distinct person_id) as n from known group by true_person)
select
    (select count(*) from known) as records,
    (select count(*) from known where together > 1) as linked_records,
    (select count(*) from true_people) as true_people,
    (select count(*) from people) as people,
    (select count(*) from true_people where n = 1) as whole_people,
    (select count(*) from true_people where n > 1) as people_in_parts,
    (select count(*) from people where n > 1) as mixed_people
"""


def counts(con: duckdb.DuckDBPyConnection, linked: str, truth: str) -> dict[str, int]:
    """How many records, and how many linked to another; people as they are and as linked; who is in parts; who is two people."""
    cursor = con.execute(COUNTS.format(linked=linked, truth=truth))
    return dict(zip([d[0] for d in cursor.description], cursor.fetchall()[0], strict=True))


def told(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| whose | pairs that are one person | missed | recall (95 %) | pairs linked | wrong | precision (95 %) | F1 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        f1 = "none" if row.f1.value is None else f"{row.f1.value:.5f}"
        lines.append(
            f"| {_name(row)} | {_count(row.true_pairs)} | {_count(row.missed_pairs)} | {row.recall} | {_count(row.linked_pairs)} "
            f"| {_count(row.wrong_pairs)} | {row.precision} | {f1} |"
        )
    return "\n".join(lines)


def _name(row: Row) -> str:
    return row.group if row.dimension in (ALL, AGENCY_PAIR) else f"{row.dimension.replace('_', ' ')} {row.group}"


def told_counts(found: dict[str, int]) -> str:
    """What ``counts`` found, in words."""
    n = {name: f"{count:,}" for name, count in found.items()}
    return (
        f"{n['records']} records of {n['true_people']} people; {n['linked_records']} records are linked to another. "
        f"Linkage makes {n['people']} people of them: {n['whole_people']} people are whole, {n['people_in_parts']} are in parts, "
        f"and {n['mixed_people']} of those made hold records of two or more people."
    )


def _count(pairs: float) -> str:
    return f"{pairs:,.0f}" if pairs == int(pairs) else f"{pairs:,.1f}"
