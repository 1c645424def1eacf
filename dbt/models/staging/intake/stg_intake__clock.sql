-- One row: the day that the night is of. Where none is named (a build that is no night), it is the day of the latest extract,
-- so that nothing is late.
with clock as (
    select max(today) as today from {{ source('intake', 'clock') }}
),

deliveries as (
    select max(extract_date) as latest_date from {{ source('intake', 'deliveries') }}
    where status in ('accepted', 'accepted_with_quarantine')
),

named as (
    select coalesce(clock.today, deliveries.latest_date) as today
    from clock
    cross join deliveries
)

select * from named
