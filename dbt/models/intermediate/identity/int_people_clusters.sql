-- One row per reference with the cluster it falls in (references joined by links, directly or through others), its agency's bit,
-- the first pass that links it to any other, and of the cluster: the bits of all agencies that speak of it, whether one of them
-- speaks twice, and its size.
{{ kept("reference_id in (select reference_id from {{ ref('int_touched_groups') }})") }}
-- depends_on: {{ ref('int_touched_groups') }}
with people as (
    select
        reference_id,
        {{ agency_bit('agency') }} as agency_bit
    from {{ ref('int_people_references') }}
    {{- touched_in('where', 'reference_id', 'int_touched_groups') }}
),

links as (
    select
        reference_a,
        reference_b,
        pass
    from {{ ref('int_people_links') }}
    {{- touched_in('where', 'reference_a', 'int_touched_groups') }}
),

connected as (
    {{ components('links', least='pass') }}
),

joined as {{ materialized() }} (
    select
        people.reference_id,
        connected.label,
        connected.pass,
        people.agency_bit
    from people
    left join connected on people.reference_id = connected.reference_id
),

-- a bit that counts once in one and twice in the other is that of an agency that speaks twice
spoken_of as (
    select
        label,
        cast(bit_or(agency_bit) as bigint) as agencies,
        bit_or(agency_bit) <> sum(agency_bit) as is_crowded,
        cast(count(*) as integer) as reference_count
    from joined
    where label is not null
    group by label
)

select
    joined.reference_id,
    coalesce(joined.label, joined.reference_id) as cluster_id,
    joined.agency_bit,
    joined.pass,
    coalesce(spoken_of.agencies, cast(joined.agency_bit as bigint)) as agencies,
    coalesce(spoken_of.is_crowded, false) as is_crowded,
    coalesce(spoken_of.reference_count, 1) as reference_count
from joined
left join spoken_of on joined.label = spoken_of.label
