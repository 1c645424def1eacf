-- One row per order or licence in force. termination_date is the last day; end_date the day after.
with sent as (
    {{ in_force('probation', 'orders') }}
),

renamed as (
    select
        order_id,
        crn as person_ref,
        order_type_code,
        start_date,
        termination_date,
        {{ day_after('termination_date') }} as end_date,
        termination_reason_code,
        probation_area_code as area_code,
        local_authority_code,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
