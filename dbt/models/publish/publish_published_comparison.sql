-- One row per figure printed before (seeds/published_figures), beside the same figure computed here.
{{ config(alias='published_comparison') }}
with published as (
    select * from {{ ref('published_figures') }}
),

indicators as (
    select * from {{ ref('publish_indicators') }}
),

compared as (
    select
        published.indicator_id,
        published.view_id,
        published.geography_type,
        published.geography_code,
        indicators.geography_name,
        published.period_type,
        published.period_start,
        published.period_end,
        indicators.numerator,
        indicators.denominator,
        indicators.rate_pct,
        cast(published.numerator as bigint) as published_numerator,
        cast(published.denominator as bigint) as published_denominator,
        cast(published.published_pct as double) as published_pct,
        case
            when coalesce(indicators.status, '') <> 'held' then coalesce(
                indicators.numerator = published.numerator and indicators.denominator = published.denominator
                and floor((200 * indicators.numerator + indicators.denominator) / (2 * indicators.denominator))
                = published.published_pct, false
            )
        end as is_reproduced,
        indicators.target_pct,
        indicators.is_target_met,
        published.source
    from published
    left join indicators
        on
            published.indicator_id = indicators.indicator_id and published.view_id = indicators.view_id
            and published.geography_type = indicators.geography_type and published.geography_code = indicators.geography_code
            and published.period_type = indicators.period_type and published.period_start = indicators.period_start
)

select * from compared
