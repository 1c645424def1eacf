-- One row per population, outcome, month, area, group and status, with the events counted. Every `<outcome>_status` column of
-- the marts is an outcome; events out of scope count under the status out_of_scope.
{%- set marts = {'termination': 'minimum_outcomes', 'release': 'release_outcomes', 'disposal': 'disposal_outcomes'} %}
with looks as (
    select distinct definitions.population, definitions.outcome, points.months, points.days
    from {{ ref('indicator_definitions') }} as definitions
    inner join {{ ref('follow_up_points') }} as points on definitions.follow_up_id = points.follow_up_id
),

areas as (
    select * from {{ ref('areas') }}
),

{% for population, mart in marts.items() -%}
{%- set columns = status_columns(ref(mart)) %}
-- now we have few rows: one per day, area and combination of statuses
{{ population }}_combinations as (
    select event_date, area_code, order_group, is_in_scope, {{ columns | join(', ') }}, count(*) as event_count
    from {{ ref(mart) }}
    group by event_date, area_code, order_group, is_in_scope, {{ columns | join(', ') }}
),

{{ population }}_long as (
    {%- for column in columns %}
    select '{{ population }}' as population, '{{ column[:-7] }}' as outcome, event_date, area_code, order_group, is_in_scope, {{ column }} as status, event_count
    from {{ population }}_combinations
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

{% endfor -%}
stacked as (
    {%- for population in marts %}
    select * from {{ population }}_long
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

counted as (
    select
        stacked.population,
        stacked.outcome,
        cast(date_trunc('month', stacked.event_date) as date) as month_start,
        coalesce(areas.area_code, 'ZZ') as area_code,
        stacked.order_group,
        case when stacked.is_in_scope then stacked.status else 'out_of_scope' end as status,
        cast(sum(stacked.event_count) as bigint) as event_count,
        cast(sum(case
            when stacked.is_in_scope
                and coalesce({{ add_follow_up('stacked.event_date', 'looks.months', 'looks.days') }} > observation.observed_until, true)
                then stacked.event_count else 0
        end) as bigint) as not_due_count,
    from stacked
    inner join looks on stacked.population = looks.population and stacked.outcome = looks.outcome
    cross join {{ ref('observation') }} as observation
    left join areas on stacked.area_code = areas.area_code and {{ is_on_day('stacked.event_date', 'areas.valid_from', 'areas.valid_to') }}
    group by 1, 2, 3, 4, 5, 6
)

select * from counted
