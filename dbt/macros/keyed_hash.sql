{#-
  HMAC-SHA-256 of a text under the project's key, cut to 60 bits as an integer. The key is read from its file while the
  query runs; it stands in no table, no compiled SQL and no log. Bytes are joined by ||: concat() would join their spelling.
-#}
{% macro keyed_hash(expression) -%}
cast('0x' || left(sha256(
    (select unhex(outer_pad) from read_csv('{{ env_var("OUTCOMES_PERSON_KEY_FILE") }}', header = true, all_varchar = true))
    || unhex(sha256(
        (select unhex(inner_pad) from read_csv('{{ env_var("OUTCOMES_PERSON_KEY_FILE") }}', header = true, all_varchar = true))
        || encode({{ expression }})
    ))
), 15) as bigint)
{%- endmacro %}
