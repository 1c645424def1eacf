-- One row per returned indicator, area and period in force.
with sent as (
    {{ in_force('departments', 'psa16_returns') }}
),

renamed as (
    select
        indicator as indicator_id,
        area as geography_code,
        period_start,
        period_end,
        numerator,
        denominator,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
