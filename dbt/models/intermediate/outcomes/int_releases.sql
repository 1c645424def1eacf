-- One row per release: one person and one day, from a sentence, and not back in custody that night (MI014 to MI017).
{{ kept_by_person() }}
with custody as (
    select * from {{ ref('int_custody_records') }}
    {{- touched_people('where', 'person_id') }}
),

left_custody as (
    select
        custody.*,
        coalesce('p' || cast(custody.person_id as string), 'r' || custody.record_id) as person_or_record
    from custody
    inner join {{ ref('release_scope') }} as scope
        on
            {{ maps('scope', 'official', "'release_reason_codes'", 'custody.release_reason_code', 'custody.end_date') }}
            and scope.status = 'yes'
    where custody.end_date is not null
),

-- now we have one row per person and day: of several, the booking that began last, then the greatest
one_a_day as (
    select
        *,
        row_number() over (partition by person_or_record, end_date order by start_date desc, record_id desc) as nth
    from left_custody
),

held_that_night as (
    select distinct
        one_a_day.person_id,
        one_a_day.end_date
    from one_a_day
    inner join
        custody
        on
            one_a_day.person_id = custody.person_id
            and {{ is_on_day('one_a_day.end_date', 'custody.start_date', 'custody.end_date') }}
),

releases as (
    select
        {{ row_id('deliveries', 'one_a_day') }} as event_id,
        one_a_day.person_id,
        one_a_day.end_date as event_date,
        one_a_day.start_date as reception_date,
        one_a_day.area_code,
        one_a_day.sentence_length_band,
        one_a_day.establishment_code,
        one_a_day.discharge_accommodation_code,
        one_a_day._delivery_id,
        one_a_day._row_number
    from one_a_day
    inner join {{ ref('stg_intake__deliveries') }} as deliveries on one_a_day._delivery_id = deliveries.delivery_id
    left join held_that_night on one_a_day.person_id = held_that_night.person_id and one_a_day.end_date = held_that_night.end_date
    where one_a_day.nth = 1 and held_that_night.person_id is null
)

select * from releases
