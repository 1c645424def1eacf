-- One row per period in custody with its person, half-open: in from reception up to, and not on, release.
-- A row of no days covers no day; spells leave it out.
{{ kept_by_person() }}
with people as (
    select
        person_ref,
        reference_id,
        person_id
    from {{ ref('int_people') }}
    where agency = 'prisons'
),

custody as (
    select * from {{ ref('stg_prisons__custody') }}
),

identified as (
    select
        people.person_id,
        people.reference_id,
        custody.booking_id as record_id,
        custody.reception_date as start_date,
        custody.release_date as end_date,
        custody.release_reason_code,
        custody.sentence_length_band,
        custody.establishment_code,
        custody.discharge_accommodation_code,
        custody.area_code,
        custody._delivery_id,
        custody._row_number
    from custody
    left join people on custody.person_ref = people.person_ref
    {{- touched_people('where', 'people.person_id') }}
)

select * from identified
