{#-
  One row per node that edges lead to from one with a label, however far: the label of the nearest, of several as near the least.
  `nodes`: (reference_id, label), label null where a node has none of its own. `edges`: (from_id, to_id), both ways. DuckDB walks
  until all are reached; Spark has no such walk and goes six steps (spread_labels), and who is farther has a label of its own. The
  linter sees Spark's form.
-#}
{% macro nearest_labels(nodes, edges) %}
    {{- return((adapter.dispatch('nearest_labels') if execute else spark__nearest_labels)(nodes, edges)) -}}
{% endmacro %}
{% macro default__nearest_labels(nodes, edges) %}
with recursive spread (reference_id, label) using key (reference_id) as (
    select
        reference_id,
        label
    from {{ nodes }}
    where label is not null
    union
    select
        edges.to_id as reference_id,
        min(spread.label) as label
    from spread
    inner join {{ edges }} as edges on spread.reference_id = edges.from_id
    left join recurring.spread as reached on edges.to_id = reached.reference_id
    where reached.reference_id is null
    group by edges.to_id
)

select
    reference_id,
    label
from spread
{% endmacro %}
{% macro spark__nearest_labels(nodes, edges) %}
with {{ spread_labels(nodes, edges, is_fixed=true) }}

select
    reference_id,
    coalesce(label, reference_id) as label
from spread_last
{% endmacro %}
