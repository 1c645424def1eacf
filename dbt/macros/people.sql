{#-
  Who sends people, how: the extract and its staging model, the fields that tell people apart which it sends, the SQL of the
  agency's reference over its columns, whether a person stands in its rows once or inside events, and whether two references of
  the agency are two people (`tells_apart`: it gives a person one). One line for a new agency.
-#}
{% macro people_sources() %}
    {{- return({
        'probation': {
            'extract': 'people', 'model': 'stg_probation__people', 'reference': 'crn', 'stands': 'once', 'tells_apart': true,
            'fields': ['sex', 'ethnicity', 'postcode', 'ni_number', 'noms_number', 'pnc_id', 'crn'],
        },
        'prisons': {
            'extract': 'people', 'model': 'stg_prisons__people', 'reference': 'noms_number', 'stands': 'once', 'tells_apart': true,
            'fields': ['sex', 'ethnicity', 'postcode', 'noms_number', 'pnc_id'],
        },
        'dwp': {
            'extract': 'customers', 'model': 'stg_dwp__customers', 'reference': 'customer_ref', 'stands': 'once', 'tells_apart': true,
            'fields': ['sex', 'postcode', 'ni_number'],
        },
        'hmrc': {
            'extract': 'employment_spells', 'model': 'stg_hmrc__employment_spells', 'reference': hmrc_reference(),
            'stands': 'in events', 'tells_apart': false, 'fields': ['ni_number'],
        },
        'police': {
            'extract': 'offences', 'model': 'stg_police__offences', 'reference': 'pnc_id', 'stands': 'in events', 'tells_apart': true,
            'fields': ['pnc_id'],
        },
        'housing': {
            'extract': 'placements', 'model': 'stg_housing__placements', 'reference': 'client_ref', 'stands': 'in events', 'tells_apart': true,
            'fields': ['postcode', 'crn'],
        },
        'ete': {
            'extract': 'job_starts', 'model': 'stg_ete__job_starts', 'reference': 'client_ref', 'stands': 'in events', 'tells_apart': true,
            'fields': ['postcode', 'crn'],
        },
    }) }}
{% endmacro %}

{#- HMRC sends no reference of a person: the number, names and date of birth together are one. -#}
{% macro hmrc_reference() -%}
md5(concat_ws(
    '|', coalesce(ni_number, ''), upper(trim(coalesce(first_name, ''))), upper(trim(coalesce(last_name, ''))),
    coalesce(cast(date_of_birth as string), '')
))
{%- endmacro %}

{#- A reference as a number that never changes: 60 bits of a hash, so that joins need no text. A test finds two of one number. -#}
{% macro reference_id(agency, person_ref) -%}
{{ plain_hash(agency ~ " || '/' || " ~ person_ref) }}
{%- endmacro %}

{#- A bit for each agency that gives a person one reference; 0 for one that may give several, so that no two of its own exclude. -#}
{% macro agency_bit(agency) -%}
case {{ agency }}
    {%- for name, people in people_sources().items() %}
    when '{{ name }}' then {{ 2 ** loop.index0 if people.tells_apart else 0 }}
    {%- endfor %}
end
{%- endmacro %}

{#- A bit for each agency that sends people, so that who speaks of a person is one number. -#}
{% macro agency_flag(agency) -%}
case {{ agency }}
    {%- for name in people_sources() %}
    when '{{ name }}' then {{ 2 ** loop.index0 }}
    {%- endfor %}
end
{%- endmacro %}

{#- The columns of int_people_references that say something of the person: a reference is another when one of them is. -#}
{% macro compared_of_a_person() %}
    {{- return(['first_name', 'last_name', 'date_of_birth'] + people_sources().probation.fields + ['first_seen_date']) }}
{% endmacro %}

{#- In a night of changes: only the references of an agency that are built again, and of its records only those that name one. -#}
{% macro touched_references(agency) -%}
    {%- if is_mending() %}
        where person_ref in ({{ refs_of_touched(agency) }})
    {%- endif %}
{%- endmacro %}
{% macro stated_by_touched(agency, people) -%}
    {{ staged(people.model, keys_naming(agency, people.extract, refs_of_touched(agency))) }}
{%- endmacro %}
{% macro refs_of_touched(agency) -%}
    select person_ref from {{ ref('int_touched_references') }} where agency = '{{ agency }}'
{%- endmacro %}

{#- What an agency may say otherwise of the same person, at another time or in another row: the columns of int_people_descriptions. -#}
{% macro described_otherwise() %}
    {{- return(['first_name', 'last_name', 'postcode']) }}
{% endmacro %}
{% macro sends(people, field) %}
    {{- return(field in ['first_name', 'last_name'] + people.fields) }}
{% endmacro %}

{#- The agencies whose descriptions are looked through: none where links are exact; in a night of changes those of whose people came. -#}
{% macro agencies_described_otherwise() %}
    {%- set came = extracts_that_came() if is_mending() else none -%}
    {%- set found = [] -%}
    {%- for agency, people in people_sources().items() if is_weighed() -%}
        {%- do found.append(agency) if came is none or agency ~ '.' ~ people.extract in came -%}
    {%- endfor -%}
    {{- return(found) }}
{% endmacro %}

{#- The rows of earlier deliveries in which a person is described otherwise than in the row in force. -#}
{% macro said_before(people) -%}
(
    select said.*
    from {{ staged_before(people.model) }} as said
    inner join {{ ref(people.model) }} as now on said.person_ref = now.person_ref
    where
        {%- for field in described_otherwise() if sends(people, field) %}
        {{ 'or ' if not loop.first }}said.{{ field }} is distinct from now.{{ field }}
        {%- endfor %}
)
{%- endmacro %}

{#- The events of people whom the agency's events describe in several ways. -#}
{% macro said_in_events(agency, people) -%}
(
    select * from {{ stated_by_touched(agency, people) }} as said
    where person_ref in (
        select person_ref from {{ ref('int_people_references') }}
        where agency = '{{ agency }}' and is_described_otherwise
    )
)
{%- endmacro %}
