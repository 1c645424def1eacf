-- `indicators` as published: hidden figures are blank and say so; nothing else is changed.
{{ config(alias='indicators') }}
with indicators as (
    select * from {{ ref('indicators') }}
),

cells as (
    select
        cells.*,
        main.is_hidden or (cells.is_unknown_told and unknown_cells.is_hidden) as is_main_hidden,
        unknown_cells.is_hidden or (cells.is_left_out_never and scope.is_hidden) as is_unknown_hidden,
        scope.is_hidden as is_out_of_scope_hidden
    from {{ ref('disclosure_cells') }} as cells
    inner join {{ ref('disclosure_main') }} as main on cells.cell_id = main.cell_id
    inner join {{ ref('disclosure_unknown') }} as unknown_cells on cells.cell_id = unknown_cells.cell_id
    inner join {{ ref('disclosure_out_of_scope') }} as scope on cells.cell_id = scope.cell_id
),

flagged as (
    select
        indicators.*,
        coalesce(cells.is_main_hidden, false) as is_main_hidden,
        coalesce(cells.is_main_hidden or cells.is_unknown_hidden, false) as is_unknown_hidden,
        coalesce(cells.is_main_hidden or cells.is_out_of_scope_hidden, false) as is_out_of_scope_hidden
    from indicators
    left join cells
        on
            indicators.indicator_id = cells.indicator_id and indicators.view_id = cells.view_id
            and indicators.definition_version = cells.definition_version and indicators.geography_type = cells.geography_type
            and indicators.geography_code = cells.geography_code and indicators.period_type = cells.period_type
            and indicators.period_start = cells.period_start
),

published as (
    select
        indicator_id,
        view_id,
        definition_version,
        title,
        geography_type,
        geography_code,
        geography_name,
        period_type,
        period_start,
        period_end,
        case when not is_main_hidden then numerator end as numerator,
        case when not is_unknown_hidden then no_count end as no_count,
        case when not is_main_hidden then denominator end as denominator,
        case when not is_unknown_hidden then unknown_count end as unknown_count,
        case when not is_out_of_scope_hidden then out_of_scope_count end as out_of_scope_count,
        case when not is_main_hidden then rate_pct end as rate_pct,
        case when not is_unknown_hidden then known_rate_pct end as known_rate_pct,
        case when not is_unknown_hidden then lower_bound_pct end as lower_bound_pct,
        case when not is_unknown_hidden then upper_bound_pct end as upper_bound_pct,
        case when not is_main_hidden then interval_low_pct end as interval_low_pct,
        case when not is_main_hidden then interval_high_pct end as interval_high_pct,
        target_pct,
        case when not is_main_hidden then is_target_met end as is_target_met,
        basis,
        is_assumption,
        unknown_in_denominator,
        case when is_main_hidden then 'suppressed' else status end as status,
        case
            when is_main_hidden then 'Hidden: a count is small, or would give a small one away by subtraction'
            when is_unknown_hidden or is_out_of_scope_hidden then status_reason || '; some counts hidden'
            else status_reason
        end as status_reason,
        notes,
        case
            when is_main_hidden then 'all'
            else nullif(concat_ws(
                ', ',
                case when is_unknown_hidden then 'no_count, unknown_count, known_rate_pct, lower_bound_pct, upper_bound_pct' end,
                case when is_out_of_scope_hidden then 'out_of_scope_count' end
            ), '')
        end as suppressed_fields
    from flagged
)

select * from published
