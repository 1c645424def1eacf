{#-
  Every column of a model that is named …_status answers its question. What is found is one row: how many answers of each column are
  missing or unheard of. The whole table is asked, every night.
-#}
{% test statuses_are_known(model) %}
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
) as unanswered
where greatest(0{% for column in columns %}, {{ column }}{% endfor %}) > 0
{% endtest %}
