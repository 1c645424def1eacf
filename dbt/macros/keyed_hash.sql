{#-
  HMAC-SHA-256 of a text under the project's key, cut to 60 bits as an integer. The key stands in no table, no compiled SQL and no
  log: a model that uses it is opened by read_person_key, as its pre-hook, and DuckDB then has it among its connection's variables
  (as a query within the query it kept the whole to one core); Spark has it in a temporary view, person_key, that the session which
  runs dbt makes from the same file. Bytes are joined by ||: DuckDB's concat() would join their spelling.
-#}
{% macro keyed_hash(text) %}
    {{- return((adapter.dispatch('keyed_hash') if execute else default__keyed_hash)(text)) -}}
{% endmacro %}
{% macro default__keyed_hash(text) -%}
cast('0x' || left(sha256(
    getvariable('outer_pad') || unhex(sha256(getvariable('inner_pad') || encode({{ text }})))
), 15) as bigint)
{%- endmacro %}
{% macro spark__keyed_hash(text) -%}
cast(conv(cast(left(sha2(
    (select unhex(outer_pad) from person_key)
    || unhex(sha2((select unhex(inner_pad) from person_key) || encode({{ text }}, 'utf-8'), 256)),
    256
), 15) as string), 16, 10) as bigint)
{%- endmacro %}

{% macro read_person_key() %}
    {{- return((adapter.dispatch('read_person_key') if execute else default__read_person_key)()) -}}
{% endmacro %}
{% macro default__read_person_key() -%}
{%- set key = "read_csv('" ~ env_var("OUTCOMES_PERSON_KEY_FILE") ~ "', header = true, all_varchar = true)" -%}
set variable inner_pad = (select unhex(inner_pad) from {{ key }});
set variable outer_pad = (select unhex(outer_pad) from {{ key }})
{%- endmacro %}
{% macro spark__read_person_key() -%}{%- endmacro %}

{#- 60 bits of a text's MD5 as an integer: a number for what needs no secret. -#}
{% macro plain_hash(text) %}
    {{- return((adapter.dispatch('plain_hash') if execute else default__plain_hash)(text)) -}}
{% endmacro %}
{% macro default__plain_hash(text) -%} cast('0x' || left(md5({{ text }}), 15) as bigint) {%- endmacro %}
{% macro spark__plain_hash(text) -%} cast(conv(cast(left(md5({{ text }}), 15) as string), 16, 10) as bigint) {%- endmacro %}
