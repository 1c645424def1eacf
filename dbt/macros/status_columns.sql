{#- The mart that holds the outcomes of each population that an indicator may count. -#}
{% macro population_marts() %}
    {{- return({'termination': 'minimum_outcomes', 'release': 'release_outcomes', 'disposal': 'disposal_outcomes'}) }}
{% endmacro %}

{#- The columns of a table that is built; for a reader without a database (the linter) two that every mart has. -#}
{% macro columns_of(relation) %}
    {%- if not execute -%} {{ return(['settled_policy_status', 'accommodation_evidence_agency']) }} {%- endif -%}
    {{ return(adapter.get_columns_in_relation(relation) | map(attribute='name') | list) }}
{% endmacro %}

{#- The outcomes of a mart are its columns named <outcome>_status: read from the table, so that a new one needs no list. -#}
{% macro status_columns(relation) %}
    {%- set found = [] %}
    {%- for column in columns_of(relation) if column.endswith('_status') %}
    {%- do found.append(column) %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{#-
  A union over marts ({population: mart}): one row per population, outcome, day, area, group and status, with the events
  counted. Each mart is grouped once, over all its outcomes together, so that what is turned on its side is small.
-#}
{% macro counts_by_status(marts) %}
    {%- for population, mart in marts.items() %}
    {%- set columns = status_columns(ref(mart)) %}
    {%- if not loop.first %} union all {% endif %}
    select
        '{{ population }}' as population,
        turned.event_date,
        turned.area_code,
        turned.order_group,
        turned.is_in_scope,
        outcomes.outcome,
        case outcomes.outcome {%- for column in columns %} when '{{ column[:-7] }}' then turned.{{ column }} {%- endfor %} end as status,
        turned.event_count
    from (
        select event_date, area_code, order_group, is_in_scope, {{ columns | join(', ') }}, count(*) as event_count
        from {{ ref(mart) }}
        group by event_date, area_code, order_group, is_in_scope, {{ columns | join(', ') }}
    ) as turned
    cross join ({% for column in columns %}{{ 'union all ' if not loop.first }}select '{{ column[:-7] }}' as outcome {% endfor %}) as outcomes
    {%- endfor %}
{% endmacro %}
