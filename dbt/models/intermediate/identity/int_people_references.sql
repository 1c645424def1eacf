-- One row per (agency, person_ref): what that agency says of the person. A new agency with people adds one block.
with probation as (
    select
        'probation' as agency,
        person_ref,
        first_name,
        last_name,
        date_of_birth,
        sex,
        ethnicity,
        postcode,
        ni_number,
        noms_number,
        pnc_id,
        crn,
        _first_seen_date
    from {{ ref('stg_probation__people') }}
),

prisons as (
    select
        'prisons' as agency,
        person_ref,
        first_name,
        last_name,
        date_of_birth,
        sex,
        ethnicity,
        postcode,
        null as ni_number,
        noms_number,
        pnc_id,
        null as crn,
        _first_seen_date
    from {{ ref('stg_prisons__people') }}
),

dwp as (
    select
        'dwp' as agency,
        person_ref,
        first_name,
        last_name,
        date_of_birth,
        sex,
        null as ethnicity,
        postcode,
        ni_number,
        null as noms_number,
        null as pnc_id,
        null as crn,
        _first_seen_date
    from {{ ref('stg_dwp__customers') }}
),

hmrc as (
    select
        'hmrc' as agency,
        person_ref,
        first_name,
        last_name,
        date_of_birth,
        null as sex,
        null as ethnicity,
        null as postcode,
        ni_number,
        null as noms_number,
        null as pnc_id,
        null as crn,
        _first_seen_date
    from {{ ref('stg_hmrc__employment_spells') }}
),

police as (
    select
        'police' as agency,
        person_ref,
        first_name,
        last_name,
        date_of_birth,
        null as sex,
        null as ethnicity,
        null as postcode,
        null as ni_number,
        null as noms_number,
        pnc_id,
        null as crn,
        _first_seen_date
    from {{ ref('stg_police__offences') }}
),

housing as (
    select
        'housing' as agency,
        person_ref,
        first_name,
        last_name,
        date_of_birth,
        null as sex,
        null as ethnicity,
        postcode,
        null as ni_number,
        null as noms_number,
        null as pnc_id,
        crn,
        _first_seen_date
    from {{ ref('stg_housing__placements') }}
),

ete as (
    select
        'ete' as agency,
        person_ref,
        first_name,
        last_name,
        date_of_birth,
        null as sex,
        null as ethnicity,
        postcode,
        null as ni_number,
        null as noms_number,
        null as pnc_id,
        crn,
        _first_seen_date
    from {{ ref('stg_ete__job_starts') }}
),

stacked as (
    select * from probation
    union all
    select * from prisons
    union all
    select * from dwp
    union all
    select * from hmrc
    union all
    select * from police
    union all
    select * from housing
    union all
    select * from ete
),

-- now we have one row per reference; agencies that send people inside events may spell them several ways
one_each as (
    select
        agency,
        person_ref,
        min(first_name) as first_name,
        min(last_name) as last_name,
        min(date_of_birth) as date_of_birth,
        min(sex) as sex,
        min(ethnicity) as ethnicity,
        min(postcode) as postcode,
        min(ni_number) as ni_number,
        min(noms_number) as noms_number,
        min(pnc_id) as pnc_id,
        min(crn) as crn,
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
