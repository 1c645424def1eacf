-- `evidence_mix` as published: beside figures that are shown with their unknowns and have so many events that shares give no count away.
-- An agency that decided few of them has a share of 0, like one that decided none, and neither is shown.
{{ config(alias='evidence_mix') }}
with shown as (
    select * from {{ ref('publish_indicators') }}
    where status = 'available' and unknown_count is not null
),

mix as (
    select * from {{ ref('evidence_mix') }}
    where share_pct > 0
)

select
    mix.indicator_id,
    mix.view_id,
    mix.definition_version,
    mix.geography_type,
    mix.geography_code,
    mix.period_type,
    mix.period_start,
    mix.agency,
    mix.share_pct
from mix
inner join shown
    on
        mix.indicator_id = shown.indicator_id and mix.view_id = shown.view_id
        and mix.definition_version = shown.definition_version
        and mix.geography_type = shown.geography_type and mix.geography_code = shown.geography_code
        and mix.period_type = shown.period_type and mix.period_start = shown.period_start
where shown.denominator >= mix.least_events
