{#- Is a count too small to publish (seeds/disclosure_rules)? -#}
{% macro is_small(count) -%}
({{ count }} < rules.suppress_below and ({{ count }} > 0 or rules.zero_is_published = 0))
{%- endmacro %}

{#- The rules as a CTE `rules` of one row. -#}
{% macro disclosure_rules_row() -%}
rules as (
    select
        max(case when rule_id = 'suppress_below' then value end) as suppress_below,
        max(case when rule_id = 'zero_is_published' then value end) as zero_is_published
    from {{ ref('disclosure_rules') }}
)
{%- endmacro %}

{#-
  Do the hidden parts of a sum give themselves away beside its shown whole? One alone does. So do several whose total is a small
  count, or no more than one for each. And so does a total of none: each has none then, which of few people says something of every
  one. Zeros of a count may be `harmless`: 'always', or where 'all' counts that are hidden with it are zero too. They are known then,
  in this sum or another, and hide no single part that has some. `moved`: by how much counts differ from those of a view that shows them, of
  which a small total says as much as a small count.
-#}
{% macro parts_are_told(harmless, moved) -%}
(
    hidden_parts = 1 or hidden_size between 1 and hidden_parts
    {%- for count in ['first', 'second'] %}
    {%- if count in harmless %}
    or hidden_{{ count }} between zero_is_published and suppress_below - 1
    or {{ 'having_' ~ count ~ ' = 1' if harmless[count] == 'always' else '(hidden_size > 0 and having_' ~ count ~ ' < 2)' }}
    {%- else %}
    or hidden_{{ count }} < suppress_below
    {%- endif %}
    {%- endfor %}
    {%- for count in moved %}
    or abs(hidden_{{ count }}) between 1 and suppress_below - 1
    {%- endfor %}
)
{%- endmacro %}

{#-
  Cells hidden because they are small, or because a hidden cell would follow by subtraction. `primary` is a CTE of (cell_id,
  joint_id, leads, size, first_count, second_count, is_hidden), the counts being those that are hidden and must not follow. In every
  sum, as long as something changes: hidden parts that a shown whole tells hide the next smallest part, one with both counts before
  others, or the whole if there is none; a hidden whole with every part shown hides such a part, or any; and a hidden cell that leads
  hides the other cells of its joint_id, which tell of each other. DuckDB goes on until nothing changes; an engine that knows no
  such walk goes so many rounds, and the test `nothing_follows` fails the build if they did not suffice.
-#}
{% macro hide_what_follows(primary, harmless={}, moved=[], rounds=36) %}
    {{- return((adapter.dispatch('hide_what_follows') if execute else spark__hide_what_follows)(primary, harmless, moved, rounds)) }}
{% endmacro %}

{% macro default__hide_what_follows(primary, harmless, moved, rounds) %}
hidden_last as (
    with recursive {{ disclosure_rules_row() }},

    parts as materialized (
        select
            parts.group_id,
            parts.is_whole,
            cells.*
        from {{ ref('disclosure_groups') }} as parts
        inner join {{ primary }} as cells on parts.cell_id = cells.cell_id
    ),

    hidden (cell_id) using key (cell_id) as (
        select cell_id from (select cell_id, {{ is_hidden_together() }} as is_hidden from {{ primary }})
        where is_hidden
        union
        (
            with looked_at as materialized (
                select
                    parts.*,
                    reached.cell_id is not null as is_now_hidden
                from parts
                left join recurring.hidden as reached on parts.cell_id = reached.cell_id
                where parts.group_id in (select parts.group_id from hidden inner join parts on hidden.cell_id = parts.cell_id)
            ),

            sums as (
                select
                    group_id,
                    max(case when is_whole then cell_id end) as whole_id,
                    bool_or(is_whole and is_now_hidden) as is_whole_hidden,
                    count(*) filter (where not is_whole and is_now_hidden) as hidden_parts,
                    sum(size) filter (where not is_whole and is_now_hidden) as hidden_size,
                    sum(first_count) filter (where not is_whole and is_now_hidden) as hidden_first,
                    sum(second_count) filter (where not is_whole and is_now_hidden) as hidden_second,
                    count(*) filter (where not is_whole and is_now_hidden and first_count > 0) as having_first,
                    count(*) filter (where not is_whole and is_now_hidden and second_count > 0) as having_second,
                    {%- for count in moved %}
                    sum({{ count }}) filter (where not is_whole and is_now_hidden) as hidden_{{ count }},
                    {%- endfor %}
                    min_by(cell_id, (least(first_count, second_count) = 0, size, cell_id))
                        filter (where not is_whole and not is_now_hidden and size > 0) as next_id,
                    min(cell_id) filter (where not is_whole and not is_now_hidden) as any_id
                from looked_at
                group by group_id
            ),

            newly as materialized (
                select coalesce(next_id, case when is_whole_hidden then any_id else whole_id end) as cell_id
                from sums
                cross join rules
                where case when is_whole_hidden then hidden_parts = 0 else hidden_parts > 0 and {{ parts_are_told(harmless, moved) }} end
            )

            select cell_id from newly
            union
            select cell_id from {{ primary }}
            where joint_id in (
                select cells.joint_id
                from newly
                inner join {{ primary }} as cells on newly.cell_id = cells.cell_id and cells.leads
            )
        )
    )

    select cells.* replace (hidden.cell_id is not null as is_hidden)
    from {{ primary }} as cells
    left join hidden on cells.cell_id = hidden.cell_id
)
{% endmacro %}

{#- Is a cell hidden, alone or with one that leads? -#}
{% macro is_hidden_together() -%}
is_hidden or bool_or(leads and is_hidden) over (partition by joint_id)
{%- endmacro %}

{#- Each round reads the one before once, or 36 rounds are 2^36 where CTEs are written out. -#}
{% macro spark__hide_what_follows(primary, harmless, moved, rounds) %}
{{ disclosure_rules_row() }},

{{ hidden_together(0, primary, moved) }}
{% for round in range(1, rounds + 1) %}
parts_{{ round }} as (
    select
        cells.*,
        parts.group_id,
        parts.is_whole,
        cells.is_hidden and not parts.is_whole as is_hidden_part,
        not parts.is_whole and not cells.is_hidden as is_shown_part,
        rules.suppress_below,
        rules.zero_is_published
    from hidden_{{ round - 1 }} as cells
    left join {{ ref('disclosure_groups') }} as parts on cells.cell_id = parts.cell_id
    cross join rules
),

sums_{{ round }} as (
    select
        *,
        sum(case when is_whole and is_hidden then 1 else 0 end) over (partition by group_id) > 0 as is_whole_hidden,
        sum(case when is_hidden_part then 1 else 0 end) over (partition by group_id) as hidden_parts,
        sum(case when is_hidden_part then size else 0 end) over (partition by group_id) as hidden_size,
        sum(case when is_hidden_part then first_count else 0 end) over (partition by group_id) as hidden_first,
        sum(case when is_hidden_part then second_count else 0 end) over (partition by group_id) as hidden_second,
        sum(case when is_hidden_part and first_count > 0 then 1 else 0 end) over (partition by group_id) as having_first,
        sum(case when is_hidden_part and second_count > 0 then 1 else 0 end) over (partition by group_id) as having_second,
        {%- for count in moved %}
        sum(case when is_hidden_part then {{ count }} else 0 end) over (partition by group_id) as hidden_{{ count }},
        {%- endfor %}
        sum(case when is_shown_part and size > 0 then 1 else 0 end) over (partition by group_id) as next_parts,
        row_number() over (
            partition by group_id
            order by
                case when not is_shown_part then 2 when size > 0 then 0 else 1 end, case when least(first_count, second_count) = 0 then 1 else 0 end,
                size, cell_id
        ) as nth
    from parts_{{ round }}
),

alone_{{ round }} as (
    select
        {{ cell_columns(moved) }},
        bool_or(
            is_hidden or (
                group_id is not null
                and case when is_whole_hidden then hidden_parts = 0 else hidden_parts > 0 and {{ parts_are_told(harmless, moved) }} end
                and (
                    (is_shown_part and nth = 1 and (size > 0 or is_whole_hidden))
                    or (is_whole and next_parts = 0 and not is_whole_hidden)
                )
            )
        ) as is_hidden
    from sums_{{ round }}
    group by {{ cell_columns(moved) }}
),

{{ hidden_together(round, 'alone_' ~ round, moved) }}
{% endfor %}
hidden_last as (
    select * from hidden_{{ rounds }}
)
{% endmacro %}
{% macro cell_columns(moved) -%} {{ (['cell_id', 'joint_id', 'leads', 'size', 'first_count', 'second_count'] + moved) | join(', ') }} {%- endmacro %}
{% macro hidden_together(round, cells, moved) -%}
hidden_{{ round }} as {{ materialized() }} (
    select
        {{ cell_columns(moved) }},
        {{ is_hidden_together() }} as is_hidden
    from {{ cells }}
),
{%- endmacro %}

{#- No sum tells what is hidden in it: the attack that subtracts what is shown from what is shown. -#}
{% test nothing_follows(model, harmless={}, moved=[]) %}
with {{ disclosure_rules_row() }},

sums as (
    select
        parts.group_id,
        max(case when parts.is_whole and cells.is_hidden then 1 else 0 end) = 1 as is_whole_hidden,
        sum(case when parts.is_whole then 0 else 1 end) as hidden_parts,
        sum(case when parts.is_whole then 0 else cells.size end) as hidden_size,
        sum(case when parts.is_whole then 0 else cells.first_count end) as hidden_first,
        sum(case when parts.is_whole then 0 else cells.second_count end) as hidden_second,
        {%- for count in moved %}
        sum(case when parts.is_whole then 0 else cells.{{ count }} end) as hidden_{{ count }},
        {%- endfor %}
        sum(case when not parts.is_whole and cells.first_count > 0 then 1 else 0 end) as having_first,
        sum(case when not parts.is_whole and cells.second_count > 0 then 1 else 0 end) as having_second
    from {{ ref('disclosure_groups') }} as parts
    inner join {{ model }} as cells on parts.cell_id = cells.cell_id
    where cells.is_hidden
    group by parts.group_id
)

select sums.*
from sums
cross join rules
where case when is_whole_hidden then hidden_parts = 0 else {{ parts_are_told(harmless, moved) }} end
{% endtest %}
