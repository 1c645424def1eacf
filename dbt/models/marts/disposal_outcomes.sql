-- One row per community disposal, with what is known of home after three months and of work after six.
{{ kept_by_person() }}
with disposals as (
    select * from {{ ref('int_disposals') }}
    {{- touched_people('where', 'person_id') }}
),

accommodation as (
    select * from {{ ref('int_accommodation_on_day') }}
    where population = 'disposal' and follow_up_id = 'three_months' {{- touched_people('and', 'person_id') }}
),

employment as (
    select * from {{ ref('int_employment_on_day') }}
    where population = 'disposal' and follow_up_id = 'six_months' {{- touched_people('and', 'person_id') }}
),

outcomes as (
    select
        disposals.event_id,
        disposals.person_id,
        disposals.event_date,
        disposals.event_date as disposal_date,
        disposals.area_code,
        disposals.local_authority_code,
        disposals.order_group,
        true as is_in_scope,
        case when three_months.is_applicable then three_months.settled_policy else 'not_applicable' end
            as settled_three_months_status,
        {{- evidence('three_months', 'three_months') }}
        case when six_months.is_applicable then six_months.employed_if_available else 'not_applicable' end
            as employed_six_months_status,
        {{- evidence('six_months', 'six_months') }}
        disposals._delivery_id,
        disposals._row_number
    from disposals
    inner join accommodation as three_months on disposals.event_id = three_months.event_id
    inner join employment as six_months on disposals.event_id = six_months.event_id
)

select * from outcomes
