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

{#- The area of an event, as `areas`, if there was one of its code on its day; figures count any other event at place ZZ. -#}
{% macro join_area_of_event(relation) -%}
left join {{ relation }} as areas
            on events.area_code = areas.area_code and {{ is_on_day('events.event_date', 'areas.valid_from', 'areas.valid_to') }}
{%- endmacro %}

{#-
  A union over marts ({population: mart}): one row per population, outcome, month, area, group and status, with the events counted.
  Each mart is grouped once, over all its outcomes together and by month, so that what is turned on its side is small; the day of
  an event stays (late_date) where a follow-up may fall after what is observed. Reads the CTEs `areas` and `observed`.
-#}
{% macro counts_by_status(marts) %}
    {%- for population, mart in marts.items() %}
    {%- set columns = status_columns(ref(mart)) %}
    {%- if not loop.first %} union all {% endif %}
    select
        '{{ population }}' as population,
        turned.month_start,
        turned.late_date,
        turned.area_code,
        turned.order_group,
        turned.is_in_scope,
        outcomes.outcome,
        case outcomes.outcome {%- for column in columns %} when '{{ column[:-7] }}' then turned.{{ column }} {%- endfor %} end as status,
        turned.event_count
    from (
        select
            cast(date_trunc('month', events.event_date) as date) as month_start,
            case when events.event_date > observed.all_due_until then events.event_date end as late_date,
            coalesce(areas.area_code, 'ZZ') as area_code,
            events.order_group,
            events.is_in_scope,
            {%- for column in columns %}
            events.{{ column }},
            {%- endfor %}
            count(*) as event_count
        from {{ ref(mart) }} as events
        inner join observed on observed.population = '{{ population }}'
        {{ join_area_of_event('areas') }}
        group by
            cast(date_trunc('month', events.event_date) as date),
            case when events.event_date > observed.all_due_until then events.event_date end,
            coalesce(areas.area_code, 'ZZ'),
            events.order_group,
            events.is_in_scope {%- for column in columns %}, events.{{ column }}{% endfor %}
    ) as turned
    cross join ({% for column in columns %}{{ 'union all ' if not loop.first }}select '{{ column[:-7] }}' as outcome {% endfor %}) as outcomes
    {%- endfor %}
{% endmacro %}

{#-
  A union over marts and outcomes: one row per population, outcome, month, area, group and agency whose records decided, with the
  events in scope to which the outcome applies. `prefixes`: for each outcome that of the columns of its evidence. Each outcome is
  counted by itself: together they fall into nearly as many groups as there are events. Reads the CTE `areas`.
-#}
{% macro counts_by_decider(marts, prefixes) %}
    {%- set counted = [] %}
    {%- for population, mart in marts.items() %}
        {%- set columns = columns_of(ref(mart)) %}
        {%- for outcome, prefix in prefixes.items() if outcome ~ '_status' in columns %}
            {%- do counted.append((population, mart, outcome, prefix)) %}
        {%- endfor %}
    {%- endfor %}
    {%- for population, mart, outcome, prefix in counted %}
        {{ 'union all' if not loop.first }}
        select
            '{{ population }}' as population,
            '{{ outcome }}' as outcome,
            cast(date_trunc('month', events.event_date) as date) as month_start,
            coalesce(areas.area_code, 'ZZ') as area_code,
            events.order_group,
            coalesce(events.{{ prefix }}_evidence_agency, 'no record') as agency,
            count(*) as event_count
        from {{ ref(mart) }} as events
        {{ join_area_of_event('areas') }}
        where events.is_in_scope and events.{{ outcome }}_status <> 'not_applicable'
        group by
            cast(date_trunc('month', events.event_date) as date),
            coalesce(areas.area_code, 'ZZ'),
            events.order_group,
            coalesce(events.{{ prefix }}_evidence_agency, 'no record')
    {%- endfor %}
{% endmacro %}
