-- One row per indicator, geography, period and level or draw that counts other events: how many more yes, no and unknown than in
-- the figure, or fewer.
with differences as (
    select * from {{ ref('linkage_differences') }}
),

definitions as (
    select * from {{ ref('indicator_definitions') }}
    where basis = 'computed'
),

by_place as (
    select
        differences.level_id,
        differences.draw,
        definitions.indicator_id,
        definitions.view_id,
        definitions.definition_version,
        memberships.geography_type,
        memberships.geography_code,
        differences.month_start,
        sum(case when differences.status = 'yes' then differences.event_count else 0 end) as yes_more,
        sum(case when differences.status = 'no' then differences.event_count else 0 end) as no_more,
        sum(case when differences.status = 'unknown' then differences.event_count else 0 end) as unknown_more
    from differences
    inner join definitions
        on
            differences.population = definitions.population and differences.outcome = definitions.outcome
            and (definitions.order_group is null or differences.order_group = definitions.order_group)
    inner join {{ ref('area_memberships') }} as memberships
        on differences.area_code = memberships.area_code and {{ holds_in_month('memberships', 'differences.month_start') }}
    group by
        differences.level_id,
        differences.draw,
        definitions.indicator_id,
        definitions.view_id,
        definitions.definition_version,
        memberships.geography_type,
        memberships.geography_code,
        differences.month_start
),

summed as (
    select
        by_place.level_id,
        by_place.draw,
        by_place.indicator_id,
        by_place.view_id,
        by_place.definition_version,
        by_place.geography_type,
        by_place.geography_code,
        periods.period_type,
        periods.period_start,
        cast(sum(by_place.yes_more) as bigint) as yes_more,
        cast(sum(by_place.no_more) as bigint) as no_more,
        cast(sum(by_place.unknown_more) as bigint) as unknown_more
    from by_place
    inner join {{ ref('reporting_periods') }} as periods
        on by_place.month_start >= periods.period_start and by_place.month_start < periods.period_end
    group by
        by_place.level_id,
        by_place.draw,
        by_place.indicator_id,
        by_place.view_id,
        by_place.definition_version,
        by_place.geography_type,
        by_place.geography_code,
        periods.period_type,
        periods.period_start
)

select * from summed
where yes_more <> 0 or no_more <> 0 or unknown_more <> 0
