-- One row per event and day: whether the person worked, by the probation record. Of the records in force on the day that are
-- a status (not an interview, a CV or income), any yes is yes; else any no is no; else unknown.
with days as (
    select * from {{ ref('int_event_days') }}
),

in_force as (
    select
        days.population,
        days.event_id,
        days.follow_up_id,
        records.code,
        employed.status,
        coalesce(available.status, 'unknown') as available_status,
        records.is_evidenced,
        coalesce(records.recorded_date, records.start_date) as evidence_date,
        records._delivery_id as evidence_delivery_id,
        records._row_number as evidence_row_number,
        row_number() over (
            partition by days.population, days.event_id, days.follow_up_id
            order by
                case employed.status when 'yes' then 1 when 'no' then 2 else 3 end,
                records.start_date desc, coalesce(records.recorded_date, date '1900-01-01') desc, records.record_id desc
        ) as nth
    from days
    inner join {{ ref('int_employment_records') }} as records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.start_date', 'records.end_date') }}
    inner join
        {{ ref('employed') }} as employed
        on
            {{ maps('employed', 'official', "'employment_codes'", 'records.code', 'days.on_date') }}
            and employed.status <> 'ignored'
    left join
        {{ ref('available_for_work') }} as available
        on {{ maps('available', 'official', "'employment_codes'", 'records.code', 'days.on_date') }}
),

p45 as (
    select distinct
        days.population,
        days.event_id,
        days.follow_up_id
    from days
    inner join
        {{ ref('int_employment_p45_spells') }} as spells
        on days.person_id = spells.person_id and {{ is_on_day('days.on_date', 'spells.start_date', 'spells.end_date') }}
),

can_be_looked_up as (
    select person_id from {{ ref('int_people') }}
    group by person_id
    having bool_or(has_ni_number) or bool_or(agency = 'hmrc')
),

answered as (
    select
        days.*,
        case when in_force.event_id is not null then 'probation' end as agency,
        in_force.code,
        in_force.is_evidenced,
        in_force.evidence_date,
        in_force.evidence_delivery_id,
        in_force.evidence_row_number,
        date_diff('day', in_force.evidence_date, days.on_date) as evidence_days,
        coalesce(in_force.status, 'unknown') as employed,
        case when p45.event_id is not null then 'yes' when can_be_looked_up.person_id is not null then 'no' else 'unknown' end
            as employed_p45,
        case when in_force.status = 'yes' then 'yes' else coalesce(in_force.available_status, 'unknown') end as available_for_work
    from days
    left join in_force
        on
            days.population = in_force.population
            and days.event_id = in_force.event_id
            and days.follow_up_id = in_force.follow_up_id
            and in_force.nth = 1
    left join p45 on days.population = p45.population and days.event_id = p45.event_id and days.follow_up_id = p45.follow_up_id
    left join can_be_looked_up on days.person_id = can_be_looked_up.person_id
),

decided as (
    select
        *,
        not is_follow_up or (is_due and not is_in_custody) as is_applicable,
        case
            when employed = 'yes' or employed_p45 = 'yes' then 'yes' when employed <> 'unknown' then employed else employed_p45
        end as employed_combined,
        case when available_for_work = 'no' then 'not_applicable' else employed end as employed_if_available
    from answered
)

select * from decided
