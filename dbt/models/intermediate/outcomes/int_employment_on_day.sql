-- One row per event and day: whether the person worked, by the probation record. Of the records in force on the day that are
-- a status (not an interview, a CV or income), any yes is yes; else any no is no; else unknown.
{{ kept_by_person() }}
with days as (
    select * from {{ ref('int_event_days') }}
    where asks_work {{- touched_people('and', 'person_id') }}
),

-- a record counts for the time its code means the same: the mapping is joined to records, not to the many pairs of record and day
meant as (
    select
        records.*,
        employed.status,
        case employed.status when 'yes' then 1 when 'no' then 2 else 3 end as strength,
        coalesce(records.recorded_date, records.start_date) as evidence_date,
        case when employed.valid_from > records.start_date then employed.valid_from else records.start_date end as meant_from,
        case
            when records.end_date is null or employed.valid_to < records.end_date then employed.valid_to else records.end_date
        end as meant_to
    from {{ ref('int_employment_records') }} as records
    inner join {{ ref('employed') }} as employed
        on
            employed.view_id = 'official' and employed.code_list = 'employment_codes' and records.code = employed.code
            and employed.status <> 'ignored'
),

candidates as (
    select
        days.day_id,
        days.on_date,
        meant.code,
        meant.status,
        meant.is_evidenced,
        meant.evidence_date,
        meant._delivery_id as evidence_delivery_id,
        meant._row_number as evidence_row_number,
        row_number() over (
            partition by days.day_id
            order by
                meant.strength asc, meant.start_date desc, coalesce(meant.recorded_date, date '1900-01-01') desc,
                meant.record_id desc
        ) as nth
    from days
    inner join meant
        on days.person_id = meant.person_id and {{ is_on_day('days.on_date', 'meant.meant_from', 'meant.meant_to') }}
),

in_force as (
    select
        candidates.*,
        coalesce(available.status, 'unknown') as available_status
    from candidates
    left join
        {{ ref('available_for_work') }} as available
        on {{ maps('available', 'official', "'employment_codes'", 'candidates.code', 'candidates.on_date') }}
    where candidates.nth = 1
),

p45 as (
    select distinct days.day_id
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
        case when in_force.day_id is not null then 'probation' end as agency,
        in_force.code,
        in_force.is_evidenced,
        in_force.evidence_date,
        in_force.evidence_delivery_id,
        in_force.evidence_row_number,
        {{ days_between('in_force.evidence_date', 'days.on_date') }} as evidence_days,
        coalesce(in_force.status, 'unknown') as employed,
        case when p45.day_id is not null then 'yes' when can_be_looked_up.person_id is not null then 'no' else 'unknown' end
            as employed_p45,
        case when in_force.status = 'yes' then 'yes' else coalesce(in_force.available_status, 'unknown') end as available_for_work
    from days
    left join in_force on days.day_id = in_force.day_id
    left join p45 on days.day_id = p45.day_id
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
