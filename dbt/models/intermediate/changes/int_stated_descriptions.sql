-- One row per reference and other description of it (int_people_descriptions) that this build found: of all, or in a night of
-- changes of those that new deliveries speak of. An agency that sends a person once described them otherwise in an earlier
-- delivery, if at all; one that sends people inside events may do so in another row. Where links are exact, nobody asks.
-- depends_on: {{ ref('int_touched_references') }}, {{ ref('linkage_rules') }}, {{ ref('stg_intake__new_deliveries') }}
{%- set fields = described_otherwise() %}
{%- set came = extracts_that_came() if is_mending() else [] %}
with stated as (
    {{ nothing(['agency string', 'person_ref string', 'first_name string', 'last_name string', 'postcode string', 'said_date date']) }}
    {%- for agency, people in people_sources().items() if is_weighed() and (not is_mending() or agency ~ '.' ~ people.extract in came) %}
        {%- set postcode = 'postcode' if 'postcode' in people.fields else 'cast(null as string)' %}
        union all
        select
            '{{ agency }}' as agency,
            person_ref,
            first_name,
            last_name,
            {{ postcode }} as postcode,
            max(_first_seen_date) as said_date
        {%- if people.stands == 'once' %}
        from {{ staged_before(people.model) }} as earlier
        {{- touched_references(agency) }}
        {%- else %}
        from {{ stated_by_touched(agency, people) }} as events
        where person_ref in (
            select person_ref from {{ ref('int_people_references') }}
            where agency = '{{ agency }}' and is_described_otherwise
        )
        {%- endif %}
        group by person_ref, first_name, last_name, {{ postcode }}
    {%- endfor %}
),

described as (
    select
        {{ reference_id('agency', 'person_ref') }} as reference_id,
        {{ std_name('first_name') }} as first_name,
        {{ std_name('last_name') }} as last_name,
        {{ std_number('postcode') }} as postcode,
        said_date
    from stated
),

-- now we have what the reference does not say as it stands; what was blank then is as it is now
otherwise as (
    select
        described.reference_id,
        {%- for field in fields %}
        coalesce(described.{{ field }}, people.{{ field }}) as {{ field }},
        {%- endfor %}
        max(described.said_date) as said_date
    from described
    inner join {{ ref('int_people_references') }} as people on described.reference_id = people.reference_id
    where
        {%- for field in fields %}
        {{ 'or ' if not loop.first }}described.{{ field }} <> people.{{ field }}
        {%- endfor %}
    group by
        described.reference_id
        {%- for field in fields %},
        coalesce(described.{{ field }}, people.{{ field }})
        {%- endfor %}
),

numbered as (
    select
        reference_id,
        cast(row_number() over (partition by reference_id order by said_date desc, {{ fields | join(', ') }}) as integer) as nth,
        {{ fields | join(',
        ') }}
    from otherwise
)

select * from numbered
where nth <= (select value from {{ ref('linkage_rules') }} where rule_id = 'other_descriptions')
