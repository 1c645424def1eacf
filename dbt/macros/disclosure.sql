{#- Is a count too small to publish (seeds/disclosure_rules)? -#}
{% macro is_small(count) -%}
({{ count }} < rules.suppress_below and ({{ count }} > 0 or rules.zero_is_published = 0))
{%- endmacro %}

{#-
  Cells hidden because they are small, or because a hidden cell would follow by subtraction. `primary` is a CTE of
  (cell_id, joint_id, leads, size, is_hidden). In every sum, as long as something changes: one hidden part beside a shown whole
  hides the next smallest part, or the whole if there is none; a hidden whole with every part shown hides its smallest part; and
  a hidden cell that leads hides the other cells of its joint_id, which tell of each other.
  Rounds after nothing changes cost little; the test `nothing_follows` fails the build if they did not suffice.
-#}
{% macro hide_what_follows(primary, rounds=24) %}
    {{- return((adapter.dispatch('hide_what_follows') if execute else default__hide_what_follows)(primary, rounds)) }}
{% endmacro %}

{% macro default__hide_what_follows(primary, rounds) %}
{%- for round in range(1, rounds + 1) %}
{%- set before = primary if round == 1 else 'hidden_' ~ (round - 1) %}
sums_{{ round }} as materialized (
    select
        parts.group_id,
        max(case when parts.is_whole then parts.cell_id end) as whole_id,
        bool_or(parts.is_whole and cells.is_hidden) as is_whole_hidden,
        sum(case when not parts.is_whole and cells.is_hidden then 1 else 0 end) as hidden_parts,
        min_by(cells.cell_id, (cells.size, cells.cell_id)) filter (where not parts.is_whole and not cells.is_hidden and cells.size > 0) as next_id
    from {{ ref('disclosure_groups') }} as parts
    inner join {{ before }} as cells on parts.cell_id = cells.cell_id
    group by parts.group_id
),

newly_{{ round }} as materialized (
    select distinct coalesce(next_id, whole_id) as cell_id
    from sums_{{ round }}
    where (hidden_parts = 1 and not is_whole_hidden) or (hidden_parts = 0 and is_whole_hidden)
),

alone_{{ round }} as (
    select cells.* replace (cells.is_hidden or newly.cell_id is not null as is_hidden)
    from {{ before }} as cells
    left join newly_{{ round }} as newly on cells.cell_id = newly.cell_id
),

{{ hidden_together(round) }}
{% endfor %}
hidden_last as (
    select * from hidden_{{ rounds }}
)
{% endmacro %}

{#- The cells of a round: what is hidden alone, and with a cell that leads. -#}
{% macro hidden_together(round) -%}
hidden_{{ round }} as {{ materialized() }} (
    select
        cell_id,
        joint_id,
        leads,
        size,
        is_hidden or bool_or(leads and is_hidden) over (partition by joint_id) as is_hidden
    from alone_{{ round }}
),
{%- endmacro %}

{#- The same for an engine that writes CTEs out where they are read: each round reads the one before once, or 24 rounds are 2^24. -#}
{% macro spark__hide_what_follows(primary, rounds) %}
{%- for round in range(1, rounds + 1) %}
{%- set before = primary if round == 1 else 'hidden_' ~ (round - 1) %}
parts_{{ round }} as (
    select
        cells.*,
        parts.group_id,
        parts.is_whole,
        not parts.is_whole and not cells.is_hidden and cells.size > 0 as may_be_next
    from {{ before }} as cells
    left join {{ ref('disclosure_groups') }} as parts on cells.cell_id = parts.cell_id
),

sums_{{ round }} as (
    select
        *,
        sum(case when not is_whole and is_hidden then 1 else 0 end) over (partition by group_id) as hidden_parts,
        sum(case when is_whole and is_hidden then 1 else 0 end) over (partition by group_id) as hidden_wholes,
        sum(case when may_be_next then 1 else 0 end) over (partition by group_id) as next_parts,
        row_number() over (partition by group_id order by case when may_be_next then 0 else 1 end, size, cell_id) as nth
    from parts_{{ round }}
),

alone_{{ round }} as (
    select
        cell_id,
        joint_id,
        leads,
        size,
        bool_or(
            is_hidden or (
                group_id is not null
                and ((hidden_parts = 1 and hidden_wholes = 0) or (hidden_parts = 0 and hidden_wholes > 0))
                and ((may_be_next and nth = 1) or (is_whole and next_parts = 0))
            )
        ) as is_hidden
    from sums_{{ round }}
    group by cell_id, joint_id, leads, size
),

{{ hidden_together(round) }}
{% endfor %}
hidden_last as (
    select * from hidden_{{ rounds }}
)
{% endmacro %}

{#- No sum of shown and hidden cells has one hidden cell alone in it: the attack that subtracts what is shown from what is shown. -#}
{% test nothing_follows(model) %}
select
    parts.group_id,
    count(*) as hidden_count
from {{ ref('disclosure_groups') }} as parts
inner join {{ model }} as cells on parts.cell_id = cells.cell_id
where cells.is_hidden
group by parts.group_id
having count(*) = 1
{% endtest %}
