-- One row per consent in force.
with sent as (
    {{ in_force('probation', 'consents') }}
),

renamed as (
    select
        consent_id,
        crn as person_ref,
        recipient_agency,
        purpose,
        given_date,
        withdrawn_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
