"""What became of people from build to build is written down once, with its cause; ids of people whom nothing touched stay."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from dagster_project.linkage import journal

NIGHT = date(2013, 7, 15)
COLUMNS = "first_name, last_name, date_of_birth, sex, ethnicity, postcode, ni_number, noms_number, pnc_id, crn"


@pytest.fixture
def con():
    with duckdb.connect() as con:
        con.execute("create schema identity; create schema changes")
        con.execute("create table identity.int_people (reference_id bigint, person_id bigint)")
        texts = ", ".join(f"{name} varchar" for name in COLUMNS.split(", "))
        con.execute(f"create table identity.int_people_references (reference_id bigint, {texts}, first_seen_date date)")
        con.execute("create table identity.int_people_overrides (decision varchar, reference_a bigint, reference_b bigint)")
        con.execute("create table changes.int_touched_identities (reference_id bigint)")
        yield con


def build(con, people: dict[int, int], names: dict[int, str] | None = None, decisions=(), made_with="same", touched=None) -> list:
    """A build that leaves these people (reference → person); the events that it adds."""
    con.execute("delete from identity.int_people; delete from identity.int_people_references")
    con.execute("delete from identity.int_people_overrides; delete from changes.int_touched_identities")
    for reference, person in people.items():
        con.execute("insert into identity.int_people values (?, ?)", [reference, person])
        name = (names or {}).get(reference, "same")
        con.execute("insert into identity.int_people_references (reference_id, last_name) values (?, ?)", [reference, name])
    for decision in decisions:
        con.execute("insert into identity.int_people_overrides values (?, ?, ?)", decision)
    for reference in touched or ():
        con.execute("insert into changes.int_touched_identities values (?)", [reference])
    before = con.execute("select * from journal.events").fetchall() if known(con) else []
    journal.record(con, NIGHT, made_with, is_whole=touched is None)
    events = con.execute("select kind, person_id, other_person_id, reference_count, cause from journal.events").fetchall()
    return events[len(before) :]


def known(con) -> bool:
    return bool(con.execute("select 1 from duckdb_tables() where table_name = 'events'").fetchall())


def test_the_first_build_joins_and_splits_nobody(con):
    assert build(con, {1: 10, 2: 10, 3: 30}) == []


CASES = {
    "a new record joins two": (
        {1: 10, 2: 20}, {1: 10, 2: 10, 3: 10}, {}, [("join", 10, 20, 1, "a new record came")],
    ),
    "a corrected record joins two": (
        {1: 10, 2: 20}, {1: 10, 2: 10}, {"names": {2: "other"}}, [("join", 10, 20, 1, "a record was corrected")],
    ),
    "a withdrawn record splits one": (
        {1: 10, 2: 10, 3: 10}, {1: 10, 3: 30}, {}, [("split", 10, 30, 1, "a record was withdrawn")],
    ),
    "a decision splits one": (
        {1: 10, 2: 10}, {1: 10, 2: 20}, {"decisions": [("must_not_link", 1, 2)]},
        [("split", 10, 20, 1, "a person decided on a pair, or a decision ended")],
    ),
    "another model joins two": (
        {1: 10, 2: 20}, {1: 10, 2: 10}, {"made_with": "other"},
        [("join", 10, 20, 1, "the definitions, the linkage model or the code changed")],
    ),
    "a rival that is gone joins two": (
        {1: 10, 2: 20, 3: 30}, {1: 10, 2: 10}, {},
        [("join", 10, 20, 1, "records of other people changed, which these were compared with")],
    ),
    "a record that goes from one to another leaves a split and a join": (
        {1: 10, 2: 10, 3: 30}, {1: 10, 2: 30, 3: 30}, {"names": {2: "other"}},
        [("join", 30, 10, 1, "a record was corrected"), ("split", 10, 30, 1, "a record was corrected")],
    ),
    "the reference that named a person is withdrawn": (
        {1: 10, 2: 10}, {2: 20}, {}, [("renamed", 20, 10, 1, "a record was withdrawn")],
    ),
    "a new person is no event": ({1: 10}, {1: 10, 2: 20}, {}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_events_and_their_causes(con, case):
    first, second, how, expected = CASES[case]
    build(con, first)
    assert build(con, second, **how) == expected
    assert build(con, second, **how) == [], "an event comes once"


def test_a_night_of_changes_writes_down_what_a_whole_build_would(con):
    build(con, {1: 10, 2: 20, 3: 30, 4: 30})
    assert build(con, {1: 10, 2: 10, 3: 30, 4: 30}, names={2: "other"}, touched=[1, 2]) == [
        ("join", 10, 20, 1, "a record was corrected")
    ]
    assert build(con, {1: 10, 2: 10, 3: 30, 4: 30}, names={2: "other"}) == [], "a whole build finds all as it was left"


def test_a_build_that_was_killed_before_it_wrote_loses_no_event(con):
    build(con, {1: 10, 2: 20})
    con.execute("update identity.int_people set person_id = 10")  # the killed build's work
    assert [event[0] for event in build(con, {1: 10, 2: 10, 3: 10})] == ["join"]
