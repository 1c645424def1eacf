"""Where a person lived and whether they worked on a day: the models against decision 001, followed record by record in Python.

All dates fall within some twenty days, so that the day before, the day and the day after are in nearly every example.
Follow-ups are three and six days after the event; months are checked on their own.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest
from compiled import Compiled
from hypothesis import given, settings
from hypothesis import strategies as st

FIRST_DAY = date(2009, 4, 1)
STEADY = settings(derandomize=True, database=None, deadline=None, max_examples=80)
POINTS = {"at_event": 0, "first_night": 0, "three_months": 3, "six_weeks": 3, "six_months": 6}  # days after the event
LOOKS = {
    "termination": ["at_event"],
    "release": ["first_night", "three_months", "six_weeks", "six_months"],
    "disposal": ["three_months", "six_months"],
}
EVENTS = {"termination": "int_terminations", "release": "int_releases", "disposal": "int_disposals"}
DEFINITIONS = [{"population": p, "outcome": f"after {f}", "follow_up_id": f} for p, looks in LOOKS.items() for f in looks]
NEEDS = [{**d, "extract": e} for d in DEFINITIONS for e in ("accommodation", "employment")]
DEFINITIONS += DEFINITIONS[:1] + [{"population": "return", "outcome": None, "follow_up_id": None}]  # two views of a look are one
OBSERVABLE = [  # X: nothing is agreed; that it does not count as a termination does not matter here
    {"view_id": view, "code_list": "termination_reason_codes", "code": code, "status": status}
    for view, code, status in [("follow_up", "COMPLETED", "yes"), ("follow_up", "DEATH", "no"), ("official", "X", "no")]
]
ANSWERS = ["yes", "no", "unknown", "not_applicable"]


@pytest.fixture(scope="module")
def compiled(hand_world) -> Compiled:
    return Compiled(hand_world.settings)


def day(number: int | None) -> date | None:
    return None if number is None else FIRST_DAY + timedelta(days=number)


def holds(row: dict, on: date) -> bool:
    """Is a half-open row in force on a day?"""
    return row["start_date"] <= on and (row["end_date"] is None or on < row["end_date"])


PEOPLE = st.sampled_from([1, 1, 1, 2])


@st.composite
def spells(draw, people=PEOPLE, **more) -> dict:
    start = draw(st.integers(0, 19))
    length = draw(st.sampled_from([None, 1, 2, 3, 5, 9]))
    row = {"person_id": draw(people), "start_date": day(start), "end_date": None if length is None else day(start + length)}
    return {**row, **{name: draw(strategy) for name, strategy in more.items()}}


@st.composite
def records(draw, codes: str) -> list[dict]:
    """Records of the case file: few starts and recorded dates, so that every tie occurs; record ids in any order."""
    found = draw(
        st.lists(
            spells(
                code=st.sampled_from(codes),
                recorded_date=st.sampled_from([None, day(1), day(1), day(6), day(12)]),
                is_evidenced=st.sampled_from([True, False, None]),
            ),
            max_size=7,
        )
    )
    for row in found:
        if draw(st.booleans()):
            row["start_date"] = min(row["start_date"], day(draw(st.sampled_from([2, 5]))))
    ids = draw(st.permutations([f"R{n}" for n in range(len(found))]))
    return [
        {**r, "record_id": i, "_delivery_id": "D1", "_row_number": n} for n, (r, i) in enumerate(zip(found, ids, strict=True), 2)
    ]


@st.composite
def mappings(draw, code_list: str, views: tuple[str, ...], answers: list[str], codes: str = "ABCV") -> list[dict]:
    """What each code means in each view; V changes its meaning on a day, X is in no mapping, G has a gap of some days."""
    rows = []
    for view in views:
        key = {"view_id": view, "code_list": code_list}
        rows += [{**key, "code": c, "status": draw(st.sampled_from(answers))} for c in codes if c != "V"]
        switch = day(draw(st.integers(3, 17)))
        first, then = draw(st.permutations(answers))[:2]
        rows.append({**key, "code": "V", "status": first, "valid_to": switch})
        rows.append({**key, "code": "V", "status": then, "valid_from": switch})
        rows.append({**key, "code": "G", "status": "yes", "valid_from": day(5), "valid_to": day(9)})
    # the same codes in another list or view must not answer
    rows += [{"view_id": "another view", "code_list": code_list, "code": c, "status": "yes"} for c in "AX"]
    rows += [{"view_id": v, "code_list": "another list", "code": c, "status": "yes"} for v in views for c in "AX"]
    return rows


def meaning(mapping: list[dict], view: str, code_list: str, code: str | None, on: date) -> str | None:
    for row in mapping:
        if (row["view_id"], row["code_list"], row["code"]) == (view, code_list, code):
            if (row.get("valid_from") or date.min) <= on < (row.get("valid_to") or date.max):
                return row["status"]
    return None


@st.composite
def events(draw) -> dict[str, list[dict]]:
    """Terminations, releases and disposals of two people and of nobody known; a release may carry a discharge code."""
    found = {}
    for population, table in EVENTS.items():
        rows = []
        for number in range(draw(st.integers(0, 2))):
            row = {
                "event_id": number + 1,
                "person_id": draw(st.sampled_from([1, 1, 1, 2, None])),
                "event_date": day(draw(st.integers(3, 13))),
            }
            if population == "termination":
                row["termination_reason_code"] = draw(st.sampled_from(["COMPLETED", "DEATH", "DEATH", "X"]))
            row |= {"_delivery_id": "E1", "_row_number": 100 + number}
            if population == "release":
                row["discharge_accommodation_code"] = draw(st.sampled_from([None, "A", "B", "V", "X"]))
            rows.append(row)
        found[table] = rows
    return found


@st.composite
def surroundings(draw) -> dict:
    """Custody, supervision and how far probation's deliveries reach."""
    return {
        "custody": draw(st.lists(spells(people=st.sampled_from([1, 1, 2, None])), max_size=3)),
        "supervision": draw(st.lists(spells(people=st.sampled_from([1, 1, 2, None])), max_size=3)),
        "observed_until": draw(st.sampled_from([None, day(8), day(11), day(14), day(40), day(40)])),
    }


def event_days(compiled: Compiled, held: dict, around: dict, points=None, needs=None) -> list[dict]:
    """Run the models of spells and of event days, and leave their tables for the look-up."""
    for kind, given_rows in (("custody", around["custody"]), ("supervision", around["supervision"])):
        source = f"int_{kind}_records"
        rule = [{"spell_type": kind, "gap_days": 1}]
        compiled.run(f"int_{kind}_spells", {source: given_rows, "spell_rules": rule}, keep=True)
    follow_ups = points or [{"follow_up_id": f, "months": 0, "days": n} for f, n in POINTS.items()]
    tables = {**held, "indicator_definitions": DEFINITIONS, "follow_up_points": follow_ups, "termination_scope": OBSERVABLE}
    tables["int_observation"] = [{"observed_until": around["observed_until"]}]
    tables["indicator_needs"] = needs or [{k: d[k] for k in ("population", "outcome", "extract")} for d in NEEDS]
    return compiled.run("int_event_days", tables, keep=True)


def looks_at(held: dict, around: dict):
    """(population, event, follow-up, day, in custody, supervised, due, gone) by the rule."""
    for population, table in EVENTS.items():
        for event in held[table]:
            for follow_up in LOOKS[population]:
                on = event["event_date"] + timedelta(days=POINTS[follow_up])
                of_person = [
                    any(holds(r, on) for r in around[kind] if r["person_id"] == event["person_id"] and r["person_id"] is not None)
                    for kind in ("custody", "supervision")
                ]
                yield (
                    population,
                    event,
                    follow_up,
                    on,
                    *of_person,
                    bool(around["observed_until"] and on <= around["observed_until"]),
                    any(
                        t["person_id"] == event["person_id"] is not None and event["event_date"] <= t["event_date"] < on
                        for t in held["int_terminations"]
                        if t.get("termination_reason_code") == "DEATH"
                    ),
                )


def by_key(found: list[dict], columns: list[str]) -> dict:
    keyed = {(r["population"], r["event_id"], r["follow_up_id"]): {c: r[c] for c in columns} for r in found}
    assert len(keyed) == len(found), "one row per event and day"
    return keyed


def latest(rows: list[dict]) -> dict | None:
    """The latest start, then the latest recorded date (none is earliest), then the greatest record id."""
    return max(rows, key=lambda r: (r["start_date"], r["recorded_date"] or date.min, r["record_id"]), default=None)


def evidence_of(record: dict | None, on: date) -> dict:
    if record is None:
        return dict.fromkeys(EVIDENCE)
    made = record["recorded_date"] or record["start_date"]
    return {
        "code": record["code"],
        "is_evidenced": record["is_evidenced"],
        "evidence_date": made,
        "evidence_delivery_id": record["_delivery_id"],
        "evidence_row_number": record["_row_number"],
        "evidence_days": (on - made).days,
    }


EVIDENCE = ["code", "is_evidenced", "evidence_date", "evidence_delivery_id", "evidence_row_number", "evidence_days"]


@STEADY
@given(
    held=events(),
    around=surroundings(),
    lived=records("ABCVXG"),
    settled=st.tuples(
        mappings("accommodation_codes", ("policy", "sustainable"), ANSWERS),
        mappings("discharge_accommodation_codes", ("policy", "sustainable"), ANSWERS),
    ),
    housed=st.tuples(
        mappings("accommodation_codes", ("official",), ANSWERS), mappings("discharge_accommodation_codes", ("official",), ANSWERS)
    ),
)
def test_accommodation_on_a_day_is_what_decision_001_says(compiled, held, around, lived, settled, housed):
    settled, housed = sum(settled, []), sum(housed, [])
    event_days(compiled, held, around)
    tables = {"int_accommodation_records": lived, "settled": settled, "housed": housed}
    answers = ["agency", "settled_policy", "settled_sustainable", "housed", "is_applicable"]
    found = by_key(compiled.run("int_accommodation_on_day", tables), EVIDENCE + answers)
    expected = {}
    for population, event, follow_up, on, in_custody, supervised, due, gone in looks_at(held, around):
        record = latest([r for r in lived if r["person_id"] == event["person_id"] and holds(r, on)])
        agency, code_list, evidence = "probation", "accommodation_codes", evidence_of(record, on)
        discharge = event.get("discharge_accommodation_code")
        if record is None and follow_up == "first_night" and discharge:
            agency, code_list = "prisons", "discharge_accommodation_codes"
            evidence = dict.fromkeys(EVIDENCE) | {"code": discharge, "evidence_date": event["event_date"], "evidence_days": 0}
            evidence |= {"evidence_delivery_id": event["_delivery_id"], "evidence_row_number": event["_row_number"]}
        elif record is None:
            agency = None
        expected[population, event["event_id"], follow_up] = {
            **evidence,
            "agency": agency,
            "settled_policy": meaning(settled, "policy", code_list, evidence["code"], on) or "unknown",
            "settled_sustainable": meaning(settled, "sustainable", code_list, evidence["code"], on) or "unknown",
            "housed": meaning(housed, "official", code_list, evidence["code"], on) or "unknown",
            "is_applicable": POINTS[follow_up] == 0 or (due and supervised and not in_custody and not gone),
        }
    assert found == expected


@STEADY
@given(
    held=events(),
    around=surroundings(),
    worked=records("ABCVXG"),
    employed=mappings("employment_codes", ("official",), ["yes", "no", "unknown", "ignored"]),
    available=mappings("employment_codes", ("official",), ["yes", "no", "unknown"]),
    p45=st.lists(spells(people=st.sampled_from([1, 2, None])), max_size=3),
    references=st.lists(
        st.fixed_dictionaries(
            {"person_id": PEOPLE, "agency": st.sampled_from(["probation", "dwp", "hmrc"]), "has_ni_number": st.booleans()}
        ),
        max_size=3,
    ),
)
def test_employment_on_a_day_is_what_decision_001_says(compiled, held, around, worked, employed, available, p45, references):
    event_days(compiled, held, around)
    rule = [{"spell_type": "employment_p45", "gap_days": 1}]
    compiled.run("int_employment_p45_spells", {"int_p45_records": p45, "spell_rules": rule}, keep=True)
    tables = {"int_employment_records": worked, "employed": employed, "available_for_work": available, "int_people": references}
    answers = [
        "agency",
        "employed",
        "available_for_work",
        "employed_p45",
        "employed_combined",
        "employed_if_available",
        "is_applicable",
    ]
    found = by_key(compiled.run("int_employment_on_day", tables), EVIDENCE + answers)
    expected = {}
    for population, event, follow_up, on, in_custody, _, due, gone in looks_at(held, around):
        person = event["person_id"]
        said = {"yes": [], "no": [], "unknown": []}
        for record in worked:
            status = meaning(employed, "official", "employment_codes", record["code"], on)
            if record["person_id"] == person and holds(record, on) and status in said:
                said[status].append(record)
        answer = next((status for status in ("yes", "no", "unknown") if said[status]), "unknown")
        record = latest(said[answer])
        is_known = any(r["person_id"] == person and (r["has_ni_number"] or r["agency"] == "hmrc") for r in references)
        in_p45 = any(r["person_id"] == person and person is not None and holds(r, on) for r in p45)
        by_p45 = "yes" if in_p45 else "no" if is_known else "unknown"
        is_available = "yes" if answer == "yes" else "unknown"
        if record and answer != "yes":
            is_available = meaning(available, "official", "employment_codes", record["code"], on) or "unknown"
        expected[population, event["event_id"], follow_up] = {
            **evidence_of(record, on),
            "agency": "probation" if record else None,
            "employed": answer,
            "employed_p45": by_p45,
            "employed_combined": "yes" if "yes" in (answer, by_p45) else by_p45 if answer == "unknown" else answer,
            "available_for_work": is_available,
            "employed_if_available": "not_applicable" if is_available == "no" else answer,
            "is_applicable": POINTS[follow_up] == 0 or (due and not in_custody and not gone),
        }
    assert found == expected


@settings(STEADY, max_examples=40)
@given(held=events(), around=surroundings())
def test_custody_supervision_death_and_being_due_are_those_of_the_day_itself(compiled, held, around):
    flags = ["is_follow_up", "is_due", "is_in_custody", "is_supervised", "is_beyond_observation"]
    found = by_key(event_days(compiled, held, around), ["on_date", *flags])
    expected = {}
    for population, event, follow_up, on, in_custody, supervised, due, gone in looks_at(held, around):
        later = POINTS[follow_up] > 0
        expected[population, event["event_id"], follow_up] = {
            "on_date": on,
            "is_follow_up": later,
            "is_due": due,
            "is_in_custody": later and in_custody,
            "is_supervised": later and supervised,
            "is_beyond_observation": later and gone,
        }
    assert found == expected


@settings(STEADY, max_examples=40)
@given(on=st.dates(date(2007, 12, 1), date(2012, 12, 31)), months=st.sampled_from([1, 3, 6]), days=st.sampled_from([0, 42]))
def test_months_after_an_event_end_on_the_last_day_of_a_shorter_month(compiled, on, months, days):
    points = [{"follow_up_id": f, "months": months, "days": days} for f in POINTS]
    held = {"int_terminations": [{"event_id": 1, "person_id": 1, "event_date": on}], "int_releases": [], "int_disposals": []}
    around = {"custody": [], "supervision": [], "observed_until": None}
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    expected = date(year, month + 1, min(on.day, last)) + timedelta(days=days)
    assert [r["on_date"] for r in event_days(compiled, held, around, points)] == [expected]


DAYS_AROUND = pytest.mark.parametrize(("offset", "is_there"), [(-1, False), (0, True), (4, True), (5, False)], ids=str)


@DAYS_AROUND
@pytest.mark.parametrize("kind", ["lived", "worked", "p45", "custody", "supervision"])
def test_a_spell_counts_from_its_first_day_to_its_last_and_on_no_day_around_them(compiled, kind, offset, is_there):
    start, end = day(10), day(15)  # half-open: days 10 to 14
    spell = {"person_id": 1, "start_date": start, "end_date": end}
    record = {**spell, "code": "A", "record_id": "R1", "_delivery_id": "D1", "_row_number": 2}
    held = {"int_terminations": [], "int_releases": [], "int_disposals": []}
    held["int_disposals"] = [{"event_id": 1, "person_id": 1, "event_date": day(10 + offset - POINTS["three_months"])}]
    around = {"custody": [], "supervision": [], "observed_until": day(40)} | (
        {kind: [spell]} if kind in ("custody", "supervision") else {}
    )
    looked = [r for r in event_days(compiled, held, around) if r["follow_up_id"] == "three_months"][0]
    if kind in ("custody", "supervision"):
        assert looked["is_in_custody" if kind == "custody" else "is_supervised"] is is_there
        return
    means = {"view_id": "policy", "code_list": "accommodation_codes", "code": "A", "status": "yes"}
    works = {"view_id": "official", "code_list": "employment_codes", "code": "A", "status": "yes"}
    rule = [{"spell_type": "employment_p45", "gap_days": 1}]
    compiled.run(
        "int_employment_p45_spells", {"int_p45_records": [spell] if kind == "p45" else [], "spell_rules": rule}, keep=True
    )
    if kind == "lived":
        tables = {"int_accommodation_records": [record], "settled": [means], "housed": []}
        model, column = "int_accommodation_on_day", "settled_policy"
    else:
        jobs = [record] if kind == "worked" else []
        tables = {"int_employment_records": jobs, "employed": [works], "available_for_work": [], "int_people": []}
        model, column = "int_employment_on_day", "employed" if kind == "worked" else "employed_p45"
    found = {r["follow_up_id"]: r[column] for r in compiled.run(model, tables)}
    assert found["three_months"] == ("yes" if is_there else "unknown")


@settings(STEADY, max_examples=40)
@given(held=events(), around=surroundings(), jobs=st.lists(spells(people=st.sampled_from([1, 1, 2, None])), max_size=5))
def test_the_evidence_of_a_p45_answer_is_the_job_in_force_that_started_last(compiled, held, around, jobs):
    jobs = [{**j, "record_id": f"S{n}", "is_evidenced": True, "_delivery_id": "D1", "_row_number": n} for n, j in enumerate(jobs)]
    event_days(compiled, held, around)
    found = by_key(compiled.run("int_p45_on_day", {"int_p45_records": jobs}), ["evidence_row_number"])
    expected = {}
    for population, event, follow_up, on, *_ in looks_at(held, around):
        there = [j for j in jobs if j["person_id"] == event["person_id"] is not None and holds(j, on)]
        if there and population in ("termination", "release"):
            last = max(there, key=lambda j: (j["start_date"], j["record_id"]))["_row_number"]
            expected[population, event["event_id"], follow_up] = {"evidence_row_number": last}
    assert found == expected


def test_the_greatest_number_of_an_event_leaves_room_for_every_look_of_the_project(compiled, hand_world):
    seeds = {
        name: hand_world.query(f"from warehouse.seeds.{name}")
        for name in ("indicator_definitions", "indicator_needs", "follow_up_points")
    }
    numbers = (0, 1, 2**59, 2**60 - 1, 2**60 + 3_000_000)  # 60 bits of a delivery, and the row
    held = {t: [{"event_id": n, "person_id": 1, "event_date": day(5)} for n in numbers] for t in EVENTS.values()}
    nothing = {"int_custody_spells": [], "int_supervision_spells": [], "int_observation": [{"observed_until": None}]}
    rows = compiled.run("int_event_days", {**held, **nothing, **seeds, "termination_scope": OBSERVABLE})
    asked = {(r["population"], r["event_id"], r["follow_up_id"]) for r in rows}
    assert len({r["day_id"] for r in rows}) == len(asked) == len(rows) >= 9 * len(numbers)


def test_a_look_asks_only_of_what_its_outcomes_need(compiled):
    held = {table: [{"event_id": 1, "person_id": 1, "event_date": day(5)}] for table in EVENTS.values()}
    around = {"custody": [], "supervision": [], "observed_until": day(40)}
    extracts = {"first_night": "accommodation", "three_months": "accommodation", "six_weeks": "employment_spells"}
    needs = [
        {"population": d["population"], "outcome": d["outcome"], "extract": extracts.get(d["follow_up_id"], "orders")}
        for d in NEEDS
    ]
    for row in event_days(compiled, held, around, needs=needs):
        asked = extracts.get(row["follow_up_id"])
        assert (row["asks_home"], row["asks_work"]) == (asked == "accommodation", asked == "employment_spells"), row
