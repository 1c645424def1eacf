-- `evidence_mix` as published: beside figures that are shown, and only there.
{{ config(alias='evidence_mix') }}
with shown as (
    select * from {{ ref('publish_indicators') }}
    where status = 'available'
),

mix as (
    select * from {{ ref('evidence_mix') }}
)

select mix.*
from mix
inner join shown
    on
        mix.indicator_id = shown.indicator_id and mix.view_id = shown.view_id
        and mix.definition_version = shown.definition_version
        and mix.geography_type = shown.geography_type and mix.geography_code = shown.geography_code
        and mix.period_type = shown.period_type and mix.period_start = shown.period_start
