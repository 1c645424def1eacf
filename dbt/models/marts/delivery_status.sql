-- One row per extract: how it stands today. The next delivery is that of the first period that ends after the latest extract date.
-- Late is a delivery that was due and is not here while the last one may stand in; overdue, one that is later than that (decision 006).
with terms as (
    select * from {{ ref('int_delivery_terms') }}
),

next_periods as (
    select
        terms.*,
        cast({{ day_after_period(day_after('terms.latest_extract_date'), 'terms.frequency_months') }} - interval 1 day as date)
            as period_end
    from terms
),

due as (
    select
        next_periods.*,
        {{ add_days('next_periods.period_end', 'next_periods.latency_days') }} as due_date,
        {{ add_days('next_periods.period_end', 'next_periods.latency_days + next_periods.carry_forward_days') }}
            as carry_forward_until
    from next_periods
),

judged as (
    select
        agency,
        extract,
        case
            when latest_extract_date is null then 'never_came'
            when today <= due_date then 'on_time'
            when today <= carry_forward_until then 'late'
            else 'overdue'
        end as status,
        latest_extract_date,
        latest_received_at,
        period_end,
        due_date,
        carry_forward_until,
        case when latest_extract_date is not null then greatest(0, {{ days_between('due_date', 'today') }}) end as days_late,
        today
    from due
)

select * from judged
