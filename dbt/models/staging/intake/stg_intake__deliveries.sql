-- One row per delivery that was taken, numbered in the order in which they came.
with deliveries as (
    select * from {{ source('intake', 'deliveries') }}
),

taken as (
    select
        delivery_id,
        row_number() over (order by received_at, delivery_id) as delivery_number,
        agency,
        extract,
        extract_date,
        received_at,
        accepted_count,
        quarantined_count
    from deliveries
    where
        status in ('accepted', 'accepted_with_quarantine')
)

select * from taken
