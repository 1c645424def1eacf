"""The hand-computed world: some forty invented people, each there for a reason, and the answers worked out on paper.

The landing files are in tests/hand_world/landing, the working in tests/hand_world/README.md, the answers in tests/expected.
The fixture `hand_world` holds the built, unsuppressed warehouse: `.query(sql)`; `.restricted(sql)` asks the restricted database.
"""

import csv
import datetime
import runpy
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
LANDING = HERE / "hand_world" / "landing"
CONTRACTS = HERE.parent / "expectations" / "contracts"

TERMINATION_STATUSES = [
    "settled_policy",
    "settled_sustainable",
    "employed",
    "employed_p45",
    "employed_combined",
    "available_for_work",
    "employed_if_available",
]
RELEASE_STATUSES = [
    "housed_first_night",
    "settled_three_months",
    "employed_six_weeks",
    "employed_six_months",
    "employed_p45_six_weeks",
    "employed_p45_six_months",
    "out_of_work_benefit_one_month",
    "reoffended_one_year",
]
DISPOSAL_STATUSES = ["settled_three_months", "employed_six_months"]
MARTS = {  # mart: (file, key column of the file, day column of the file, day column of the mart, statuses)
    "minimum_outcomes": ("minimum_outcomes", "order_id", "termination_date", "termination_date", TERMINATION_STATUSES),
    "release_outcomes": ("release_outcomes", "booking_id", "release_date", "release_date", RELEASE_STATUSES),
    "disposal_outcomes": ("disposal_outcomes", "order_id", "start_date", "disposal_date", DISPOSAL_STATUSES),
}
T, R, D = MARTS
CLAIMS = {  # what the rule says: (mart, event, status); the answer itself stands in tests/expected
    "a_record_that_starts_on_the_last_day_is_evidence": (T, "ORD101", "settled_policy"),
    "a_record_that_ended_the_day_before_is_not_evidence": (T, "ORD102", "settled_policy"),
    "a_record_that_ended_on_the_day_is_evidence": (T, "ORD103", "settled_policy"),
    "a_record_that_starts_the_day_after_is_not_evidence": (T, "ORD104", "settled_policy"),
    "an_overlapping_record_that_started_later_wins": (T, "ORD106", "settled_policy"),
    "an_overlapping_record_that_has_not_started_does_not_win": (T, "ORD105", "settled_policy"),
    "of_two_records_with_one_start_the_one_recorded_later_wins": (T, "ORD122", "settled_policy"),
    "of_two_records_alike_in_dates_the_greater_id_wins": (T, "ORD131", "settled_policy"),
    "supported_housing_is_settled_by_policy": (T, "ORD107", "settled_policy"),
    "supported_housing_is_not_sustainable": (T, "ORD107", "settled_sustainable"),
    "friends_and_family_are_settled_by_policy": (T, "ORD108", "settled_policy"),
    "friends_and_family_are_not_sustainable": (T, "ORD108", "settled_sustainable"),
    "no_information_is_unknown": (T, "ORD110", "settled_policy"),
    "awaiting_assessment_is_unknown_though_an_older_record_is_open": (T, "ORD111", "settled_policy"),
    "deported_by_accommodation_code_is_not_applicable": (T, "ORD112", "settled_policy"),
    "no_record_is_unknown_and_quarantined_rows_do_not_answer": (T, "ORD113", "settled_policy"),
    "quarantined_jobs_do_not_answer": (T, "ORD113", "employed"),
    "a_housing_placement_does_not_answer_for_probation": (T, "ORD102", "settled_policy"),
    "a_provider_job_does_not_answer_for_probation": (T, "ORD103", "employed"),
    "a_later_cv_does_not_hide_a_job": (T, "ORD107", "employed"),
    "an_income_marker_alone_is_unknown": (T, "ORD110", "employed"),
    "of_two_concurrent_records_one_job_is_enough": (T, "ORD108", "employed"),
    "a_not_employed_record_outranks_a_later_unknown_one": (T, "ORD123", "employed"),
    "unavailable_people_are_not_available": (T, "ORD111", "available_for_work"),
    "unavailable_people_leave_the_second_view_of_NI144": (T, "ORD111", "employed_if_available"),
    "retired_people_leave_the_second_view_of_NI144": (T, "ORD122", "employed_if_available"),
    "full_time_students_leave_the_second_view_of_NI144": (T, "ORD123", "employed_if_available"),
    "a_former_carer_now_unemployed_is_available": (T, "ORD112", "available_for_work"),
    "a_status_that_ends_on_the_day_is_evidence": (T, "ORD109", "employed"),
    "a_status_that_ended_the_day_before_is_not_evidence": (T, "ORD103", "employed"),
    "of_two_statuses_with_one_start_the_one_recorded_later_says_who_is_available": (T, "ORD130", "available_for_work"),
    "a_p45_alone_does_not_answer_for_probation": (T, "ORD124", "employed"),
    "a_p45_that_starts_on_the_day_is_yes": (T, "ORD124", "employed_p45"),
    "a_p45_that_ends_on_the_day_is_yes": (T, "ORD133", "employed_p45"),
    "a_p45_that_starts_the_day_after_is_no": (T, "ORD103", "employed_p45"),
    "an_unknown_record_takes_the_p45_answer": (T, "ORD103", "employed_combined"),
    "a_p45_outvotes_a_record_that_says_no": (T, "ORD123", "employed_combined"),
    "a_record_that_says_yes_outvotes_no_p45": (T, "ORD105", "employed_combined"),
    "without_any_ni_number_the_p45_is_unknown": (T, "ORD104", "employed_p45"),
    "an_ni_number_of_no_usual_format_leaves_the_p45_unknown": (T, "ORD111", "employed_p45"),
    "a_correction_changes_where_someone_lived": (T, "ORD125", "settled_policy"),
    "a_correction_ends_a_spell_of_unemployment": (T, "ORD125", "employed"),
    "a_correction_lengthens_a_p45_spell": (T, "ORD125", "employed_p45"),
    "a_withdrawn_address_stops_counting": (T, "ORD126", "settled_policy"),
    "a_withdrawn_job_stops_counting": (T, "ORD126", "employed"),
    "a_withdrawn_p45_stops_counting": (T, "ORD126", "employed_p45"),
    "a_late_address_counts": (T, "ORD127", "settled_policy"),
    "a_late_job_counts": (T, "ORD127", "employed"),
    "a_late_p45_counts": (T, "ORD127", "employed_p45"),
    "an_address_under_another_case_reference_of_the_person_answers": (T, "ORD128", "settled_policy"),
    "an_ni_number_under_another_case_reference_of_the_person_looks_up_the_p45": (T, "ORD128", "employed_p45"),
    "a_shared_ni_number_gives_the_p45_to_its_owner": (T, "ORD129", "employed_p45"),
    "a_shared_ni_number_does_not_give_the_p45_to_the_other": (T, "ORD130", "employed_p45"),
    "an_ni_number_found_through_name_birth_and_postcode_looks_up_the_p45": (T, "ORD131", "employed_p45"),
    "a_discharge_code_houses_a_release_without_a_record": (R, "BKG3101", "housed_first_night"),
    "a_probation_record_outranks_the_discharge_code": (R, "BKG3201", "housed_first_night"),
    "a_record_from_the_day_after_leaves_the_first_night_to_the_discharge_code": (R, "BKG3801", "housed_first_night"),
    "neither_record_nor_discharge_code_is_unknown": (R, "BKG4301", "housed_first_night"),
    "of_two_rows_released_on_one_day_the_booking_that_began_last_decides": (R, "BKG3502", "housed_first_night"),
    "a_release_after_recall_counts": (R, "BKG1402", "housed_first_night"),
    "no_fixed_abode_is_not_housed": (R, "BKG3402", "housed_first_night"),
    "the_discharge_code_does_not_answer_three_months_later": (R, "BKG3101", "settled_three_months"),
    "in_custody_again_six_weeks_later_is_not_applicable": (R, "BKG1401", "employed_six_weeks"),
    "received_on_the_follow_up_day_is_in_custody": (R, "BKG3701", "settled_three_months"),
    "on_the_day_of_release_one_is_no_longer_in_custody": (R, "BKG4000", "employed_six_months"),
    "in_custody_at_six_months_is_not_applicable": (R, "BKG3701", "employed_six_months"),
    "without_any_order_the_three_month_follow_up_is_not_applicable": (R, "BKG3302", "settled_three_months"),
    "a_licence_that_ended_the_day_before_is_no_supervision": (R, "BKG1402", "settled_three_months"),
    "an_order_is_in_force_on_its_last_day": (D, "ORD142", "settled_three_months"),
    "three_months_after_30_november_is_28_february": (R, "BKG4301", "settled_three_months"),
    "a_carer_six_weeks_after_release_is_not_applicable": (R, "BKG3101", "employed_six_weeks"),
    "employment_after_release_needs_no_supervision": (R, "BKG3901", "employed_six_weeks"),
    "a_follow_up_later_than_the_extract_is_not_applicable": (R, "BKG3801", "employed_six_months"),
    "a_follow_up_on_the_extract_date_is_due": (R, "BKG3901", "employed_six_months"),
    "a_p45_that_starts_six_weeks_after_release_is_yes": (R, "BKG3201", "employed_p45_six_weeks"),
    "a_p45_that_ended_the_day_before_six_months_after_release_is_no": (R, "BKG3201", "employed_p45_six_months"),
    "a_carer_without_a_p45_is_no_six_weeks_after_release": (R, "BKG3101", "employed_p45_six_weeks"),
    "in_custody_again_the_p45_does_not_apply": (R, "BKG1401", "employed_p45_six_weeks"),
    "a_prisoner_without_any_ni_number_leaves_the_p45_unknown": (R, "BKG3302", "employed_p45_six_weeks"),
    "a_p45_look_on_the_extract_date_is_due": (R, "BKG3901", "employed_p45_six_months"),
    "a_p45_look_later_than_the_extract_is_not_applicable": (R, "BKG3801", "employed_p45_six_months"),
    "a_claim_that_starts_a_month_after_release_is_benefit": (R, "BKG3201", "out_of_work_benefit_one_month"),
    "a_claim_that_ended_on_the_day_is_benefit": (R, "BKG1402", "out_of_work_benefit_one_month"),
    "a_claim_that_ended_the_day_before_is_none": (R, "BKG1401", "out_of_work_benefit_one_month"),
    "a_claim_that_starts_the_day_after_is_none": (R, "BKG4301", "out_of_work_benefit_one_month"),
    "a_move_to_another_benefit_is_still_benefit": (R, "BKG3701", "out_of_work_benefit_one_month"),
    "housing_benefit_is_no_out_of_work_benefit": (R, "BKG3402", "out_of_work_benefit_one_month"),
    "a_claim_of_later_years_makes_no_benefit_and_no_unknown": (R, "BKG3101", "out_of_work_benefit_one_month"),
    "of_whom_DWP_has_no_record_the_benefit_is_unknown": (R, "BKG3901", "out_of_work_benefit_one_month"),
    "an_offence_on_the_day_of_release_is_after_it_as_corrected": (R, "BKG3302", "reoffended_one_year"),
    "an_offence_of_the_day_before_release_is_none_though_sentenced_after": (R, "BKG3701", "reoffended_one_year"),
    "a_caution_of_the_last_day_for_an_offence_of_the_last_day_proves": (R, "BKG3402", "reoffended_one_year"),
    "a_conviction_eighteen_months_to_the_day_after_is_too_late": (R, "BKG4301", "reoffended_one_year"),
    "an_offence_a_year_to_the_day_after_is_too_late": (R, "BKG1401", "reoffended_one_year"),
    "an_offence_counts_for_each_release_that_it_is_in_the_year_of": (R, "BKG1402", "reoffended_one_year"),
    "a_withdrawn_offence_stops_counting": (R, "BKG3201", "reoffended_one_year"),
    "who_is_not_found_in_the_police_records_is_unknown": (R, "BKG3101", "reoffended_one_year"),
    "an_offence_is_not_asked_for_before_eighteen_months_are_observed": (R, "BKG3801", "reoffended_one_year"),
    "a_still_open_order_is_followed_up_from_its_start": (D, "ORD121", "settled_three_months"),
    "a_job_that_starts_on_the_follow_up_day_is_evidence": (D, "ORD121", "employed_six_months"),
    "a_full_time_student_is_not_applicable_at_six_months": (D, "ORD115", "employed_six_months"),
    "on_the_day_of_their_death_a_person_still_lives_somewhere": (D, "ORD144", "settled_three_months"),
    "who_has_died_since_is_not_applicable_though_a_job_record_is_open": (D, "ORD144", "employed_six_months"),
}
ABSENT = {  # what the rule says: (mart, event that must not be there)
    "a_still_open_order_is_no_termination": (T, "ORD121"),
    "an_order_of_unknown_type_is_quarantined": (T, "ORD901"),
    "an_order_that_ends_before_it_starts_is_quarantined": (T, "ORD902"),
    "an_order_without_a_person_is_quarantined": (T, "ORD903"),
    "an_order_ended_without_a_reason_is_quarantined": (T, "ORD904"),
    "a_temporary_release_is_no_release": (R, "BKG3301"),
    "a_same_day_recall_is_no_release": (R, "BKG3401"),
    "bail_is_no_release": (R, "BKG3500"),
    "the_earlier_booking_of_one_day_is_no_release_of_its_own": (R, "BKG3599"),
    "someone_still_in_custody_is_no_release": (R, "BKG3702"),
    "a_curfew_is_no_disposal_in_scope": (D, "ORD119"),
    "unpaid_work_alone_is_no_disposal_in_scope": (D, "ORD120"),
    "a_licence_is_no_disposal": (D, "ORD102"),
}
COUNTS = ["numerator", "no_count", "unknown_count", "denominator", "out_of_scope_count"]
RATES = ["rate_pct", "known_rate_pct"]
BOUNDS = ["lower_bound_pct", "upper_bound_pct"]
INTERVAL = ["interval_low_pct", "interval_high_pct"]
CELL = ["indicator_id", "view_id", "geography_type", "geography_code", "period_type", "period_start", "period_end"]


def expected(name):
    with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text(value):
    """A value of either side as text: nothing is '', a flag Y or N, a date as ISO, a number without trailing zeros."""
    if value is None or value != value:
        return ""
    if str(value) in ("True", "False"):
        return "Y" if value else "N"
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    return str(value)


def same(want, got):
    want, got = text(want), text(got)
    try:
        return want == got or abs(Decimal(want) - Decimal(got)) < Decimal("0.00001")
    except ArithmeticError:
        return False


def assert_none_differ(differences):
    assert not differences, "\n".join([f"{len(differences)} differ:", *differences])


def events(world, mart):
    """The mart's rows by event; an event that stands there twice is an error."""
    rows = world.query(f"select * from marts.{mart}")
    twice = [ref for ref, count in Counter(row["event_ref"] for row in rows).items() if count > 1]
    assert not twice, f"{mart}: more than one row for {sorted(twice)}"
    return {row["event_ref"]: row for row in rows}


def cells(world):
    return {tuple(text(row[name]) for name in CELL): row for row in world.query("select * from indicators.indicators")}


def assert_cells(world, file, columns, wanted=lambda row: True):
    found, differences = cells(world), []
    rows = [row for row in expected(file) if wanted(row)]
    assert rows, f"{file}: nothing to compare"
    for want in rows:
        key = tuple(want[name] for name in CELL)
        got = found.get(key)
        if got is None:
            differences.append(f"{' '.join(key)}: no such row")
            continue
        for name in columns:
            if not same(want[name], got[name]):
                differences.append(f"{' '.join(key)}: {name} expected {want[name] or 'null'}, got {text(got[name]) or 'null'}")
    assert_none_differ(differences)


def available(row):
    return row["is_available"] == "Y"


# ---- the files themselves ----


def test_every_extract_that_is_due_has_a_landing_file_with_exactly_its_columns():
    differences = []
    for path in sorted(CONTRACTS.glob("*.odcs.yaml")):
        contract = yaml.safe_load(path.read_text(encoding="utf-8"))
        settings = {p["property"]: p["value"] for p in contract["servers"][0]["customProperties"]}
        for extract in contract["schema"]:
            names = [column["name"] for column in extract["properties"]]
            files = sorted((LANDING / contract["id"]).glob(f"{extract['name']}_????-??-??.csv"))
            is_due = any(promise["property"] == "frequency" for promise in contract["slaProperties"])
            if is_due and not files:
                differences.append(f"{contract['id']}/{extract['name']}: no landing file")
            for file in files:
                with file.open(encoding=settings["encoding"], newline="") as opened:
                    lines = list(csv.reader(opened, delimiter=settings["delimiter"]))
                if lines[0] != names:
                    differences.append(f"{file.relative_to(LANDING)}: header {lines[0]}, contract {names}")
                uneven = [number for number, line in enumerate(lines, 1) if len(line) != len(names)]
                if uneven:
                    differences.append(f"{file.relative_to(LANDING)}: lines {uneven} have another number of columns")
    assert_none_differ(differences)


def test_the_expected_figures_add_up_from_the_hand_written_answers():
    with (EXPECTED / "indicators.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == runpy.run_path(str(EXPECTED / "add_up.py"))["table"]()


# ---- event by event ----


@pytest.mark.parametrize("mart", MARTS)
def test_every_expected_event_is_there_on_its_day(hand_world, mart):
    file, key, day, mart_day, _ = MARTS[mart]
    found = events(hand_world, mart)
    differences = [
        f"{mart} {want[key]}: expected on {want[day]}, got {text(found[want[key]][mart_day]) if want[key] in found else 'no row'}"
        for want in expected(file)
        if want[key] not in found or text(found[want[key]][mart_day]) != want[day]
    ]
    assert_none_differ(differences)


@pytest.mark.parametrize("mart", MARTS)
def test_there_is_no_event_that_was_not_expected(hand_world, mart):
    file, key, *_ = MARTS[mart]
    surplus = set(events(hand_world, mart)) - {want[key] for want in expected(file)}
    assert_none_differ([f"{mart} {ref}: not expected" for ref in sorted(surplus)])


@pytest.mark.parametrize(("mart", "status"), [(mart, status) for mart in MARTS for status in MARTS[mart][4]])
def test_every_event_has_the_answer_worked_out_by_hand(hand_world, mart, status):
    file, key, *_ = MARTS[mart]
    found, differences = events(hand_world, mart), []
    for want in expected(file):
        got = text(found[want[key]][f"{status}_status"]) if want[key] in found else "no row"
        if got != want[status]:
            differences.append(f"{mart} {want[key]}: {status} expected {want[status]}, got {got}")
    assert_none_differ(differences)


def test_deaths_transfers_recalls_deportations_and_orders_out_of_scope_do_not_count(hand_world):
    found, differences = events(hand_world, T), []
    for want in expected("minimum_outcomes"):
        got = text(found[want["order_id"]]["is_in_scope"]) if want["order_id"] in found else "no row"
        if got != want["is_in_scope"]:
            differences.append(f"{want['order_id']}: is_in_scope expected {want['is_in_scope']}, got {got}")
    assert_none_differ(differences)


def test_every_termination_is_counted_in_the_area_that_held_the_case(hand_world):
    found, differences = events(hand_world, T), []
    for want in expected("minimum_outcomes"):
        got = text(found[want["order_id"]]["area_code"]) if want["order_id"] in found else "no row"
        if got != want["area_code"]:
            differences.append(f"{want['order_id']}: area_code expected {want['area_code']}, got {got}")
    assert_none_differ(differences)


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_rule_holds_that(hand_world, claim):
    mart, ref, status = CLAIMS[claim]
    file, key, *_ = MARTS[mart]
    want = next(row[status] for row in expected(file) if row[key] == ref)
    row = events(hand_world, mart).get(ref)
    got = "no row" if row is None else row[f"{status}_status"]
    assert got == want, f"{claim}: {mart} {ref} {status} expected {want}, got {got}"


@pytest.mark.parametrize("claim", ABSENT)
def test_the_rule_leaves_out_that(hand_world, claim):
    mart, ref = ABSENT[claim]
    assert ref not in events(hand_world, mart), f"{claim}: {ref} must not be in {mart}"


def test_two_orders_of_one_person_that_end_in_one_month_count_twice(hand_world):
    assert {"ORD105", "ORD106"} <= set(events(hand_world, T)), "expected both ORD105 and ORD106 in minimum_outcomes"


# ---- figure by figure ----


def test_the_counts_of_every_figure_are_those_added_up_by_hand(hand_world):
    assert_cells(hand_world, "indicators", COUNTS, available)


def test_the_rates_of_every_figure_are_rounded_half_up_to_four_decimals(hand_world):
    assert_cells(hand_world, "indicators", RATES, available)


def test_the_bounds_put_every_unknown_on_one_side_and_on_the_other(hand_world):
    assert_cells(hand_world, "indicators", BOUNDS, available)


def test_the_interval_is_wilsons(hand_world):
    assert_cells(hand_world, "indicators", INTERVAL, available)


def test_only_the_policy_view_of_NI143_has_targets_and_only_in_2009_10(hand_world):
    assert_cells(hand_world, "indicators", ["target_pct"], available)


def test_a_target_is_met_when_the_counts_say_so(hand_world):
    assert_cells(hand_world, "indicators", ["is_target_met"], available)


def test_a_period_that_holds_a_follow_up_not_yet_due_has_no_rate(hand_world):
    assert_cells(hand_world, "indicators", [*RATES, *BOUNDS, *INTERVAL], lambda row: not available(row))


def test_returned_figures_are_published_as_returned(hand_world):
    assert_cells(hand_world, "returned_figures", ["numerator", "denominator", "rate_pct"])


# ---- who is who ----


def persons(world):
    """The expected references as (agency, person_ref, label, got person_id or None)."""
    ids = {}
    for row in world.restricted("select agency, person_ref, person_id from identity.int_people"):
        ids.setdefault((row["agency"], text(row["person_ref"])), set()).add(row["person_id"])
    spells = {
        row["spell_id"]: text(row["person_ref"])
        for row in world.restricted("select spell_id, person_ref from staging.stg_hmrc__employment_spells")
    }
    for want in expected("persons"):
        ref = spells.get(want["spell_id"]) if want["spell_id"] else want["person_ref"]
        yield f"{want['agency']} {want['spell_id'] or ref}", want["person"], ids.get((want["agency"], ref), set())


def test_every_reference_has_exactly_one_person(hand_world):
    found = list(persons(hand_world))
    assert_none_differ(
        [f"{ref} ({label}): expected one person_id, got {sorted(got)}" for ref, label, got in found if len(got) != 1]
    )


def test_references_of_one_person_share_a_person(hand_world):
    groups = defaultdict(dict)
    for ref, label, got in persons(hand_world):
        groups[label][ref] = sorted(got)
    split = {label: refs for label, refs in groups.items() if len({str(got) for got in refs.values()}) > 1}
    assert_none_differ([f"{label}: expected one person, got {refs}" for label, refs in split.items()])


def test_different_people_are_never_joined(hand_world):
    labels, differences = {}, []
    for ref, label, got in persons(hand_world):
        for person_id in got:
            other_ref, other = labels.setdefault(person_id, (ref, label))
            if other != label:
                differences.append(f"{ref} is {label} and {other_ref} is {other}, both got {person_id}")
    assert_none_differ(differences)


# ---- what was held back ----


def held_back(world):
    sql = "select agency, extract, line, column_name, reason, record_key from intake.quarantine"
    return [{name: text(value) for name, value in row.items()} for row in world.restricted(sql)]


def quarantine_line(row, column):
    return " ".join([row["agency"], row["extract"], "line", row["line"], row[column], row["reason"]])


def test_every_bad_row_is_quarantined_for_its_reason(hand_world):
    found = Counter(quarantine_line(row, "column_name") for row in held_back(hand_world))
    want = Counter(quarantine_line(row, "column") for row in expected("quarantine"))
    assert_none_differ([f"expected, not found: {line}" for line in (want - found).elements()])


def test_no_good_row_is_quarantined(hand_world):
    found = Counter(quarantine_line(row, "column_name") for row in held_back(hand_world))
    want = Counter(quarantine_line(row, "column") for row in expected("quarantine"))
    assert_none_differ([f"found, not expected: {line}" for line in (found - want).elements()])


def test_a_quarantined_row_carries_the_agencys_own_key(hand_world):
    found = {(row["agency"], row["extract"], row["line"]): row["record_key"] for row in held_back(hand_world)}
    differences = []
    for row in expected("quarantine"):
        got = found.get((row["agency"], row["extract"], row["line"]), "no row")
        if row["record_key"] and got != row["record_key"]:
            line = f"{row['agency']} {row['extract']} line {row['line']}"
            differences.append(f"{line}: key expected {row['record_key']}, got {got}")
    assert_none_differ(differences)
