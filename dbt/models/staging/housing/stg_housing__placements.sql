-- One row per placement in force, half-open.
with sent as (
    {{ in_force('housing', 'placements', with_first_seen=true) }}
),

renamed as (
    select
        placement_id,
        client_ref as person_ref,
        first_name,
        last_name,
        date_of_birth,
        postcode,
        crn,
        tenure_code,
        route_code,
        is_disclosure_managed,
        start_date,
        {{ day_after('end_date') }} as end_date,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
