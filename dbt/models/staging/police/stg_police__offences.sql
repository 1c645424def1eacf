-- One row per proved offence in force.
with sent as (
    {{ in_force('police', 'offences', with_first_seen=true) }}
),

renamed as (
    select
        offence_id,
        pnc_id as person_ref,
        first_name,
        last_name,
        date_of_birth,
        pnc_id,
        offence_date,
        disposal_date,
        disposal_type,
        offence_group,
        _first_seen_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
