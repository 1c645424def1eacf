-- One row per delivery that was taken.
with deliveries as (
    select * from {{ source('intake', 'deliveries') }}
),

taken as (
    select
        delivery_id,
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
