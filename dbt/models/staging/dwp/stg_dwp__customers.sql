-- One row per customer in force, names and numbers as they are compared.
with sent as (
    {{ in_force('dwp', 'customers', with_first_seen=true) }}
),

renamed as (
    select
        customer_ref as person_ref,
        {{ std_name('first_name') }} as first_name,
        {{ std_name('last_name') }} as last_name,
        date_of_birth,
        sex,
        {{ std_number('postcode') }} as postcode,
        {{ std_ni_number('ni_number') }} as ni_number,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
