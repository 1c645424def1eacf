{#-
  Spread labels along edges, `rounds` steps: every node takes the least label among its own and its neighbours'.
  `nodes`: (reference_id, label), label null where a node has none yet. `edges`: (from_id, to_id), both ways.
  With `is_fixed`, a node that has a label keeps it. Leaves a CTE named spread_last.
  Each round reads the one before once (a node hears itself, along an edge of its own), so that an engine which writes CTEs out
  where they are read has a chain before it and not a tree. A test holds that six steps reach every record of a person.
-#}
{% macro spread_labels(nodes, edges, rounds=6, is_fixed=false) %}
spread_edges as {{ materialized() }} (
    select from_id, to_id, false as is_own from {{ edges }}
    union all
    select reference_id as from_id, reference_id as to_id, true as is_own from {{ nodes }}
),

{% for round in range(1, rounds + 1) %}
{%- set before = nodes if round == 1 else 'spread_' ~ (round - 1) %}
spread_{{ round }} as {{ materialized() }} (
    select
        along.to_id as reference_id,
        {%- if is_fixed %}
        coalesce(
            max(case when along.is_own then heard.label end), min(case when not along.is_own then heard.label end)
        ) as label
        {%- else %}
        min(heard.label) as label
        {%- endif %}
    from spread_edges as along
    inner join {{ before }} as heard on along.from_id = heard.reference_id
    group by along.to_id
),
{% endfor %}
spread_last as (
    select * from spread_{{ rounds }}
)
{% endmacro %}
