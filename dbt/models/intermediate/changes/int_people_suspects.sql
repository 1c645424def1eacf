-- One row per reference of a cluster that may have to be taken apart, or that people decided about: its cluster, or the part of it if
-- it was oversized (int_people_links_broken). A table of its own, as engines that write CTEs out where they are read would do so often.
-- In a night of changes: of touched groups.
-- depends_on: {{ ref('int_touched_groups') }}
with broken as (
    select * from {{ ref('int_people_links_broken') }}
),

overrides as (
    select * from {{ ref('int_people_overrides') }}
),

-- the few clusters that may have to be taken apart, or that people decided about
decided_on as (
    select reference_a as reference_id from overrides
    union
    select reference_b from overrides
),

suspects as (
    select * from {{ ref('int_people_clusters') }}
    where
        (
            is_crowded
            or cluster_id in (select cluster_id from broken)
            or cluster_id in (
                select clusters.cluster_id
                from {{ ref('int_people_clusters') }} as clusters
                inner join decided_on on clusters.reference_id = decided_on.reference_id
            )
        ) {{- touched_in('and', 'reference_id', 'int_touched_groups') }}
),

all_links as (
    select
        links.reference_a,
        links.reference_b
    from {{ ref('int_people_links') }} as links
    inner join suspects on links.reference_a = suspects.reference_id
    left join broken on links.reference_a = broken.reference_a and links.reference_b = broken.reference_b
    where broken.reference_a is null
),

oversized as (
    select
        reference_id,
        agency_bit
    from suspects
    where cluster_id in (select cluster_id from broken)
),

links_of_parts as (
    select * from all_links
    where reference_a in (select reference_id from oversized)
),

connected as (
    {{ components('links_of_parts') }}
),

parts as (
    select
        oversized.reference_id,
        coalesce(connected.label, oversized.reference_id) as cluster_id,
        oversized.agency_bit
    from oversized
    left join connected on oversized.reference_id = connected.reference_id
),

crowded_parts as (
    select cluster_id from parts
    group by cluster_id
    having bit_or(agency_bit) <> sum(agency_bit)
),

-- now we have clusters of a size that people have
clusters as (
    select
        reference_id,
        cluster_id,
        agency_bit,
        is_crowded,
        false as is_part
    from suspects
    where reference_id not in (select reference_id from oversized)
    union all
    select
        parts.reference_id,
        parts.cluster_id,
        parts.agency_bit,
        crowded_parts.cluster_id is not null as is_crowded,
        true as is_part
    from parts
    left join crowded_parts on parts.cluster_id = crowded_parts.cluster_id
)

select * from clusters
