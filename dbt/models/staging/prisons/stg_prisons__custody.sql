-- One row per period in custody in force: in custody from reception_date up to, and not on, release_date.
with sent as (
    {{ in_force('prisons', 'custody') }}
),

renamed as (
    select
        booking_id,
        noms_number as person_ref,
        establishment_code,
        reception_date,
        release_date,
        release_reason_code,
        sentence_length_band,
        discharge_accommodation_code,
        home_area_code as area_code,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
