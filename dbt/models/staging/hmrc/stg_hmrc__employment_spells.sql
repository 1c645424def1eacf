-- One row per P45 spell in force, half-open. HMRC sends no person reference: the number, names and date of birth together are one.
with sent as (
    {{ in_force('hmrc', 'employment_spells', with_first_seen=true) }}
),

renamed as (
    select
        spell_id,
        md5(
            concat_ws(
                '|',
                coalesce(ni_number, ''),
                upper(trim(coalesce(first_name, ''))),
                upper(trim(coalesce(last_name, ''))),
                coalesce(cast(date_of_birth as string), '')
            )
        ) as person_ref,
        {{ std_name('first_name') }} as first_name,
        {{ std_name('last_name') }} as last_name,
        date_of_birth,
        {{ std_ni_number('ni_number') }} as ni_number,
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
