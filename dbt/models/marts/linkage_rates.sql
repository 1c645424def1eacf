-- One row per agency: how many of its references are linked to another record, and how.
with people as (
    select * from {{ ref('int_people') }}
),

rates as (
    select
        agency,
        count(*) as reference_count,
        count(linked_by) as linked_count,
        round(100.0 * count(linked_by) / nullif(count(*), 0), 4) as linkage_rate_pct
    from people
    group by agency
)

select * from rates
