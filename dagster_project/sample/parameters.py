"""Every number the sample world is calibrated with, beside the reason for it. Facts that a seed holds are not repeated here.

``PARAMETERS``: name → (value, source). ``WEIGHTS``: how often a code is used among the codes of its meaning; the meaning
itself (settled, employed, in scope …) is read from ``seeds/mappings`` and a code without a weight is not used.
"""

from __future__ import annotations

CSQ = "Civil Service Quarterly 2013"
PRESS = "published_figures.csv (press report of the MoJ/DWP/HMRC data share, 2010/11 leavers)"
PERSON_MODEL = "core_person_record_m_u_table.csv; rate per record = 1 - sqrt(agreement of a true pair)"
CHOSEN = "chosen to be plausible"
FITTED = "fitted so that the published margin comes out"

PARAMETERS: dict[str, tuple[float, str]] = {
    # population
    "published_people": (36_000, "people at which the window has the published size"),
    "comparison_share": (0.40, CHOSEN),
    "leaver_share": (0.40, CHOSEN),
    "woman_share": (0.15, CHOSEN),
    "second_window_order_share": (0.06, "a person with two orders counts twice (domain 2.2)"),
    "twin_share_of_tail": (0.02, CHOSEN),
    "shared_ni_share_of_tail": (0.016, "about 0.3 % of people"),
    "second_crn_share": (0.01, CHOSEN),
    # recording errors, per record
    "name_variant": (0.0615, PERSON_MODEL + " 88.1 %"),
    "dob_error": (0.0264, PERSON_MODEL + " 94.8 %"),
    "postcode_moved": (0.1050, PERSON_MODEL + " 19.9 %"),
    "surname_changed_women": (0.04, CHOSEN),
    "surname_changed_men": (0.003, CHOSEN),
    "ni_missing": (0.12, CHOSEN),
    "ni_mistyped": (0.01, CHOSEN),
    "noms_missing": (0.15, CHOSEN),
    "noms_mistyped": (0.012, CHOSEN),
    "pnc_missing": (0.15, CHOSEN),
    "pnc_mistyped": (0.012, CHOSEN),
    # accommodation
    "unknown_share_least": (0.02, CHOSEN),
    "unknown_share_most": (0.115, CHOSEN),
    "unknown_without_record": (0.5, "half of the unknown have no record, half a code that says nothing"),
    "night_unknown_england": (0.10, CHOSEN),
    "night_unknown_wales": (0.37, "published_figures.csv: Welsh-origin leavers 2019, 37.6 % unknown"),
    "night_housed": (0.86, "MI014 2022/23 to 2024/25: 84.0 to 86.3 %"),
    "night_by_probation": (0.55, CHOSEN),
    "three_months_settled": (0.745, "MI015a 2022/23 and 2023/24: 75.6 and 73.5 %"),
    "disposal_settled": (0.80, CHOSEN),
    # employment
    "employed_england": (0.378, "NI144 England 2008/09: 37 %, without the East Midlands"),
    "employed_east_midlands": (0.489, "NI144 East Midlands 2008/09: 48.9 %"),
    "employed_wales": (0.34, CHOSEN),
    "employed_community_factor": (1.17, FITTED),
    "employed_leaver_factor": (0.745, FITTED),
    "employment_unknown": (0.115, "12.5 % unknown in April 2021"),
    "employment_unavailable": (0.12, CHOSEN),
    "employed_if_p45": (0.85, "records agree in about 85 %"),
    "six_weeks_if_p45": (0.5, FITTED + ": MI016 17.4 and 19.3 %"),
    "six_weeks_if_none": (0.022, FITTED),
    "six_months_if_p45": (0.62, FITTED + ": MI017a 25.9 and 31.1 %"),
    "six_months_if_none": (0.06, FITTED),
    "p45_if_employed": (0.78, "P45 misses self-employment, cash work and pay below the threshold"),
    "p45_if_not_employed": (0.07, CHOSEN),
    # re-offending and work after release
    "reoffend_short": (0.646, "61.0 % (custody under 12 months) + effect x share in work"),
    "reoffend_long": (0.415, CHOSEN),
    "effect_short": (-0.094, CSQ),
    "effect_long": (-0.056, CSQ),
    "risk_by_prior": (0.030, "confounding, planted"),
    "risk_by_age": (-0.006, "confounding, planted"),
    "risk_by_benefit": (0.10, "confounding, planted"),
    "work_in_year": (0.46, FITTED + ": 17, 19 and 24 % in P45 work at release, a month and a year after"),
    "work_by_prior": (-0.028, "confounding, planted"),
    "work_by_age": (0.004, "confounding, planted"),
    "work_by_benefit": (-0.15, "confounding, planted"),
    "work_from_release": (0.425, PRESS + ": 17 %"),
    "work_first_month": (0.125, PRESS + ": 19 %"),
    "work_kept": (0.60, CHOSEN),
    "pre_year_only": (0.157, PRESS + ": 24 % a year before sentence"),
    "pre_both": (0.103, PRESS),
    "pre_month_only": (0.045, PRESS + ": 21 % a month before sentence"),
    "community_reoffend": (0.34, "published_figures.csv: released from custody or starting court orders 35.7 %"),
    "recall_share": (0.10, CHOSEN),
    # benefits
    "leaver_jsa": (0.55, PRESS + ": 54 % on benefit a month after release"),
    "leaver_other_benefit": (0.08, PRESS),
    "leaver_jsa_later": (0.13, PRESS + ": 42 % two years after"),
    "community_claims": (0.45, CHOSEN),
    "first_claim_days_leaver": (150, CSQ + ": about 10 % on the first claim at week 52"),
    "first_claim_days_other": (138, CSQ + ": about 10 % on the first claim at week 52"),
    "later_claim_days_leaver": (240, CSQ + ": 57 % of three years"),
    "later_claim_days_other": (150, CSQ + ": 42 % of three years"),
    "off_days_leaver": (165, CSQ + ": 57 % of three years"),
    "off_days_other": (365, CSQ + ": 42 % of three years"),
    "moves_at_once": (0.15, CHOSEN),
    "wp_first_cohort": (0.085, "Commons Library SN/EP/6340"),
    "wp_second_cohort": (0.130, "Commons Library SN/EP/6340"),
    # defects and late news
    "defect_share": (0.002, "brief of the sample"),
    "late_share": (0.003, CHOSEN),
    "corrected_share": (0.003, CHOSEN),
    "withdrawn_share": (0.003, CHOSEN),
}

MAIN_DELIVERY = "2013-06-30"
FIRST_DELIVERY = "2013-05-31"

WEIGHTS: dict[str, dict[str, float]] = {
    "accommodation": {
        "A01A": 5, "A01C": 15, "A01D": 23, "A04": 8, "A07B": 20, "A12": 0.4, "A98": 1, "A01": 3, "A01B": 4,
        "A02": 14, "A03": 16, "A07A": 26, "A10": 1, "A11": 5, "A13": 0.3, "A14": 0.3, "A15": 0.1, "A17": 3, "A97": 2,
        "A05": 6, "A08": 6, "A08A": 12, "A08B": 8, "A08C": 12, "A06": 20, "A16": 30, "A96": 6, "A99": 10, "A07": 12,
    },
    "employment": {
        "B01": 6, "B01A": 8, "B01C": 28, "B01D": 8, "B02": 3, "B02A": 4, "B02C": 8, "B02D": 3, "B02E": 1, "B03": 4,
        "B03A": 9, "B03B": 5, "B16": 2, "B20": 1, "B21A": 1, "B22": 1, "B23": 3, "B04A": 8, "B04B": 2, "B13": 6, "B14A": 2,
        "B14B": 2, "B15": 20, "B05A": 3, "B06": 4, "B09": 8, "B09A": 60, "B09B": 12, "B10": 1, "B24": 2, "B26": 2,
        "B11": 20, "B12": 6, "B25": 6, "B99": 4, "B07": 24, "B08": 12, "B18": 8, "B19": 14, "B27": 30, "B28": 6,
    },
    "discharge": {
        "HOME": 50, "DPH": 22, "DSH": 6, "DAP": 6, "HDC": 8, "DOH": 5, "DST": 4, "CARE": 0.5, "HOST": 2, "DBH": 1, "DBA": 2,
        "DNF": 1, "DUT": 1,
    },
    "order_type": {
        "201": 60, "203": 25, "205": 4, "207": 3, "208": 2, "216": 1, "301": 70, "304": 14, "306": 9, "302": 3, "303": 1,
        "OU01": 1, "206": 40, "204": 15, "218": 15, "307": 15, "401": 15,
    },
    "termination_reason": {
        "COMPLETED": 62, "EARLY_GOOD_PROGRESS": 9, "FAILURE_TO_COMPLY": 13, "FURTHER_CONVICTION": 11, "OTHER": 5,
        "TRANSFER": 60, "DEATH": 10, "DEPORTED": 10, "RECALLED": 20,
    },
    "licence_reason": {"LICENCE_EXPIRED": 86, "FURTHER_CONVICTION": 9, "OTHER": 5},
    "release_reason": {"CR": 60, "HR": 14, "SC": 6, "PX": 6, "NP": 6, "HU": 2, "BL": 50, "NCS": 25, "NG": 10, "DS": 8, "PF": 7},
    "benefit": {"C07": 45, "C08": 22, "C09": 8, "C05": 17, "C04": 8, "C03": 70, "C10": 20, "C06": 10},
    "other_benefit": {"C08": 40, "C09": 15, "C05": 30, "C04": 15},
    "offence_group": {"VIOL": 22, "SEX": 2, "ROB": 3, "BURG": 9, "THEFT": 27, "FRAUD": 4, "DRUG": 12, "MOTOR": 12, "OTHER": 9},
    "ethnicity": {"W": 78, "B": 9, "A": 6, "M": 3, "O": 2, "NS": 2},
    "tenure": {"PRS": 40, "SOC": 20, "SUP": 22, "HOS": 8, "FAM": 5, "OWN": 1, "EMH": 4},
    "housing_route": {"PRS_RECRUIT": 35, "SOCIAL_NOM": 18, "SUPPORTED": 25, "RETURN": 12, "OTHER": 10},
    "ete_route": {"EMPLOYER": 30, "JOBCENTRE": 25, "PROVIDER": 25, "OWN": 15, "OTHER": 5},
    "prior_disposal": {"CAUTION": 22, "FINE": 38, "COMMUNITY": 25, "SUSPENDED": 5, "CUSTODY": 10},
}
# a choice: its name → (code list, the mappings and views whose statuses together name the class, which weights)
OFFICIAL = "official"
CHOICES: dict[str, tuple[str, list[tuple[str, str]], str]] = {
    "settled": ("accommodation_codes", [("settled", "policy")], "accommodation"),
    "housed": ("accommodation_codes", [("housed", OFFICIAL)], "accommodation"),
    "employed": ("employment_codes", [("employed", OFFICIAL), ("available_for_work", OFFICIAL)], "employment"),
    "discharge": ("discharge_accommodation_codes", [("housed", OFFICIAL)], "discharge"),
    "order_type": ("order_type_codes", [("order_scope", OFFICIAL), ("order_group", OFFICIAL)], "order_type"),
    "reason": ("termination_reason_codes", [("termination_scope", OFFICIAL)], "termination_reason"),
    "licence_reason": ("termination_reason_codes", [("termination_scope", OFFICIAL)], "licence_reason"),
    "release_reason": ("release_reason_codes", [("release_scope", OFFICIAL)], "release_reason"),
    "benefit": ("benefit_codes", [("out_of_work_benefit", OFFICIAL), ("out_of_work_benefit", "jsa")], "benefit"),
    "other_benefit": ("benefit_codes", [("out_of_work_benefit", OFFICIAL), ("out_of_work_benefit", "jsa")], "other_benefit"),
    "offence_group": ("offence_group_codes", [], "offence_group"),
    "ethnicity": ("ethnicity_codes", [], "ethnicity"),
    "tenure": ("tenure_codes", [], "tenure"),
    "housing_route": ("housing_route_codes", [], "housing_route"),
    "ete_route": ("ete_route_codes", [], "ete_route"),
    "prior_disposal": ("disposal_codes", [], "prior_disposal"),
}
# the six figures of other departments (England, 2008/09): indicator → (per cent, people in the group)
RETURNS: dict[str, tuple[float, int]] = {
    "NI145": (65.2, 132_285), "NI146": (7.5, 132_285), "NI147": (89.6, 6_100), "NI148": (63.0, 6_100), "NI149": (21.5, 136_094),
    "NI150": (3.4, 136_094),
}
RETURNS_SOURCE = "published_figures.csv of the reference folder (CLG slide, M. Carroll); NI149/150 group also Cabinet Office"
