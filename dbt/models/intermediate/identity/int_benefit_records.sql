-- One row per benefit claim with its person, half-open.
{{ kept_by_person() }}
with people as {{ few_first() }}(
    select
        person_ref,
        reference_id,
        person_id
    from {{ ref('int_people') }}
    where agency = 'dwp' {{- touched_people('and', 'person_id') }}
),

claims as (
    select * from {{ ref('stg_dwp__benefit_claims') }}
),

identified as (
    select
        people.person_id,
        people.reference_id,
        claims.benefit_code as code,
        claims.start_date,
        claims.end_date,
        claims._delivery_id,
        claims._row_number
    from claims
    inner join people on claims.person_ref = people.person_ref
)

select * from identified
