"""One damage for every release rule, on a clean small release: statements that the rule must notice, and if possible it alone.

Rules lean on each other: a published figure is compared with the computed one, and that with the sums over it. A fine
damage is therefore done to both tables, in a row of zeros, or in every total that holds it. Where other rules must notice
as well, COMPANIONS says why.
"""

from __future__ import annotations

from small_figures import FIGURES, KEY

INDICATORS, W, P = "release.main.indicators", "warehouse.indicators.indicators", "previous.main.indicators"
C, E, L = "release.main.published_comparison", "release.main.evidence_mix", "release.main.linkage_rates"
M = "warehouse.marts.linkage_rates"
SEED, PRINT = "seeds.indicator_definitions", "seeds.published_figures"
A, D = "release.main.employment_agreement", "release.main.indicator_definitions"
LEVELS, G, H = "release.main.indicator_linkage", "release.main.linkage_by_subgroup", "warehouse.marts.linkage_by_subgroup"
N, B = "warehouse.indicators.indicator_levels", "warehouse.indicators.linkage_intervals"
V, S, Z = "release.main.deliveries_due", "warehouse.marts.delivery_status", "release.main.waivers"
ORDERS, OFFENCES = "extract = 'orders'", "extract = 'offences'"
WAIVERS = "seeds.waivers"
NO_FIGURE = ", ".join(f"{name} = null" for name in [*FIGURES, "is_target_met"])
NATION_YEAR = "geography_type = 'nation' and period_type = 'financial_year' and indicator_id = 'NI143'"
ONE = "geography_code = 'A3' and period_type = 'month' and period_start = '2009-05-01' and indicator_id = 'NI143'"
ZERO = "geography_code = 'A3' and period_type = 'month' and period_start = '2010-01-01' and indicator_id = 'NI143'"
IN_APRIL = "geography_code = 'A1' and period_type = 'month' and period_start = '2009-04-01'"
MIX = "geography_code = 'A3' and period_type = 'financial_year' and indicator_id = 'NI143'"
HOLDS_MAY = "indicator_id = 'NI143' and date '2009-05-01' between period_start and period_end - 1"
YEAR = "indicator_id = 'NI143' and period_type = 'financial_year'"
LINKED = "geography_code = 'A3' and period_type = 'quarter' and period_start = '2009-04-01' and indicator_id = 'MI014'"
RETURNED = "indicator_id = 'NI145'"
UP = ["A3", "R2", "WAL", "EW"]  # an area, and every place that it is in
TWO_MONTHS = (
    f"indicator_id = 'NI143' and geography_code in {tuple(UP)} and period_type = 'month' "
    "and period_start in (date '2009-08-01', date '2009-09-01')"
)
SECOND_VIEW, SECOND_VERSION = "'other' as view_id", "2 as definition_version"


def both(change: str, where: str) -> str:
    """The same wrong figure published and computed."""
    return f"update {INDICATORS} set {change} where {where}; update {W} set {change} where {where}"


def copied(change: str, where: str, tables: tuple[str, ...] = (INDICATORS, W)) -> str:
    """A second row like one that is there, in each table."""
    return "; ".join(f"insert into {table} select * replace ({change}) from {table} where {where}" for table in tables)


def more_out_of_scope(where: str, places: list[str], by: int = 1) -> str:
    """A count that no identity holds, changed in some places, published and computed."""
    codes = ", ".join(f"'{place}'" for place in places)
    return both(f"out_of_scope_count = out_of_scope_count + {by}", f"{where} and geography_code in ({codes})")


def linkage(agency: str, linked: int, of: int) -> str:
    """The same linkage published and computed."""
    change = f"linked_count = {linked}, reference_count = {of}, linkage_rate_pct = {100 * linked / of}"
    return "; ".join(f"update {table} set {change} where agency = '{agency}'" for table in (L, M))


def missing(percent: float) -> str:
    """Women miss another share of their matches, published and computed."""
    return "; ".join(f"update {table} set missed_match_rate_pct = {percent} where subgroup = 'F'" for table in (G, H))


def hidden(where: str) -> str:
    """Rows of the indicators suppressed as they should be, with their evidence."""
    figures = f"update {INDICATORS} set status = 'suppressed', suppressed_fields = 'all', {NO_FIGURE} where {where}"
    return f"{figures}; delete from {E} where {where}"


def calendar(change: str, extract: str) -> str:
    """The same wrong dates of a delivery, published and computed."""
    return f"update {V} set {change} where {extract}; update {S} set {change} where {extract}"


def waived(place: str = "XX", agreed: str = "Bob", until: str = "2009-08-31", tables: tuple[str, ...] = (Z, WAIVERS)) -> str:
    """A waiver, published and in the seed."""
    words = f"'W1', 'area_unknown_share_is_high', 'NI143', '{place}', '2009-05-01', 'Made', 'Ann', '{agreed}', '2009-08-01'"
    return "; ".join(f"insert into {table} values ({words}, '{until}')" for table in tables)


# rule id → statements, with ; between, that damage a clean release
DAMAGES = {
    "indicators_has_rows": f"delete from {INDICATORS}",
    "indicators_key_is_unique": f"insert into {INDICATORS} select * from {INDICATORS} where {ONE}",
    "indicators_keys_are_filled": f"update {INDICATORS} set geography_name = null where {ONE}",
    "indicators_cover_the_index": f"delete from {INDICATORS} where {ZERO}; delete from {W} where {ZERO}",
    "indicators_hold_only_the_index": copied("'XX' as geography_code", ONE),
    "indicators_hold_every_definition": f"delete from {INDICATORS} where {RETURNED}; delete from {W} where {RETURNED}",
    "indicators_agree_with_their_definition": f"update {INDICATORS} set is_assumption = true where {ONE}",
    "indicators_status_is_known": both("status = 'fine'", ZERO),
    "indicators_geography_type_is_known": copied("'county' as geography_type", ZERO),
    "indicators_period_type_is_known": copied("'week' as period_type", ZERO),
    "indicators_statuses_have_reasons": f"update {INDICATORS} set status_reason = ' ' where status = 'suppressed'",
    "indicators_available_figures_are_there": f"update {INDICATORS} set numerator = null where {ONE}",
    "indicators_unavailable_rows_show_no_rate": f"update {INDICATORS} set rate_pct = 50 where status = 'not_available'",
    "indicators_percentages_are_within_0_and_100": f"update {INDICATORS} set upper_bound_pct = 100.1 where {ONE}",
    "indicators_counts_are_not_negative": f"update {INDICATORS} set out_of_scope_count = -1 where {RETURNED}",
    "indicators_numerator_is_within_denominator": both("denominator = 0", f"{RETURNED} and numerator > 0"),
    "indicators_counts_add_to_denominator": f"update {INDICATORS} set no_count = 7 where {ZERO}; "
    f"update {W} set no_count = null where {ZERO}",
    "indicators_rate_follows_from_counts": both("rate_pct = rate_pct + 0.01", ONE),
    "indicators_bounds_contain_the_rate": f"update {INDICATORS} set lower_bound_pct = rate_pct + 1 where {ONE}",
    "indicators_interval_contains_the_rate": f"update {INDICATORS} set interval_high_pct = rate_pct - 1 where {ONE}",
    "indicators_target_verdict_follows": f"update {INDICATORS} set is_target_met = not is_target_met where {ONE}",
    "indicators_are_the_computed_figures": f"update {INDICATORS} set out_of_scope_count = out_of_scope_count + 1 where {ONE}",
    "indicators_show_no_small_count": f"update {INDICATORS} set out_of_scope_count = 3 where {ZERO}; "
    f"update {W} set out_of_scope_count = null where {ZERO}",
    "indicators_suppressed_rows_show_nothing": f"update {INDICATORS} set interval_low_pct = 1, suppressed_fields = null "
    "where status = 'suppressed'",
    "indicators_suppressed_fields_are_empty": f"update {INDICATORS} set suppressed_fields = 'out_of_scope_count' where {ONE}",
    # of hidden unknowns the counts of no are given back, and with them the unknowns
    "indicators_hidden_counts_do_not_follow_from_their_row": f"update {INDICATORS} b set no_count = w.no_count, "
    f"suppressed_fields = replace(b.suppressed_fields, 'no_count, ', '') from {W} w where b.status = 'available' "
    "and b.suppressed_fields is not null and w.geography_code = b.geography_code and w.period_type = b.period_type "
    "and w.period_start = b.period_start and w.indicator_id = b.indicator_id and w.view_id = b.view_id",
    # a measure that keeps unknown in its denominator, and one that hides it, are of the same events
    "indicators_hidden_counts_do_not_follow_from_another_measure": f"update {SEED} set population = 'x' "
    "where indicator_id = 'MI014'",
    # two months hide each other, but the only area of a region is the region
    "indicators_hidden_areas_do_not_follow_from_their_parent": hidden(
        "indicator_id = 'NI143' and geography_code = 'A3' and period_type = 'month' "
        "and period_start in (date '2009-05-01', date '2009-06-01')"
    ),
    # a hidden total whose parts are all shown is no secret either
    "indicators_hidden_periods_do_not_follow_from_their_parent": hidden(
        "indicator_id = 'NI143' and geography_code <> 'EW' and period_type = 'quarter' and period_start = '2009-04-01'"
    ),
    # one event is out of scope in each of two hidden months, of which the quarter and the year tell
    "indicators_hidden_counts_do_not_add_up_to_few": "; ".join(
        [
            hidden(TWO_MONTHS),
            f"update {W} set out_of_scope_count = 1 where {TWO_MONTHS}",
            more_out_of_scope("indicator_id = 'NI143' and period_type = 'quarter' and period_start = '2009-07-01'", UP, 2),
            more_out_of_scope(YEAR, UP, 2),
        ]
    ),
    # of a second view two people more in one hidden month have the outcome; nothing else of it was computed, so no sum is wrong
    "indicators_views_do_not_differ_by_few_in_a_sum": "; ".join(
        [
            copied(SECOND_VIEW, "indicator_id = 'NI143'", (SEED, D, INDICATORS, W, E)),
            f"update {W} set no_count = null, numerator = case when {IN_APRIL} then numerator + 2 end "
            "where indicator_id = 'NI143' and view_id = 'other'",
        ]
    ),
    "views_of_one_indicator_differ_by_few": "; ".join(
        [
            copied(SECOND_VIEW, RETURNED, (SEED, D, INDICATORS, W)),
            both(
                "numerator = 297, rate_pct = 74.25, known_rate_pct = 74.25, lower_bound_pct = 74.25, upper_bound_pct = 74.25",
                f"{RETURNED} and view_id = 'other' and numerator > 0",
            ),
        ]
    ),
    "release_has_no_identifiers": f"alter table {L} add column home_postcode varchar",
    "national_volume_changed_much": f"update {P} set denominator = denominator * 1.2 where {NATION_YEAR}",
    "national_volume_changed_a_little": f"update {P} set denominator = denominator * 1.03 where {NATION_YEAR}",
    "small_changes_since_last_release": f"update {P} set numerator = numerator + 2 where {ONE}",
    # yes and no become unknown; the computed figures are gone, so that nothing can be compared with them
    "national_unknown_share_is_too_high": f"update {INDICATORS} set unknown_count = unknown_count + no_count, no_count = 0 "
    f"where {NATION_YEAR}; update {W} set unknown_count = null, no_count = null where {NATION_YEAR}",
    "national_unknown_share_is_high": f"update {INDICATORS} set unknown_count = unknown_count + no_count // 2, "
    f"no_count = no_count - no_count // 2 where {NATION_YEAR}; "
    f"update {W} set unknown_count = null, no_count = null where {NATION_YEAR}",
    "area_unknown_share_is_high": f"update {INDICATORS} set no_count = 0, "
    "unknown_count = unknown_count + no_count + numerator - numerator // 2, numerator = numerator // 2, "
    "rate_pct = 100.0 * (numerator // 2) / denominator, lower_bound_pct = 0, "
    f"interval_low_pct = 0, is_target_met = false where {YEAR} and geography_code = 'A3'; "
    f"update {W} set numerator = null, no_count = null, unknown_count = null, rate_pct = null where {YEAR}",
    "warehouse_indicators_has_rows": f"delete from {W}",
    "warehouse_indicators_key_is_unique": f"insert into {W} select * from {W} where {ZERO}",
    "warehouse_rows_are_all_published": f"insert into {W} select * replace ('XX' as geography_code) from {W} where {ONE}",
    # events without a place, hidden where they are published, and in no sum
    "warehouse_counts_add_to_denominator": copied("'ZZ' as geography_code", ZERO)
    + f"; update {W} set no_count = 7 where geography_code = 'ZZ'; "
    f"update {INDICATORS} set status = 'suppressed', {NO_FIGURE} where geography_code = 'ZZ'",
    "areas_add_up_to_regions": more_out_of_scope(HOLDS_MAY, UP[:1]),
    "regions_add_up_to_countries": more_out_of_scope(HOLDS_MAY, UP[:2]),
    "countries_add_up_to_the_nation": more_out_of_scope(HOLDS_MAY, UP[:3]),
    # what one quarter has too much the next has too little
    "months_add_up_to_quarters": "; ".join(
        more_out_of_scope(f"indicator_id = 'NI143' and period_type = 'quarter' and period_start = '{start}'", UP, by)
        for start, by in (("2009-04-01", 1), ("2009-07-01", -1))
    ),
    "months_and_quarters_add_up_to_years": more_out_of_scope(YEAR, UP),
    "months_add_up_to_windows": more_out_of_scope("indicator_id = 'NI143' and period_type = 'published_window'", UP),
    "definitions_has_rows": f"delete from {D}",
    "definitions_key_is_unique": f"insert into {D} select * from {D} where indicator_id = 'NI143'",
    "definitions_are_the_seed": f"update {D} set definition = 'Other words.' where indicator_id = 'NI143'",
    "definitions_are_complete": f"update {D} set valid_from = null where indicator_id = 'NI143'",
    "definitions_basis_is_known": f"update {D} set basis = 'guessed' where indicator_id = 'NI143'",
    "definitions_of_one_measure_do_not_overlap": copied(SECOND_VERSION, RETURNED, (SEED, D, INDICATORS, W)),
    "comparison_has_rows": f"delete from {C}",
    "comparison_key_is_unique": f"insert into {C} select * from {C}",
    "comparison_covers_every_printed_figure": f"delete from {C} where geography_code = 'A1'",
    "comparison_quotes_print_correctly": f"update {C} set published_numerator = published_numerator + 1 "
    "where geography_code = 'A1'",
    "comparison_agrees_with_the_indicators": f"update {C} set numerator = numerator + 1 where geography_code = 'A1'",
    "comparison_verdict_follows": "; ".join(
        f"update {table} set published_pct = cast(published_pct as integer) + 2 where geography_code = 'A1'"
        for table in (C, PRINT)
    ),
    "comparison_figures_are_reproduced": f"update {C} set is_reproduced = false where geography_code = 'A1'",
    "evidence_key_is_unique": f"insert into {E} select * from {E}",
    "evidence_agency_is_filled": f"update {E} set agency = null where agency = 'prisons' and {MIX}",
    "evidence_shares_are_within_0_and_100": f"update {E} set share_pct = 105 where agency = 'prisons' and {MIX}",
    "evidence_shares_are_rounded": f"update {E} set share_pct = 83 where agency = 'probation' and {MIX}",
    "evidence_belongs_to_a_visible_figure": f"insert into {E} by name select {KEY}, definition_version, "
    f"'probation' as agency, 50 as share_pct from {INDICATORS} where status = 'suppressed'",
    "linkage_has_rows": f"delete from {L}",
    "linkage_agency_is_unique": f"insert into {L} select * from {L}",
    "linkage_covers_prisons_and_dwp": f"delete from {L} where agency = 'dwp'",
    "linkage_counts_and_rate_agree": "; ".join(
        f"update {table} set linkage_rate_pct = 81 where agency = 'prisons'" for table in (L, M)
    ),
    "linkage_is_the_computed_one": f"update {M} set reference_count = 1001 where agency = 'prisons'",
    "linkage_shows_no_small_count": linkage("prisons", 997, 1000),
    "linkage_is_too_low": linkage("prisons", 100, 1000),
    "linkage_is_low": linkage("dwp", 800, 2000),
    "linked_figures_have_levels": f"delete from {LEVELS} where level_id = 'low'",
    "levels_key_is_unique": f"insert into {LEVELS} select * from {LEVELS} where {LINKED} and level_id = 'low'",
    "levels_belong_to_a_visible_figure": f"update {LEVELS} set level_name = 'lax' where {LINKED} and level_id = 'low'",
    "levels_rates_follow_from_counts": f"update {LEVELS} set rate_pct = rate_pct + 0.01 where {LINKED} and level_id = 'low'",
    "levels_default_is_the_figure": "; ".join(
        f"update {table} set denominator = denominator + 5, rate_pct = 100.0 * numerator / (denominator + 5) "
        f"where {LINKED} and level_id = 'medium'"
        for table in (LEVELS, N)
    ),
    "linkage_interval_is_one": "; ".join(
        f"update {table} set linkage_low_pct = linkage_high_pct + 0.01 where {LINKED}{at}"
        for table, at in ((LEVELS, " and level_id = 'medium'"), (B, ""))
    ),
    "levels_are_the_computed_ones": f"update {N} set numerator = numerator - 5 where {LINKED} and level_id = 'low'",
    "levels_show_no_small_difference": "; ".join(
        f"update {table} set numerator = numerator - 7, rate_pct = 100.0 * (numerator - 7) / denominator "
        f"where {LINKED} and level_id = 'low'"
        for table in (LEVELS, N)
    ),
    "subgroups_has_rows": f"delete from {G}",
    "subgroups_key_is_unique": f"insert into {G} select * from {G}",
    "subgroups_are_the_computed_ones": f"update {H} set reference_count = reference_count + 5 where subgroup = 'F'",
    "subgroups_show_no_small_count": "; ".join(
        f"update {table} set linked_count = 81 where subgroup = 'not known'" for table in (G, H)
    ),
    "subgroup_is_linked_much_worse_than_the_whole": missing(15),
    "subgroup_is_linked_worse_than_the_whole": missing(6),
    "agreement_has_rows": f"delete from {A}",
    "agreement_key_is_unique": f"insert into {A} select * from {A}",
    "agreement_status_is_known": f"update {A} set status = 'fine' where event_count = 90",
    "agreement_answers_are_known": f"update {A} set record_status = 'maybe' where event_count = 90",
    "agreement_counts_are_not_negative": f"update {A} set event_count = -1 where event_count = 90",
    "agreement_shows_no_small_count": f"update {A} set event_count = 1 where event_count = 90",
    "agreement_suppressed_rows_show_nothing": f"update {A} set event_count = 50 where status = 'suppressed'",
    "agreement_does_not_follow_from_the_indicator": f"update {A} set event_count = 60, status = 'available' "
    "where record_status = 'unknown'",
    # today is 20 August 2009; what is not needed may be late without more
    "indicators_needing_an_overdue_delivery_are_held": calendar("carry_forward_until = '2009-08-19'", ORDERS),
    "indicators_held_miss_a_delivery": both(f"status = 'held', {NO_FIGURE}", ZERO),
    "indicators_held_rows_show_nothing": both("status = 'held'", ZERO),
    "indicators_say_what_is_carried_forward": calendar("due_date = '2009-08-19', status = 'late'", ORDERS),
    "indicators_say_what_is_waived": waived("A3"),
    "figures_have_evidence": f"delete from {E} where {MIX}",
    "agreement_is_held_while_a_source_is_overdue": calendar("carry_forward_until = '2009-08-19'", "extract = 'employment'"),
    "deliveries_has_rows": f"delete from {V}",
    "deliveries_key_is_unique": f"insert into {V} select * from {V} where {ORDERS}",
    "deliveries_status_is_known": f"update {V} set status = 'soon' where {ORDERS}",
    "deliveries_are_the_calendar": f"update {V} set period_end = '2009-09-01' where {ORDERS}",
    "deliveries_status_follows_from_its_dates": calendar("due_date = '2009-08-19'", OFFENCES),
    "deliveries_name_what_is_held": f"update {V} set held_indicators = 'NI143' where {ORDERS}",
    "deliveries_are_on_time": calendar("due_date = '2009-08-19', status = 'late'", OFFENCES),
    "waivers_key_is_unique": waived(tables=(Z, Z, WAIVERS)),
    "waivers_are_of_two_people": waived(agreed="ANN"),
    "waivers_are_short": waived(until="2009-09-02"),
    "waivers_are_in_force": waived(until="2009-08-20"),
    "waivers_are_the_seed": waived(tables=(Z,)),
}

# rule → rules that notice its damage as well → why no finer damage keeps them apart
EMPTY = "what leans on the rows of a table misses all of them"
UNEXPECTED = "the index knows no such kind, so the row stands for nothing in it"
COMPANIONS = {
    "indicators_hidden_counts_do_not_follow_from_another_measure": {
        "levels_belong_to_a_visible_figure": "a measure of another population rests on other links, or on none",
    },
    "indicators_has_rows": dict.fromkeys(
        (
            "comparison_agrees_with_the_indicators",
            "evidence_belongs_to_a_visible_figure",
            "levels_belong_to_a_visible_figure",
            "warehouse_rows_are_all_published",
        ),
        EMPTY,
    ),
    "warehouse_indicators_has_rows": {"indicators_are_the_computed_figures": EMPTY},
    "indicators_hold_every_definition": {
        "indicators_cover_the_index": "a definition without any row lacks its rows of the index"
    },
    "indicators_geography_type_is_known": {"indicators_hold_only_the_index": UNEXPECTED},
    "indicators_period_type_is_known": {"indicators_hold_only_the_index": UNEXPECTED},
    "national_volume_changed_much": {"national_volume_changed_a_little": "what moved much has moved more than a little"},
    "national_unknown_share_is_too_high": {"national_unknown_share_is_high": "a share that is too high is high"},
    "subgroup_is_linked_much_worse_than_the_whole": {
        "subgroup_is_linked_worse_than_the_whole": "a distance that is too long is long"
    },
    "linkage_is_too_low": {"linkage_is_low": "a rate that is too low is low"},
    "indicators_held_rows_show_nothing": {"indicators_held_miss_a_delivery": "one row is not held without its indicator"},
    "indicators_say_what_is_carried_forward": {"deliveries_are_on_time": "what is carried forward stands in for what is late"},
    "deliveries_status_is_known": {
        "deliveries_status_follows_from_its_dates": "no dates give a status that is not known",
        "deliveries_are_on_time": "what is not known is not on time",
    },
}
