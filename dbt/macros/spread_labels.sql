{#-
  Spread labels along edges, `rounds` steps: every node takes the least label among its own and its neighbours'.
  `nodes`: (reference_id, label), label null where a node has none yet. `edges`: (from_id, to_id), both ways.
  With `is_fixed`, a node that has a label keeps it. Leaves a CTE named <name>_last.
  A test holds that six steps reach every record of a person.
-#}
{% macro spread_labels(nodes, edges, rounds=6, is_fixed=false, name='spread') %}
{%- for round in range(1, rounds + 1) %}
{%- set before = nodes if round == 1 else name ~ '_' ~ (round - 1) %}
{{ name }}_heard_{{ round }} as materialized (
    select {{ edges }}.to_id as reference_id, min({{ before }}.label) as label
    from {{ edges }}
    inner join {{ before }} on {{ edges }}.from_id = {{ before }}.reference_id
    where {{ before }}.label is not null
    group by {{ edges }}.to_id
),

{{ name }}_{{ round }} as materialized (
    select
        {{ before }}.reference_id,
        {%- if is_fixed %}
        coalesce({{ before }}.label, {{ name }}_heard_{{ round }}.label) as label,
        {%- else %}
        least({{ before }}.label, coalesce({{ name }}_heard_{{ round }}.label, {{ before }}.label)) as label,
        {%- endif %}
    from {{ before }}
    left join {{ name }}_heard_{{ round }} on {{ before }}.reference_id = {{ name }}_heard_{{ round }}.reference_id
),
{% endfor %}
{{ name }}_last as (
    select * from {{ name }}_{{ rounds }}
)
{% endmacro %}
