{#- Several columns together name a row. `built_by`: in a night of changes, the column that tells the rows which were built. -#}
{% test is_unique(model, columns, built_by=none) %}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
{{ built_rows(built_by) }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
