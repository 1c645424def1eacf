-- One row per proved offence in force.
with sent as (
    {{ in_force('police', 'offences', with_first_seen=true) }}
),

renamed as (
    select
        offence_id,
        pnc_id as person_ref,
        {{ std_name('first_name') }} as first_name,
        {{ std_name('last_name') }} as last_name,
        date_of_birth,
        {{ std_number('pnc_id') }} as pnc_id,
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
