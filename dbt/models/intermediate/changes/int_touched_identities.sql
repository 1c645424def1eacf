-- One row per reference whose person is made again: all of every person, as it was or as it is, that has a touched group or a
-- cluster that other joins lead from, with the person that it was.
-- depends_on: {{ ref('int_touched_groups') }}, {{ ref('int_people_clusters_split') }}, {{ ref('int_people_joined') }}
{%- if is_mending() %}
with before as (
    select
        reference_id,
        person_id,
        cluster_id,
        person_cluster_id
    from {{ standing('int_people') }}
),

joined as (
    select * from {{ ref('int_people_joined') }}
),

clusters as (
    select
        clusters.reference_id,
        clusters.cluster_id,
        coalesce(joined.person_cluster_id, clusters.cluster_id) as person_cluster_id
    from {{ ref('int_people_clusters_split') }} as clusters
    left join joined on clusters.cluster_id = joined.cluster_id
),

-- now we have references whose cluster or person is another than it was, and those that are new or gone
moved as (
    select
        coalesce(before.reference_id, clusters.reference_id) as reference_id,
        before.person_cluster_id as was_in,
        clusters.person_cluster_id as is_in
    from before
    full outer join clusters on before.reference_id = clusters.reference_id
    where
        before.cluster_id is distinct from clusters.cluster_id
        or before.person_cluster_id is distinct from clusters.person_cluster_id
        or before.reference_id in (select reference_id from {{ ref('int_touched_groups') }})
),

people as (
    select was_in as person_cluster_id from moved
    union
    select is_in from moved
),

touched as (
    select before.reference_id
    from before
    inner join people on before.person_cluster_id = people.person_cluster_id
    union
    select clusters.reference_id
    from clusters
    inner join people on clusters.person_cluster_id = people.person_cluster_id
)

select
    touched.reference_id,
    before.person_id as person_id_before
from touched
left join before on touched.reference_id = before.reference_id
{%- else %}
    {{ nothing(['reference_id bigint', 'person_id_before bigint']) }}
{%- endif %}
