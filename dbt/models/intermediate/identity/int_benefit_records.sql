-- One row per benefit claim with its person, half-open, and whether it is an out-of-work benefit.
with people as (
    select person_ref, person_id from {{ ref('int_people') }} where agency = 'dwp'
),

claims as (
    select * from {{ ref('stg_dwp__benefit_claims') }}
),

out_of_work as (
    select * from {{ ref('out_of_work_benefit') }} where view_id = 'official'
),

identified as (
    select
        people.person_id,
        claims.benefit_code as code,
        claims.start_date,
        claims.end_date,
        coalesce(out_of_work.status = 'yes', false) as is_out_of_work,
        claims._delivery_id,
        claims._row_number,
    from claims
    inner join people on claims.person_ref = people.person_ref
    left join out_of_work on claims.benefit_code = out_of_work.code and {{ is_on_day('claims.start_date', "coalesce(out_of_work.valid_from, date '1900-01-01')", 'out_of_work.valid_to') }}
)

select * from identified
