"""Pairs of records worth comparing: they agree on a block of the model, and no agency would speak twice of one person."""

from __future__ import annotations

import duckdb

from .model import Model

# clusters of these agencies are open: there is one of which none of the same agencies speaks, so that the two may be one person
OPEN = """
create or replace table open_clusters as
with spoken as (select distinct agencies from {clusters})
select reference_id, cluster_id, agencies from {clusters}
where agencies in (select a.agencies from spoken as a join spoken as b on (a.agencies & b.agencies) = 0)
"""


def find(
    con: duckdb.DuckDBPyConnection, records: str, model: Model, touched: str | None = None, clusters: str | None = None
) -> str:
    """The name of a new table (reference_a, reference_b), a < b, each pair once.

    ``records``: a table with reference_id and the columns of the blocks; ``clusters``: one with reference_id, cluster_id,
    agencies (a bit for each agency that speaks of the cluster; 0 for one that may give a person several references), if
    ``records`` has not these too. Pairs within a cluster are left out, and pairs of clusters with an agency in common.
    ``touched``: a table of reference_id; only pairs that one of them is in.
    """
    con.execute("create or replace table found_pairs (reference_a bigint, reference_b bigint)")
    con.execute(OPEN.format(clusters=clusters or records))
    if touched:
        _find_of(con, records, model, touched)
    else:
        _find_all(con, records, model)
    con.execute("create or replace table candidate_pairs as select distinct reference_a, reference_b from found_pairs")
    con.execute("drop table found_pairs; drop table open_clusters")
    return "candidate_pairs"


def _find_all(con: duckdb.DuckDBPyConnection, records: str, model: Model) -> None:
    """By a table with a number for each block: two values of a block have one number so rarely that they may be compared."""
    numbers = ", ".join(f"{_number(block)} as block_{n}" for n, block in enumerate(model.blocks))
    con.execute(
        f"create or replace table keyed as select c.*, {numbers} from {records} as r "
        "join open_clusters as c on r.reference_id = c.reference_id"
    )
    for n, _ in enumerate(model.blocks):
        con.execute(
            "insert into found_pairs select a.reference_id, b.reference_id "
            f"from keyed as a join keyed as b on a.block_{n} = b.block_{n} and a.reference_id < b.reference_id "
            "where a.cluster_id <> b.cluster_id and (a.agencies & b.agencies) = 0"
        )
    con.execute("drop table keyed")


def _number(block: tuple[str, ...]) -> str:
    return f"case when {' and '.join(f'{value} is not null' for value in block)} then hash({', '.join(block)}) end"


def _find_of(con: duckdb.DuckDBPyConnection, records: str, model: Model, touched: str) -> None:
    """From the few touched records: of all others only the columns of a block are read, and kept where they agree."""
    values = sorted({value for block in model.blocks for value in block})
    con.execute(
        f"create or replace table sought as select c.*, {', '.join(f'{v} as value_{n}' for n, v in enumerate(values))} "
        f"from {records} as r join (from open_clusters where reference_id in (select reference_id from {touched})) as c "
        "on r.reference_id = c.reference_id"
    )
    con.execute("create or replace table met (reference_id bigint, other_id bigint)")
    for block in model.blocks:
        theirs = ", ".join(f"{value} as value_{values.index(value)}" for value in block)
        agree = " and ".join(f"a.value_{n} = b.value_{n}" for n in map(values.index, block))
        con.execute(
            f"insert into met select a.reference_id, b.reference_id from sought as a "
            f"join (select reference_id, {theirs} from {records}) as b on {agree} and a.reference_id <> b.reference_id"
        )
    con.execute(
        "insert into found_pairs select least(a.reference_id, b.reference_id), greatest(a.reference_id, b.reference_id) "
        "from (select distinct reference_id, other_id from met) as m join sought as a on m.reference_id = a.reference_id "
        "join open_clusters as b on m.other_id = b.reference_id "
        "where a.cluster_id <> b.cluster_id and (a.agencies & b.agencies) = 0"
    )
    con.execute("drop table sought; drop table met")
