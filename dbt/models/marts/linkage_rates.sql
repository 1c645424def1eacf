-- One row per agency: how many of its references are linked to another record, and how.
with people as (
    select * from {{ ref('int_people') }}
),

rates as (
    select
        agency,
        count(*) as reference_count,
        count(linked_by) as linked_count,
        {{ pct('count(linked_by)', 'count(*)') }} as linkage_rate_pct
    from people
    group by agency
)

select * from rates
