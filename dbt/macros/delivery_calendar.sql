{#- The extracts of every contract with their service levels, as rows. They are read from the sources, which are the contracts. -#}
{% macro delivery_terms() %}
    {%- set extracts = [] %}
    {%- if execute %}
    {%- for node in graph.sources.values() | sort(attribute='unique_id') if node.config.meta.frequency_months %}
    {%- do extracts.append(node) %}
    {%- endfor %}
    {%- endif %}
    {%- for node in extracts %}
    {{ 'union all ' if not loop.first }}select
        '{{ node.source_name }}' as agency,
        '{{ node.name }}' as extract,
        {{ node.config.meta.frequency_months }} as frequency_months,
        {{ node.config.meta.latency_days }} as latency_days,
        {{ node.config.meta.carry_forward_days }} as carry_forward_days
    {%- else %}
    select '' as agency, '' as extract, 1 as frequency_months, 0 as latency_days, 0 as carry_forward_days
    where false
    {%- endfor %}
{% endmacro %}

{#- The first day after the period that holds a day. Periods of 1, 2, 3, 4, 6 or 12 months fill the financial year from April. -#}
{% macro day_after_period(day, months) -%}
{{ add_months("date '1900-04-01'", months ~ " * (1 + floor((12 * extract(year from " ~ day ~ ") + extract(month from " ~ day ~ ") - 22804) / "
            ~ months ~ "))") }}
{%- endmacro %}
