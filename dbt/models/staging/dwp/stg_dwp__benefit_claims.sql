-- One row per claim in force, half-open.
with sent as (
    {{ in_force('dwp', 'benefit_claims') }}
),

renamed as (
    select
        claim_id,
        customer_ref as person_ref,
        benefit_code,
        start_date,
        {{ day_after('end_date') }} as end_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
