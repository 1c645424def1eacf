-- One row per indicator, geography and period that a reader may ask for, whether or not anything happened. The area that holds
-- events without an area is asked for only where it holds some.
with definitions as (
    select * from {{ ref('indicator_definitions') }}
),

geographies as (
    select * from {{ ref('geographies') }}
),

periods as (
    select * from {{ ref('reporting_periods') }}
),

counts as (
    select * from {{ ref('indicator_counts') }}
),

index_rows as (
    select
        definitions.indicator_id,
        definitions.view_id,
        definitions.definition_version,
        geographies.geography_type,
        geographies.geography_code,
        geographies.geography_name,
        periods.period_type,
        periods.period_start,
        periods.period_end
    from definitions
    cross join geographies
    cross join periods
    left join counts
        on
            definitions.indicator_id = counts.indicator_id
            and definitions.view_id = counts.view_id
            and definitions.definition_version = counts.definition_version
            and geographies.geography_type = counts.geography_type and geographies.geography_code = counts.geography_code
            and periods.period_type = counts.period_type and periods.period_start = counts.period_start
    where
        {{ is_on_day('periods.period_start', 'geographies.valid_from', 'geographies.valid_to') }}
        and (geographies.geography_code <> 'ZZ' or counts.indicator_id is not null)
        and (
            definitions.basis = 'computed' or (geographies.geography_type = 'country' and periods.period_type = 'financial_year')
        )
)

select * from index_rows
