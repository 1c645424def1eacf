-- One row per prison number in force.
with sent as (
    {{ in_force('prisons', 'people', with_first_seen=true) }}
),

renamed as (
    select
        noms_number as person_ref,
        first_name,
        last_name,
        date_of_birth,
        sex,
        ethnicity,
        home_postcode as postcode,
        noms_number,
        pnc_id,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
