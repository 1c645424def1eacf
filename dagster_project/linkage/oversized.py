"""Clusters of exact links that are larger than a person can be: they lose their weakest links until no part is."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

Link = tuple[int, int]
LINKS = """
select h.cluster_id, l.reference_a, l.reference_b, l.pass, {agreement} as agreement, o.reference_a is not null as is_decided
from {links} as l
join held as h on l.reference_a = h.reference_id
join spoken as a on l.reference_a = a.reference_id
join spoken as b on l.reference_b = b.reference_id
left join (select reference_a, reference_b from {overrides} where decision = 'must_link') as o
    on l.reference_a = o.reference_a and l.reference_b = o.reference_b
"""
BROKEN = "cluster_id bigint, reference_a bigint, reference_b bigint, pass integer, agreement integer"


def find(
    con: duckdb.DuckDBPyConnection, clusters: str, links: str, references: str, overrides: str, fields: list[str], largest: int
) -> str:
    """The name of a new table of the links that are broken: cluster_id (as it was), reference_a, reference_b, pass, agreement.

    ``clusters``: a table of reference_id, cluster_id, reference_count; ``links``: reference_a, reference_b, pass, the least the
    strongest; ``references``: reference_id and ``fields``, the columns in which two records can agree; ``agreement``: how many
    agree, less those that contradict each other. ``largest``: so many references may be one person.
    """
    con.execute(
        f"create or replace table held as select reference_id, cluster_id from {clusters} where reference_count > {largest}"
    )
    con.execute(f"create or replace table broken ({BROKEN})")
    if con.execute("select count(*) from held").fetchall()[0][0]:
        con.execute(
            f"create or replace table spoken as select reference_id, {', '.join(fields)} from {references} "
            "where reference_id in (select reference_id from held)"
        )
        agreement = " + ".join(f"case when a.{f} = b.{f} then 1 when a.{f} <> b.{f} then -1 else 0 end" for f in fields)
        rows = con.execute(LINKS.format(agreement=agreement, links=links, overrides=overrides)).fetchall()
        strength = {(a, b): None if is_decided else (-nth, agreement) for _, a, b, nth, agreement, is_decided in rows}
        parts = parted(strength, largest)
        cut = [row[:5] for row in sorted(rows) if parts[row[1]] != parts[row[2]]]
        if cut:
            con.executemany("insert into broken values (?, ?, ?, ?, ?)", cut)
        con.execute("drop table spoken")
    con.execute("drop table held")
    return "broken"


def parted(strength: dict[Link, tuple[int, ...] | None], largest: int) -> dict[int, int]:
    """Reference → the least reference of its part: its cluster without the weakest links, as many kinds of them as it takes
    until the part has no more than ``largest`` references.

    ``strength`` of a link: the more the stronger, links of one strength go together; None, decided by people, never goes.
    So the parts depend on the cluster alone, not on the order of its links, and those that suffice at a weaker strength stay.
    """
    found: dict[int, int] = {}
    todo = list(_components(strength, {reference for link in strength for reference in link}))
    while todo:
        links, references = todo.pop()
        weak = {strength[link] for link in links} - {None}
        if len(references) <= largest or not weak:
            found |= dict.fromkeys(references, min(references))
        else:
            todo += _components([link for link in links if strength[link] != min(weak)], references)
    return found


def _components(links: Iterable[Link], references: set[int]) -> list[tuple[list[Link], set[int]]]:
    """The links and references of each component."""
    parent = {reference: reference for reference in references}

    def root(reference: int) -> int:
        while parent[reference] != reference:
            parent[reference] = reference = parent[parent[reference]]
        return reference

    for a, b in links:
        parent[root(a)] = root(b)
    made: dict[int, tuple[list[Link], set[int]]] = {}
    for reference in references:
        made.setdefault(root(reference), ([], set()))[1].add(reference)
    for link in links:
        made[root(link[0])][0].append(link)
    return list(made.values())
