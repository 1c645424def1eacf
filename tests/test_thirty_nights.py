"""Thirty nights of additions, corrections and withdrawals: whom none of them touches keeps the number; each change has a cause.

Only people are built; what stands on them is held to whole builds by test_nights_of_changes.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

import duckdb
import pytest
from nights_lab import Agencies, copy_home, copy_project, home_of, land
from test_nights_of_changes import LANDING

from dagster_project import warehouse

NIGHTS, SEEDS = 30, range(1)  # of the drill
FIRST = date(2013, 7, 10)
PEOPLE, CUSTOMERS, PRISONERS = ("probation", "people"), ("dwp", "customers"), ("prisons", "people")
PLACES, PAYE, POLICE = ("housing", "placements"), ("hmrc", "employment_spells"), ("police", "offences")
SENDERS = (PEOPLE, CUSTOMERS, PRISONERS, PLACES, PAYE, POLICE)
ONLY_PEOPLE = ("--select", "+int_people", "int_touched_identities", "--exclude-resource-type", "test")


def build(settings, today: date, may_mend: bool = True) -> str:
    said: list[str] = []
    with warehouse.built_aside(settings, today, may_mend=may_mend, log=said.append) as put_in_place:
        result = warehouse.run_dbt(settings, "build", *ONLY_PEOPLE)
        assert result.success, result.exception or [r.message for r in result.result if r.status not in ("success", "pass")]
        settings.building_db.parent.mkdir(exist_ok=True)
        put_in_place()
    return said[0] if said else ""


def read(settings, sql: str) -> list[tuple]:
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        return con.execute(sql).fetchall()


def ids(settings) -> dict[tuple[str, str], int]:
    return {(a, r): p for a, r, p in read(settings, "select agency, person_ref, person_id from identity.int_people")}


@pytest.mark.drill
@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_is_renumbered_whom_nothing_touched_and_every_change_has_a_cause(tmp_path, seed):
    settings, rng = home_of(tmp_path / "home", copy_project(tmp_path / "project", [])), random.Random(seed)
    warehouse.shutil.copytree(LANDING, settings.landing_dir)
    agencies = Agencies(warehouse.prepare(settings), LANDING)
    land(settings)
    build(settings, FIRST)
    before, moved = ids(settings), 0
    for night in range(1, NIGHTS + 1):
        today = FIRST + timedelta(days=night)
        for of in rng.sample(SENDERS, rng.randint(1, 2)):
            agencies.chance(rng, of, rng.randint(1, 3))
            agencies.send(settings.landing_dir, of, f"{today}")
        land(settings)  # a file that chance left as it was is refused
        said = build(settings, today, may_mend=night % 10 != 0)
        after = ids(settings)
        events = read(settings, f"select person_id, other_person_id, cause from journal.events where night = date '{today}'")
        changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
        told = {person for one, other, cause in events for person in (one, other) if cause}
        assert all({before[key], after[key]} <= told for key in changed), (said, changed, events)
        assert bool(events) == bool(changed), (events, changed)
        before, moved = after, moved + len(changed)
    assert moved, "thirty nights in which nobody is joined or parted prove nothing"
    anew = copy_home(settings, tmp_path / "anew")  # the same deliveries and key
    with duckdb.connect(str(anew.restricted_db)) as con:
        con.execute("drop schema identity cascade; drop schema journal cascade; delete from intake.built")
    assert "no build stands" in build(anew, FIRST + timedelta(days=NIGHTS))
    assert ids(anew) == before
