"""Which clusters are joined to one person: from the surest pair down, and never so that an agency speaks twice of a person."""

from __future__ import annotations

import duckdb

JOINED, REDUNDANT, CONFLICT, BELOW = "joined", "redundant", "conflict", "below"
DECIMALS = 6  # of a probability, so that the order in which odds are summed does not show

# the best pair of each two clusters, and its odds against all that exclude it, from both sides: the lesser probability counts
EDGES = """
create or replace table edges as
with pairs as (
    select
        case when a.cluster_id < b.cluster_id then a.cluster_id else b.cluster_id end as cluster_a,
        case when a.cluster_id < b.cluster_id then b.cluster_id else a.cluster_id end as cluster_b,
        case when a.cluster_id < b.cluster_id then a.agencies else b.agencies end as agencies_a,
        case when a.cluster_id < b.cluster_id then b.agencies else a.agencies end as agencies_b,
        s.reference_a, s.reference_b, s.match_weight
    from {scores} as s
    join {records} as a on s.reference_a = a.reference_id
    join {records} as b on s.reference_b = b.reference_id
)
select cluster_a, cluster_b, any_value(agencies_a) as agencies_a, any_value(agencies_b) as agencies_b,
    min((-match_weight, reference_a, reference_b)) as best
from pairs
where (cluster_a, cluster_b) not in (select (cluster_a, cluster_b) from forbidden)
group by cluster_a, cluster_b
"""
PROBABILITIES = """
create or replace table probable as
with sides as (
    select cluster_a as cluster_id, cluster_b as other_id, agencies_b as agencies, pow(2, -best[1]) as odds from edges
    union all
    select cluster_b, cluster_a, agencies_a, pow(2, -best[1]) from edges
),
rivals as (
    select s.cluster_id, s.other_id, any_value(s.odds) as odds,
        sum(r.odds) filter (where r.other_id <> s.other_id and (r.agencies & s.agencies) <> 0) as rival_odds
    from sides as s join sides as r on s.cluster_id = r.cluster_id
    group by s.cluster_id, s.other_id
),
shared as (
    select least(cluster_id, other_id) as cluster_a, greatest(cluster_id, other_id) as cluster_b,
        min(odds / (1 + odds + coalesce(rival_odds, 0))) as probability
    from rivals
    group by 1, 2
)
select e.cluster_a, e.cluster_b, e.best[2] as reference_a, e.best[3] as reference_b, -e.best[1] as match_weight,
    round(s.probability, {decimals}) as probability, e.agencies_a, e.agencies_b
from edges as e join shared as s using (cluster_a, cluster_b)
where round(s.probability, {decimals}) >= {least}
"""
# the clusters that scores lead to from touched ones, however far: what is decided of them says nothing of others
AFFECTED = """
create or replace table affected_clusters as
with recursive pairs as materialized (
    select a.cluster_id as one_id, b.cluster_id as other_id
    from {scores} as s join ends as a on s.reference_a = a.reference_id join ends as b on s.reference_b = b.reference_id
),
steps as materialized (
    from pairs union select other_id, one_id from pairs
),
reached (cluster_id) as (
    select cluster_id from ends where reference_id in (select reference_id from {touched})
    union
    select other_id
    from reached join steps on one_id = cluster_id
)
select cluster_id from reached
"""
FORBIDDEN = """
create or replace table forbidden as
select distinct least(a.cluster_id, b.cluster_id) as cluster_a, greatest(a.cluster_id, b.cluster_id) as cluster_b
from {must_not} as f join {records} as a on f.reference_a = a.reference_id join {records} as b on f.reference_b = b.reference_id
"""


def affected(con: duckdb.DuckDBPyConnection, clusters: str, scores: str, touched: str | None = None) -> None:
    """Makes the tables ``affected_clusters`` (cluster_id) and ``affected`` (reference_id: theirs that have scores, and touched).

    ``touched``: a table of the references whose cluster, evidence or decisions may be others than they were, and of those that
    had evidence with one of them; without it all that have scores are affected.
    """
    named = f"select reference_a as reference_id from {scores} union select reference_b from {scores}"
    if touched:
        named += f" union select reference_id from {touched}"
    ends = f"select reference_id, cluster_id from {clusters} where reference_id in ({named})"
    con.execute(f"create or replace table ends as {ends}")
    if touched:
        con.execute(AFFECTED.format(scores=scores, touched=touched))
    else:
        con.execute("create or replace table affected_clusters as select distinct cluster_id from ends")
    con.execute(
        "create or replace table affected as select reference_id from ends where cluster_id in (select cluster_id from "
        f"affected_clusters){f' union select reference_id from {touched}' if touched else ''}"
    )
    con.execute("drop table ends")


def join(
    con: duckdb.DuckDBPyConnection,
    records: str,
    scores: str,
    levels: list[tuple[str, float]],
    least: float = 0.0,
    must_not: str | None = None,
) -> str:
    """The name of a new table, a row for each two clusters that may be one person with a probability of ``least`` or more:
    cluster_a, cluster_b, reference_a, reference_b (its best pair), match_weight, probability, level_id, verdict.

    ``records``: a table with reference_id, cluster_id, agencies; ``scores``: as score.score makes it; ``levels``: (level_id,
    least probability), the strictest first; ``must_not``: a table (reference_a, reference_b) of references of two people.
    The rows that are ``joined`` make a forest: with those of a level and of all stricter ones, its trees are its people.
    """
    empty = "(select null::bigint as reference_a, null::bigint as reference_b where false)"
    con.execute(FORBIDDEN.format(must_not=must_not or empty, records=records))
    con.execute(EDGES.format(scores=scores, records=records))
    con.execute(PROBABILITIES.format(decimals=DECIMALS, least=least))
    rows = con.execute(
        "select cluster_a, cluster_b, probability, agencies_a, agencies_b from probable "
        "order by probability desc, match_weight desc, cluster_a, cluster_b"
    ).fetchall()
    a, b, p, agencies_a, agencies_b = zip(*rows, strict=True) if rows else ((),) * 5
    apart = con.execute("select cluster_a, cluster_b from forbidden").fetchall()
    judged = _walk(a, b, p, agencies_a, agencies_b, levels, apart)
    con.execute("create or replace table verdicts (cluster_a bigint, cluster_b bigint, level_id varchar, verdict varchar)")
    con.execute("insert into verdicts select unnest(?), unnest(?), unnest(?), unnest(?)", [list(a), list(b), *judged])
    con.execute(
        "create or replace table joins as select p.* exclude (agencies_a, agencies_b), v.level_id, v.verdict "
        "from probable as p join verdicts as v using (cluster_a, cluster_b)"
    )
    return "joins"


def _walk(a, b, probabilities, agencies_a, agencies_b, levels, apart) -> tuple[list, list]:
    """level_id and verdict of each pair, which come from the surest down."""
    people = _People(dict(zip(a, agencies_a, strict=True)) | dict(zip(b, agencies_b, strict=True)), apart)
    level_ids, verdicts = [], []
    for one, other, probability in zip(a, b, probabilities, strict=True):
        level = next((level_id for level_id, bound in levels if probability >= bound), None)
        level_ids.append(level)
        verdicts.append(people.join(one, other) if level else BELOW)
    return level_ids, verdicts


class _People:
    """Clusters joined so far: each person by one of its clusters, with the agencies that speak and the people it must not be."""

    def __init__(self, agencies: dict[int, int], apart: list[tuple[int, int]]):
        self.agencies, self.parent, self.apart = agencies, {}, {}
        for one, other in apart:
            self.apart.setdefault(one, set()).add(other)
            self.apart.setdefault(other, set()).add(one)

    def person(self, cluster: int) -> int:
        while (above := self.parent.get(cluster, cluster)) != cluster:
            self.parent[cluster] = self.parent.get(above, above)
            cluster = above
        return cluster

    def join(self, one: int, other: int) -> str:
        one, other = self.person(one), self.person(other)
        if one == other:
            return REDUNDANT
        if self.agencies[one] & self.agencies[other] or any(self.person(c) == other for c in self.apart.get(one, ())):
            return CONFLICT
        self.parent[other] = one
        self.agencies[one] |= self.agencies[other]
        if other in self.apart:
            self.apart.setdefault(one, set()).update(self.apart[other])
        return JOINED
