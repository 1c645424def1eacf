-- One row per (agency, person_ref) with its person_id: a keyed hash of the reference of the person that was seen first,
-- so that a later record joins a person without renumbering anyone. The key is a file outside both databases.
with people as (
    select * from {{ ref('int_people_references') }}
),

clusters as (
    select * from {{ ref('int_people_clusters_split') }}
),

-- now we have the reference that names each cluster: reference_id rises with the day a reference was first seen
anchors as (
    select
        cluster_id,
        min(reference_id) as anchor_id,
        count(*) as reference_count
    from clusters
    group by cluster_id
),

named as (
    select
        clusters.reference_id,
        anchors.reference_count,
        {{ keyed_hash("anchor.agency || '/' || anchor.person_ref") }} as person_id
    from clusters
    inner join anchors on clusters.cluster_id = anchors.cluster_id
    inner join people as anchor on anchors.anchor_id = anchor.reference_id
),

strongest as (
    select
        reference_id,
        min(pass) as pass
    from (
        select
            reference_a as reference_id,
            pass
        from {{ ref('int_people_links') }}
        union all
        select
            reference_b as reference_id,
            pass
        from {{ ref('int_people_links') }}
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
        passes.pass_id as linked_by,
        people.sex,
        people.ethnicity,
        people.date_of_birth,
        people.ni_number is not null as has_ni_number
    from people
    inner join named on people.reference_id = named.reference_id
    left join strongest on people.reference_id = strongest.reference_id
    left join {{ ref('linkage_passes') }} as passes on strongest.pass = passes.pass
)

select * from identified
