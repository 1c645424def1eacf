-- One row per case reference number in force, names and numbers as they are compared.
with sent as (
    {{ in_force('probation', 'people', with_first_seen=true) }}
),

renamed as (
    select
        crn as person_ref,
        {{ std_name('first_name') }} as first_name,
        {{ std_name('last_name') }} as last_name,
        date_of_birth,
        sex,
        ethnicity,
        {{ std_number('postcode') }} as postcode,
        {{ std_ni_number('ni_number') }} as ni_number,
        {{ std_number('noms_number') }} as noms_number,
        {{ std_number('pnc_id') }} as pnc_id,
        {{ std_number('crn') }} as crn,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
