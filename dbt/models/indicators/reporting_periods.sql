-- One row per period that figures are published for, half-open (seeds/reporting_calendar).
with calendar as (
    select * from {{ ref('reporting_calendar') }}
),

numbers as (
    select cast(range as integer) as n from range(0, 1200)
),

periods as (
    select
        calendar.period_type,
        cast(calendar.first_start + to_months(cast(numbers.n * calendar.months as integer)) as date) as period_start,
        cast(calendar.first_start + to_months(cast((numbers.n + 1) * calendar.months as integer)) as date) as period_end
    from calendar
    inner join
        numbers
        on calendar.first_start + to_months(cast((numbers.n + 1) * calendar.months as integer)) <= calendar.last_end
)

select * from periods
