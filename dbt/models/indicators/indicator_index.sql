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

-- a geography that begins or ends within a period is asked for in it, by the last name that it has there
places as (
    select
        geographies.geography_type,
        geographies.geography_code,
        geographies.geography_name,
        periods.period_type,
        periods.period_start,
        periods.period_end,
        row_number() over (
            partition by
                geographies.geography_type, geographies.geography_code, periods.period_type, periods.period_start
            order by geographies.valid_from desc
        ) as nth
    from geographies
    inner join periods on {{ holds_within('geographies', 'periods.period_start', 'periods.period_end') }}
),

index_rows as (
    select
        definitions.indicator_id,
        definitions.view_id,
        definitions.definition_version,
        places.geography_type,
        places.geography_code,
        places.geography_name,
        places.period_type,
        places.period_start,
        places.period_end
    from definitions
    cross join places
    left join counts
        on
            definitions.indicator_id = counts.indicator_id
            and definitions.view_id = counts.view_id
            and definitions.definition_version = counts.definition_version
            and places.geography_type = counts.geography_type and places.geography_code = counts.geography_code
            and places.period_type = counts.period_type and places.period_start = counts.period_start
    where
        places.nth = 1
        and (places.geography_code <> 'ZZ' or counts.indicator_id is not null)
        and (definitions.basis = 'computed' or (places.geography_type = 'country' and places.period_type = 'financial_year'))
)

select * from index_rows
