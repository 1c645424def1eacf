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
        joined.cluster_id is not null as is_joined,
        split.is_split,
        split.pass
    from {{ ref('int_people_clusters_split') }} as split
    left join {{ ref('int_people_joined') }} as joined on split.cluster_id = joined.cluster_id
    {{- touched_in('where', 'split.reference_id', 'int_touched_identities') }}
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

-- of clusters that were taken apart: a link between two of their parts joins nobody
parts as (
    select
        reference_id,
        cluster_id
    from {{ ref('int_people_clusters_split') }}
    where is_split
),

links_of_parts as (
    {%- for one, other in [('reference_a', 'reference_b'), ('reference_b', 'reference_a')] %}
        {{ 'union all' if not loop.first }}
        select
            parts.reference_id,
            parts.cluster_id,
            links.{{ other }} as other_id,
            links.pass
        from {{ ref('int_people_links') }} as links
        inner join parts on links.{{ one }} = parts.reference_id
    {%- endfor %}
),

strongest_of_parts as (
    select
        links_of_parts.reference_id,
        min(links_of_parts.pass) as pass
    from links_of_parts
    left join parts as others on links_of_parts.other_id = others.reference_id
    where others.cluster_id is null or others.cluster_id = links_of_parts.cluster_id
    group by links_of_parts.reference_id
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
    left join strongest_of_parts on people.reference_id = strongest_of_parts.reference_id
    left join {{ ref('linkage_passes') }} as passes
        on passes.pass = case when clusters.is_split then strongest_of_parts.pass else clusters.pass end
)

select * from identified
