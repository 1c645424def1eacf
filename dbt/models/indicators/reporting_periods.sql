-- One row per period that figures are published for, half-open (seeds/reporting_calendar).
with calendar as (
    select * from {{ ref('reporting_calendar') }}
),

numbers as (
    select cast(months.n as integer) as n from range(0, 1200) as months (n)
),

periods as (
    select
        calendar.period_type,
        {{ add_months('calendar.first_start', 'numbers.n * calendar.months') }} as period_start,
        {{ add_months('calendar.first_start', '(numbers.n + 1) * calendar.months') }} as period_end
    from calendar
    inner join
        numbers
        on {{ add_months('calendar.first_start', '(numbers.n + 1) * calendar.months') }} <= calendar.last_end
)

select * from periods
