-- As int_people_clusters, with clusters taken apart that are oversized (int_people_links_broken says at which links), that hold a
-- must-not-link pair, or two references that their agency tells apart: every reference goes with the nearest member of such a
-- pair, and what people decided is one person goes together (int_people_decided).
-- Each CTE reads the one before it once where it can: an engine may write CTEs out where they are read, and many rounds read these.
-- `agencies`: the agencies that speak of the cluster, a bit each (macros/people.sql). `pass`: of all links, those between parts too.
{{ kept("reference_id in (select reference_id from {{ ref('int_touched_groups') }})") }}
-- depends_on: {{ ref('int_touched_groups') }}
with overrides as (
    select * from {{ ref('int_people_overrides') }}
),

clusters as (
    select * from {{ ref('int_people_suspects') }}
),

broken as (
    select * from {{ ref('int_people_links_broken') }}
),

all_links as (
    select
        links.reference_a,
        links.reference_b
    from {{ ref('int_people_links') }} as links
    inner join clusters on links.reference_a = clusters.reference_id
    left join broken on links.reference_a = broken.reference_a and links.reference_b = broken.reference_b
    where broken.reference_a is null
),

decided as (
    select * from {{ ref('int_people_decided') }}
),

-- references of clusters in which an agency speaks twice
members as (
    select
        clusters.cluster_id,
        coalesce(decided.group_id, clusters.reference_id) as group_id,
        people.*
    from clusters
    inner join {{ ref('int_people_references') }} as people on clusters.reference_id = people.reference_id
    left join decided on clusters.reference_id = decided.reference_id
    where clusters.is_crowded and clusters.agency_bit > 0
),

-- two references of an agency that nothing but a bridge of other records holds together, and that contradict each other
told_apart as (
    select
        a.reference_id as reference_a,
        b.reference_id as reference_b
    from members as a
    inner join members as b
        on a.cluster_id = b.cluster_id and a.agency = b.agency and a.reference_id < b.reference_id
    left join all_links as direct on a.reference_id = direct.reference_a and b.reference_id = direct.reference_b
    where
        direct.reference_a is null and a.group_id <> b.group_id
        and (a.noms_number <> b.noms_number or a.pnc_id <> b.pnc_id or a.ni_number <> b.ni_number)
        and not coalesce({{ is_same_person('a', 'b') }}, false)
),

pairs as (
    select
        reference_a,
        reference_b
    from overrides
    where decision = 'must_not_link'
    union
    select
        reference_a,
        reference_b
    from told_apart
),

ends as (
    select 1 as nth
    union all
    select 2 as nth
),

-- now we have the members of forbidden pairs that links have brought together all the same
seeds as (
    select distinct
        a.cluster_id,
        case ends.nth when 1 then a.reference_id else b.reference_id end as seed_id
    from pairs
    inner join clusters as a on pairs.reference_a = a.reference_id
    inner join clusters as b on pairs.reference_b = b.reference_id and a.cluster_id = b.cluster_id
    cross join ends
),

grouped as (
    select
        clusters.reference_id,
        clusters.cluster_id,
        seeds.seed_id,
        coalesce(decided.group_id, clusters.reference_id) as group_id
    from clusters
    left join seeds on clusters.reference_id = seeds.seed_id
    left join decided on clusters.reference_id = decided.reference_id
),

marked as (
    select
        reference_id,
        min(seed_id) over (partition by group_id) as label,
        max(seed_id) over (partition by cluster_id) as any_label
    from grouped
),

troubled as (
    select
        reference_id,
        label
    from marked
    where any_label is not null
),

links as (
    select
        case ends.nth when 1 then all_links.reference_a else all_links.reference_b end as from_id,
        case ends.nth when 1 then all_links.reference_b else all_links.reference_a end as to_id
    from all_links
    cross join ends
    where all_links.reference_a in (select reference_id from troubled)
),

nearest as (
    {{ nearest_labels('troubled', 'links') }}
),

resolved as (
    select
        clusters.reference_id,
        clusters.agency_bit,
        coalesce(nearest.label, clusters.cluster_id) as cluster_id
    from clusters
    left join nearest on clusters.reference_id = nearest.reference_id
    where clusters.is_part or nearest.reference_id is not null
),

spoken_of as (
    select
        cluster_id,
        cast(bit_or(agency_bit) as bigint) as agencies
    from resolved
    group by cluster_id
),

taken_apart as (
    select
        resolved.reference_id,
        resolved.cluster_id,
        spoken_of.agencies
    from resolved
    inner join spoken_of on resolved.cluster_id = spoken_of.cluster_id
)

select
    whole_clusters.reference_id,
    coalesce(taken_apart.cluster_id, whole_clusters.cluster_id) as cluster_id,
    taken_apart.reference_id is not null as is_split,
    whole_clusters.pass,
    coalesce(taken_apart.agencies, whole_clusters.agencies) as agencies
from {{ ref('int_people_clusters') }} as whole_clusters
left join taken_apart on whole_clusters.reference_id = taken_apart.reference_id
{{- touched_in('where', 'whole_clusters.reference_id', 'int_touched_groups') }}
