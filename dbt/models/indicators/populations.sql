-- One row per population that an indicator may count, and the mart that holds its events.
{%- set marts = population_marts() %}
{%- for population, mart in marts.items() %}
    {{ 'union all ' if not loop.first }}select '{{ population }}' as population, '{{ mart }}' as mart
{%- endfor %}
