"""What became of people from build to build: who was joined, who was split, and why. Kept in the restricted database.

``journal.people`` holds each reference as the last recorded build had it; a build that was killed records nothing, and the
next one is held to the same state, so that no event is lost and none comes twice.
"""

from __future__ import annotations

from datetime import date

import duckdb

from ..settings import Settings

SCHEMA = """
create schema if not exists journal;
create table if not exists journal.people (reference_id bigint, person_id bigint, content ubigint);
create table if not exists journal.decisions (decision varchar, reference_a bigint, reference_b bigint);
create table if not exists journal.definitions (made_with varchar);
create table if not exists journal.events (
    night date, kind varchar, person_id bigint, other_person_id bigint, reference_count bigint, cause varchar,
    recorded_at timestamp
);
"""
PEOPLE = """
select p.reference_id, p.person_id, hash(r.first_name, r.last_name, r.date_of_birth, r.sex, r.ethnicity, r.postcode, r.ni_number,
    r.noms_number, r.pnc_id, r.crn) as content
from identity.int_people as p join identity.int_people_references as r on p.reference_id = r.reference_id {touched}
"""
BEFORE = "create or replace temp table was as select * from journal.people {touched}"
# references that went from one person to another: to one that was there before (join), from one that is still there (split)
MOVES = """
create or replace temp table moves as
with moved as (
    select was.person_id as from_id, now.person_id as to_id, count(*) as reference_count
    from was join now using (reference_id) where was.person_id <> now.person_id group by all
),
judged as (
    select *, to_id in (select person_id from was) as was_there, from_id in (select person_id from now) as is_still_there
    from moved
)
select 'join' as kind, to_id as person_id, from_id as other_person_id, from_id, to_id, reference_count from judged where was_there
union all
select 'split', from_id, to_id, from_id, to_id, reference_count from judged where is_still_there
union all
select 'renamed', to_id, from_id, from_id, to_id, reference_count from judged where not was_there and not is_still_there
"""
EVENTS = """
with changed as (
    select person_id, 'withdrawn' as cause from was where reference_id not in (select reference_id from now)
    union
    select now.person_id, 'new' from now where reference_id not in (select reference_id from was)
    union
    select unnest([was.person_id, now.person_id]), 'corrected' from was join now using (reference_id)
    where was.content <> now.content
    union
    select unnest([was.person_id, now.person_id]), 'decided' from was join now using (reference_id)
    where reference_id in (select reference_id from decisions_changed)
),
caused as (
    select moves.*, list(distinct changed.cause) as causes
    from moves left join changed on changed.person_id in (moves.from_id, moves.to_id)
    group by all
)
insert into journal.events
select ?, kind, person_id, other_person_id, reference_count,
    case
        when list_contains(causes, 'decided') then 'a person decided on a pair, or a decision ended'
        when list_contains(causes, 'withdrawn') then 'a record was withdrawn'
        when list_contains(causes, 'corrected') then 'a record was corrected'
        when list_contains(causes, 'new') then 'a new record came'
        when ? then 'the definitions, the linkage model or the code changed'
        else 'records of other people changed, which these were compared with'
    end,
    now()::timestamp
from caused order by kind, person_id, other_person_id
"""


def record(con: duckdb.DuckDBPyConnection, night: date | None, made_with: str, is_whole: bool) -> int:
    """Write down what the build that has just been put in place did to people; the number of events. Within a transaction.

    ``made_with``: the definitions and code of the build; ``is_whole``: it was not a night of changes, so all are compared.
    """
    for statement in SCHEMA.split(";"):
        con.execute(statement)
    con.execute("set preserve_insertion_order = false")  # the tables here have no order, and to keep one takes half as long again
    if not con.execute("select 1 from duckdb_tables() where schema_name = 'identity' and table_name = 'int_people'").fetchall():
        return 0
    is_first = not con.execute("select count(*) from journal.people").fetchall()[0][0]
    touched = "" if is_whole else "reference_id in (select reference_id from changes.int_touched_identities)"
    people = PEOPLE.format(touched=f"where p.{touched}" if touched else "")
    count = 0
    if is_first:
        con.execute(f"insert into journal.people {people}")
    else:
        con.execute(f"create or replace temp table now as {people}")
        con.execute(BEFORE.format(touched=f"where {touched}" if touched else ""))
        count = _compare(con, night, made_with)
        con.execute(f"delete from journal.people {'' if is_whole else 'where ' + touched}")
        con.execute("insert into journal.people select reference_id, person_id, content from now")
    con.execute("delete from journal.decisions; insert into journal.decisions from identity.int_people_overrides")
    con.execute("delete from journal.definitions")
    con.execute("insert into journal.definitions values (?)", [made_with])
    return count


def _compare(con: duckdb.DuckDBPyConnection, night: date | None, made_with: str) -> int:
    """Write down the events between ``was`` and ``now``; the number of them."""
    con.execute(
        "create or replace temp table decisions_changed as select unnest([reference_a, reference_b]) as reference_id from ("
        "(from journal.decisions except from identity.int_people_overrides) "
        "union (from identity.int_people_overrides except from journal.decisions))"
    )
    con.execute(MOVES)
    redefined = con.execute("select made_with is distinct from ? from journal.definitions", [made_with]).fetchall()
    con.execute(EVENTS, [night, bool(redefined and redefined[0][0])])
    return con.execute("select count(*) from moves").fetchall()[0][0]


def latest(settings: Settings, number: int) -> list[tuple]:
    """The newest events: night, kind, person_id, other_person_id, reference_count, cause. None before anything was recorded."""
    if not settings.restricted_db.exists():
        return []
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        if not con.execute("select 1 from duckdb_tables() where schema_name = 'journal' and table_name = 'events'").fetchall():
            return []
        return con.execute(
            "select night, kind, person_id, other_person_id, reference_count, cause from journal.events "
            "order by recorded_at desc, kind, person_id, other_person_id limit ?",
            [number],
        ).fetchall()
