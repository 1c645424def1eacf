-- One row per reference that people decided is one person with another, with the least of those that it is one with by such
-- decisions. Where they decided of two of them that they are not, none of it counts here: must-not-link holds.
with overrides as (
    select * from {{ ref('int_people_overrides') }}
),

must_links as (
    select
        reference_a,
        reference_b
    from overrides
    where decision = 'must_link'
),

connected as (
    {{ components('must_links') }}
),

contradicted as (
    select one.label
    from overrides
    inner join connected as one on overrides.reference_a = one.reference_id
    inner join connected as other on overrides.reference_b = other.reference_id and one.label = other.label
    where overrides.decision = 'must_not_link'
)

select
    reference_id,
    label as group_id
from connected
where label not in (select label from contradicted)
