-- One row per person that is built again and reason: those of touched identities as they were and as they are; of each extract those
-- of whom its new deliveries speak, or whom a record of one names; those of a day that has come within what is observed, or gone
-- from it. A table is built again of those alone who are touched by something that it reads (macros/nights.sql).
-- depends_on: {{ ref('int_touched_identities') }}, {{ ref('int_touched_references') }}, {{ ref('int_people') }}
-- depends_on: {{ ref('int_observation') }}, {{ ref('stg_intake__new_deliveries') }}, {{ ref('stg_intake__deliveries') }}
{%- if is_mending() %}
{%- set came = extracts_that_came() %}
with people as (
    select * from {{ ref('int_people') }}
),

touched_identities as (
    select * from {{ ref('int_touched_identities') }}
),

named as (
    {{ nothing(['reference_id bigint', 'because string']) }}
    {%- for agency, extract, column in columns_that_name_people() if agency ~ '.' ~ extract in came %}
        union all
        select
            {{ reference_id("'" ~ agency ~ "'", column) }} as reference_id,
            '{{ agency }}.{{ extract }}' as because
        from ({{ restated(agency, extract) }}) as sent
    {%- endfor %}
),

touched as (
    select
        person_id_before as person_id,
        'identity' as because
    from touched_identities
    union
    select
        people.person_id,
        'identity' as because
    from people
    inner join touched_identities on people.reference_id = touched_identities.reference_id
    union
    select
        people.person_id,
        stated.agency || '.' || stated.extract as because
    from people
    inner join {{ ref('int_touched_references') }} as stated on people.reference_id = stated.reference_id
    union
    select
        people.person_id,
        named.because
    from people
    inner join named on people.reference_id = named.reference_id
    union
    select
        days.person_id,
        'observation' as because
    from {{ standing('int_event_days') }} as days
    cross join {{ ref('int_observation') }} as observation
    where days.is_due <> coalesce(days.on_date <= observation.observed_until, false)
)

select
    person_id,
    because
from touched
where person_id is not null
{%- else %}
    {{ nothing(['person_id bigint', 'because string']) }}
{%- endif %}
