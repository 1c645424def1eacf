{#- Half-open spells of one key never overlap, and none is empty or ends before it starts. `built_by`: as in is_unique. -#}
{% test does_not_overlap(model, keys, start_column='start_date', end_column='end_date', built_by=none) %}
with ordered as (
    select
        *,
        lag(coalesce({{ end_column }}, date '9999-12-31')) over (
            partition by {{ keys | join(', ') }} order by coalesce({{ start_column }}, date '1900-01-01')
        ) as previous_end
    from {{ model }}
    {{ built_rows(built_by) }}
)

select *
from ordered
where previous_end > coalesce({{ start_column }}, date '1900-01-01')
    or coalesce({{ start_column }}, date '1900-01-01') >= coalesce({{ end_column }}, date '9999-12-31')
{% endtest %}
