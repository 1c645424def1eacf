-- One row per figure that could give a person away: an available row of `indicators` that is computed here.
-- Two views of one indicator that differ by few people point at those people: the first view is shown, the other hidden.
with indicators as (
    select
        *,
        first_value(numerator) over views as first_numerator,
        first_value(denominator) over views as first_denominator
    from {{ ref('indicators') }}
    where status = 'available' and basis = 'computed'
    window views as (
        partition by indicator_id, definition_version, geography_type, geography_code, period_type, period_start order by view_id
    )
),

rules as (
    select
        max(case when rule_id = 'suppress_below' then value end) as suppress_below,
        max(case when rule_id = 'zero_is_published' then value end) as zero_is_published
    from {{ ref('disclosure_rules') }}
),

cells as (
    select
        row_number() over (
            order by indicator_id, view_id, definition_version, geography_type, geography_code, period_type, period_start
        ) as cell_id,
        indicators.indicator_id,
        indicators.view_id,
        indicators.definition_version,
        indicators.geography_type,
        indicators.geography_code,
        indicators.period_type,
        indicators.period_start,
        indicators.period_end,
        indicators.denominator as main_size,
        indicators.no_count + indicators.unknown_count as unknown_size,
        indicators.out_of_scope_count as out_of_scope_size,
        {{ is_small('indicators.numerator') }}
        or {{ is_small('indicators.denominator') }}
        or {{ is_small('indicators.denominator - indicators.numerator') }}
        or abs(indicators.numerator - indicators.first_numerator) between 1 and rules.suppress_below - 1
        or abs(indicators.denominator - indicators.first_denominator) between 1 and rules.suppress_below - 1 as is_main_small,
        {{ is_small('indicators.unknown_count') }} or {{ is_small('indicators.no_count') }} as is_unknown_small,
        {{ is_small('indicators.out_of_scope_count') }} as is_out_of_scope_small
    from indicators
    cross join rules
)

select * from cells
