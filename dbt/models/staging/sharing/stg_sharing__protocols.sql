-- One row per information sharing protocol in force, half-open.
with sent as (
    {{ in_force('sharing', 'protocols') }}
),

renamed as (
    select
        protocol_id,
        from_agency,
        to_agency,
        area_code,
        purpose,
        lawful_basis,
        valid_from,
        {{ day_after('valid_to') }} as valid_to,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
