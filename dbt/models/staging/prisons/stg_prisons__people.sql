-- One row per prison number in force, names and numbers as they are compared.
with sent as (
    {{ in_force('prisons', 'people', with_first_seen=true) }}
),

renamed as (
    select
        noms_number as person_ref,
        {{ std_name('first_name') }} as first_name,
        {{ std_name('last_name') }} as last_name,
        date_of_birth,
        sex,
        ethnicity,
        {{ std_number('home_postcode') }} as postcode,
        {{ std_number('noms_number') }} as noms_number,
        {{ std_number('pnc_id') }} as pnc_id,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
