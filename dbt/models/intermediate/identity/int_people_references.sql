-- One row per (agency, person_ref): what that agency says of the person. A new agency with people adds one line: its staging
-- model and, of the fields that tell people apart, those that it sends.
{%- set fields = ['sex', 'ethnicity', 'postcode', 'ni_number', 'noms_number', 'pnc_id', 'crn'] %}
{%- set agencies = {
    'probation': ('stg_probation__people', fields),
    'prisons': ('stg_prisons__people', ['sex', 'ethnicity', 'postcode', 'noms_number', 'pnc_id']),
    'dwp': ('stg_dwp__customers', ['sex', 'postcode', 'ni_number']),
    'hmrc': ('stg_hmrc__employment_spells', ['ni_number']),
    'police': ('stg_police__offences', ['pnc_id']),
    'housing': ('stg_housing__placements', ['postcode', 'crn']),
    'ete': ('stg_ete__job_starts', ['postcode', 'crn'])
} %}
with stacked as (
    {%- for agency, (model, sent) in agencies.items() %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ agency }}' as agency,
            person_ref,
            first_name,
            last_name,
            date_of_birth,
            {%- for field in fields %}
                {{ field if field in sent else 'cast(null as string)' }} as {{ field }},
            {%- endfor %}
            _first_seen_date
        from {{ ref(model) }}
    {%- endfor %}
),

-- now we have one row per reference; agencies that send people inside events may spell them several ways
one_each as (
    select
        agency,
        person_ref,
        min(first_name) as first_name,
        min(last_name) as last_name,
        min(date_of_birth) as date_of_birth,
        {%- for field in fields %}
            min({{ field }}) as {{ field }},
        {%- endfor %}
        min(_first_seen_date) as first_seen_date
    from stacked
    group by agency, person_ref
),

numbered as (
    select
        row_number() over (order by first_seen_date, agency, person_ref) as reference_id,
        one_each.*
    from one_each
)

select * from numbered
