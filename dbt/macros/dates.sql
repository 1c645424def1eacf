{#- The day after a last day: turns an agency's inclusive end into our half-open end; open stays open. -#}
{% macro day_after(column) -%} cast({{ column }} + interval 1 day as date) {%- endmacro %}

{#- Is day D within a half-open spell whose open end is null? -#}
{% macro is_on_day(day, start_date, end_date) -%}
({{ start_date }} <= {{ day }} and ({{ end_date }} is null or {{ day }} < {{ end_date }}))
{%- endmacro %}

{#-
  Does a row that holds for a time hold for events of a month? An area begins and ends on any day, but belongs to one region for
  whole months (a test holds seeds/areas.csv to it), so a month of an area is counted once in each place.
-#}
{% macro holds_in_month(relation, month_start) -%}
{{ holds_within(relation, month_start, add_months(month_start, 1)) }}
{%- endmacro %}

{#- Does it hold on any day of a period, half-open? -#}
{% macro holds_within(relation, period_start, period_end) -%}
({{ relation }}.valid_from < {{ period_end }} and ({{ relation }}.valid_to is null or {{ relation }}.valid_to > {{ period_start }}))
{%- endmacro %}

{% macro add_follow_up(day, months, days) -%}
{{ add_days(add_months(day, months), days) }}
{%- endmacro %}

{#- A day some days later. -#}
{% macro add_days(day, days) -%} ({{ day }} + cast({{ days }} as integer)) {%- endmacro %}
