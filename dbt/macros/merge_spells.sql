{#-
  Rows with (keys, start_date, end_date) → non-overlapping half-open spells. Two rows are one spell when the gap
  between them is shorter than `gap_days` of seeds/spell_rules (1: they touch or overlap). Open ends are null.
-#}
{% macro merge_spells(relation, keys, spell_type) %}
with rule as (
    select gap_days from {{ ref('spell_rules') }} where spell_type = '{{ spell_type }}'
),

source_rows as (
    select
        {{ keys | join(', ') }},
        start_date,
        coalesce(end_date, date '9999-12-31') as end_date
    from {{ relation }}
    where
        person_id is not null and start_date < coalesce(end_date, date '9999-12-31')
        {{- touched_people('and', 'person_id') }}
),

-- now we have, beside each row, how far the rows before it reach
reached as (
    select
        *,
        max(end_date) over (
            partition by {{ keys | join(', ') }} order by start_date, end_date rows between unbounded preceding and 1 preceding
        ) as reached_date
    from source_rows
),

-- now we have a number for each spell: it rises where the gap is too long (range: equal rows get one number)
numbered as (
    select
        reached.*,
        sum(case when reached_date is null or {{ days_between('reached_date', 'start_date') }} >= rule.gap_days then 1 else 0 end) over (
            partition by {{ keys | join(', ') }} order by start_date, end_date range unbounded preceding
        ) as spell_number
    from reached
    cross join rule
),

spells as (
    select
        {{ keys | join(', ') }},
        min(start_date) as start_date,
        case when max(end_date) < date '9999-12-31' then max(end_date) end as end_date,
        count(*) as record_count
    from numbered
    group by {{ keys | join(', ') }}, spell_number
)

select * from spells
{% endmacro %}
