-- One row per population, outcome, month, area, group and status, with the events counted. Every `<outcome>_status` column of
-- the marts is an outcome; events out of scope count under the status out_of_scope.
-- depends_on: {{ ref('minimum_outcomes') }}, {{ ref('release_outcomes') }}, {{ ref('disposal_outcomes') }}
{%- set marts = population_marts() %}
-- of each outcome the day on which it is looked at; of several the latest, so that each event is counted once
with looks as (
    select
        definitions.population,
        definitions.outcome,
        max(points.months) as months,
        max(points.days) as days
    from {{ ref('indicator_definitions') }} as definitions
    inner join {{ ref('follow_up_points') }} as points on definitions.follow_up_id = points.follow_up_id
    group by definitions.population, definitions.outcome
),

areas as (
    select * from {{ ref('areas') }}
),

observation as (
    select * from {{ ref('outcome_observation') }}
),

-- of each population up to which day every follow-up of an event lies within what is observed, with days to spare for the lengths
-- of months
observed as (
    select
        looks.population,
        min(coalesce(
            {{ add_days(add_months('observation.observed_until', '-looks.months'), '-looks.days - 5') }},
            date '1900-01-01'
        )) as all_due_until
    from looks
    left join observation on looks.population = observation.population and looks.outcome = observation.outcome
    group by looks.population
),

stacked as (
    {{ counts_by_status(marts) }}
),

placed as (
    select
        stacked.population,
        stacked.outcome,
        stacked.month_start,
        stacked.area_code,
        stacked.order_group,
        case when stacked.is_in_scope then stacked.status else 'out_of_scope' end as status,
        stacked.event_count,
        stacked.late_date is null or coalesce(
            {{ add_follow_up('stacked.late_date', 'looks.months', 'looks.days') }} <= observation.observed_until, false
        ) as is_due,
        stacked.is_in_scope
    from stacked
    inner join looks on stacked.population = looks.population and stacked.outcome = looks.outcome
    left join observation on stacked.population = observation.population and stacked.outcome = observation.outcome
),

counted as (
    select
        population,
        outcome,
        month_start,
        area_code,
        order_group,
        status,
        cast(sum(event_count) as bigint) as event_count,
        cast(sum(case when is_in_scope and not is_due then event_count else 0 end) as bigint) as not_due_count
    from placed
    group by population, outcome, month_start, area_code, order_group, status
)

select * from counted
