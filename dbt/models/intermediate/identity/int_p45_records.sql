-- One row per P45 spell with its person, half-open.
{{ kept_by_record('hmrc', 'employment_spells') }}
with people as (
    select
        person_ref,
        reference_id,
        person_id
    from {{ ref('int_people') }}
    where agency = 'hmrc'
),

records as {{ few_first() }}(
    select * from {{ staged('stg_hmrc__employment_spells', keys_of_touched_records('hmrc', 'employment_spells')) }}
),

identified as (
    select
        people.person_id,
        people.reference_id,
        records.spell_id as record_id,
        records.start_date,
        records.end_date,
        not coalesce(records.is_start_estimated, false) as is_evidenced,
        records._delivery_id,
        records._row_number
    from records
    inner join people on records.person_ref = people.person_ref
)

select * from identified
