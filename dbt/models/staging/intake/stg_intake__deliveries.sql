-- One row per delivery that was taken and is known at `as_at`.
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
        {%- if var('as_at') %} and received_at <= timestamp '{{ var('as_at') }}'{% endif %}
)

select * from taken
