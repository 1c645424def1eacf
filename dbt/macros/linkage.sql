{#- Is evidence weighed in this build, or are people the clusters of exact links (settings.linkage)? -#}
{% macro is_weighed() %}
    {{- return(env_var('OUTCOMES_LINKAGE', 'evidence') != 'exact') }}
{% endmacro %}

{#-
  The CTE `figures`: available figures that are computed here and rest on records of more than one agency (seeds/indicator_needs),
  so that who is one person matters to them.
-#}
{% macro linked_figures() -%}
linked as (
    select
        population,
        outcome
    from {{ ref('indicator_needs') }}
    group by population, outcome
    having count(distinct agency) > 1
),

figures as (
    select
        indicators.indicator_id,
        indicators.view_id,
        indicators.definition_version,
        indicators.geography_type,
        indicators.geography_code,
        indicators.period_type,
        indicators.period_start,
        indicators.unknown_in_denominator,
        indicators.numerator,
        indicators.denominator
    from {{ ref('indicators') }} as indicators
    inner join {{ ref('indicator_definitions') }} as definitions
        on
            indicators.indicator_id = definitions.indicator_id and indicators.view_id = definitions.view_id
            and indicators.definition_version = definitions.definition_version
    inner join linked on definitions.population = linked.population and definitions.outcome = linked.outcome
    where indicators.status = 'available' and indicators.basis = 'computed' and indicators.denominator > 0
)
{%- endmacro %}

{#- The columns that say which figure a row is of, of a relation. -#}
{% macro figure_key(relation) -%}
    {%- for name in ['indicator_id', 'view_id', 'definition_version', 'geography_type', 'geography_code', 'period_type', 'period_start'] %}
        {{ relation }}.{{ name }},
    {%- endfor %}
{%- endmacro %}

{% macro is_same_figure(one, other) -%}
{{ one }}.indicator_id = {{ other }}.indicator_id and {{ one }}.view_id = {{ other }}.view_id
            and {{ one }}.definition_version = {{ other }}.definition_version
            and {{ one }}.geography_type = {{ other }}.geography_type and {{ one }}.geography_code = {{ other }}.geography_code
            and {{ one }}.period_type = {{ other }}.period_type and {{ one }}.period_start = {{ other }}.period_start
{%- endmacro %}
