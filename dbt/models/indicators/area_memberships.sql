-- One row per area and geography it adds up to, with the time for which it does.
with areas as (
    select * from {{ ref('areas') }}
),

-- a region has one country and one nation throughout, whatever time its rows are of
regions as (
    select distinct
        region_code,
        country_code,
        nation_code
    from {{ ref('regions') }}
),

placed as (
    select
        areas.area_code,
        regions.region_code,
        regions.country_code,
        regions.nation_code,
        areas.valid_from,
        areas.valid_to
    from areas
    inner join regions on areas.region_code = regions.region_code
),

memberships as (
    select
        area_code,
        'probation_area' as geography_type,
        area_code as geography_code,
        valid_from,
        valid_to
    from placed
    union all
    select
        area_code,
        'region',
        region_code,
        valid_from,
        valid_to
    from placed
    union all
    select
        area_code,
        'country',
        country_code,
        valid_from,
        valid_to
    from placed
    union all
    select
        area_code,
        'nation',
        nation_code,
        valid_from,
        valid_to
    from placed
)

select * from memberships
