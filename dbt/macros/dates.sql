{#- The day after a last day: turns an agency's inclusive end into our half-open end; open stays open. -#}
{% macro day_after(column) -%} cast({{ column }} + interval 1 day as date) {%- endmacro %}

{#- Is day D within a half-open spell whose open end is null? -#}
{% macro is_on_day(day, start_date, end_date) -%}
({{ start_date }} <= {{ day }} and ({{ end_date }} is null or {{ day }} < {{ end_date }}))
{%- endmacro %}

{% macro add_follow_up(day, months, days) -%}
{{ add_days(add_months(day, months), days) }}
{%- endmacro %}

{#- A day some days later. -#}
{% macro add_days(day, days) -%} ({{ day }} + cast({{ days }} as integer)) {%- endmacro %}
