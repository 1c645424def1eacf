-- One row per person that is built again: those of touched identities as they were and as they are, those of whom new deliveries
-- speak, those whom a record of one names, and those of a day that has come within what is observed, or gone from it.
-- depends_on: {{ ref('int_touched_identities') }}, {{ ref('int_touched_references') }}, {{ ref('int_people') }}
-- depends_on: {{ ref('int_observation') }}, {{ ref('stg_intake__new_deliveries') }}, {{ ref('stg_intake__deliveries') }}
{%- if is_mending() %}
with people as (
    select * from {{ ref('int_people') }}
),

touched_identities as (
    select * from {{ ref('int_touched_identities') }}
),

named as (
    {%- for agency, extract, column in columns_that_name_people() %}
        {{ 'union all' if not loop.first }}
        select
            '{{ agency }}' as agency,
            {{ column }} as person_ref
        from ({{ restated(agency, extract) }}) as sent
    {%- endfor %}
),

touched as (
    select person_id_before as person_id from touched_identities
    union
    select people.person_id
    from people
    inner join touched_identities on people.reference_id = touched_identities.reference_id
    union
    select people.person_id
    from people
    inner join {{ ref('int_touched_references') }} as stated on people.reference_id = stated.reference_id
    union
    select people.person_id
    from people
    inner join named on people.agency = named.agency and people.person_ref = named.person_ref
    union
    select days.person_id
    from {{ standing('int_event_days') }} as days
    cross join {{ ref('int_observation') }} as observation
    where days.is_due <> coalesce(days.on_date <= observation.observed_until, false)
)

select person_id from touched
where person_id is not null
{%- else %}
    {{ nothing(['person_id bigint']) }}
{%- endif %}
