"""A reference is compared as its agency describes it now, and as it was described otherwise: former names and postcodes.

Each way in which a reference is described is a *look*. Two references are as like as the two of their looks that are most alike;
but the best of n comparisons is by chance n times as likely to be good, so log2 of n is taken off unless both are as they stand.
"""

from __future__ import annotations

import duckdb

from . import score
from .model import Model

OTHERS = """
create or replace table other_looks as
select l.look_id, r.* replace ({said}) from {records} as r join (
    select *, -row_number() over (order by reference_id, nth) as look_id from {descriptions}
) as l on r.reference_id = l.reference_id
"""
PAIRS = """
create or replace table look_pairs as
with others as (
    select reference_id, look_id, count(*) over (partition by reference_id) + 1 as looks from other_looks
),
every as (
    from others union all select distinct reference_id, reference_id, looks from others
)
select p.reference_a, p.reference_b, coalesce(a.look_id, p.reference_a) as look_a, coalesce(b.look_id, p.reference_b) as look_b,
    case when least(look_a, look_b) < 0 then log2(coalesce(a.looks, 1) * coalesce(b.looks, 1)) else 0 end as doubt
from {pairs} as p
left join every as a on p.reference_a = a.reference_id
left join every as b on p.reference_b = b.reference_id
"""
BEST = """
create or replace table weighed as
select l.reference_a, l.reference_b, round(max(w.match_weight - l.doubt), {decimals}) as match_weight
from weighed as w
join look_pairs as l on w.reference_a = least(l.look_a, l.look_b) and w.reference_b = greatest(l.look_a, l.look_b)
group by l.reference_a, l.reference_b
having max(w.match_weight - l.doubt) >= {least}
"""


def of(con: duckdb.DuckDBPyConnection, records: str, descriptions: str) -> str:
    """The name of a view of the records in every look, for finding candidates: a reference_id may be there several times.

    ``records``: a table with reference_id and what is compared; ``descriptions``: one with reference_id, nth (1, 2, … of a
    reference) and columns of the records as they were described otherwise. Other looks stay in table ``other_looks``.
    """
    columns = [name for name, *_ in con.execute(f"describe from {descriptions}").fetchall()]
    said = ", ".join(f"l.{name} as {name}" for name in columns if name not in ("reference_id", "nth"))
    con.execute(OTHERS.format(records=records, descriptions=descriptions, said=said))
    con.execute(f"create or replace view looks as from {records} union all select * exclude (look_id) from other_looks")
    return "looks"


def pairs_of(con: duckdb.DuckDBPyConnection, records: str, pairs: str) -> tuple[str, str]:
    """Each pair in every look of its two: the names of the records, with a number for each look, and of the pairs of looks.

    Other looks have numbers below zero for a reference_id. ``of`` must have been called. Table ``look_pairs`` says of which pair
    two looks are, and what is taken off their weight.
    """
    con.execute(PAIRS.format(pairs=pairs))
    con.execute(
        f"create or replace view numbered_looks as from {records} union all "
        "select * exclude (look_id) replace (look_id as reference_id) from other_looks"
    )
    con.execute("create or replace view pairs_of_looks as select look_a as reference_a, look_b as reference_b from look_pairs")
    return "numbered_looks", "pairs_of_looks"


def weigh(con: duckdb.DuckDBPyConnection, records: str, pairs: str, model: Model) -> str:
    """As score.score, each pair by the best of its looks. ``of`` must have been called."""
    if not con.execute("select 1 from other_looks limit 1").fetchall():
        return score.score(con, records, pairs, model)
    made = score.score(con, *pairs_of(con, records, pairs), model)
    con.execute(BEST.format(decimals=score.DECIMALS, least=score.LEAST_WEIGHT))
    return made
