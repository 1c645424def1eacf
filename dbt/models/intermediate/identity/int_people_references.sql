-- One row per (agency, person_ref): what that agency says of the person, as it is compared (macros/people.sql says who sends people).
{{ kept("reference_id in (select reference_id from {{ ref('int_touched_references') }})") }}
-- depends_on: {{ ref('int_touched_references') }}
{%- set fields = people_sources().probation.fields %}
with stated_once as (
    {%- for agency, people in people_sources().items() if people.stands == 'once' %}
        {{ 'union all' if not loop.first }}
        select
            '{{ agency }}' as agency,
            person_ref,
            first_name,
            last_name,
            date_of_birth,
            {%- for field in fields %}
                {{ field if field in people.fields else 'cast(null as string)' }} as {{ field }},
            {%- endfor %}
            _first_seen_date
        from {{ stated_by_touched(agency, people) }}
        {{- touched_references(agency) }}
    {%- endfor %}
),

-- agencies that send people inside events say the same of a person many times over, and may spell it several ways
stated_in_events as (
    {%- for agency, people in people_sources().items() if people.stands == 'in events' %}
        {{ 'union all' if not loop.first }}
        select
            '{{ agency }}' as agency,
            person_ref,
            first_name,
            last_name,
            date_of_birth,
            {%- for field in fields %}
                {{ field if field in people.fields else 'cast(null as string)' }} as {{ field }},
            {%- endfor %}
            min(_first_seen_date) as _first_seen_date
        from {{ stated_by_touched(agency, people) }}
        {{- touched_references(agency) }}
        group by
            person_ref, first_name, last_name, date_of_birth
            {%- for field in people.fields %}, {{ field }}{% endfor %}
    {%- endfor %}
),

-- now we have one row per reference
one_each as (
    select
        agency,
        person_ref,
        {{ std_name('first_name') }} as first_name,
        {{ std_name('last_name') }} as last_name,
        date_of_birth,
        sex,
        ethnicity,
        {{ std_number('postcode') }} as postcode,
        {{ std_ni_number('ni_number') }} as ni_number,
        {{ std_number('noms_number') }} as noms_number,
        {{ std_pnc_id('pnc_id') }} as pnc_id,
        {{ std_number('crn') }} as crn,
        _first_seen_date as first_seen_date,
        false as is_described_otherwise
    from stated_once
    union all
    select
        agency,
        person_ref,
        min({{ std_name('first_name') }}) as first_name,
        min({{ std_name('last_name') }}) as last_name,
        min(date_of_birth) as date_of_birth,
        min(sex) as sex,
        min(ethnicity) as ethnicity,
        min({{ std_number('postcode') }}) as postcode,
        min({{ std_ni_number('ni_number') }}) as ni_number,
        min({{ std_number('noms_number') }}) as noms_number,
        min({{ std_pnc_id('pnc_id') }}) as pnc_id,
        min({{ std_number('crn') }}) as crn,
        min(_first_seen_date) as first_seen_date,
        count(*) > 1 as is_described_otherwise
    from stated_in_events
    group by agency, person_ref
),

numbered as (
    select
        {{ reference_id('agency', 'person_ref') }} as reference_id,
        one_each.*
    from one_each
)

select * from numbered
