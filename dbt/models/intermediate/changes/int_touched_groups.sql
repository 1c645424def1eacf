-- One row per reference that may change its person: all of every group that a sought link leads from or leads to, with the person
-- that it had.
-- depends_on: {{ ref('int_touched_links') }}, {{ ref('int_people_links') }}
{%- if is_mending() %}
{#- not as CTEs, which DuckDB would write out: of all links few are touched -#}
{%- set links = ref('int_people_links') %}
{%- set clusters = standing('int_people_clusters') %}
with touched as (
    select reference_id from {{ ref('int_touched_links') }}
),

reached as (
    select reference_id from touched
    union
    select links.reference_a
    from {{ links }} as links
    inner join touched on links.reference_b = touched.reference_id
    union
    select links.reference_b
    from {{ links }} as links
    inner join touched on links.reference_a = touched.reference_id
),

held as (
    select distinct clusters.cluster_id
    from {{ clusters }} as clusters
    inner join reached on clusters.reference_id = reached.reference_id
),

grouped as (
    select reference_id from reached
    union
    select clusters.reference_id
    from {{ clusters }} as clusters
    inner join held on clusters.cluster_id = held.cluster_id
)

select
    grouped.reference_id,
    standing.person_id as person_id_before
from grouped
left join {{ standing('int_people') }} as standing on grouped.reference_id = standing.reference_id
{%- else %}
    {{ nothing(['reference_id bigint', 'person_id_before bigint']) }}
{%- endif %}
