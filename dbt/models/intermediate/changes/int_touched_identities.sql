-- One row per reference whose person is made again: all of every person, as it was or as it is, that has a touched group or a
-- cluster that other joins lead from, with the person that it was.
-- depends_on: {{ ref('int_touched_groups') }}, {{ ref('int_people_clusters_split') }}, {{ ref('int_people_joined') }}
{%- if is_mending() %}
{#- not as CTEs, which DuckDB would write out: of all people few are touched -#}
{%- set before = standing('int_people') %}
{%- set clusters = ref('int_people_clusters_split') %}
with joined as (
    select
        cluster_id,
        person_cluster_id
    from {{ ref('int_people_joined') }}
    where cluster_id <> person_cluster_id
),

grouped as (
    select reference_id from {{ ref('int_touched_groups') }}
),

-- the clusters that joins led from to another, few of all
joined_before as (
    select distinct
        cluster_id,
        person_cluster_id
    from {{ before }}
    where cluster_id <> person_cluster_id
),

-- now we have clusters that joins lead elsewhere from than they did, and those of touched groups as they were and as they are
moved as (
    select
        coalesce(joined_before.cluster_id, joined.cluster_id) as cluster_id,
        joined_before.person_cluster_id as was_in,
        joined.person_cluster_id as is_in
    from joined_before
    full outer join joined on joined_before.cluster_id = joined.cluster_id
    where joined_before.person_cluster_id is distinct from joined.person_cluster_id
    union
    select
        clusters.cluster_id,
        cast(null as bigint) as was_in,
        joined.person_cluster_id as is_in
    from {{ clusters }} as clusters
    inner join grouped on clusters.reference_id = grouped.reference_id
    left join joined on clusters.cluster_id = joined.cluster_id
    union
    select
        before.cluster_id,
        before.person_cluster_id as was_in,
        cast(null as bigint) as is_in
    from {{ before }} as before
    inner join grouped on before.reference_id = grouped.reference_id
),

people as (
    select coalesce(was_in, cluster_id) as person_cluster_id from moved
    union
    select coalesce(is_in, cluster_id) from moved
),

clusters_of_people as (
    select person_cluster_id as cluster_id from people
    union
    select joined.cluster_id
    from joined
    inner join people on joined.person_cluster_id = people.person_cluster_id
),

touched as (
    select before.reference_id
    from {{ before }} as before
    inner join people on before.person_cluster_id = people.person_cluster_id
    union
    select clusters.reference_id
    from {{ clusters }} as clusters
    inner join clusters_of_people on clusters.cluster_id = clusters_of_people.cluster_id
)

select
    touched.reference_id,
    before.person_id as person_id_before
from touched
left join {{ before }} as before on touched.reference_id = before.reference_id
{%- else %}
    {{ nothing(['reference_id bigint', 'person_id_before bigint']) }}
{%- endif %}
