-- One row per indicator, geography and period with any event: yes, no, unknown and out of scope.
with counts as (
    select * from {{ ref('outcome_counts') }}
),

definitions as (
    select * from {{ ref('indicator_definitions') }}
    where basis = 'computed'
),

by_definition as (
    select
        definitions.indicator_id,
        definitions.view_id,
        definitions.definition_version,
        memberships.geography_type,
        memberships.geography_code,
        counts.month_start,
        sum(case when counts.status = 'yes' then counts.event_count else 0 end) as yes_count,
        sum(case when counts.status = 'no' then counts.event_count else 0 end) as no_count,
        sum(case when counts.status = 'unknown' then counts.event_count else 0 end) as unknown_count,
        sum(case when counts.status in ('not_applicable', 'out_of_scope') then counts.event_count else 0 end)
            as out_of_scope_count,
        sum(counts.not_due_count) as not_due_count
    from definitions
    inner join counts
        on
            definitions.population = counts.population and definitions.outcome = counts.outcome
            and (definitions.order_group is null or definitions.order_group = counts.order_group)
    inner join {{ ref('area_memberships') }} as memberships
        on counts.area_code = memberships.area_code and {{ holds_in_month('memberships', 'counts.month_start') }}
    group by
        definitions.indicator_id,
        definitions.view_id,
        definitions.definition_version,
        memberships.geography_type,
        memberships.geography_code,
        counts.month_start
),

summed as (
    select
        by_definition.indicator_id,
        by_definition.view_id,
        by_definition.definition_version,
        by_definition.geography_type,
        by_definition.geography_code,
        periods.period_type,
        periods.period_start,
        cast(sum(by_definition.yes_count) as bigint) as yes_count,
        cast(sum(by_definition.no_count) as bigint) as no_count,
        cast(sum(by_definition.unknown_count) as bigint) as unknown_count,
        cast(sum(by_definition.out_of_scope_count) as bigint) as out_of_scope_count,
        cast(sum(by_definition.not_due_count) as bigint) as not_due_count
    from by_definition
    inner join {{ ref('reporting_periods') }} as periods
        on by_definition.month_start >= periods.period_start and by_definition.month_start < periods.period_end
    group by
        by_definition.indicator_id,
        by_definition.view_id,
        by_definition.definition_version,
        by_definition.geography_type,
        by_definition.geography_code,
        periods.period_type,
        periods.period_start
)

select * from summed
