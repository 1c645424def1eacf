"""Benefit after a release and offences of the year after: the models against their definitions, followed record by record.

Dates fall within some twenty days, so that the day before, the day and the day after are in nearly every example; a year is
twelve days there and eighteen months are eighteen. Real months are checked on their own.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from compiled import Compiled
from hypothesis import given, settings
from hypothesis import strategies as st

FIRST_DAY = date(2009, 4, 1)
STEADY = settings(derandomize=True, database=None, deadline=None, max_examples=100)
PEOPLE = st.sampled_from([1, 1, 1, 2])
EVIDENCE = ("agency", "code", "evidence_date", "evidence_delivery_id", "evidence_row_number", "evidence_days")


@pytest.fixture(scope="module")
def compiled(hand_world) -> Compiled:
    return Compiled(hand_world.settings)


def day(number: int | None) -> date | None:
    return None if number is None else FIRST_DAY + timedelta(days=number)


def looks(follow_up: str, after: int):
    """Releases, each with the look that a model asks for, of two people and of nobody known."""
    one = st.fixed_dictionaries(
        {
            "person_id": st.sampled_from([1, 1, 1, 2, None]),
            "event_date": st.integers(0, 14).map(day),
            "is_due": st.sampled_from([True, True, False]),
            "is_in_custody": st.sampled_from([False, False, True]),
            "is_beyond_observation": st.sampled_from([False, False, True]),
        }
    )
    return st.lists(one, min_size=1, max_size=4).map(
        lambda rows: [
            {
                **row,
                "event_id": n,
                "day_id": 10 * n,
                "population": "release",
                "follow_up_id": follow_up,
                "on_date": row["event_date"] + timedelta(days=after),
            }
            for n, row in enumerate(rows, 1)
        ]
    )


def sent(rows: list[dict]) -> list[dict]:
    return [{**row, "_delivery_id": "D1", "_row_number": n} for n, row in enumerate(rows, 2)]


def event_days(days: list[dict]) -> list[dict]:
    """The looks as int_event_days has them, each with another of the same release that must not answer."""
    return [*days, *({**look, "day_id": -look["day_id"], "follow_up_id": "other"} for look in days)]


def evidence(agency: str, record: dict | None, made: str, on: date) -> tuple:
    if record is None:
        return (None,) * len(EVIDENCE)
    shown = record["code"], record[made], record["_delivery_id"], record["_row_number"]
    return agency, *shown, (on - record[made]).days


def benefits(compiled: Compiled, days: list[dict], claims: list[dict], people: list[dict], gap: int = 1) -> list[dict]:
    compiled.run("int_out_of_work_records", {"int_benefit_records": claims, "out_of_work_benefit": OUT_OF_WORK}, keep=True)
    compiled.run("int_benefit_out_of_work_spells", {"spell_rules": [rule(gap)]}, keep=True)
    asked = {"population": "release", "outcome": "o"}
    other = {"population": "release", "outcome": "w"}
    tables = {
        "int_event_days": event_days(days),
        "int_people": people,
        "indicator_definitions": [{**asked, "follow_up_id": "one_month"}, {**other, "follow_up_id": "other"}],
        "indicator_needs": [
            {**asked, "agency": "dwp", "extract": "benefit_claims"},
            {**other, "agency": "hmrc", "extract": "employment_spells"},
        ],
    }
    return compiled.run("int_benefit_on_day", tables)


def rule(gap: int) -> dict:
    return {"spell_type": "benefit_out_of_work", "gap_days": gap}


# A is an out-of-work benefit, N is none, F is one from the tenth day on, T until then and again from the twelfth
OUT_OF_WORK = [
    {"view_id": "official", "code_list": "benefit_codes", "code": code, "status": status}
    | {"valid_from": day(first), "valid_to": day(end)}
    for code, status, first, end in [
        ("A", "yes", None, None), ("N", "no", None, None), ("F", "no", None, 10), ("F", "yes", 10, None),
        ("T", "yes", None, 10), ("T", "no", 10, 12), ("T", "yes", 12, None),
    ]
]  # fmt: skip


def is_out_of_work(code: str, on: date) -> bool:
    return any(
        m["code"] == code and m["status"] == "yes" and (m["valid_from"] or date.min) <= on < (m["valid_to"] or date.max)
        for m in OUT_OF_WORK
    )


CLAIMS = st.lists(
    st.builds(
        lambda person, start, length, code: {
            "person_id": person,
            "start_date": day(start),
            "end_date": None if length is None else day(start + length),
            "code": code,
        },
        PEOPLE,
        st.integers(0, 18),
        st.sampled_from([None, 1, 2, 4, 8]),
        st.sampled_from("AANFFTX"),  # X: no meaning is agreed
    ),
    max_size=6,
).map(sent)
REFERENCES = st.lists(
    st.fixed_dictionaries({"person_id": PEOPLE, "agency": st.sampled_from(["dwp", "police", "probation"])}), max_size=3
)


@STEADY
@given(days=looks("one_month", 3), claims=CLAIMS, people=REFERENCES)
def test_benefit_on_a_day_is_any_out_of_work_claim_in_force_and_no_only_of_whom_dwp_has_a_record(compiled, days, claims, people):
    people = people + [{"person_id": c["person_id"], "agency": "dwp"} for c in claims]
    found = {r["event_id"]: r for r in benefits(compiled, days, claims, people)}
    assert len(found) == len(days)
    for look in days:
        on, person, row = look["on_date"], look["person_id"], found[look["event_id"]]
        there = [
            c
            for c in claims
            if c["person_id"] == person and c["start_date"] <= on < (c["end_date"] or date.max) and is_out_of_work(c["code"], on)
        ]
        known = any(p["agency"] == "dwp" and p["person_id"] == person for p in people)
        assert row["out_of_work_benefit"] == ("yes" if there else "no" if known else "unknown")
        assert row["is_applicable"] == (look["is_due"] and not look["is_in_custody"] and not look["is_beyond_observation"])
        last = max(there, key=lambda c: (c["start_date"], c["_row_number"]), default=None)
        assert tuple(row[name] for name in EVIDENCE) == evidence("dwp", last, "start_date", on)


def test_a_break_that_the_rule_of_spells_bridges_is_benefit_without_a_claim_that_says_so(compiled):
    look = {"event_id": 1, "day_id": 10, "population": "release", "follow_up_id": "one_month", "person_id": 1}
    look |= {"on_date": day(5), "is_due": True, "is_in_custody": False, "is_beyond_observation": False}
    claim = {"person_id": 1, "code": "A"}
    claims = sent([{**claim, "start_date": day(0), "end_date": day(5)}, {**claim, "start_date": day(7)}])
    people = [{"person_id": 1, "agency": "dwp"}]
    for gap, said in ((1, "no"), (3, "yes")):
        (row,) = benefits(compiled, [look], claims, people, gap)
        assert (row["out_of_work_benefit"], row["agency"], row["evidence_row_number"]) == (said, None, None)


@pytest.mark.parametrize(
    ("code", "on", "said"), [("F", 9, "no"), ("F", 10, "yes"), ("T", 9, "yes"), ("T", 10, "no"), ("T", 12, "yes")]
)
def test_a_benefit_that_changes_its_meaning_during_a_claim_counts_for_the_time_that_it_is_one(compiled, code, on, said):
    look = {"event_id": 1, "day_id": 10, "population": "release", "follow_up_id": "one_month", "person_id": 1}
    look |= {"on_date": day(on), "is_due": True, "is_in_custody": False, "is_beyond_observation": False}
    claims = sent([{"person_id": 1, "code": code, "start_date": day(0)}])
    (row,) = benefits(compiled, [look], claims, [{"person_id": 1, "agency": "dwp"}])
    claimed = (day(0), 2) if said == "yes" else (None, None)
    assert (row["out_of_work_benefit"], row["evidence_date"], row["evidence_row_number"]) == (said, *claimed)


# offences ------------------------------------------------------------------------------------------------------------------


def reoffending(compiled: Compiled, days: list[dict], offences: list[dict], people: list[dict], points=None) -> dict[int, dict]:
    means = {"view_id": "official", "code_list": "disposal_codes"}
    tables = {
        "int_custody_records": [{"person_id": person, "end_date": day(0)} for person in (1, 2)],
        "int_people": people,
        "stg_police__offences": offences,
        "proven_offence": [{**means, "code": "A", "status": "yes"}, {**means, "code": "N", "status": "no"}],
    }
    compiled.run("int_offence_records", tables, keep=True)
    events = [{k: d[k] for k in ("event_id", "person_id", "event_date")} for d in days]
    point = points or {"follow_up_id": "one_year", "months": 0, "days": 12}
    tables = {
        "int_event_days": event_days(days),
        "int_releases": events,
        "follow_up_points": [point, {"follow_up_id": "other", "months": 0, "days": 99}],
    }
    rows = compiled.run("int_reoffending", tables)
    assert len(rows) == len(days)
    return {r["event_id"]: r for r in rows}


OFFENCES = st.lists(
    st.builds(
        lambda ref, on, court, code: {
            "person_ref": ref,
            "offence_date": day(on),
            "disposal_date": day(on + court),
            "disposal_type": code,
        },
        st.sampled_from(["P1", "P1", "P1", "P2", "unlinked"]),
        st.integers(0, 30),
        st.integers(0, 9),
        st.sampled_from("AANX"),  # X: no meaning is agreed
    ),
    max_size=7,
).map(lambda rows: sent([{**row, "offence_id": f"O{n}"} for n, row in enumerate(rows)]))


@STEADY
@given(days=looks("proven_one_year", 18), offences=OFFENCES, is_known=st.tuples(st.booleans(), st.booleans()))
def test_an_offence_of_the_year_that_is_proved_in_time_is_re_offending(compiled, days, offences, is_known):
    people = [{"agency": "police", "person_ref": f"P{n}", "person_id": n} for n, known in enumerate(is_known, 1) if known]
    people += [{"agency": "dwp", "person_ref": f"P{n}", "person_id": n} for n in (1, 2)]
    found = reoffending(compiled, days, offences, people)
    for look in days:
        released, person, row = look["event_date"], look["person_id"], found[look["event_id"]]
        known = person is not None and is_known[person - 1]
        there = [
            o
            for o in offences
            if known and o["person_ref"] == f"P{person}" and o["disposal_type"] == "A"
            and released <= o["offence_date"] < released + timedelta(days=12)
            and o["disposal_date"] < released + timedelta(days=18)
        ]  # fmt: skip
        assert row["reoffended"] == ("yes" if there else "no" if known else "unknown")
        assert row["is_applicable"] == look["is_due"]
        first = min(there, key=lambda o: (o["offence_date"], o["disposal_date"], o["offence_id"]), default=None)
        first = first and {**first, "code": first["disposal_type"]}
        assert tuple(row[name] for name in EVIDENCE) == evidence("police", first, "disposal_date", look["on_date"])


@pytest.mark.parametrize(
    ("released", "offence", "disposal", "said"),
    [
        ("2008-02-29", "2009-02-27", "2009-08-28", "yes"),  # the year ends on 28 February, the eighteen months on 29 August
        ("2008-02-29", "2009-02-28", "2009-03-01", "no"),
        ("2008-02-29", "2009-02-27", "2009-08-29", "no"),
        ("2009-08-31", "2010-08-30", "2011-02-27", "yes"),
        ("2009-08-31", "2010-08-30", "2011-02-28", "no"),
        ("2009-05-01", "2009-04-30", "2009-06-01", "no"),
        ("2009-05-01", "2009-05-01", "2009-05-01", "yes"),
    ],
)
def test_the_year_and_the_eighteen_months_are_of_the_calendar(compiled, released, offence, disposal, said):
    day_of = {"event_id": 1, "person_id": 1, "event_date": date.fromisoformat(released)}
    points = {"one_year": (12, 0), "proven_one_year": (18, 0)}
    points = [{"follow_up_id": f, "months": m, "days": d} for f, (m, d) in points.items()]
    tables = {
        "int_terminations": [],
        "int_disposals": [],
        "int_releases": [day_of],
        "indicator_definitions": [{"population": "release", "outcome": "o", "follow_up_id": "proven_one_year"}],
        "indicator_needs": [],
        "follow_up_points": points,
        "int_observation": [{"observed_until": date(2013, 6, 30)}],
        "int_custody_spells": [],
        "int_supervision_spells": [],
        "termination_scope": [],
    }
    (look,) = compiled.run("int_event_days", tables)
    record = {"person_ref": "P1", "disposal_type": "A", "offence_id": "O1"}
    record |= {"offence_date": date.fromisoformat(offence), "disposal_date": date.fromisoformat(disposal)}
    people = [{"agency": "police", "person_ref": "P1", "person_id": 1}]
    assert reoffending(compiled, [look], sent([record]), people, points[0])[1]["reoffended"] == said


def test_only_offences_of_people_who_have_left_custody_are_kept(compiled):
    offence = {"disposal_type": "A", "offence_date": day(1), "disposal_date": day(2)}
    tables = {
        "int_custody_records": [{"person_id": 1, "end_date": day(0)}, {"person_id": 1, "end_date": day(1)}, {"person_id": 2}],
        "int_people": [{"agency": "police", "person_ref": f"P{n}", "person_id": n} for n in (1, 2, 3)],
        "stg_police__offences": sent([{**offence, "person_ref": f"P{n}", "offence_id": f"O{n}"} for n in (1, 2, 3)]),
        "proven_offence": [{"view_id": "official", "code_list": "disposal_codes", "code": "A", "status": "yes"}],
    }
    assert [row["record_id"] for row in compiled.run("int_offence_records", tables)] == ["O1"]
