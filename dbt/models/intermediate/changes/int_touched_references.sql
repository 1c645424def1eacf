-- One row per reference that new deliveries speak of, by a record as it is now or as it was before, with what stands of it so far.
-- depends_on: {{ ref('stg_intake__new_deliveries') }}, {{ ref('stg_intake__deliveries') }}
{%- if is_mending() %}
{%- set came = extracts_that_came() %}
-- made before anything is asked of it, or every row of the extract is asked for its reference
with stated as {{ materialized() }} (
    {{ nothing(['agency string', 'extract string', 'person_ref string']) }}
    {%- for agency, people in people_sources().items() if agency ~ '.' ~ people.extract in came %}
        union all
        select
            '{{ agency }}' as agency,
            '{{ people.extract }}' as extract,
            {{ people.reference }} as person_ref
        from ({{ restated(agency, people.extract) }}) as sent
    {%- endfor %}
),

touched as (
    select distinct
        agency,
        extract,
        person_ref,
        {{ reference_id('agency', 'person_ref') }} as reference_id
    from stated
    where person_ref is not null -- a withdrawal by key alone names nobody
)

select
    touched.agency,
    touched.extract,
    touched.person_ref,
    touched.reference_id,
    {%- for name in compared_of_a_person() %}
    standing.{{ name }},
    {%- endfor %}
    standing.reference_id is not null as is_standing
from touched
left join {{ standing('int_people_references') }} as standing on touched.reference_id = standing.reference_id
{%- else %}
    {{ nothing(['agency string', 'extract string', 'person_ref string', 'reference_id bigint']) }}
{%- endif %}
