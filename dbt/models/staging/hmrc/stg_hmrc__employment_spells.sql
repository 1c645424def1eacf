-- One row per P45 spell in force, half-open.
with sent as (
    {{ in_force('hmrc', 'employment_spells', with_first_seen=true) }}
),

renamed as (
    select
        spell_id,
        {{ hmrc_reference() }} as person_ref,
        first_name,
        last_name,
        date_of_birth,
        ni_number,
        employer_ref,
        start_date,
        {{ day_after('end_date') }} as end_date,
        is_start_estimated,
        is_end_estimated,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
