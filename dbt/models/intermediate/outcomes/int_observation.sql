-- One row: the day up to which outcomes can be observed. It is the extract date that orders, accommodation and employment
-- records of probation have all reached; null when one of them has never come.
with deliveries as (
    select * from {{ ref('stg_intake__deliveries') }}
    where agency = 'probation' and extract in ('orders', 'accommodation', 'employment')
),

latest as (
    select
        extract,
        max(extract_date) as latest_date
    from deliveries
    group by extract
),

observed as (
    select case when count(*) = 3 then min(latest_date) end as observed_until
    from latest
)

select * from observed
