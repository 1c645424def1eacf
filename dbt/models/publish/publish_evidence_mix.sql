-- `evidence_mix` as published: beside figures that are shown with their unknowns, and only where half of what a share is rounded to is
-- as many events as a count must have. So an agency that decided few of them has no share to show, like one that decided none.
{{ config(alias='evidence_mix') }}
with rules as (
    select
        max(case when rule_id = 'share_rounding_base' then value end) as rounding_base,
        max(case when rule_id = 'suppress_below' then value end) as suppress_below
    from {{ ref('disclosure_rules') }}
),

shown as (
    select indicators.*
    from {{ ref('publish_indicators') }} as indicators
    cross join rules
    where
        indicators.status = 'available' and indicators.unknown_count is not null
        and indicators.denominator * rules.rounding_base >= 200 * rules.suppress_below
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
