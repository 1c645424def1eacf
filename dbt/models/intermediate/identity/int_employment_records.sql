-- One row per employment record with its person, half-open; the keys of the record stay in this room.
{{ kept_by_record('probation', 'employment') }}
with people as (
    select
        person_ref,
        reference_id,
        person_id
    from {{ ref('int_people') }}
    where agency = 'probation'
),

records as {{ few_first() }}(
    select * from {{ staged('stg_probation__employment', keys_of_touched_records('probation', 'employment')) }}
),

identified as (
    select
        people.person_id,
        people.reference_id,
        records.record_id,
        records.employment_code as code,
        records.start_date,
        records.end_date,
        records.is_evidenced,
        records.recorded_date,
        records._delivery_id,
        records._row_number
    from records
    inner join people on records.person_ref = people.person_ref
)

select * from identified
