-- One row per Work Programme referral with its person; the spell runs from referral to the last thing that happened on it.
{{ kept_by_person() }}
with people as {{ few_first() }}(
    select
        person_ref,
        person_id
    from {{ ref('int_people') }}
    where agency = 'dwp' {{- touched_people('and', 'person_id') }}
),

referrals as (
    select
        *,
        coalesce(last_sustainment_date, job_outcome_date, attachment_date, referral_date) as last_known_date
    from {{ ref('stg_dwp__work_programme') }}
),

identified as (
    select
        people.person_id,
        referrals.referral_date as start_date,
        {{ day_after('referrals.last_known_date') }} as end_date,
        referrals.payment_group,
        referrals.is_day_one,
        referrals._delivery_id,
        referrals._row_number
    from referrals
    inner join people on referrals.person_ref = people.person_ref
)

select * from identified
