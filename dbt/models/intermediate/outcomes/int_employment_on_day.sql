-- One row per event and day: whether the person worked, by the probation record. Of the records in force on the day that are
-- a status (not an interview, a CV or income), any yes is yes; else any no is no; else unknown.
{{ kept_by_person() }}
with days as {{ read_again() }} (
    select * from {{ ref('int_event_days') }}
    where asks_work {{- touched_people('and', 'person_id') }}
),

-- a record counts for the time its code means the same: the mapping is joined to records, not to the many pairs of record and day
records as {{ read_again() }} (
    select
        records.*,
        employed.status,
        case employed.status when 'yes' then 1 when 'no' then 2 else 3 end as strength,
        case when employed.valid_from > records.start_date then employed.valid_from else records.start_date end as meant_from,
        case
            when records.end_date is null or employed.valid_to < records.end_date then employed.valid_to else records.end_date
        end as meant_to
    from {{ ref('int_employment_records') }} as records
    inner join {{ ref('employed') }} as employed
        on
            employed.view_id = 'official' and employed.code_list = 'employment_codes' and records.code = employed.code
            and employed.status <> 'ignored'
    {{- touched_people('where', 'records.person_id') }}
),

-- nearly every day has one record in force or none; only where there are several is one chosen, for to sort them all takes longest
several as (
    select days.day_id
    from days
    inner join records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.meant_from', 'records.meant_to') }}
    group by days.day_id
    having count(*) > 1
),

ranked as (
    select
        days.*,
        {{ deciding_columns() }},
        records.status,
        row_number() over (
            partition by days.day_id
            order by
                records.strength asc, records.start_date desc, coalesce(records.recorded_date, date '1900-01-01') desc,
                records.record_id desc
        ) as nth
    from several
    inner join days on several.day_id = days.day_id
    inner join records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.meant_from', 'records.meant_to') }}
),

looked_up as (
    select
        days.*,
        {{ deciding_columns() }},
        records.status,
        1 as nth
    from days
    left join several on days.day_id = several.day_id
    left join records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.meant_from', 'records.meant_to') }}
    where several.day_id is null
    union all
    select * from ranked
    where nth = 1
),

p45 as (
    select distinct days.day_id
    from days
    inner join
        {{ ref('int_employment_p45_spells') }} as spells
        on days.person_id = spells.person_id and {{ is_on_day('days.on_date', 'spells.start_date', 'spells.end_date') }}
    {{- touched_people('where', 'spells.person_id') }}
),

can_be_looked_up as (
    select distinct person_id from {{ ref('int_people') }}
    where (has_ni_number or agency = 'hmrc') {{- touched_people('and', 'person_id') }}
),

answered as (
    select
        looked_up.*,
        case when looked_up.code is not null then 'probation' end as agency,
        {{ days_between('looked_up.evidence_date', 'looked_up.on_date') }} as evidence_days,
        coalesce(looked_up.status, 'unknown') as employed,
        case when p45.day_id is not null then 'yes' when can_be_looked_up.person_id is not null then 'no' else 'unknown' end
            as employed_p45,
        case when looked_up.status = 'yes' then 'yes' else coalesce(available.status, 'unknown') end as available_for_work
    from looked_up
    left join p45 on looked_up.day_id = p45.day_id
    left join can_be_looked_up on looked_up.person_id = can_be_looked_up.person_id
    left join
        {{ ref('available_for_work') }} as available
        on {{ maps('available', 'official', "'employment_codes'", 'looked_up.code', 'looked_up.on_date') }}
),

decided as (
    select
        population,
        event_id,
        person_id,
        follow_up_id,
        agency,
        code,
        is_evidenced,
        evidence_date,
        evidence_delivery_id,
        evidence_row_number,
        evidence_days,
        employed,
        employed_p45,
        available_for_work,
        not is_follow_up or (is_due and not is_in_custody and not is_beyond_observation) as is_applicable,
        case
            when employed = 'yes' or employed_p45 = 'yes' then 'yes' when employed <> 'unknown' then employed else employed_p45
        end as employed_combined,
        case when available_for_work = 'no' then 'not_applicable' else employed end as employed_if_available
    from answered
)

select * from decided
