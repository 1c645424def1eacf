-- One row per cell and sum it takes part in, as the whole (is_whole) or a part: a hidden cell must not follow from the others.
-- Sums run over geography (areas of a region, regions of a country …) and over time (months of a quarter …;
-- a year is its quarters and its months, a window of four months is these, and a quarter and a month).
with cells as (
    select * from {{ ref('disclosure_cells') }}
),

geographies as (
    select distinct
        geography_type,
        geography_code,
        parent_type,
        parent_code,
        coalesce(valid_from, date '1900-01-01') as valid_from,
        valid_to
    from {{ ref('geographies') }}
    where parent_type is not null
),

periods as (
    select * from {{ ref('reporting_periods') }}
),

calendar as (
    select * from {{ ref('reporting_calendar') }}
),

-- now we have every shorter period beside the longer one that it lies in
within_periods as (
    select
        part.period_type,
        part.period_start,
        part.period_end,
        part_kind.months as part_months,
        whole.period_type as whole_type,
        whole.period_start as whole_start,
        whole_kind.months as whole_months
    from periods as part
    inner join periods as whole
        on
            part.period_start >= whole.period_start
            and part.period_end <= whole.period_end
            and part.period_type <> whole.period_type
    inner join calendar as part_kind on part.period_type = part_kind.period_type
    inner join calendar as whole_kind on whole.period_type = whole_kind.period_type
),

left_over_months as (
    select month_parts.*
    from within_periods as month_parts
    left join within_periods as quarters
        on
            month_parts.whole_type = quarters.whole_type and month_parts.whole_start = quarters.whole_start
            and quarters.part_months = 3
            and month_parts.period_start >= quarters.period_start and month_parts.period_end <= quarters.period_end
    where month_parts.part_months = 1 and quarters.period_type is null
),

-- now we have each way to add a period up: by its months, and by its quarters and the months they leave over
period_parts as (
    select
        'm' as way,
        within_periods.*
    from within_periods
    where part_months = 1
    union all
    select
        'q' as way,
        within_periods.*
    from within_periods
    where part_months = 3 and whole_months > 3
    union all
    select
        'q' as way,
        left_over_months.*
    from left_over_months
    where whole_months > 3
),

-- distinct: a geography may have two rows within a period, of one parent
in_geography as (
    select distinct
        'g' || whole.cell_id as group_id,
        whole.cell_id as whole_id,
        part.cell_id,
        false as is_whole
    from cells as part
    inner join
        geographies
        on
            part.geography_type = geographies.geography_type and part.geography_code = geographies.geography_code
            and {{ holds_within('geographies', 'part.period_start', 'part.period_end') }}
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
        period_parts.way || whole.cell_id as group_id,
        whole.cell_id as whole_id,
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

parts as (
    select * from in_geography
    union all
    select * from in_time
),

stacked as (
    select
        group_id,
        cell_id,
        is_whole
    from parts
    union all
    select distinct
        group_id,
        whole_id as cell_id,
        true as is_whole
    from parts
),

numbered as (
    select
        cast(dense_rank() over (order by group_id) as bigint) as group_id,
        cell_id,
        is_whole
    from stacked
)

select * from numbered
