-- One row per referral in force.
with sent as (
    {{ in_force('dwp', 'work_programme') }}
),

renamed as (
    select
        referral_id,
        customer_ref as person_ref,
        referral_date,
        attachment_date,
        payment_group,
        is_day_one,
        job_outcome_date,
        last_sustainment_date,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
