"""Clusters larger than a person can be lose their weakest links, and no more of them than it takes."""

from __future__ import annotations

import random

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.linkage import oversized

LARGEST = 4
LINKS = st.dictionaries(
    st.tuples(st.integers(1, 14), st.integers(1, 14)).filter(lambda link: link[0] < link[1]),
    st.one_of(st.none(), st.tuples(st.integers(-6, -2), st.integers(-1, 2))),
    max_size=30,
)


def reached(reference: int, links) -> frozenset[int]:
    """All that links lead to from a reference, however far."""
    found = {reference}
    while more := {end for link in links if found & set(link) for end in link} - found:
        found |= more
    return frozenset(found)


def as_defined(strength: dict) -> dict[int, frozenset[int]]:
    """The part of each reference by the rule's words: links of one strength after the other go."""
    kinds = sorted(set(strength.values()) - {None})
    made = {}
    for reference in {end for link in strength for end in link}:
        for gone in range(len(kinds) + 1):
            left = [link for link, s in strength.items() if s is None or s not in kinds[:gone]]
            part = reached(reference, left)
            if len(part) <= LARGEST:
                break
        made[reference] = part
    return made


@settings(max_examples=300, deadline=None)
@given(LINKS, st.randoms())
def test_parts_are_those_of_the_rule_in_any_order_and_a_decision_is_never_cut(strength, rng):
    shuffled = list(strength.items())
    rng.shuffle(shuffled)
    parts = oversized.parted(strength, LARGEST)
    assert parts == oversized.parted(dict(shuffled), LARGEST)
    assert parts == {reference: min(part) for reference, part in as_defined(strength).items()}
    assert all(parts[a] == parts[b] for (a, b), s in strength.items() if s is None)


FIELDS = ["first_name", "last_name", "date_of_birth"]
DUMMY, NAMED = 5, 6  # passes: a number that many were given, and agreement on name, birthday and home


def broken(people: list[tuple], links: list[tuple[int, int, int]], decided: tuple = ()) -> list[tuple]:
    """(reference_a, reference_b) of the links that go. ``people``: reference, cluster, first and last name, birthday."""
    with duckdb.connect() as con:
        con.execute(
            "create table people (reference_id bigint, cluster_id bigint, first_name text, last_name text, date_of_birth date)"
        )
        con.executemany("insert into people values (?, ?, ?, ?, ?)", people)
        con.execute("create view clusters as select *, count(*) over (partition by cluster_id) as reference_count from people")
        con.execute("create table links (reference_a bigint, reference_b bigint, pass integer)")
        con.executemany("insert into links values (?, ?, ?)", links)
        con.execute("create table overrides (reference_a bigint, reference_b bigint, decision text)")
        con.executemany(
            "insert into overrides values (?, ?, ?)", [(0, 0, "must_not_link"), *(((*pair, "must_link")) for pair in decided)]
        )
        made = oversized.find(con, "clusters", "links", "people", "overrides", FIELDS, LARGEST)
        return con.execute(f"select cluster_id, reference_a, reference_b, pass, agreement from {made} order by all").fetchall()


def crowd(count: int, birthdays: dict[int, str]) -> tuple[list[tuple], list[tuple[int, int, int]]]:
    """People of one name who were all given one number, each born on a day of its own unless told."""
    people = [(n, 1, "FENMUND", "QUILLHALLOW", birthdays.get(n, f"1970-01-{n:02}")) for n in range(1, count + 1)]
    return people, [(a, b, DUMMY) for a in range(1, count + 1) for b in range(a + 1, count + 1)]


def test_a_number_that_many_were_given_holds_those_together_who_agree_on_more():
    people, links = crowd(8, {3: "1970-02-02", 7: "1970-02-02"})
    gone = broken(people, links)
    assert {(a, b) for _, a, b, *_ in gone} == {(a, b) for a, b, _ in links} - {(3, 7)}
    assert {(cluster, nth, agreement) for cluster, _, _, nth, agreement in gone} == {(1, DUMMY, 1)}
    assert broken(people, random.Random(1).sample(links, len(links))) == gone


def test_the_weakest_pass_goes_first_and_no_more_than_it_takes():
    people, links = crowd(6, {})
    of_two_people = [link for link in links if (link[0] <= 3) == (link[1] <= 3)]
    assert [row[1:4] for row in broken(people, [*of_two_people, (3, 4, NAMED)])] == [(3, 4, NAMED)]


def test_what_people_decided_stays_and_a_cluster_of_the_allowed_size_is_left_alone():
    people, links = crowd(8, {})
    left = {(a, b) for a, b, _ in links} - {row[1:3] for row in broken(people, links, decided=((2, 5), (5, 8)))}
    assert left == {(2, 5), (2, 8), (5, 8)}, "the two decisions, and the link between two that are one by them"
    assert broken(*crowd(LARGEST, {})) == []
