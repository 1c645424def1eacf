"""The three steps of linking that a night runs inside dbt, on its connection, with the stored model; nothing is learnt here.

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
from . import candidates, joins, looks, model, oversized

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


def _is_mending() -> bool:
    return os.environ.get("OUTCOMES_BUILD") == "changes"


def _sql(relation: duckdb.DuckDBPyRelation) -> str:
    return f"({relation.sql_query()})"


def _result(session: duckdb.DuckDBPyConnection, con: duckdb.DuckDBPyConnection, sql: str, columns: str):
    """The rows as a relation of dbt's own connection, typed, also when there are none."""
    return session.from_arrow(con.sql(sql).to_arrow_table()).project(_cast(columns))


def _cast(columns: str, value: str = "") -> str:
    """SQL of the columns, each a name and a type; of ``value`` for all of them, if it is given."""
    pairs = [column.split() for column in columns.split(", ")]
    return ", ".join(f"cast({value or name} as {kind}) as {name}" for name, kind in pairs)


def broken(session, clusters, links, references, overrides):
    """The exact links that clusters larger than the rule's lose (oversized.find)."""
    folder = seeds_dir()
    with _work(session) as con:
        fields = model.load(folder).compared
        largest = int(model.rule(folder, "largest_cluster"))
        given = [_sql(relation) for relation in (clusters, links, references, overrides)]
        made = oversized.find(con, *given, fields, largest)
        return _result(session, con, f"from {made}", oversized.BROKEN)


def scores(session, references, descriptions, clusters, touched):
    """Pairs of a weight of score.LEAST_WEIGHT and more; in a night of changes those that a touched reference is in.

    ``descriptions``: how references were described otherwise (looks.of).
    """
    if os.environ.get("OUTCOMES_LINKAGE") == EXACT:
        return session.sql(f"select {_cast(SCORES, 'null')} where false")
    with _work(session) as con:
        chosen = model.load(seeds_dir())
        con.execute(f"create view people as from {_sql(references)}; create view clusters as from {_sql(clusters)}")
        if _is_mending():
            con.execute(f"create table touched as select reference_id from {_sql(touched)}")
        described = looks.of(con, "people", _sql(descriptions))
        pairs = candidates.find(con, described, chosen, "touched" if _is_mending() else None, "clusters")
        return _result(session, con, f"from {looks.weigh(con, 'people', pairs, chosen)}", SCORES)


def joined(session, clusters, scores, overrides, touched=None, standing=None):
    """All clusters that may be one person with the least probability of the review's rule, and more.

    In a night of changes only clusters that scores lead to from ``touched`` references are decided again; all others stay as
    they are in ``standing``, for nothing that decides about them has changed (joins.affected).
    """
    with _work(session) as con:
        folder, clusters = seeds_dir(), _sql(clusters)
        con.execute(f"create table weighed as from {_sql(scores)}")
        con.execute(
            f"create table must_not as select reference_a, reference_b from {_sql(overrides)} where decision = 'must_not_link'"
        )
        if _is_mending():
            con.execute(f"create table touched as select reference_id from {_sql(touched)}")
        joins.affected(con, clusters, "weighed", "touched" if _is_mending() else None)
        con.execute(f"create table records as from {clusters} where cluster_id in (select cluster_id from affected_clusters)")
        again = "(select reference_id from affected)"
        con.execute(f"delete from weighed where reference_a not in {again}")
        made = joins.join(
            con, "records", "weighed", model.levels(folder), model.rule(folder, "review_least_probability"), "must_not"
        )
        kept = f" union all select * from {standing} where reference_a not in {again}"
        return _result(session, con, f"select * from {made}{kept if _is_mending() else ''}", JOINS)
