-- One row per geography, financial year and pair of answers: how often the probation record and P45 agree on work at termination.
-- While a delivery that either answer needs is overdue, the table is held as the indicators are; a year that deliveries have not
-- reached the end of is not available.
with outcomes as (
    select
        events.event_date,
        events.employed_status,
        events.employed_p45_status,
        coalesce(areas.area_code, 'ZZ') as area_code
    from {{ ref('minimum_outcomes') }} as events
    {{ join_area_of_event(ref('areas')) }}
    where events.is_in_scope
),

rules as (
    select
        value as suppress_below,
        1 as zero_is_published
    from {{ ref('disclosure_rules') }}
    where rule_id = 'suppress_below'
),

summed as (
    select
        memberships.geography_type,
        memberships.geography_code,
        periods.period_type,
        periods.period_start,
        periods.period_end,
        outcomes.employed_status as record_status,
        outcomes.employed_p45_status as p45_status,
        count(*) as event_count
    from outcomes
    inner join {{ ref('area_memberships') }} as memberships
        on
            outcomes.area_code = memberships.area_code and memberships.geography_type in ('country', 'nation')
            and {{ is_on_day('outcomes.event_date', 'memberships.valid_from', 'memberships.valid_to') }}
    inner join {{ ref('reporting_periods') }} as periods
        on
            outcomes.event_date >= periods.period_start
            and outcomes.event_date < periods.period_end
            and periods.period_type = 'financial_year'
    group by 1, 2, 3, 4, 5, 6, 7
),

held as (
    select count(held_reason) > 0 as is_held from {{ ref('outcome_deliveries') }}
    where population = 'termination' and outcome in ('employed', 'employed_p45')
),

observed as (
    select case when count(*) = count(observed_until) then min(observed_until) end as observed_until
    from {{ ref('outcome_observation') }}
    where population = 'termination' and outcome in ('employed', 'employed_p45')
),

-- now we have whole tables hidden when any of their cells is small: no cell can then be worked out from the rest
judged as (
    select
        summed.*,
        bool_or({{ is_small('summed.event_count') }}) over (partition by summed.period_type, summed.period_start) as is_hidden,
        held.is_held,
        coalesce(summed.period_end <= {{ day_after('observed.observed_until') }}, false) as is_observed
    from summed
    cross join rules
    cross join held
    cross join observed
)

select
    geography_type,
    geography_code,
    period_type,
    period_start,
    record_status,
    p45_status,
    case when not is_hidden and not is_held and is_observed then event_count end as event_count,
    case
        when is_held then 'held'
        when not is_observed then 'not_available'
        when is_hidden then 'suppressed'
        else 'available'
    end as status
from judged
