-- One row per reference and other description of it (int_people_descriptions) that this build found: of all, or in a night of
-- changes of those that new deliveries speak of. An agency that sends a person once described them otherwise in an earlier
-- delivery, if at all; one that sends people inside events may do so in another row. Where links are exact, nobody asks.
-- depends_on: {{ ref('int_touched_references') }}, {{ ref('linkage_rules') }}, {{ ref('stg_intake__new_deliveries') }}
{%- set fields = described_otherwise() %}
{%- set asked = agencies_described_otherwise() %}
with stated as (
    {{ nothing(['agency string', 'person_ref string'] + typed_as(fields, 'string') + ['said_on date']) }}
    {%- for agency, people in people_sources().items() if agency in asked %}
        union all
        select
            '{{ agency }}' as agency,
            said.person_ref,
            {%- for field in fields %}
                {{ 'said.' ~ field if sends(people, field) else 'cast(null as string)' }} as {{ field }},
            {%- endfor %}
            said._first_seen_date as said_on
        from {{ said_before(people) if people.stands == 'once' else said_in_events(agency, people) }} as said
        {{- touched_references(agency) }}
    {%- endfor %}
),

described as (
    select
        {{ reference_id('agency', 'person_ref') }} as reference_id,
        {{ std_name('first_name') }} as first_name,
        {{ std_name('last_name') }} as last_name,
        {{ std_number('postcode') }} as postcode,
        said_on
    from stated
),

-- what was blank then is as it is now
filled as (
    select
        described.reference_id,
        coalesce(described.first_name, people.first_name) as first_name,
        coalesce(described.last_name, people.last_name) as last_name,
        coalesce(described.postcode, people.postcode) as postcode,
        max(described.said_on) as said_on
    from described
    inner join {{ ref('int_people_references') }} as people on described.reference_id = people.reference_id
    where
        (described.first_name is not null and described.first_name is distinct from people.first_name)
        or (described.last_name is not null and described.last_name is distinct from people.last_name)
        or (described.postcode is not null and described.postcode is distinct from people.postcode)
    group by 1, 2, 3, 4
),

numbered as (
    select
        filled.*,
        row_number() over (partition by reference_id order by said_on desc, first_name asc, last_name asc, postcode asc) as place
    from filled
),

latest as (
    select
        numbered.reference_id,
        cast(numbered.place as integer) as nth,
        numbered.first_name,
        numbered.last_name,
        numbered.postcode
    from numbered
    inner join {{ ref('linkage_rules') }} as rules on rules.rule_id = 'other_descriptions' and numbered.place <= rules.value
)

select * from latest
