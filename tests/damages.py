"""One damage for every release rule, each one statement on a clean small release that the rule must notice."""

from __future__ import annotations

from small_figures import KEY

INDICATORS, W, P = "release.main.indicators", "warehouse.indicators.indicators", "previous.main.indicators"
C, E, L = "release.main.published_comparison", "release.main.evidence_mix", "release.main.linkage_rates"
M = "warehouse.marts.linkage_rates"
A, D = "release.main.employment_agreement", "release.main.indicator_definitions"
NOTHING = "numerator = null, no_count = null, denominator = null, unknown_count = null, out_of_scope_count = null"
NATION_YEAR = "geography_type = 'nation' and period_type = 'financial_year' and indicator_id = 'NI143'"
ONE = "geography_code = 'A3' and period_type = 'month' and period_start = '2009-05-01' and indicator_id = 'NI143'"
QUARTER = "geography_code = 'A3' and period_type = 'quarter' and period_start = '2009-04-01' and indicator_id = 'NI143'"

# rule id → one statement that damages a clean release
DAMAGES = {
    "indicators_has_rows": f"delete from {INDICATORS}",
    "indicators_key_is_unique": f"insert into {INDICATORS} select * from {INDICATORS} where {ONE}",
    "indicators_keys_are_filled": f"update {INDICATORS} set geography_name = null where {ONE}",
    "indicators_cover_the_index": f"delete from {INDICATORS} where {ONE}",
    "indicators_hold_only_the_index": f"insert into {INDICATORS} "
    f"select * replace ('XX' as geography_code) from {INDICATORS} where {ONE}",
    "indicators_hold_every_definition": f"delete from {INDICATORS} where indicator_id = 'NI145'",
    "indicators_agree_with_their_definition": f"update {INDICATORS} set is_assumption = true where {ONE}",
    "indicators_status_is_known": f"update {INDICATORS} set status = 'fine' where {ONE}",
    "indicators_geography_type_is_known": f"update {INDICATORS} set geography_type = 'county' where {ONE}",
    "indicators_period_type_is_known": f"update {INDICATORS} set period_type = 'week' where {ONE}",
    "indicators_statuses_have_reasons": f"update {INDICATORS} set status_reason = ' ' where status = 'suppressed'",
    "indicators_available_figures_are_there": f"update {INDICATORS} set numerator = null where {ONE}",
    "indicators_unavailable_rows_show_no_rate": f"update {INDICATORS} set rate_pct = 50 where status = 'not_available'",
    "indicators_percentages_are_within_0_and_100": f"update {INDICATORS} set upper_bound_pct = 100.1 where {ONE}",
    "indicators_counts_are_not_negative": f"update {INDICATORS} set out_of_scope_count = -1 where {ONE}",
    "indicators_numerator_is_within_denominator": f"update {INDICATORS} set numerator = denominator + 1 where {ONE}",
    "indicators_counts_add_to_denominator": f"update {INDICATORS} set no_count = no_count + 1 where {ONE}",
    "indicators_rate_follows_from_counts": f"update {INDICATORS} set rate_pct = rate_pct + 0.01 where {ONE}",
    "indicators_bounds_contain_the_rate": f"update {INDICATORS} set lower_bound_pct = rate_pct + 1 where {ONE}",
    "indicators_interval_contains_the_rate": f"update {INDICATORS} set interval_high_pct = rate_pct - 1 where {ONE}",
    "indicators_target_verdict_follows": f"update {INDICATORS} set is_target_met = not is_target_met where {ONE}",
    "indicators_are_the_computed_figures": f"update {INDICATORS} set out_of_scope_count = out_of_scope_count + 1 where {ONE}",
    "indicators_show_no_small_count": f"update {INDICATORS} set unknown_count = 4 where {ONE}",
    "indicators_suppressed_rows_show_nothing": f"update {INDICATORS} set interval_low_pct = 1 where status = 'suppressed'",
    "indicators_suppressed_fields_are_empty": f"update {INDICATORS} set suppressed_fields = 'out_of_scope_count' where {ONE}",
    "indicators_hidden_counts_do_not_follow_from_their_row": f"update {INDICATORS} set no_count = 30 where status = 'available' "
    "and suppressed_fields is not null",
    "indicators_hidden_areas_do_not_follow_from_their_parent": f"update {INDICATORS} set status = 'suppressed', "
    f"{NOTHING} where {ONE}",
    # a hidden total whose parts are all shown is no secret either
    "indicators_hidden_periods_do_not_follow_from_their_parent": f"update {INDICATORS} set status = 'suppressed', "
    f"{NOTHING} where {QUARTER}",
    "views_of_one_indicator_differ_by_few": f"insert into {INDICATORS} "
    f"select * replace ('sustainable' as view_id, numerator - 3 as numerator) from {INDICATORS} where {ONE}",
    "release_has_no_identifiers": f"alter table {L} add column home_postcode varchar",
    "national_volume_changed_much": f"update {P} set denominator = denominator * 1.2 where {NATION_YEAR}",
    "national_volume_changed_a_little": f"update {P} set denominator = denominator * 1.03 where {NATION_YEAR}",
    "small_changes_since_last_release": f"update {P} set numerator = numerator + 2 where {ONE}",
    "national_unknown_share_is_too_high": f"update {INDICATORS} set unknown_count = numerator where {NATION_YEAR}",
    "national_unknown_share_is_high": f"update {INDICATORS} set unknown_count = (numerator + no_count) / 4 where {NATION_YEAR}",
    "area_unknown_share_is_high": f"update {INDICATORS} set unknown_count = numerator + no_count "
    "where geography_code = 'A3' and period_type = 'financial_year'",
    "warehouse_indicators_has_rows": f"delete from {W}",
    "warehouse_indicators_key_is_unique": f"insert into {W} select * from {W} where {ONE}",
    "warehouse_rows_are_all_published": f"insert into {W} select * replace ('XX' as geography_code) from {W} where {ONE}",
    "warehouse_counts_add_to_denominator": f"update {W} set no_count = no_count + 1 where {ONE}",
    "areas_add_up_to_regions": f"update {W} set unknown_count = unknown_count + 1 where {ONE}",
    "regions_add_up_to_countries": f"update {W} set denominator = denominator + 1 where {ONE.replace('A3', 'R2')}",
    "countries_add_up_to_the_nation": f"update {W} set numerator = numerator + 1 where {NATION_YEAR}",
    "months_add_up_to_quarters": f"update {W} set no_count = no_count + 1 where {ONE}",
    "months_and_quarters_add_up_to_years": f"update {W} set out_of_scope_count = out_of_scope_count + 1 where {NATION_YEAR}",
    "months_add_up_to_windows": f"update {W} set numerator = numerator - 1 "
    "where geography_code = 'A3' and period_type = 'published_window'",
    "definitions_has_rows": f"delete from {D}",
    "definitions_key_is_unique": f"insert into {D} select * from {D} where indicator_id = 'NI143'",
    "definitions_are_the_seed": f"update {D} set definition = 'Other words.' where indicator_id = 'NI143'",
    "definitions_are_complete": f"update {D} set source = '' where indicator_id = 'NI143'",
    "definitions_basis_is_known": f"update {D} set basis = 'guessed' where indicator_id = 'NI143'",
    "definitions_of_one_measure_do_not_overlap": f"insert into {D} "
    f"select * replace (2 as definition_version) from {D} where indicator_id = 'NI143'",
    "comparison_has_rows": f"delete from {C}",
    "comparison_key_is_unique": f"insert into {C} select * from {C}",
    "comparison_covers_every_printed_figure": f"delete from {C} where geography_code = 'A1'",
    "comparison_quotes_print_correctly": f"update {C} set published_numerator = published_numerator + 1 "
    "where geography_code = 'A1'",
    "comparison_agrees_with_the_indicators": f"update {C} set numerator = numerator + 1 where geography_code = 'A1'",
    "comparison_verdict_follows": f"update {C} set published_pct = published_pct + 2 where geography_code = 'A1'",
    "comparison_figures_are_reproduced": f"update {C} set is_reproduced = false where geography_code = 'A1'",
    "evidence_has_rows": f"delete from {E}",
    "evidence_key_is_unique": f"insert into {E} select * from {E}",
    "evidence_agency_is_filled": f"update {E} set agency = null where {ONE}",
    "evidence_shares_are_within_0_and_100": f"update {E} set share_pct = 105 where {ONE}",
    "evidence_shares_are_rounded": f"update {E} set share_pct = 83 where {ONE}",
    "evidence_belongs_to_a_visible_figure": f"insert into {E} by name select {KEY}, definition_version, "
    f"'probation' as agency, 50 as share_pct from {INDICATORS} where status = 'suppressed'",
    "linkage_has_rows": f"delete from {L}",
    "linkage_agency_is_unique": f"insert into {L} select * from {L}",
    "linkage_covers_prisons_and_dwp": f"delete from {L} where agency = 'dwp'",
    "linkage_counts_and_rate_agree": f"update {L} set linkage_rate_pct = 81 where agency = 'prisons'",
    "linkage_is_the_computed_one": f"update {L} set reference_count = 1001 where agency = 'prisons'",
    "linkage_shows_no_small_count": f"update {L} set linked_count = 3 where agency = 'prisons'",
    "linkage_is_too_low": f"update {M} set linkage_rate_pct = 10 where agency = 'prisons'",
    "linkage_is_low": f"update {M} set linkage_rate_pct = 40 where agency = 'dwp'",
    "agreement_has_rows": f"delete from {A}",
    "agreement_key_is_unique": f"insert into {A} select * from {A}",
    "agreement_status_is_known": f"update {A} set status = 'fine' where event_count = 90",
    "agreement_answers_are_known": f"update {A} set record_status = 'maybe' where event_count = 90",
    "agreement_counts_are_not_negative": f"update {A} set event_count = -1 where event_count = 90",
    "agreement_shows_no_small_count": f"update {A} set event_count = 1 where event_count = 90",
    "agreement_suppressed_rows_show_nothing": f"update {A} set event_count = 50 where status = 'suppressed'",
    "agreement_does_not_follow_from_the_indicator": f"update {A} set event_count = 60, status = 'available' "
    "where record_status = 'unknown'",
}
