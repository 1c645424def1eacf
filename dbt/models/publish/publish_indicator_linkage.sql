-- `indicator_linkage` as published: what a shown figure would be at each level of linkage, and its linkage interval. How many events
-- a level counts otherwise is rounded to multiples of the least count that may be shown, and the interval's ends are moved outwards to
-- such: no few people show, nor can they be worked out by subtracting one place or period from another (decision 012).
{{ config(alias='indicator_linkage') }}
with shown as (
    select * from {{ ref('publish_indicators') }}
    where status = 'available'
),

levels as (
    select * from {{ ref('indicator_levels') }}
),

intervals as (
    select * from {{ ref('linkage_intervals') }}
),

rules as (
    select cast(value as double) as base from {{ ref('disclosure_rules') }}
    where rule_id = 'suppress_below'
),

moved as (
    select
        {{- figure_key('levels') }}
        levels.level_id,
        levels.level_name,
        levels.is_default,
        shown.rate_pct,
        shown.numerator,
        shown.denominator,
        round((levels.numerator - shown.numerator) / rules.base) * rules.base as numerator_more,
        round((levels.denominator - shown.denominator) / rules.base) * rules.base as denominator_more,
        (shown.rate_pct - intervals.linkage_low_pct) / 100 * shown.denominator as below,
        (intervals.linkage_high_pct - shown.rate_pct) / 100 * shown.denominator as above,
        least(0.0001 / 100 * shown.denominator, 0.5) as blur,
        rules.base
    from levels
    inner join shown on {{ is_same_figure('levels', 'shown') }}
    inner join intervals on {{ is_same_figure('levels', 'intervals') }}
    cross join rules
),

-- now we have how many events each end lies beyond the rate, less than none where both lie on one side of it. Rates have four decimals,
-- so two of them may be 0.0001 nearer than they say; more than half an event of that would put the ends of a large figure out of order
ends as (
    select
        moved.*,
        ceil((below - blur) / base) * base as fewer,
        ceil((above - blur) / base) * base as more
    from moved
),

-- rounding may not leave fewer than no events with the outcome, nor more than there are
bounded as (
    select
        ends.*,
        greatest(ends.denominator + ends.denominator_more, 0) as level_denominator,
        least(
            greatest(ends.numerator + ends.numerator_more, 0), greatest(ends.denominator + ends.denominator_more, 0)
        ) as level_numerator
    from ends
),

published as (
    select
        {{- figure_key('bounded') }}
        bounded.level_id,
        bounded.level_name,
        bounded.is_default,
        cast(bounded.level_numerator as bigint) as numerator,
        cast(bounded.level_denominator as bigint) as denominator,
        {{ pct('bounded.level_numerator', 'bounded.level_denominator') }} as rate_pct,
        case
            when bounded.is_default then greatest(round(bounded.rate_pct - 100 * bounded.fewer / bounded.denominator, 4), 0)
        end as linkage_low_pct,
        case
            when bounded.is_default then least(round(bounded.rate_pct + 100 * bounded.more / bounded.denominator, 4), 100)
        end as linkage_high_pct
    from bounded
)

select * from published
