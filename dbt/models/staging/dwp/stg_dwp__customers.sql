-- One row per customer in force.
with sent as (
    {{ in_force('dwp', 'customers', with_first_seen=true) }}
),

renamed as (
    select
        customer_ref as person_ref,
        first_name,
        last_name,
        date_of_birth,
        sex,
        postcode,
        ni_number,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
