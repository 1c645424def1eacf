-- One row per geography and time in force: probation areas, regions, countries and the nation, each with its parent.
with areas as (
    select * from {{ ref('areas') }}
),

regions as (
    select * from {{ ref('regions') }}
),

stacked as (
    select
        'probation_area' as geography_type,
        area_code as geography_code,
        area_name as geography_name,
        'region' as parent_type,
        region_code as parent_code,
        valid_from,
        valid_to
    from areas
    union all
    select
        'region',
        region_code,
        region_name,
        'country',
        country_code,
        valid_from,
        valid_to
    from regions
    union all
    select
        'country',
        country_code,
        country_name,
        'nation',
        nation_code,
        min(valid_from),
        case when count(*) = count(valid_to) then max(valid_to) end
    from regions
    group by country_code, country_name, nation_code
    union all
    select
        'nation',
        nation_code,
        nation_name,
        null,
        null,
        min(valid_from),
        null
    from regions
    group by nation_code, nation_name
)

select * from stacked
