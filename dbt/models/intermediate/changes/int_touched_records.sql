-- One row per record that is built again, by its key, of extracts whose records are kept one by one: those that new deliveries state,
-- and those of which any row names somebody whose person is made again.
-- depends_on: {{ ref('int_touched_identities') }}, {{ ref('int_touched_references') }}, {{ ref('int_people_references') }}
-- depends_on: {{ ref('stg_intake__new_deliveries') }}
{%- if is_mending() %}
{%- set has_identities = run_query('select 1 from ' ~ ref('int_touched_identities') ~ ' limit 1').rows | length > 0 %}
with identities as (
    select reference_id from {{ ref('int_touched_identities') }}
),

-- as they are, and those who are gone
people as (
    select
        people.agency,
        people.person_ref
    from {{ ref('int_people_references') }} as people
    inner join identities on people.reference_id = identities.reference_id
    union
    select
        stated.agency,
        stated.person_ref
    from {{ ref('int_touched_references') }} as stated
    inner join identities on stated.reference_id = identities.reference_id
),

touched as (
    {{ nothing(['extract string', 'record_key string']) }}
    {%- for agency, extract, key in extracts_kept_by_record() %}
        union
        select
            '{{ agency }}.{{ extract }}' as extract,
            {{ key }} as record_key
        from ({{ typed_rows(agency, extract) }}) as sent
        where
            _delivery_id in (select delivery_id from {{ ref('stg_intake__new_deliveries') }})
            {%- if has_identities %} {#- else to look at every reference would be for nothing #}
                or {{ reference_in(agency, extract) }} in (select person_ref from people where agency = '{{ agency }}')
            {%- endif %}
    {%- endfor %}
)

select * from touched
{%- else %}
    {{ nothing(['extract string', 'record_key string']) }}
{%- endif %}
