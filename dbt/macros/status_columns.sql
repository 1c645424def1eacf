{#- The outcomes of a mart are its columns named <outcome>_status: read from the table, so that a new one needs no list. -#}
{% macro status_columns(relation) %}
    {%- set found = [] %}
    {%- if execute %}
    {%- for column in adapter.get_columns_in_relation(relation) if column.name.endswith('_status') %}
    {%- do found.append(column.name) %}
    {%- endfor %}
    {%- endif %}
    {{- return(found) }}
{% endmacro %}
