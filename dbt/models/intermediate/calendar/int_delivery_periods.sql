-- One row per extract and period that has ended since its first delivery. A delivery serves every period that ended up to its
-- extract date, so that a later one makes good for one that was missed. A hundred years of months are enough.
with terms as (
    select * from {{ ref('int_delivery_terms') }}
),

deliveries as (
    select * from {{ ref('stg_intake__deliveries') }}
),

numbers as (
    select cast(months.n as integer) as n from range(0, 1200) as months (n)
),

latest_periods as (
    select
        terms.*,
        {{ day_after_period(day_after('terms.today'), 'terms.frequency_months') }} as after_this_period
    from terms
    where terms.first_extract_date is not null
),

-- now we have every period that has ended, back from today
periods as (
    select
        latest_periods.agency,
        latest_periods.extract,
        latest_periods.latency_days,
        latest_periods.first_extract_date,
        latest_periods.today,
        cast(
            {{ add_months('latest_periods.after_this_period', '-latest_periods.frequency_months * (numbers.n + 1)') }}
            - interval 1 day as date
        ) as period_end
    from latest_periods
    cross join numbers
),

served as (
    select
        periods.agency,
        periods.extract,
        periods.period_end,
        {{ add_days('periods.period_end', 'periods.latency_days') }} as due_date,
        periods.today,
        min(deliveries.received_at) as received_at,
        min_by(deliveries.extract_date, (deliveries.received_at, deliveries.delivery_id)) as extract_date
    from periods
    left join deliveries
        on
            periods.agency = deliveries.agency
            and periods.extract = deliveries.extract
            and periods.period_end <= deliveries.extract_date
    where periods.period_end >= periods.first_extract_date
    group by periods.agency, periods.extract, periods.period_end, periods.latency_days, periods.today
),

-- a day that is named stands for the present: what is here by then came by then, whatever the machine's clock said
dated as (
    select
        *,
        least({{ london_day('received_at') }}, today) as delivered_date
    from served
),

judged as (
    select
        agency,
        extract,
        period_end,
        due_date,
        case when received_at is not null then delivered_date end as delivered_date,
        extract_date,
        case
            when received_at is not null and delivered_date <= due_date then 'came'
            when received_at is not null then 'came_late'
            when today <= due_date then 'awaited'
            else 'missing'
        end as status,
        greatest(0, {{ days_between('due_date', 'case when received_at is not null then delivered_date else today end') }})
            as days_late
    from dated
)

select * from judged
