{#- Names and numbers as they are compared: letters and digits only, upper case, blank is null. -#}
{% macro std_name(column) -%} nullif({{ plain_letters(column) }}, '') {%- endmacro %}
{% macro std_number(column) -%} nullif({{ plain_characters(column) }}, '') {%- endmacro %}

{#- A National Insurance number in its usual form: two letters, six digits, A to D. Anything else is no number. -#}
{% macro std_ni_number(column) -%}
case when {{ is_like(std_number(column), '[A-Z]{2}[0-9]{6}[A-D]') }} then {{ std_number(column) }} end
{%- endmacro %}

{#-
  A police number (PNC) in its long form: the year in four digits, the number in seven, its letter. Agencies write 2001/0123456X,
  2001/123456X or 01/123456X for one person. A year of two digits is of this century below 50: the computer is of 1974. What is
  nothing of the kind stays as it is.
-#}
{% macro std_pnc_id(column) -%}
{%- set plain, written = std_number(column), 'upper(' ~ replace_all(column, ' ', '') ~ ')' -%}
case
    when length({{ plain }}) = 12 then {{ plain }}
    when {{ is_like(written, '([0-9]{2}|[0-9]{4})/[0-9]{1,7}[A-Z]') }}
        then {{ four_digit_year("split_part(" ~ written ~ ", '/', 1)") }} || lpad(split_part({{ written }}, '/', 2), 8, '0')
    when {{ is_like(plain, '[0-9]{10}[A-Z]') }} then left({{ plain }}, 4) || lpad(substr({{ plain }}, 5), 8, '0')
    when {{ is_like(plain, '[0-9]{3,9}[A-Z]') }}
        then {{ four_digit_year("left(" ~ plain ~ ", 2)") }} || lpad(substr({{ plain }}, 3), 8, '0')
    else {{ plain }}
end
{%- endmacro %}
{#- Its first digit is compared: DuckDB 2.0 fails where split_part of nothing at all is less than something. -#}
{% macro four_digit_year(year) -%}
case when length({{ year }}) = 4 then '' when left({{ year }}, 1) < '5' then '20' else '19' end || {{ year }}
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
