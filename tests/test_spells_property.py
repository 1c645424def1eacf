"""Spells are what a day-by-day count says, for every model that merges records and for every gap; so is a record in force.

The models run as dbt compiled them, over records made here; the answers come from Python that knows only the rule in words.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

import pytest
from compiled import Compiled
from hypothesis import given, settings
from hypothesis import strategies as st

FIRST_DAY, LAST_DAY = date(2009, 4, 1), 45  # records start within 20 days; nothing but open ends reaches day 45
STEADY = settings(derandomize=True, database=None, deadline=None, max_examples=40)
SPELLS = {  # model: (what it merges, its kind in seeds/spell_rules, its keys)
    "int_supervision_spells": ("int_supervision_records", "supervision", ["person_id"]),
    "int_accommodation_spells": ("int_accommodation_records", "accommodation", ["person_id", "code"]),
    "int_employment_record_spells": ("int_employment_records", "employment_record", ["person_id", "code"]),
    "int_employment_p45_spells": ("int_p45_records", "employment_p45", ["person_id"]),
    "int_employment_combined_spells": ("int_employed_records", "employment_combined", ["person_id"]),
    "int_benefit_claim_spells": ("int_benefit_records", "benefit_claim", ["person_id", "code"]),
    "int_benefit_out_of_work_spells": ("int_out_of_work_records", "benefit_out_of_work", ["person_id"]),
    "int_custody_spells": ("int_custody_records", "custody", ["person_id"]),
    "int_programme_spells": ("int_programme_records", "programme", ["person_id"]),
}
EVERY_KIND = pytest.mark.parametrize("model", SPELLS)


@pytest.fixture(scope="module")
def compiled(hand_world) -> Compiled:
    return Compiled(hand_world.settings)


def day(number: int | None) -> date | None:
    return None if number is None else FIRST_DAY + timedelta(days=number)


@st.composite
def records(draw) -> list[dict]:
    """A few people's records, close together: they overlap, touch, miss by a day, are empty, run backwards or stay open."""
    rows = []
    for _ in range(draw(st.integers(0, 9))):
        start = draw(st.integers(0, 19))
        length = draw(st.sampled_from([None, -2, 0, 1, 1, 2, 3, 5, 8, 15]))
        rows.append(
            {
                "person_id": draw(st.sampled_from([1, 1, 1, 2, None])),
                "code": draw(st.sampled_from(["A", "A", "B"])),
                "start_date": day(start),
                "end_date": None if length is None else day(start + length),
            }
        )
    return rows


def merge(compiled: Compiled, model: str, rows: list[dict], gap_days: int) -> list[dict]:
    source, kind, keys = SPELLS[model]
    rules = [{"spell_type": kind, "gap_days": gap_days}, {"spell_type": "another kind", "gap_days": 5}]
    kept = [{c: row[c] for c in (*keys, "start_date", "end_date")} for row in rows]
    return compiled.run(model, {source: kept, "spell_rules": rules})


def days_of(row: dict) -> set[int]:
    """The days of a half-open spell, counted one by one."""
    end = LAST_DAY if row["end_date"] is None else (row["end_date"] - FIRST_DAY).days
    return set(range((row["start_date"] - FIRST_DAY).days, end))


def counted(rows: list[dict], keys: list[str], gap_days: int) -> list[tuple]:
    """(keys, start, end, records) of every spell, walking over each person's days: a gap is a run of days without a record."""
    groups = defaultdict(list)
    for row in rows:
        if row["person_id"] is not None and days_of(row):
            groups[tuple(row[k] for k in keys)].append(row)
    spells = []
    for key, members in groups.items():
        covered = set().union(*(days_of(m) for m in members))
        start, uncovered = None, 0
        runs = []
        for number in range(LAST_DAY + 1):
            if number in covered:
                if start is None or uncovered >= gap_days:
                    start = number
                    runs.append([start, number + 1])
                runs[-1][1] = number + 1
                uncovered = 0
            else:
                uncovered += 1
        for first, end in runs:
            inside = sum(1 for m in members if first <= min(days_of(m)) < end)
            spells.append((*key, day(first), None if end == LAST_DAY else day(end), inside))
    return sorted(spells, key=str)


def as_tuples(found: list[dict], keys: list[str]) -> list[tuple]:
    return sorted((tuple(r[c] for c in (*keys, "start_date", "end_date", "record_count")) for r in found), key=str)


def test_every_model_of_spells_is_held_to_the_count(compiled):
    assert set(SPELLS) == {name for name in compiled._models if name.endswith("_spells") and name.startswith("int_")}


@EVERY_KIND
@STEADY
@given(rows=records(), gap_days=st.sampled_from([1, 2, 14]))
def test_spells_are_those_of_a_day_by_day_count(compiled, model, rows, gap_days):
    keys = SPELLS[model][2]
    assert as_tuples(merge(compiled, model, rows, gap_days), keys) == counted(rows, keys, gap_days)


@EVERY_KIND
@STEADY
@given(rows=records())
def test_merging_neither_adds_nor_loses_a_day_and_spells_neither_overlap_nor_touch(compiled, model, rows):
    keys = SPELLS[model][2]
    before, after = defaultdict(set), defaultdict(list)
    for row in rows:
        if row["person_id"] is not None:
            before[tuple(row[k] for k in keys)] |= days_of(row)
    for spell in merge(compiled, model, rows, 1):
        after[tuple(spell[k] for k in keys)].append(days_of(spell))
    assert {k: set().union(*spells) for k, spells in after.items()} == {k: days for k, days in before.items() if days}
    for spells in after.values():
        ordered = sorted(spells, key=min)
        assert all(earlier and max(earlier) + 1 < min(later) for earlier, later in zip(ordered, ordered[1:], strict=False))


@STEADY
@given(rows=records(), gap_days=st.sampled_from([1, 2, 14]), order=st.randoms(use_true_random=False))
def test_the_order_of_records_changes_no_spell(compiled, rows, gap_days, order):
    shuffled = list(rows)
    order.shuffle(shuffled)
    model, keys = "int_accommodation_spells", ["person_id", "code"]
    assert as_tuples(merge(compiled, model, shuffled, gap_days), keys) == as_tuples(merge(compiled, model, rows, gap_days), keys)


@EVERY_KIND
@pytest.mark.parametrize("gap_days", [1, 2, 14])
def test_a_gap_shorter_than_the_rule_joins_and_a_gap_as_long_as_the_rule_parts(compiled, model, gap_days):
    for gap, spells in ((gap_days - 1, 1), (gap_days, 2)):
        rows = [
            {"person_id": 1, "code": "A", "start_date": day(0), "end_date": day(3)},
            {"person_id": 1, "code": "A", "start_date": day(3 + gap), "end_date": day(20)},
        ]
        assert len(merge(compiled, model, rows, gap_days)) == spells, f"a gap of {gap} days under a rule of {gap_days}"


@EVERY_KIND
def test_an_open_record_leaves_the_spell_open_and_swallows_what_follows(compiled, model):
    rows = [
        {"person_id": 1, "code": "A", "start_date": day(2), "end_date": None},
        {"person_id": 1, "code": "A", "start_date": day(0), "end_date": day(2)},
        {"person_id": 1, "code": "A", "start_date": day(9), "end_date": day(12)},
    ]
    assert as_tuples(merge(compiled, model, rows, 1), ["person_id"]) == [(1, day(0), None, 3)]


@EVERY_KIND
def test_a_row_without_a_day_or_without_a_person_makes_no_spell(compiled, model):
    rows = [
        {"person_id": 1, "code": "A", "start_date": day(4), "end_date": day(4)},
        {"person_id": 1, "code": "A", "start_date": day(4), "end_date": day(2)},
        {"person_id": None, "code": "A", "start_date": day(4), "end_date": day(9)},
    ]
    assert merge(compiled, model, rows, 14) == []


def test_equal_records_by_the_thousand_are_one_spell_each_day_they_share(compiled):
    rows = [
        {"person_id": n % 50, "code": "A", "start_date": day(10 * (n % 3)), "end_date": day(10 * (n % 3) + 4)}
        for n in range(6000)
    ]
    found = merge(compiled, "int_custody_spells", rows, 1)
    assert len(found) == 150 and {r["record_count"] for r in found} == {40}


# --- records of which a mapping decides: what a code meant is looked up by the day -----------------------------------------


@st.composite
def meanings(draw, others: str) -> list[dict]:
    """A mapping whose code V changes its meaning once; the others keep theirs."""
    switch = day(draw(st.integers(-1, 22)))
    first, then = draw(st.sampled_from([("yes", "no"), ("no", "yes"), ("yes", "yes"), (others, "yes"), ("yes", others)]))
    return [
        {"code": "Y", "status": "yes"},
        {"code": "N", "status": "no"},
        {"code": "V", "status": first, "valid_to": switch},
        {"code": "V", "status": then, "valid_from": switch},
    ]


def days_that_mean_yes(rows: list[dict], mapping: list[dict], code_column: str) -> dict[int, set[int]]:
    found = defaultdict(set)
    for row in rows:
        for number in days_of(row):
            for m in mapping:
                is_valid = (m.get("valid_from") or date.min) <= day(number) < (m.get("valid_to") or date.max)
                if m["code"] == row[code_column] and is_valid and m["status"] == "yes":
                    found[row["person_id"]].add(number)
    return dict(found)


@STEADY
@given(rows=records(), mapping=meanings("no"), codes=st.lists(st.sampled_from("YNVX"), min_size=9, max_size=9))
def test_an_order_supervises_on_the_days_on_which_its_type_is_in_scope(compiled, rows, mapping, codes):
    orders = [
        {**{k: r[k] for k in ("person_id", "start_date", "end_date")}, "order_type_code": c}
        for r, c in zip(rows, codes, strict=False)
    ]
    seed = [{"view_id": "official", "code_list": "order_type_codes", **m} for m in mapping]
    compiled.run("int_supervision_records", {"int_order_records": orders, "order_scope": seed}, keep=True)
    spells = compiled.run("int_supervision_spells", {"spell_rules": [{"spell_type": "supervision", "gap_days": 1}]})
    expected = days_that_mean_yes([o for o in orders if o["person_id"]], mapping, "order_type_code")
    found = defaultdict(set)
    for spell in spells:
        found[spell["person_id"]] |= days_of(spell)
    assert dict(found) == expected


@STEADY
@given(rows=records(), mapping=meanings("ignored"), codes=st.lists(st.sampled_from("YNVX"), min_size=9, max_size=9))
def test_a_person_is_in_combined_employment_on_the_days_on_which_a_record_means_work(compiled, rows, mapping, codes):
    jobs = [{**{k: r[k] for k in ("person_id", "start_date", "end_date")}, "code": c} for r, c in zip(rows, codes, strict=False)]
    seed = [{"view_id": "official", "code_list": "employment_codes", **m} for m in mapping]
    seed += [{"view_id": "another view", "code_list": "employment_codes", "code": "N", "status": "yes"}]
    tables = {"int_employment_records": jobs, "employed": seed, "int_p45_records": []}
    compiled.run("int_employed_records", tables, keep=True)
    spells = compiled.run(
        "int_employment_combined_spells", {"spell_rules": [{"spell_type": "employment_combined", "gap_days": 1}]}
    )
    found = defaultdict(set)
    for spell in spells:
        found[spell["person_id"]] |= days_of(spell)
    assert dict(found) == days_that_mean_yes([j for j in jobs if j["person_id"]], mapping, "code")


# --- what is in force: deliveries in any order, corrections, withdrawals, returns -------------------------------------------


@st.composite
def histories(draw, keys: tuple[str, ...]) -> list[dict]:
    """Deliveries as the agency made them: each has a date, a sequence, a status and rows by key."""
    moments = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 2)), unique=True, max_size=5))
    deliveries = []
    for number, (on, sequence) in enumerate(moments):
        sent = draw(st.lists(st.sampled_from(keys), unique=True, max_size=len(keys)))
        status = draw(st.sampled_from(["accepted", "accepted", "accepted_with_quarantine", "refused"]))
        rows = []
        for key in sent if status != "refused" else []:
            blank = draw(st.sampled_from(["", "", "", " "]))  # raw keeps the text as sent
            rows.append(
                {
                    "key": blank + key + draw(st.sampled_from(["", "", " "])),
                    "value": draw(st.sampled_from(["A", "B", "C"])),
                    "deleted": draw(st.sampled_from(["N", "N", "", None, "Y", "y ", " Y"])),
                }
            )
        deliveries.append(
            {"id": draw(st.sampled_from("abcxyz")) + str(number), "on": on, "sequence": sequence, "status": status, "rows": rows}
        )
    return deliveries


def register(extract: str, deliveries: list[dict], arrival: list[int]) -> list[dict]:
    rows = [
        {
            "delivery_id": d["id"],
            "agency": "probation",
            "extract": extract,
            "extract_date": day(d["on"]),
            "sequence": d["sequence"],
            "status": d["status"],
            "received_at": datetime(2020, 1, 1) + timedelta(hours=arrival[number]),
        }
        for number, d in enumerate(deliveries)
    ]
    # a later delivery of another extract, and one of the same name from another agency, are none of this extract's business
    rows.append(
        {**rows[0], "delivery_id": "other", "extract": "orders", "extract_date": day(30)} if rows else {"delivery_id": "o"}
    )
    rows.append({**rows[0], "delivery_id": "others", "agency": "prisons", "extract_date": day(30)})
    return [rows[n] for n in sorted(range(len(rows)), key=lambda n: (arrival + [98, 99])[n] if n < len(arrival) else n)]


def in_order(deliveries: list[dict]) -> list[dict]:
    return sorted((d for d in deliveries if d["status"] != "refused"), key=lambda d: (d["on"], d["sequence"]))


ARRIVALS = st.permutations(range(5))


@STEADY
@given(deliveries=histories(("R1", "R2", "R3")), arrival=ARRIVALS, order=st.randoms(use_true_random=False))
def test_the_latest_row_of_a_key_is_in_force_unless_it_withdraws_whatever_the_order_of_arrival(
    compiled, deliveries, arrival, order
):
    raw = [
        {
            "record_id": r["key"],
            "accommodation_code": r["value"],
            "crn": "X1",
            "start_date": "2009-04-01",
            "is_deleted": r["deleted"],
            "_delivery_id": d["id"],
            "_row_number": n,
        }
        for d in deliveries
        for n, r in enumerate(d["rows"], 2)
    ]
    order.shuffle(raw)
    tables = {"probation__accommodation": raw, "deliveries": register("accommodation", deliveries, arrival)}
    found = {
        r["record_id"]: (r["accommodation_code"], r["_delivery_id"]) for r in compiled.run("stg_probation__accommodation", tables)
    }
    expected = {}
    for delivery in in_order(deliveries):
        for row in delivery["rows"]:
            expected.pop(row["key"].strip(), None)
            if (row["deleted"] or "").strip().upper() != "Y":
                expected[row["key"].strip()] = (row["value"], delivery["id"])
    assert found == expected
    assert len(compiled.run("stg_probation__accommodation")) == len(expected), "one row per key"


@STEADY
@given(deliveries=histories(("X100001", "X100002", "X100003")), arrival=ARRIVALS, order=st.randoms(use_true_random=False))
def test_the_latest_full_delivery_replaces_all_before_it_and_first_seen_remembers_them(compiled, deliveries, arrival, order):
    raw = [
        {"crn": r["key"], "first_name": r["value"], "_delivery_id": d["id"], "_row_number": n}
        for d in deliveries
        for n, r in enumerate(d["rows"], 2)
    ]
    order.shuffle(raw)
    tables = {"probation__people": raw, "deliveries": register("people", deliveries, arrival), "first_seen": []}
    found = sorted(
        (r["person_ref"], r["first_name"], r["_first_seen_date"]) for r in compiled.run("stg_probation__people", tables)
    )
    taken = in_order(deliveries)
    first_seen = {}
    for delivery in taken:
        for row in delivery["rows"]:
            first_seen.setdefault(row["key"].strip(), day(delivery["on"]))
    latest = taken[-1]["rows"] if taken else []
    assert found == sorted((r["key"].strip(), r["value"], first_seen[r["key"].strip()]) for r in latest)
