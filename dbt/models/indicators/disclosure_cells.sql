-- One row per figure that could give a person away: an available row of `indicators`. What a department returned has no unknown
-- and nobody out of scope.
-- Two views of one indicator that differ by few people point at those people: the first view is shown, the other hidden. Views share
-- counts, so the others are hidden wherever the first is.
with definitions as (
    select * from {{ ref('indicator_definitions') }}
),

indicators as (
    select
        figures.*,
        definitions.population,
        definitions.order_group,
        not figures.unknown_in_denominator
        and bool_or(figures.unknown_in_denominator) over (
            partition by definitions.population, definitions.order_group
        ) as is_unknown_told,
        not figures.unknown_in_denominator
        and max(figures.out_of_scope_count) over (
            partition by figures.indicator_id, figures.view_id, figures.definition_version
        ) = 0 and figures.basis = 'computed' as is_left_out_never,
        figures.view_id = first_value(figures.view_id) over views as is_first_view,
        first_value(figures.numerator) over views as first_numerator,
        first_value(figures.denominator) over views as first_denominator
    from {{ ref('indicators') }} as figures
    inner join definitions
        on
            figures.indicator_id = definitions.indicator_id and figures.view_id = definitions.view_id
            and figures.definition_version = definitions.definition_version
    where figures.status = 'available'
    window views as (
        partition by
            figures.indicator_id, figures.definition_version, figures.geography_type, figures.geography_code,
            figures.period_type, figures.period_start
        order by figures.view_id
    )
),

{{ disclosure_rules_row() }},

cells as (
    select
        cast(row_number() over (
            order by indicator_id, view_id, definition_version, geography_type, geography_code, period_type, period_start
        ) as bigint) as cell_id,
        indicators.indicator_id,
        indicators.view_id,
        indicators.definition_version,
        indicators.geography_type,
        indicators.geography_code,
        indicators.period_type,
        indicators.period_start,
        indicators.period_end,
        indicators.numerator,
        indicators.denominator,
        indicators.numerator - indicators.first_numerator as numerator_moved,
        indicators.denominator - indicators.first_denominator as denominator_moved,
        indicators.no_count,
        indicators.unknown_count,
        coalesce(indicators.out_of_scope_count, 0) as out_of_scope_count,
        {{ is_small('indicators.numerator') }}
        or {{ is_small('indicators.denominator') }}
        or {{ is_small('indicators.denominator - indicators.numerator') }}
        or abs(indicators.numerator - indicators.first_numerator) between 1 and rules.suppress_below - 1
        or abs(indicators.denominator - indicators.first_denominator) between 1 and rules.suppress_below - 1 as is_main_small,
        coalesce({{ is_small('indicators.unknown_count') }}, false)
        or {{ is_small('indicators.no_count') }} as is_unknown_small,
        coalesce({{ is_small('indicators.out_of_scope_count') }}, false) as is_out_of_scope_small,
        indicators.unknown_in_denominator as is_unknown_in_denominator,
        indicators.is_unknown_told,
        indicators.is_left_out_never,
        indicators.is_first_view,
        cast(dense_rank() over (
            order by indicator_id, definition_version, geography_type, geography_code, period_type, period_start
        ) as bigint) as same_views_id,
        cast(dense_rank() over (
            order by
                population, order_group, case when basis = 'returned' then indicator_id end,
                geography_type, geography_code, period_type, period_start
        ) as bigint) as same_events_id
    from indicators
    cross join rules
)

select * from cells
