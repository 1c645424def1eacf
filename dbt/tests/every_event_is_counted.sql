-- Every termination of the calendar is counted once in the nation: in scope or out of it, nothing lost.
with events as (
    select count(*) as event_count
    from {{ ref('minimum_outcomes') }}
    where event_date >= (select min(period_start) from {{ ref('reporting_periods') }})
        and event_date < (select max(period_end) from {{ ref('reporting_periods') }})
),

counted as (
    select indicator_id, view_id, sum(yes_count + no_count + unknown_count + out_of_scope_count) as event_count
    from {{ ref('indicator_counts') }}
    where geography_type = 'nation' and period_type = 'financial_year'
        and (indicator_id, view_id) in (
            select indicator_id, view_id from {{ ref('indicator_definitions') }} where population = 'termination' and order_group is null
        )
    group by 1, 2
)

select counted.*
from counted
cross join events
where counted.event_count <> events.event_count
