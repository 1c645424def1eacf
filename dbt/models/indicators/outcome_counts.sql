-- One row per population, outcome, month, area, group and status, with the events counted. Every `<outcome>_status` column of
-- the marts is an outcome; events out of scope count under the status out_of_scope.
-- depends_on: {{ ref('minimum_outcomes') }}, {{ ref('release_outcomes') }}, {{ ref('disposal_outcomes') }}
{%- set marts = population_marts() %}
with looks as (
    select distinct
        definitions.population,
        definitions.outcome,
        points.months,
        points.days
    from {{ ref('indicator_definitions') }} as definitions
    inner join {{ ref('follow_up_points') }} as points on definitions.follow_up_id = points.follow_up_id
),

areas as (
    select * from {{ ref('areas') }}
),

stacked as (
    {{ counts_by_status(marts) }}
),

placed as (
    select
        stacked.population,
        stacked.outcome,
        cast(date_trunc('month', stacked.event_date) as date) as month_start,
        coalesce(areas.area_code, 'ZZ') as area_code,
        stacked.order_group,
        case when stacked.is_in_scope then stacked.status else 'out_of_scope' end as status,
        stacked.event_count,
        coalesce(
            {{ add_follow_up('stacked.event_date', 'looks.months', 'looks.days') }} <= observation.observed_until, false
        ) as is_due,
        stacked.is_in_scope
    from stacked
    inner join looks on stacked.population = looks.population and stacked.outcome = looks.outcome
    cross join {{ ref('observation') }} as observation
    left join areas
        on stacked.area_code = areas.area_code and {{ is_on_day('stacked.event_date', 'areas.valid_from', 'areas.valid_to') }}
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
