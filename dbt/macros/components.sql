{#-
  One row per reference that has a link, with the least reference that links lead to from it, however far. `links`: a relation of
  (reference_a, reference_b); `least`: a column of it of which each reference gets the least of its own links. DuckDB walks until
  nothing changes; Spark has no such walk and spreads labels six steps (spread_labels); a test of the build fails if links reach
  further. The linter, which knows no such walk either, sees Spark's form.
-#}
{% macro components(links, least=none) %}
    {{- return((adapter.dispatch('components') if execute else spark__components)(links, least)) -}}
{% endmacro %}
{% macro default__components(links, least) %}
{%- set and_least = ', ' ~ least if least else '' %}
with recursive first_heard as materialized (
    select
        reference_id,
        min(label) as label{{ ', min(' ~ least ~ ') as ' ~ least if least }}
    from (
        select
            reference_a as reference_id,
            least(reference_a, reference_b) as label{{ and_least }}
        from {{ links }}
        union all
        select
            reference_b as reference_id,
            least(reference_a, reference_b) as label{{ and_least }}
        from {{ links }}
    ) as heard
    group by reference_id
),

-- most groups agree after one step: only labels that a link has brought together need a walk, which keeps all it walks in memory
brought_together as materialized (
    select distinct
        one.label as label_a,
        other.label as label_b
    from {{ links }} as links
    inner join first_heard as one on links.reference_a = one.reference_id
    inner join first_heard as other on links.reference_b = other.reference_id
    where one.label <> other.label
),

edges as materialized (
    select
        label_a as from_id,
        label_b as to_id
    from brought_together
    union
    select
        label_b as from_id,
        label_a as to_id
    from brought_together
),

spread (reference_id, label) using key (reference_id) as (
    select
        from_id as reference_id,
        min(least(from_id, to_id)) as label
    from edges
    group by from_id
    union
    select
        edges.to_id as reference_id,
        min(spread.label) as label
    from spread
    inner join edges on spread.reference_id = edges.from_id
    inner join recurring.spread as reached on edges.to_id = reached.reference_id
    where spread.label < reached.label
    group by edges.to_id
)

select
    first_heard.reference_id,
    coalesce(spread.label, first_heard.label) as label{{ ', first_heard.' ~ least if least }}
from first_heard
left join spread on first_heard.label = spread.reference_id
{% endmacro %}
{% macro spark__components(links, least) %}
{%- set and_least = ', ' ~ least if least else '' %}
with edges as (
    select
        reference_a as from_id,
        reference_b as to_id{{ and_least }}
    from {{ links }}
    union all
    select
        reference_b as from_id,
        reference_a as to_id{{ and_least }}
    from {{ links }}
),
{% if least %}
least_of_each as (
    select
        from_id,
        min({{ least }}) as {{ least }}
    from edges
    group by from_id
),
{% endif %}
linked as (
    select distinct
        from_id as reference_id,
        from_id as label
    from edges
),

{{ spread_labels('linked', 'edges') }}

select
    spread_last.reference_id,
    spread_last.label{{ ', least_of_each.' ~ least if least }}
from spread_last
{{- '\ninner join least_of_each on spread_last.reference_id = least_of_each.from_id' if least }}
{% endmacro %}
