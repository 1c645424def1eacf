{#- A percentage to four decimals, half away from zero; no denominator, no percentage. -#}
{% macro pct(numerator, denominator) -%}
round(100.0 * cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0), 4)
{%- endmacro %}

{#- One end of Wilson's score interval for a share, in per cent (Wilson 1927); `side` is - or +. -#}
{% macro wilson_pct(numerator, denominator, side) -%}
{%- set z = var('interval_z') -%}
{%- set n = "nullif(cast(" ~ denominator ~ " as double), 0)" -%}
{%- set p = "(cast(" ~ numerator ~ " as double) / " ~ n ~ ")" -%}
case when cast({{ denominator }} as double) > 0 then round(100.0 * least(cast(1 as double), greatest(cast(0 as double), ({{ p }} + {{ z }} * {{ z }} / (2 * {{ n }})
            {{ side }} {{ z }} * sqrt({{ p }} * (1 - {{ p }}) / {{ n }} + {{ z }} * {{ z }} / (4 * {{ n }} * {{ n }})))
            / (1 + {{ z }} * {{ z }} / {{ n }}))), 4) end
{%- endmacro %}
