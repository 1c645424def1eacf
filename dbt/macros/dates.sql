{#- The day after a last day: turns an agency's inclusive end into our half-open end; open stays open. -#}
{% macro day_after(column) -%} cast({{ column }} + interval 1 day as date) {%- endmacro %}

{#- Is day D within a half-open spell whose open end is null? -#}
{% macro is_on_day(day, start_date, end_date) -%}
({{ start_date }} <= {{ day }} and ({{ end_date }} is null or {{ day }} < {{ end_date }}))
{%- endmacro %}

{% macro add_follow_up(day, months, days) -%}
cast({{ day }} + to_months(cast({{ months }} as integer)) + to_days(cast({{ days }} as integer)) as date)
{%- endmacro %}
