-- One row per score in force.
with sent as (
    {{ in_force('probation', 'assessments') }}
),

renamed as (
    select
        assessment_id,
        crn as person_ref,
        instrument,
        domain,
        score,
        assessed_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
