-- One row per cluster that is joined to another at the default level, with the least cluster that joins lead to from it.
with joins as (
    select * from {{ ref('int_people_joins') }}
),

levels as (
    select * from {{ ref('linkage_levels') }}
),

links as (
    select
        joins.cluster_a as reference_a,
        joins.cluster_b as reference_b
    from joins
    inner join levels on levels.is_default = 'Y' and joins.probability >= levels.least_probability
    where joins.verdict = 'joined'
),

connected as (
    {{ components('links') }}
)

select
    reference_id as cluster_id,
    label as person_cluster_id
from connected
