-- One row per reference with the cluster it falls in: references joined by links, directly or through others.
with links as (
    select
        reference_a as from_id,
        reference_b as to_id
    from {{ ref('int_people_links') }}
    union all
    select
        reference_b as from_id,
        reference_a as to_id
    from {{ ref('int_people_links') }}
),

linked as (
    select distinct
        from_id as reference_id,
        from_id as label
    from links
),

{{ spread_labels('linked', 'links') }},

joined as (
    select
        people.reference_id,
        coalesce(spread.label, people.reference_id) as cluster_id
    from {{ ref('int_people_references') }} as people
    left join spread_last as spread on people.reference_id = spread.reference_id
)

select * from joined
