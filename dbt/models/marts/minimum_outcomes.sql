-- The minimum outcome dataset: one row per order or licence that ended, with what is known of home and work on the last day.
{{ kept_by_person() }}
with terminations as (
    select * from {{ ref('int_terminations') }}
    {{- touched_people('where', 'person_id') }}
),

accommodation as (
    select * from {{ ref('int_accommodation_on_day') }}
    where population = 'termination' and follow_up_id = 'at_event' {{- touched_people('and', 'person_id') }}
),

employment as (
    select * from {{ ref('int_employment_on_day') }}
    where population = 'termination' and follow_up_id = 'at_event' {{- touched_people('and', 'person_id') }}
),

p45 as (
    select * from {{ ref('int_p45_on_day') }}
    where population = 'termination' {{- touched_people('and', 'person_id') }}
),

outcomes as (
    select
        terminations.event_id,
        terminations.person_id,
        terminations.event_date,
        terminations.event_date as termination_date,
        terminations.area_code,
        terminations.local_authority_code,
        terminations.order_group,
        terminations.termination_reason_code,
        terminations.is_in_scope,
        terminations.scope_reason,
        accommodation.settled_policy as settled_policy_status,
        accommodation.settled_sustainable as settled_sustainable_status,
        accommodation.housed as housed_status,
        {{- evidence('accommodation', 'accommodation') }}
        employment.employed as employed_status,
        employment.available_for_work as available_for_work_status,
        employment.employed_if_available as employed_if_available_status,
        employment.employed_p45 as employed_p45_status,
        employment.employed_combined as employed_combined_status,
        {{- evidence('employment', 'employment') }}
        {{- evidence('p45', 'p45') }}
        case
            when employment.employed <> 'yes' and employment.employed_p45 = 'yes' then p45.agency
            when employment.employed <> 'unknown' then employment.agency
        end as combined_evidence_agency,
        terminations._delivery_id,
        terminations._row_number
    -- each termination has one row of each. Left joins: of inner ones DuckDB hashes the wide side, at twice the cost
    from terminations
    left join accommodation on terminations.event_id = accommodation.event_id
    left join employment on terminations.event_id = employment.event_id
    left join p45 on terminations.event_id = p45.event_id
)

select * from outcomes
