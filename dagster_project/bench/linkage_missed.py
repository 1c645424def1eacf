"""Why pairs of one person were not linked: by what stands between the two parts of the person that each reference is in."""

from __future__ import annotations

import duckdb

from ..linkage.joins import JOINED
from .linkage_people import people

WHY = {
    "agency twice": "an agency gives the two parts a reference each, so they are never compared",
    "not compared": "they share no block, or their evidence weighs next to nothing",
    "too little": "they were compared, and the evidence is too little for the level",
    "rival": "the evidence would do, but another candidate has a claim to the same place",
    "conflict": "they would put two references of one agency, or two who must not be linked, into one person",
}

# of each two clusters of one true person that are not one person: what came of the best pair between the people they are in
SQL = """
with known as (
    select p.reference_id, p.person_id, c.cluster_id, c.agencies, t.true_person
    from people as p
    join restricted.identity.int_people_clusters_split as c using (reference_id)
    join truth as t using (reference_id)
),
parts as (
    select true_person, person_id, count(*) as n, bit_or(agencies) as agencies from known group by true_person, person_id
),
missed as (
    select a.true_person, a.person_id as part_a, b.person_id as part_b, a.n * b.n as pairs,
        (a.agencies & b.agencies) <> 0 as is_twice
    from parts as a join parts as b on a.true_person = b.true_person and a.person_id < b.person_id
),
cluster_people as (select distinct cluster_id, person_id from known),
scored as (
    select least(a.person_id, b.person_id) as part_a, greatest(a.person_id, b.person_id) as part_b,
        max(j.probability) as probability, max(j.match_weight) as match_weight, bool_or(j.verdict = 'conflict') as is_conflict
    from restricted.identity.int_people_joins as j
    join cluster_people as a on j.cluster_a = a.cluster_id
    join cluster_people as b on j.cluster_b = b.cluster_id
    group by 1, 2
),
weighed as (
    select least(a.person_id, b.person_id) as part_a, greatest(a.person_id, b.person_id) as part_b,
        max(s.match_weight) as match_weight
    from restricted.identity.int_people_scores as s
    join known as a on s.reference_a = a.reference_id
    join known as b on s.reference_b = b.reference_id
    group by 1, 2
)
select case
        when scored.is_conflict and scored.probability >= {least} then 'conflict'
        when 1 / (1 + pow(2, -weighed.match_weight)) >= {least} then 'rival'
        when weighed.match_weight is not null then 'too little'
        when is_twice then 'agency twice'
        else 'not compared'
    end as why, sum(pairs) as pairs
from missed
left join scored using (part_a, part_b)
left join weighed using (part_a, part_b)
group by 1
order by 2 desc
"""


def people_at(con: duckdb.DuckDBPyConnection, least: float) -> None:
    """The table ``people`` of an attached installation if joins of that probability and more counted."""
    con.execute(
        "create or replace temp table sure as select cluster_a as reference_a, cluster_b as reference_b "
        f"from restricted.identity.int_people_joins where verdict = '{JOINED}' and probability >= {least}"
    )
    people(con, "restricted.identity.int_people_clusters_split", "sure", key="cluster_id")


def why(con: duckdb.DuckDBPyConnection, least: float) -> list[tuple[str, int]]:
    """(reason, pairs of references missed), the most frequent first; after ``people_at`` of the same level."""
    return con.execute(SQL.format(least=least)).fetchall()


def told(found: list[tuple[str, int]]) -> str:
    """The reasons as a Markdown table."""
    every = sum(pairs for _, pairs in found) or 1
    lines = ["| pairs missed | share | why |", "|--:|--:|---|"]
    return "\n".join([*lines, *(f"| {pairs:,} | {100 * pairs / every:.0f} % | {WHY[name]} |" for name, pairs in found)])
