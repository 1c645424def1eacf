-- One row per case reference number in force.
with sent as (
    {{ in_force('probation', 'people', with_first_seen=true) }}
),

renamed as (
    select
        crn as person_ref,
        first_name,
        last_name,
        date_of_birth,
        sex,
        ethnicity,
        postcode,
        ni_number,
        noms_number,
        pnc_id,
        crn,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
