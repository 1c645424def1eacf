-- One row per pair that a person decided on, in force: must_link or must_not_link.
with overrides as (
    select * from {{ ref('linkage_overrides') }}
),

clock as (
    select * from {{ ref('stg_intake__clock') }}
),

people as (
    select * from {{ ref('int_people_references') }}
),

paired as (
    select
        overrides.decision,
        least(a.reference_id, b.reference_id) as reference_a,
        greatest(a.reference_id, b.reference_id) as reference_b
    from overrides
    inner join people as a on overrides.agency_a = a.agency and overrides.person_ref_a = a.person_ref
    inner join people as b on overrides.agency_b = b.agency and overrides.person_ref_b = b.person_ref
    inner join clock on overrides.end_date > clock.today
)

select distinct * from paired
