-- One row per indicator, geography, period and agency: the share of its events, in scope, that the agency's records decided,
-- rounded so that it gives no count away where half of what it is rounded to is as many events as a count must have.
-- depends_on: {{ ref('minimum_outcomes') }}, {{ ref('release_outcomes') }}, {{ ref('disposal_outcomes') }}
{%- set marts = population_marts() %}
{%- set prefixes = {
    'settled_policy': 'accommodation', 'settled_sustainable': 'accommodation', 'housed': 'accommodation', 'employed': 'employment',
    'employed_if_available': 'employment', 'employed_p45': 'p45', 'employed_combined': 'combined', 'housed_first_night': 'first_night', 'settled_three_months': 'three_months',
    'employed_six_weeks': 'six_weeks', 'employed_six_months': 'six_months',
    'employed_p45_six_weeks': 'p45_six_weeks', 'employed_p45_six_months': 'p45_six_months',
    'out_of_work_benefit_one_month': 'benefit_one_month', 'reoffended_one_year': 'reoffence'} %}
with areas as (
    select * from {{ ref('areas') }}
),

deciders as (
    {{ counts_by_decider(marts, prefixes) }}
),

definitions as (
    select * from {{ ref('indicator_definitions') }}
),

-- places before periods: a month counts for many of both, and what is summed first is fewer rows the second time
by_place as (
    select
        definitions.indicator_id,
        definitions.view_id,
        definitions.definition_version,
        memberships.geography_type,
        memberships.geography_code,
        deciders.month_start,
        deciders.agency,
        sum(deciders.event_count) as event_count
    from deciders
    inner join definitions
        on
            deciders.population = definitions.population and deciders.outcome = definitions.outcome
            and (definitions.order_group is null or deciders.order_group = definitions.order_group)
    inner join {{ ref('area_memberships') }} as memberships
        on deciders.area_code = memberships.area_code and {{ holds_in_month('memberships', 'deciders.month_start') }}
    group by
        definitions.indicator_id,
        definitions.view_id,
        definitions.definition_version,
        memberships.geography_type,
        memberships.geography_code,
        deciders.month_start,
        deciders.agency
),

summed as (
    select
        by_place.indicator_id,
        by_place.view_id,
        by_place.definition_version,
        by_place.geography_type,
        by_place.geography_code,
        periods.period_type,
        periods.period_start,
        by_place.agency,
        sum(by_place.event_count) as event_count
    from by_place
    inner join {{ ref('reporting_periods') }} as periods
        on by_place.month_start >= periods.period_start and by_place.month_start < periods.period_end
    group by
        by_place.indicator_id,
        by_place.view_id,
        by_place.definition_version,
        by_place.geography_type,
        by_place.geography_code,
        periods.period_type,
        periods.period_start,
        by_place.agency
),

rules as (
    select
        max(case when rule_id = 'share_rounding_base' then value end) as rounding_base,
        max(case when rule_id = 'suppress_below' then value end) as suppress_below
    from {{ ref('disclosure_rules') }}
),

shares as (
    select
        summed.indicator_id,
        summed.view_id,
        summed.definition_version,
        summed.geography_type,
        summed.geography_code,
        summed.period_type,
        summed.period_start,
        summed.agency,
        cast(100.0 * rules.suppress_below / (rules.rounding_base / 2.0) as double) as least_events,
        round(
            100.0 * cast(summed.event_count as double) / sum(summed.event_count) over figure / rules.rounding_base
        ) * rules.rounding_base as share_pct
    from summed
    cross join rules
    window figure as (
        partition by indicator_id, view_id, definition_version, geography_type, geography_code, period_type, period_start
    )
)

select * from shares
