"""What the models decide beside the seeds, for the ways that are no SQL: which outcome is looked at when, who sends people."""

from __future__ import annotations

# population → outcome about a home → follow-up; and the same for work (dbt/models/marts, seeds/indicator_definitions)
HOME_LOOKS = {
    "termination": {"settled_policy": "at_event", "settled_sustainable": "at_event"},
    "release": {"housed_first_night": "first_night", "settled_three_months": "three_months"},
    "disposal": {"settled_three_months": "three_months"},
}
WORK_LOOKS = {
    "termination": {"employed": "at_event", "employed_if_available": "at_event"},
    "release": {"employed_six_weeks": "six_weeks", "employed_six_months": "six_months"},
    "disposal": {"employed_six_months": "six_months"},
}
P45_LOOKS = {
    "termination": {"employed_p45": "at_event"},
    "release": {"employed_p45_six_weeks": "six_weeks", "employed_p45_six_months": "six_months"},
}
BENEFIT_LOOKS = {"release": {"out_of_work_benefit_one_month": "one_month"}}
REOFFENDING_LOOKS = {"release": {"reoffended_one_year": "proven_one_year"}}
OFFENDED_WITHIN = "one_year"  # the offences of this follow-up, if proved by the look
NUMBERS = ["noms_number", "pnc_id", "crn", "ni_number"]  # on which a link may be made
# agency → table, its column of references, columns under another name (dbt/models/intermediate/identity/int_people_references)
PEOPLE = {
    "probation": ("probation__people", "crn", {}),
    "prisons": ("prisons__people", "noms_number", {"home_postcode": "postcode"}),
    "dwp": ("dwp__customers", "customer_ref", {}),
    "hmrc": ("hmrc__employment_spells", "ref", {}),
    "police": ("police__offences", "pnc_id", {}),
    "housing": ("housing__placements", "client_ref", {}),
    "ete": ("ete__job_starts", "client_ref", {}),
}


def home_mapping(outcome: str) -> tuple[str, str]:
    """The mapping seed and view that say what an accommodation code means for an outcome about a home."""
    if outcome.startswith("housed"):
        return "housed", "official"
    return "settled", "sustainable" if outcome == "settled_sustainable" else "policy"
