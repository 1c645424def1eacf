-- As int_people_clusters, with clusters that hold a must-not-link pair taken apart: every reference goes with the
-- nearest member of such a pair, first along must-link decisions, then along any link.
{{ kept("reference_id in (select reference_id from {{ ref('int_touched_groups') }})") }}
-- depends_on: {{ ref('int_touched_groups') }}
with clusters as (
    select * from {{ ref('int_people_clusters') }}
    {{- touched_in('where', 'reference_id', 'int_touched_groups') }}
),

pairs as (
    select
        reference_a,
        reference_b
    from {{ ref('int_people_overrides') }}
    where decision = 'must_not_link'
),

-- now we have the members of forbidden pairs that links have brought together all the same
seeds as (
    select
        a.cluster_id,
        a.reference_id as seed_id
    from pairs
    inner join clusters as a on pairs.reference_a = a.reference_id
    inner join clusters as b on pairs.reference_b = b.reference_id and a.cluster_id = b.cluster_id
    union
    select
        b.cluster_id,
        b.reference_id as seed_id
    from pairs
    inner join clusters as a on pairs.reference_a = a.reference_id
    inner join clusters as b on pairs.reference_b = b.reference_id and a.cluster_id = b.cluster_id
),

troubled as (
    select
        clusters.reference_id,
        seeds.seed_id as label
    from clusters
    left join seeds on clusters.reference_id = seeds.seed_id
    where exists (
        select 1 from seeds as held
        where clusters.cluster_id = held.cluster_id
    )
),

links as (
    select
        reference_a as from_id,
        reference_b as to_id
    from {{ ref('int_people_links') }}
    where reference_a in (select reference_id from troubled)
    union all
    select
        reference_b as from_id,
        reference_a as to_id
    from {{ ref('int_people_links') }}
    where reference_a in (select reference_id from troubled)
),

decided_links as (
    select
        links.from_id,
        links.to_id
    from links
    inner join {{ ref('int_people_overrides') }} as overrides
        on
            overrides.decision = 'must_link'
            and least(links.from_id, links.to_id) = overrides.reference_a
            and greatest(links.from_id, links.to_id) = overrides.reference_b
),

{{ spread_labels('troubled', 'decided_links', is_fixed=true, name='decided') }},

{{ spread_labels('decided_last', 'links', is_fixed=true, ids='troubled') }},

resolved as (
    select
        clusters.reference_id,
        case when spread.reference_id is null then clusters.cluster_id else coalesce(spread.label, clusters.reference_id) end
            as cluster_id,
        spread.reference_id is not null as is_split
    from clusters
    left join spread_last as spread on clusters.reference_id = spread.reference_id
)

select * from resolved
