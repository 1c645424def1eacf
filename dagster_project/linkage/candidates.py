"""Pairs of records worth comparing: they agree on a block of the model, and no agency would speak twice of one person."""

from __future__ import annotations

import duckdb

from .model import Model


def find(
    con: duckdb.DuckDBPyConnection, records: str, model: Model, touched: str | None = None, clusters: str | None = None
) -> str:
    """The name of a new table (reference_a, reference_b), a < b, each pair once.

    ``records``: a table with reference_id, cluster_id, agencies (a bit for each agency that speaks of the cluster; 0 for one
    that may give a person several references), and the columns of the blocks. Pairs within a cluster are left out, and pairs
    of clusters with an agency in common. ``touched``: a table of reference_id; only pairs that one of them is in.
    ``clusters``: a relation with the agencies of all records, where that is quicker to read than they are.
    """
    keys = sorted({key for block in model.blocks for key in block})
    columns = ", ".join(f"{key} as key_{n}" for n, key in enumerate(keys))
    # once, narrow, and without clusters that can join none, as every agency of all others speaks of them already
    con.execute(
        f"create or replace table keyed as with spoken as (select distinct agencies from {clusters or records}) "
        f"select reference_id, cluster_id, agencies, {columns} from {records} where agencies in "
        "(select a.agencies from spoken as a join spoken as b on (a.agencies & b.agencies) = 0)"
    )
    con.execute("create or replace table found_pairs (reference_a bigint, reference_b bigint)")
    for block in model.blocks:
        agree = " and ".join(f"a.key_{n} = b.key_{n}" for n in map(keys.index, block))
        sought = f"(from keyed where reference_id in (select reference_id from {touched}))" if touched else "keyed"
        once = "a.reference_id <> b.reference_id" if touched else "a.reference_id < b.reference_id"
        con.execute(
            f"insert into found_pairs select least(a.reference_id, b.reference_id), greatest(a.reference_id, b.reference_id) "
            f"from {sought} as a join keyed as b on {agree} and {once} "
            "where a.cluster_id <> b.cluster_id and (a.agencies & b.agencies) = 0"
        )
    con.execute("create or replace table candidate_pairs as select distinct reference_a, reference_b from found_pairs")
    con.execute("drop table found_pairs; drop table keyed")
    return "candidate_pairs"
