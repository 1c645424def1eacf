-- One row per offence that was proved (mappings/proven_offence), of people who have left custody: nobody else is followed up.
{{ kept_by_person() }}
with released as (
    select distinct person_id from {{ ref('int_custody_records') }}
    where end_date is not null {{- touched_people('and', 'person_id') }}
),

people as {{ few_first() }}(
    select
        people.person_ref,
        people.person_id
    from {{ ref('int_people') }} as people
    inner join released on people.person_id = released.person_id
    where people.agency = 'police' {{- touched_people('and', 'people.person_id') }}
),

offences as (
    select * from {{ staged('stg_police__offences', keys_naming('police', 'offences', 'select person_ref from people')) }}
),

identified as (
    select
        people.person_id,
        offences.offence_id as record_id,
        offences.disposal_type as code,
        offences.offence_date,
        offences.disposal_date,
        offences._delivery_id,
        offences._row_number
    from offences
    inner join people on offences.person_ref = people.person_ref
    inner join {{ ref('proven_offence') }} as proven
        on
            {{ maps('proven', 'official', "'disposal_codes'", 'offences.disposal_type', 'offences.disposal_date') }}
            and proven.status = 'yes'
)

select * from identified
