-- One row per release from custody, with what is known of home on the first night and after three months, of work after six weeks
-- and six months, by the probation record and by P45, of benefit after one month, and of offences of the year after.
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

p45 as (
    select * from {{ ref('int_p45_on_day') }}
    where population = 'release' {{- touched_people('and', 'person_id') }}
),

benefit as (
    select * from {{ ref('int_benefit_on_day') }}
    where population = 'release' {{- touched_people('and', 'person_id') }}
),

reoffending as (
    select * from {{ ref('int_reoffending') }}
    {{- touched_people('where', 'person_id') }}
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
        case when six_weeks.is_applicable then six_weeks.employed_p45 else 'not_applicable' end
            as employed_p45_six_weeks_status,
        {{- evidence('p45_six_weeks', 'p45_six_weeks') }}
        case when six_months.is_applicable then six_months.employed_p45 else 'not_applicable' end
            as employed_p45_six_months_status,
        {{- evidence('p45_six_months', 'p45_six_months') }}
        case when one_month.is_applicable then one_month.out_of_work_benefit else 'not_applicable' end
            as out_of_work_benefit_one_month_status,
        {{- evidence('benefit_one_month', 'one_month') }}
        case when reoffending.is_applicable then reoffending.reoffended else 'not_applicable' end
            as reoffended_one_year_status,
        {{- evidence('reoffence', 'reoffending') }}
        releases._delivery_id,
        releases._row_number
    -- each release has one row of each look. Left joins: of inner ones DuckDB hashes the wide side, at three times the cost
    from releases
    left join
        accommodation as first_night
        on releases.event_id = first_night.event_id and first_night.follow_up_id = 'first_night'
    left join
        accommodation as three_months
        on releases.event_id = three_months.event_id and three_months.follow_up_id = 'three_months'
    left join employment as six_weeks on releases.event_id = six_weeks.event_id and six_weeks.follow_up_id = 'six_weeks'
    left join employment as six_months on releases.event_id = six_months.event_id and six_months.follow_up_id = 'six_months'
    left join benefit as one_month on releases.event_id = one_month.event_id and one_month.follow_up_id = 'one_month'
    left join reoffending on releases.event_id = reoffending.event_id
    left join p45 as p45_six_weeks on releases.event_id = p45_six_weeks.event_id and p45_six_weeks.follow_up_id = 'six_weeks'
    left join
        p45 as p45_six_months
        on releases.event_id = p45_six_months.event_id and p45_six_months.follow_up_id = 'six_months'
)

select * from outcomes
