-- One row per (agency, person_ref) with its person_id: a keyed hash of the reference of the person that was seen first (of several on
-- one day the first by agency and reference), so that a later record joins a person without renumbering anyone. The key is a file
-- outside both databases.
{{ kept("reference_id in (select reference_id from {{ ref('int_touched_identities') }})") }}
{{ config(pre_hook="{{ read_person_key() }}") }}
-- depends_on: {{ ref('int_touched_identities') }}
with people as {{ read_again() }} (
    select * from {{ ref('int_people_references') }}
    {{- touched_in('where', 'reference_id', 'int_touched_identities') }}
),

-- clusters of exact links, and the least of those that uncertain links join to one person
clusters as {{ read_again() }} (
    select
        split.reference_id,
        split.cluster_id,
        coalesce(joined.person_cluster_id, split.cluster_id) as person_cluster_id,
        joined.cluster_id is not null as is_joined
    from {{ ref('int_people_clusters_split') }} as split
    left join {{ ref('int_people_joined') }} as joined on split.cluster_id = joined.cluster_id
    {{- touched_in('where', 'split.reference_id', 'int_touched_identities') }}
),

-- of clusters that were taken apart: a link between two of their parts joins nobody, and leads to people who are not touched
parts as (
    select
        reference_id,
        cluster_id
    from {{ ref('int_people_clusters_split') }}
    where is_split
),

cut as (
    select
        links.reference_a,
        links.reference_b
    from {{ ref('int_people_links') }} as links
    inner join parts as a on links.reference_a = a.reference_id
    inner join parts as b on links.reference_b = b.reference_id
    where a.cluster_id <> b.cluster_id
),

links as {{ read_again() }} (
    select links.*
    from {{ ref('int_people_links') }} as links
    left join cut on links.reference_a = cut.reference_a and links.reference_b = cut.reference_b
    where cut.reference_a is null
    {{- touched_in('and', 'links.reference_a', 'int_touched_identities') }}
),

-- now we have the day and name of the reference that names each person: a day as text is as long as any other
anchors as (
    select
        clusters.person_cluster_id,
        min(cast(people.first_seen_date as string) || people.agency || '/' || people.person_ref) as first_seen,
        count(*) as reference_count
    from clusters
    inner join people on clusters.reference_id = people.reference_id
    group by clusters.person_cluster_id
),

named as (
    select
        person_cluster_id,
        reference_count,
        {{ keyed_hash("substr(first_seen, 11)") }} as person_id
    from anchors
),

strongest as (
    select
        reference_id,
        min(pass) as pass
    from (
        select
            reference_a as reference_id,
            pass
        from links
        union all
        select
            reference_b as reference_id,
            pass
        from links
    ) as either_end
    group by reference_id
),

identified as (
    select
        people.agency,
        people.person_ref,
        people.reference_id,
        named.person_id,
        named.reference_count,
        clusters.cluster_id,
        clusters.person_cluster_id,
        coalesce(passes.pass_id, case when clusters.is_joined then 'evidence' end) as linked_by,
        people.sex,
        people.ethnicity,
        people.date_of_birth,
        people.ni_number is not null as has_ni_number
    from people
    inner join clusters on people.reference_id = clusters.reference_id
    inner join named on clusters.person_cluster_id = named.person_cluster_id
    left join strongest on people.reference_id = strongest.reference_id
    left join {{ ref('linkage_passes') }} as passes on strongest.pass = passes.pass
)

select * from identified
