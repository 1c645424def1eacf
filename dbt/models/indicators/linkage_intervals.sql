-- One row per figure that rests on linkage, before disclosure control: between which rates it lies in most draws that decide each
-- doubtful link anew, as often one way as it is likely (decision 012). The ends are rates of draws: of 200 the 5th lowest and the
-- 5th highest for 95 per cent.
with {{ linked_figures() }},

rules as (
    select
        cast(max(case when rule_id = 'resamples' then value end) as bigint) as draw_count,
        max(case when rule_id = 'resample_interval_pct' then value end) as interval_pct
    from {{ ref('linkage_rules') }}
),

differences as (
    select * from {{ ref('linkage_counts') }}
    where draw is not null
),

-- now we have the draws in which a figure counts other events, each with its rate
drawn as (
    select
        {{- figure_key('figures') }}
        {{ pct(
            'figures.numerator + differences.yes_more',
            'figures.denominator + differences.yes_more + differences.no_more'
            ~ ' + case when figures.unknown_in_denominator then differences.unknown_more else 0 end'
        ) }} as rate_pct,
        cast(1 as bigint) as draw_count
    from figures
    inner join differences on {{ is_same_figure('figures', 'differences') }}
),

others as (
    select
        {{- figure_key('drawn') }}
        count(*) as draw_count
    from drawn
    group by
        drawn.indicator_id,
        drawn.view_id,
        drawn.definition_version,
        drawn.geography_type,
        drawn.geography_code,
        drawn.period_type,
        drawn.period_start
),

stacked as (
    select * from drawn
    union all
    select
        {{- figure_key('figures') }}
        {{ pct('figures.numerator', 'figures.denominator') }} as rate_pct,
        rules.draw_count - coalesce(others.draw_count, 0) as draw_count
    from figures
    cross join rules
    left join others on {{ is_same_figure('figures', 'others') }}
),

-- now we have, beside each rate, how many draws have it or a lower one
ranked as (
    select
        {{- figure_key('stacked') }}
        stacked.rate_pct,
        sum(stacked.draw_count) over (
            partition by
                stacked.indicator_id, stacked.view_id, stacked.definition_version, stacked.geography_type, stacked.geography_code,
                stacked.period_type, stacked.period_start
            order by stacked.rate_pct rows between unbounded preceding and current row
        ) as reached,
        sum(stacked.draw_count) over (
            partition by
                stacked.indicator_id, stacked.view_id, stacked.definition_version, stacked.geography_type, stacked.geography_code,
                stacked.period_type, stacked.period_start
        ) as draw_count
    from stacked
    where stacked.rate_pct is not null and stacked.draw_count > 0
),

tails as (
    select
        ranked.*,
        greatest(1, ceil(ranked.draw_count * (100 - rules.interval_pct) / 200)) as tail_count
    from ranked
    cross join rules
),

intervals as (
    select
        {{- figure_key('tails') }}
        min(case when tails.reached >= tails.tail_count then tails.rate_pct end) as linkage_low_pct,
        min(case when tails.reached >= tails.draw_count - tails.tail_count + 1 then tails.rate_pct end) as linkage_high_pct
    from tails
    group by
        tails.indicator_id,
        tails.view_id,
        tails.definition_version,
        tails.geography_type,
        tails.geography_code,
        tails.period_type,
        tails.period_start
)

select * from intervals
