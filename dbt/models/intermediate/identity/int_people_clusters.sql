-- One row per reference with the cluster it falls in (references joined by links, directly or through others) and its agency's bit.
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
        reference_b
    from {{ ref('int_people_links') }}
    {{- touched_in('where', 'reference_a', 'int_touched_groups') }}
),

connected as (
    {{ components('links') }}
),

joined as (
    select
        people.reference_id,
        coalesce(connected.label, people.reference_id) as cluster_id,
        people.agency_bit
    from people
    left join connected on people.reference_id = connected.reference_id
)

select * from joined
