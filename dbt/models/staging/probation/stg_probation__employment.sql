-- One row per employment record in force, half-open; withdrawn records are gone.
with sent as (
    {{ in_force('probation', 'employment') }}
),

renamed as (
    select
        record_id,
        crn as person_ref,
        employment_code,
        start_date,
        {{ day_after('end_date') }} as end_date,
        is_evidenced,
        recorded_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
