-- One row per cell and sum it takes part in, as the whole (is_whole) or a part: a hidden cell must not follow from the others.
-- Sums run over geography (areas of a region, regions of a country …) and over time (months of a quarter, quarters of a year …).
with cells as (
    select * from {{ ref('disclosure_cells') }}
),

geographies as (
    select distinct
        geography_type,
        geography_code,
        parent_type,
        parent_code
    from {{ ref('geographies') }}
    where parent_type is not null
),

periods as (
    select * from {{ ref('reporting_periods') }}
),

calendar as (
    select * from {{ ref('reporting_calendar') }}
),

-- now we have which period is a part of which: the shortest kind that divides the longer one
period_parts as (
    select
        part.period_type,
        part.period_start,
        whole.period_type as whole_type,
        whole.period_start as whole_start
    from periods as part
    inner join periods as whole
        on
            part.period_start >= whole.period_start
            and part.period_end <= whole.period_end
            and part.period_type <> whole.period_type
    inner join calendar as part_kind on part.period_type = part_kind.period_type
    inner join calendar as whole_kind on whole.period_type = whole_kind.period_type
    where (part_kind.months = 3 and whole_kind.months = 12) or (part_kind.months = 1 and whole_kind.months in (3, 4))
),

in_geography as (
    select
        'g' || whole.cell_id as group_id,
        part.cell_id,
        false as is_whole
    from cells as part
    inner join
        geographies
        on part.geography_type = geographies.geography_type and part.geography_code = geographies.geography_code
    inner join cells as whole
        on
            part.indicator_id = whole.indicator_id
            and part.view_id = whole.view_id
            and part.definition_version = whole.definition_version
            and part.period_type = whole.period_type and part.period_start = whole.period_start
            and geographies.parent_type = whole.geography_type and geographies.parent_code = whole.geography_code
),

in_time as (
    select
        't' || whole.cell_id as group_id,
        part.cell_id,
        false as is_whole
    from cells as part
    inner join period_parts on part.period_type = period_parts.period_type and part.period_start = period_parts.period_start
    inner join cells as whole
        on
            part.indicator_id = whole.indicator_id
            and part.view_id = whole.view_id
            and part.definition_version = whole.definition_version
            and part.geography_type = whole.geography_type and part.geography_code = whole.geography_code
            and period_parts.whole_type = whole.period_type and period_parts.whole_start = whole.period_start
),

stacked as (
    select * from in_geography
    union all
    select * from in_time
    union all
    select distinct
        group_id,
        cast(substr(group_id, 2) as bigint) as cell_id,
        true as is_whole
    from in_geography
    union all
    select distinct
        group_id,
        cast(substr(group_id, 2) as bigint) as cell_id,
        true as is_whole
    from in_time
),

numbered as (
    select
        dense_rank() over (order by group_id) as group_id,
        cell_id,
        is_whole
    from stacked
)

select * from numbered
