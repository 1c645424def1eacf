-- One row per reference whose joins are decided again: those of touched groups, and those whose evidence was weighed with one's,
-- which is why the scores that stand are read before they are mended.
-- depends_on: {{ ref('int_touched_groups') }}
{%- if is_mending() %}
with touched as (
    select reference_id from {{ ref('int_touched_groups') }}
),

scores as (
    select * from {{ standing('int_people_scores') }}
)

select reference_id from touched
union
select scores.reference_a
from scores
inner join touched on scores.reference_b = touched.reference_id
union
select scores.reference_b
from scores
inner join touched on scores.reference_a = touched.reference_id
{%- else %}
    {{ nothing(['reference_id bigint']) }}
{%- endif %}
