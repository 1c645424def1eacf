-- The published table before disclosure control: one row per indicator, view, geography and period. Unknown is never "no": it is
-- counted, and stays in the denominator where the definition says so (decision 001).
with index_rows as (
    select * from {{ ref('indicator_index') }}
),

returns as (
    select * from {{ ref('psa16_returns') }}
),

counted as (
    select
        index_rows.*,
        definitions.title,
        definitions.basis,
        definitions.is_assumption = 'Y' as is_assumption,
        definitions.unknown_in_denominator = 'Y' as unknown_in_denominator,
        definitions.valid_from,
        definitions.valid_to,
        observation.observed_until,
        'the latest delivery' || coalesce(' of ' || observation.behind, '') || ', which reaches to '
        || cast(observation.observed_until as string) as reach,
        returns.indicator_id is not null as is_returned,
        deliveries.held_reason,
        notes.notes,
        case when definitions.basis = 'returned' then returns.numerator else coalesce(counts.yes_count, 0) end as numerator,
        case
            when definitions.basis = 'returned' then returns.denominator - returns.numerator else coalesce(counts.no_count, 0)
        end as no_count,
        case when definitions.basis = 'computed' then coalesce(counts.unknown_count, 0) end as unknown_count,
        case when definitions.basis = 'computed' then coalesce(counts.out_of_scope_count, 0) end as out_of_scope_count,
        coalesce(counts.not_due_count, 0) as not_due_count
    from index_rows
    inner join {{ ref('indicator_definitions') }} as definitions
        on
            index_rows.indicator_id = definitions.indicator_id and index_rows.view_id = definitions.view_id
            and index_rows.definition_version = definitions.definition_version
    left join {{ ref('outcome_observation') }} as observation
        on definitions.population = observation.population and coalesce(definitions.outcome, '') = observation.outcome
    left join {{ ref('indicator_counts') }} as counts
        on
            index_rows.indicator_id = counts.indicator_id and index_rows.view_id = counts.view_id
            and index_rows.definition_version = counts.definition_version and index_rows.geography_type = counts.geography_type
            and index_rows.geography_code = counts.geography_code and index_rows.period_type = counts.period_type
            and index_rows.period_start = counts.period_start
    left join returns
        on
            index_rows.indicator_id = returns.indicator_id and index_rows.geography_code = returns.geography_code
            and index_rows.period_start = returns.period_start and index_rows.period_end = returns.period_end
    left join {{ ref('outcome_deliveries') }} as deliveries
        on definitions.population = deliveries.population and coalesce(definitions.outcome, '') = deliveries.outcome
    left join {{ ref('indicator_notes') }} as notes
        on
            index_rows.indicator_id = notes.indicator_id and index_rows.view_id = notes.view_id
            and index_rows.definition_version = notes.definition_version and index_rows.geography_type = notes.geography_type
            and index_rows.geography_code = notes.geography_code and index_rows.period_type = notes.period_type
            and index_rows.period_start = notes.period_start
),

-- now we have the reason why a row shows no figure, if there is one
judged as (
    select
        *,
        case
            when period_start < valid_from or period_end > coalesce(valid_to, date '9999-12-31') then 'not_applicable'
            when held_reason is not null then 'held'
            when basis = 'returned' and not is_returned then 'not_available'
            when
                basis = 'computed'
                and (observed_until is null or period_end > observed_until + interval 1 day or not_due_count > 0)
                then 'not_available'
            else 'available'
        end as status,
        case
            when period_start < valid_from or period_end > coalesce(valid_to, date '9999-12-31')
                then
                    'The measure is in force from '
                    || cast(valid_from as string)
                    || coalesce(' to before ' || cast(valid_to as string), '')
            when held_reason is not null then held_reason
            when basis = 'returned' and not is_returned then 'The department has returned no figure for this geography and period'
            when basis = 'returned' then 'As returned by the department'
            when observed_until is null then 'Probation has not yet sent orders, accommodation and employment'
            when period_end > observed_until + interval 1 day then 'The period ends after ' || reach
            when not_due_count > 0 then 'The follow-up of some events falls after ' || reach
            when
                numerator + no_count + unknown_count = 0
                then 'No event in scope in the period: counts are zero and there is no rate'
            else 'Computed here'
        end as status_reason,
        numerator + no_count + case when unknown_in_denominator then unknown_count else 0 end as denominator,
        numerator + no_count + coalesce(unknown_count, 0) as in_scope_count
    from counted
),

-- now we have figures only where they may be shown
shown as (
    select
        judged.indicator_id,
        judged.view_id,
        judged.definition_version,
        judged.title,
        judged.geography_type,
        judged.geography_code,
        judged.geography_name,
        judged.period_type,
        judged.period_start,
        judged.period_end,
        judged.basis,
        judged.is_assumption,
        judged.unknown_in_denominator,
        judged.status,
        judged.status_reason,
        case when status = 'available' then numerator end as numerator,
        case when status = 'available' then no_count end as no_count,
        case when status = 'available' then denominator end as denominator,
        case when status = 'available' then unknown_count end as unknown_count,
        case when status = 'available' then out_of_scope_count end as out_of_scope_count,
        case when status = 'available' then in_scope_count end as in_scope_count,
        case when status = 'available' then notes end as notes
    from judged
),

rated as (
    select
        shown.indicator_id,
        shown.view_id,
        shown.definition_version,
        shown.title,
        shown.geography_type,
        shown.geography_code,
        shown.geography_name,
        shown.period_type,
        shown.period_start,
        shown.period_end,
        cast(shown.numerator as bigint) as numerator,
        cast(shown.no_count as bigint) as no_count,
        cast(shown.denominator as bigint) as denominator,
        cast(shown.unknown_count as bigint) as unknown_count,
        cast(shown.out_of_scope_count as bigint) as out_of_scope_count,
        {{ pct('shown.numerator', 'shown.denominator') }} as rate_pct,
        {{ pct('shown.numerator', 'shown.numerator + shown.no_count') }} as known_rate_pct,
        {{ pct('shown.numerator', 'shown.in_scope_count') }} as lower_bound_pct,
        {{ pct('shown.numerator + coalesce(shown.unknown_count, 0)', 'shown.in_scope_count') }} as upper_bound_pct,
        {{ wilson_pct('shown.numerator', 'shown.denominator', '-') }} as interval_low_pct,
        {{ wilson_pct('shown.numerator', 'shown.denominator', '+') }} as interval_high_pct,
        targets.target_pct,
        case when shown.denominator > 0 then 100.0 * shown.numerator >= targets.target_pct * shown.denominator end
            as is_target_met,
        shown.basis,
        shown.is_assumption,
        shown.unknown_in_denominator,
        shown.status,
        shown.status_reason,
        shown.notes
    from shown
    left join {{ ref('targets') }} as targets
        on
            shown.indicator_id = targets.indicator_id
            and shown.view_id = targets.view_id
            and shown.geography_type = targets.geography_type
            and shown.geography_code = targets.geography_code
            and shown.period_start >= targets.valid_from and shown.period_end <= coalesce(targets.valid_to, date '9999-12-31')
)

select * from rated
