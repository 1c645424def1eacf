-- One row per job found by a provider in force, half-open.
with sent as (
    {{ in_force('ete', 'job_starts', with_first_seen=true) }}
),

renamed as (
    select
        job_id,
        client_ref as person_ref,
        first_name,
        last_name,
        date_of_birth,
        postcode,
        crn,
        employer_ref,
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
