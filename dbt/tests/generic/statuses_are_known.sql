{#-
  Every column of a model that is named …_status answers its question. What is found is one row: how many answers of each column are
  missing or unheard of. `built_by`: in a night of changes, the column that tells the rows which were built.
-#}
{% test statuses_are_known(model, built_by=none) %}
{%- set columns = [] %}
{%- if execute %}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == model.identifier %}
        {%- for column in node.columns if column.endswith('_status') %}{% do columns.append(column) %}{% endfor %}
    {%- endfor %}
    {%- if not columns %}{{ exceptions.raise_compiler_error(model.identifier ~ ' has no column that is named a status') }}{% endif %}
{%- endif %}
select *
from (
    select
        {%- for column in columns %}
        count(*) - count(case when {{ column }} in ('yes', 'no', 'unknown', 'not_applicable') then 1 end) as {{ column }},
        {%- endfor %}
        count(*) as row_count
    from {{ model }}
    {{ built_rows(built_by) }}
) as unanswered
where greatest(0{% for column in columns %}, {{ column }}{% endfor %}) > 0
{% endtest %}
