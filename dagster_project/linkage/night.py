"""The two steps of linking that a night runs inside dbt, on its connection, with the stored model; nothing is learnt here.

Work is done in a database in memory that ends with the step, on a cursor of its own: what Splink makes holds names, and must
not touch the warehouse file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..settings import EXACT
from . import candidates, joins, model, score

SCORES = "reference_a bigint, reference_b bigint, match_weight double"
JOINS = (
    "cluster_a bigint, cluster_b bigint, reference_a bigint, reference_b bigint, match_weight double, probability double, "
    "level_id varchar, verdict varchar"
)


def seeds_dir() -> Path:
    """Where the night's definitions are; warehouse.dbt_environment says it to dbt."""
    return Path(os.environ["OUTCOMES_SEEDS_DIR"])


@contextmanager
def _work(session: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor in a database in memory of its own."""
    name = f"linkage_{os.getpid()}_{threading.get_ident()}"
    con = session.cursor()
    con.execute(f"attach ':memory:' as {name}")
    con.execute(f"use {name}")
    try:
        yield con
    finally:
        con.close()
        with session.cursor() as other:
            other.execute(f"detach {name}")


def _sql(relation: duckdb.DuckDBPyRelation) -> str:
    return f"({relation.sql_query()})"


def _result(session: duckdb.DuckDBPyConnection, con: duckdb.DuckDBPyConnection, sql: str, columns: str):
    """The rows as a relation of dbt's own connection, typed, also when there are none."""
    frame = con.execute(sql).df()
    return session.from_df(frame).project(_cast(columns))


def _cast(columns: str, value: str = "") -> str:
    """SQL of the columns, each a name and a type; of ``value`` for all of them, if it is given."""
    pairs = [column.split() for column in columns.split(", ")]
    return ", ".join(f"cast({value or name} as {kind}) as {name}" for name, kind in pairs)


def scores(session, references, clusters, touched):
    """Pairs of a weight of score.LEAST_WEIGHT and more; in a night of changes those that a touched reference is in."""
    if os.environ.get("OUTCOMES_LINKAGE") == EXACT:
        return session.sql(f"select {_cast(SCORES, 'null')} where false")
    is_mending = os.environ.get("OUTCOMES_BUILD") == "changes"
    with _work(session) as con:
        chosen = model.load(seeds_dir())
        con.execute(
            f"create view records as select r.*, c.cluster_id, c.agencies from {_sql(references)} as r "
            f"join {_sql(clusters)} as c on r.reference_id = c.reference_id"
        )
        if is_mending:
            con.execute(f"create table touched as select reference_id from {_sql(touched)}")
        con.execute(f"create view people as from {_sql(references)}")
        pairs = candidates.find(con, "records", chosen, "touched" if is_mending else None, _sql(clusters))
        return _result(session, con, f"from {score.score(con, 'people', pairs, chosen)}", SCORES)


def joined(session, clusters, scores, overrides):
    """All clusters that may be one person with the least probability of the review's rule, and more."""
    with _work(session) as con:
        folder = seeds_dir()
        con.execute(
            f"create table records as from {_sql(clusters)} where cluster_id in (select c.cluster_id from {_sql(clusters)} as c "
            f"join (select reference_a as reference_id from {_sql(scores)} union select reference_b from {_sql(scores)}) as s "
            "using (reference_id))"
        )
        con.execute(f"create table weighed as from {_sql(scores)}")
        con.execute(
            f"create table must_not as select reference_a, reference_b from {_sql(overrides)} where decision = 'must_not_link'"
        )
        made = joins.join(
            con, "records", "weighed", model.levels(folder), model.rule(folder, "review_least_probability"), "must_not"
        )
        return _result(session, con, f"from {made}", JOINS)
