-- One row per delivery that was taken since the last build; none when everything is built anyway, for then no build stands.
with deliveries as (
    select * from {{ source('intake', 'deliveries') }}
    where status in ('accepted', 'accepted_with_quarantine')
),

standing as (
    select delivery_id from {{ source('intake', 'standing') }}
),

counted as (
    select count(*) as standing_count from standing
),

new as (
    select
        deliveries.delivery_id,
        deliveries.agency,
        deliveries.extract
    from deliveries
    cross join counted
    left join standing on deliveries.delivery_id = standing.delivery_id
    where standing.delivery_id is null and counted.standing_count > 0
)

select * from new
