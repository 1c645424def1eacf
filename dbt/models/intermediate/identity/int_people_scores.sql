-- One row per pair of references of different clusters that may be one person, with the weight of the evidence that it is one.
{{ kept("reference_a in (select reference_id from {{ ref('int_touched_groups') }})"
    ~ " or reference_b in (select reference_id from {{ ref('int_touched_groups') }})") }}
-- depends_on: {{ ref('int_touched_groups') }}, {{ ref('int_touched_rivals') }}
with weighed as (
    select * from {{ ref('int_weighed_pairs') }}
)

select * from weighed
