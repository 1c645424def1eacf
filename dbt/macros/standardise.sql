{#- Names and numbers as they are compared: letters and digits only, upper case, blank is null. -#}
{% macro std_name(column) -%} nullif({{ plain_letters(column) }}, '') {%- endmacro %}
{% macro std_number(column) -%} nullif({{ plain_characters(column) }}, '') {%- endmacro %}

{#- A National Insurance number in its usual form: two letters, six digits, A to D. Anything else is no number. -#}
{% macro std_ni_number(column) -%}
case when {{ is_like(std_number(column), '[A-Z]{2}[0-9]{6}[A-D]') }} then {{ std_number(column) }} end
{%- endmacro %}

{#-
  A link made on a number is believed when dates of birth agree, or family name and first initial do and no generation lies between
  the two births (seeds/linkage_rules): a father's number may stand on his son's record.
-#}
{% macro is_same_person(a, b) -%}
({{ a }}.date_of_birth = {{ b }}.date_of_birth
    or ({{ a }}.last_name = {{ b }}.last_name and left({{ a }}.first_name, 1) = left({{ b }}.first_name, 1)
        and coalesce(abs(year({{ a }}.date_of_birth) - year({{ b }}.date_of_birth)) < (
            select cast(value as integer) from {{ ref('linkage_rules') }} where rule_id = 'generation_years'
        ), true)))
{%- endmacro %}

{#- Words without their accidents of case and blanks: two spellings of one name are one name. -#}
{% macro same_words(column) -%} lower({{ replace_all('trim(' ~ column ~ ')', '[ \\t\\n\\f\\r]+', ' ') }}) {%- endmacro %}
