-- One row per release from custody, with what is known of home on the first night and after three months, and of work after
-- six weeks and six months.
{{ kept_by_person() }}
with releases as (
    select * from {{ ref('int_releases') }}
    {{- touched_people('where', 'person_id') }}
),

accommodation as (
    select * from {{ ref('int_accommodation_on_day') }}
    where population = 'release' {{- touched_people('and', 'person_id') }}
),

employment as (
    select * from {{ ref('int_employment_on_day') }}
    where population = 'release' {{- touched_people('and', 'person_id') }}
),

outcomes as (
    select
        releases.event_id,
        releases.person_id,
        releases.event_date,
        releases.event_date as release_date,
        releases.area_code,
        'release' as order_group,
        releases.sentence_length_band,
        releases.establishment_code,
        true as is_in_scope,
        first_night.housed as housed_first_night_status,
        {{- evidence('first_night', 'first_night') }}
        case when three_months.is_applicable then three_months.settled_policy else 'not_applicable' end
            as settled_three_months_status,
        {{- evidence('three_months', 'three_months') }}
        case when six_weeks.is_applicable then six_weeks.employed_if_available else 'not_applicable' end
            as employed_six_weeks_status,
        {{- evidence('six_weeks', 'six_weeks') }}
        case when six_months.is_applicable then six_months.employed_if_available else 'not_applicable' end
            as employed_six_months_status,
        {{- evidence('six_months', 'six_months') }}
        releases._delivery_id,
        releases._row_number
    from releases
    inner join
        accommodation as first_night
        on releases.event_id = first_night.event_id and first_night.follow_up_id = 'first_night'
    inner join
        accommodation as three_months
        on releases.event_id = three_months.event_id and three_months.follow_up_id = 'three_months'
    inner join employment as six_weeks on releases.event_id = six_weeks.event_id and six_weeks.follow_up_id = 'six_weeks'
    inner join employment as six_months on releases.event_id = six_months.event_id and six_months.follow_up_id = 'six_months'
)

select * from outcomes
