-- One row per delivery that was taken, with a number that is made of its id.
with deliveries as (
    select * from {{ source('intake', 'deliveries') }}
),

taken as (
    select
        delivery_id,
        {{ plain_hash('delivery_id') }} as delivery_number,
        agency,
        extract,
        extract_date,
        sequence,
        received_at,
        accepted_count,
        quarantined_count
    from deliveries
    where
        status in ('accepted', 'accepted_with_quarantine')
)

select * from taken
