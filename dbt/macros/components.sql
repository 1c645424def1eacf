{#-
  One row per reference that has a link, with the least reference that links lead to from it, however far. `links`: a relation of
  (reference_a, reference_b). DuckDB walks until nothing changes; Spark has no such walk and spreads labels six steps
  (spread_labels); a test of the build fails if links
  reach further. The linter, which knows no such walk either, sees Spark's form.
-#}
{% macro components(links) %}
    {{- return((adapter.dispatch('components') if execute else spark__components)(links)) -}}
{% endmacro %}
{% macro default__components(links) %}
with recursive edges as materialized (
    select
        reference_a as from_id,
        reference_b as to_id
    from {{ links }}
    union all
    select
        reference_b as from_id,
        reference_a as to_id
    from {{ links }}
),

-- most references have one link, to one that has no other: only the rest need a walk
branching as materialized (
    select from_id as reference_id from edges
    group by from_id
    having count(*) > 1
),

walked as materialized (
    select * from edges
    where from_id in (select reference_id from branching) or to_id in (select reference_id from branching)
),

spread (reference_id, label) using key (reference_id) as (
    select
        from_id as reference_id,
        min(least(from_id, to_id)) as label
    from walked
    group by from_id
    union
    select
        walked.to_id as reference_id,
        min(spread.label) as label
    from spread
    inner join walked on spread.reference_id = walked.from_id
    inner join recurring.spread as reached on walked.to_id = reached.reference_id
    where spread.label < reached.label
    group by walked.to_id
)

select
    reference_id,
    label
from spread
union all
select
    from_id as reference_id,
    least(from_id, to_id) as label
from edges
where from_id not in (select reference_id from branching) and to_id not in (select reference_id from branching)
{% endmacro %}
{% macro spark__components(links) %}
with edges as (
    select
        reference_a as from_id,
        reference_b as to_id
    from {{ links }}
    union all
    select
        reference_b as from_id,
        reference_a as to_id
    from {{ links }}
),

linked as (
    select distinct
        from_id as reference_id,
        from_id as label
    from edges
),

{{ spread_labels('linked', 'edges') }}

select
    reference_id,
    label
from spread_last
{% endmacro %}
