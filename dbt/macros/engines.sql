{#-
  What DuckDB and Spark say in different words, each in one place: <name> is what models write, default__<name> is DuckDB's SQL,
  spark__<name> that of Spark and Sail. tests/test_engine.py holds both to the same answers. A reader without a database (the
  linter, dbt parse) sees DuckDB's. Whatever both understand needs no macro and has none.
-#}

{#- A CTE that later ones read more than once is worked out once: DuckDB is told so; Spark has no word for it. -#}
{% macro materialized() %}
    {{- return((adapter.dispatch('materialized') if execute else default__materialized)()) -}}
{% endmacro %}
{% macro default__materialized() -%} materialized {%- endmacro %}
{% macro spark__materialized() -%} {%- endmacro %}

{#-
  A CTE of many rows of a table that later ones read more than once: DuckDB would write it out first, in memory that the joins
  then lack, which takes longer than to read the table again. Where a night of changes leaves few of them (nights.sql), they are
  found once; `is_few` false: it leaves all.
-#}
{% macro read_again(is_few=true) %}
    {{- return((adapter.dispatch('read_again') if execute else default__read_again)(is_few and is_mending())) -}}
{% endmacro %}
{% macro default__read_again(is_few) -%} {{ '' if is_few else 'not ' }}materialized {%- endmacro %}
{% macro spark__read_again(is_few) -%} {%- endmacro %}

{#- A day some months later (earlier, when negative); the 31st becomes the last day of a shorter month. -#}
{% macro add_months(day, months) %}
    {{- return((adapter.dispatch('add_months') if execute else default__add_months)(day, months)) -}}
{% endmacro %}
{% macro default__add_months(day, months) -%} cast({{ day }} + to_months(cast({{ months }} as integer)) as date) {%- endmacro %}
{% macro spark__add_months(day, months) -%} add_months({{ day }}, cast({{ months }} as integer)) {%- endmacro %}

{#- Whole days from one day to another, as bigint. -#}
{% macro days_between(first, last) %}
    {{- return((adapter.dispatch('days_between') if execute else default__days_between)(first, last)) -}}
{% endmacro %}
{% macro default__days_between(first, last) -%} date_diff('day', {{ first }}, {{ last }}) {%- endmacro %}
{% macro spark__days_between(first, last) -%} cast(datediff({{ last }}, {{ first }}) as bigint) {%- endmacro %}

{#- The day in London of an instant in UTC (Spark's session stands in UTC, dbt/profiles.yml). -#}
{% macro london_day(instant) %}
    {{- return((adapter.dispatch('london_day') if execute else default__london_day)(instant)) -}}
{% endmacro %}
{% macro default__london_day(instant) -%} cast(timezone('Europe/London', timezone('UTC', {{ instant }})) as date) {%- endmacro %}
{% macro spark__london_day(instant) -%} cast(from_utc_timestamp({{ instant }}, 'Europe/London') as date) {%- endmacro %}

{#- A day as people write it, as in 5 July 2013. -#}
{% macro day_in_words(day) %}
    {{- return((adapter.dispatch('day_in_words') if execute else default__day_in_words)(day)) -}}
{% endmacro %}
{% macro default__day_in_words(day) -%} strftime({{ day }}, '%-d %B %Y') {%- endmacro %}
{% macro spark__day_in_words(day) -%} date_format({{ day }}, 'd MMMM yyyy') {%- endmacro %}

{#- Text in a contract's date format as a date. -#}
{% macro date_from_text(text, format) %}
    {{- return((adapter.dispatch('date_from_text') if execute else default__date_from_text)(text, format)) -}}
{% endmacro %}
{% macro default__date_from_text(text, format) -%} cast(strptime({{ text }}, '{{ format }}') as date) {%- endmacro %}
{% macro spark__date_from_text(text, format) -%}
to_date({{ text }}, '{{ format | replace("%d", "dd") | replace("%m", "MM") | replace("%Y", "yyyy") | replace("%b", "MMM") }}')
{%- endmacro %}

{#- Text that people typed as a date, or null. Spark alone would take a year for its first of January. -#}
{% macro date_or_null(text) %}
    {{- return((adapter.dispatch('date_or_null') if execute else default__date_or_null)(text)) -}}
{% endmacro %}
{% macro default__date_or_null(text) -%} try_cast({{ text }} as date) {%- endmacro %}
{% macro spark__date_or_null(text) -%}
case when {{ text }} rlike '^[0-9]+[-/][0-9]+[-/][0-9]+' then try_cast(replace({{ text }}, '/', '-') as date) end
{%- endmacro %}

{#- Text without the blanks around it, the wide and the unbreakable ones too. -#}
{% macro trimmed(text) %}
    {{- return((adapter.dispatch('trimmed') if execute else default__trimmed)(text)) -}}
{% endmacro %}
{% macro default__trimmed(text) -%} trim({{ text }}) {%- endmacro %}
{% macro spark__trimmed(text) -%}
btrim({{ text }}, ' {{ "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000" }}')
{%- endmacro %}

{#- Text with every match of a pattern replaced. -#}
{% macro replace_all(text, pattern, by) %}
    {{- return((adapter.dispatch('replace_all') if execute else default__replace_all)(text, pattern, by)) -}}
{% endmacro %}
{% macro default__replace_all(text, pattern, by) -%} regexp_replace({{ text }}, '{{ pattern }}', '{{ by }}', 'g') {%- endmacro %}
{% macro spark__replace_all(text, pattern, by) -%} regexp_replace({{ text }}, '{{ pattern }}', '{{ by }}') {%- endmacro %}

{#- Does the whole text match a pattern? -#}
{% macro is_like(text, pattern) %}
    {{- return((adapter.dispatch('is_like') if execute else default__is_like)(text, pattern)) -}}
{% endmacro %}
{% macro default__is_like(text, pattern) -%} regexp_full_match({{ text }}, '{{ pattern }}') {%- endmacro %}
{% macro spark__is_like(text, pattern) -%} {{ text }} rlike '^({{ pattern }})$' {%- endmacro %}

{#- The letters and digits of a text in capitals. The capitals of the dotless i and the long s are in ASCII. -#}
{% macro plain_characters(text) %}
    {{- return((adapter.dispatch('plain_characters') if execute else default__plain_characters)(text)) -}}
{% endmacro %}
{% macro default__plain_characters(text) -%}
{#- most are capitals and digits once blanks and strokes are left out, which is quicker than any pattern -#}
{%- set without = "replace(replace(" ~ text ~ ", ' ', ''), '/', '')" -%}
case
    when {{ is_like(without, '[A-Z0-9]*') }} then {{ without }}
    else regexp_replace(upper(trim({{ text }})), '[^A-Z0-9]', '', 'g')
end
{%- endmacro %}
{% macro spark__plain_characters(text) -%}
upper(regexp_replace(translate({{ text }}, '{{ "\u0131\u017f" }}', 'IS'), '[^A-Za-z0-9]', ''))
{%- endmacro %}

{#- The texts of a group in one, in the order of another column; nulls are left out, and nothing but nulls is null. -#}
{% macro text_list(text, separator, order_by) %}
    {{- return((adapter.dispatch('text_list') if execute else default__text_list)(text, separator, order_by)) -}}
{% endmacro %}
{% macro default__text_list(text, separator, order_by) -%}
string_agg({{ text }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}
{% macro spark__text_list(text, separator, order_by) -%}
listagg({{ text }}, '{{ separator }}') within group (order by {{ order_by }})
{%- endmacro %}
