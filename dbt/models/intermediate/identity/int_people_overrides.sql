-- One row per pair that a person decided on, in force, of references that are known: must_link or must_not_link.
with overrides as (
    select * from {{ ref('linkage_overrides') }}
),

clock as (
    select * from {{ ref('stg_intake__clock') }}
),

people as (
    select * from {{ ref('int_people_references') }}
),

named as (
    select
        overrides.decision,
        {{ reference_id('overrides.agency_a', 'overrides.person_ref_a') }} as reference_a,
        {{ reference_id('overrides.agency_b', 'overrides.person_ref_b') }} as reference_b
    from overrides
    inner join clock on overrides.end_date > clock.today
),

paired as (
    select
        named.decision,
        least(a.reference_id, b.reference_id) as reference_a,
        greatest(a.reference_id, b.reference_id) as reference_b
    from named
    inner join people as a on named.reference_a = a.reference_id
    inner join people as b on named.reference_b = b.reference_id
)

select distinct * from paired
