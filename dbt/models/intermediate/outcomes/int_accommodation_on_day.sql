-- One row per event and day: where the person lived and what it counts as. The record in force on the day with the latest
-- start decides, then the latest recorded, then the greatest key; on the night of a release, failing that, the discharge code.
{{ kept_by_person() }}
with days as {{ read_again() }} (
    select * from {{ ref('int_event_days') }}
    where asks_home {{- touched_people('and', 'person_id') }}
),

records as {{ read_again() }} (
    select * from {{ ref('int_accommodation_records') }}
    {{- touched_people('where', 'person_id') }}
),

-- nearly every day has one record in force or none; only where there are several is one chosen, for to sort them all takes longest
several as (
    select days.day_id
    from days
    inner join records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.start_date', 'records.end_date') }}
    group by days.day_id
    having count(*) > 1
),

ranked as (
    select
        days.*,
        {{ deciding_columns() }},
        row_number() over (
            partition by days.day_id
            order by records.start_date desc, coalesce(records.recorded_date, date '1900-01-01') desc, records.record_id desc
        ) as nth
    from several
    inner join days on several.day_id = days.day_id
    inner join records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.start_date', 'records.end_date') }}
),

looked_up as (
    select
        days.*,
        {{ deciding_columns() }},
        1 as nth
    from days
    left join several on days.day_id = several.day_id
    left join records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.start_date', 'records.end_date') }}
    where several.day_id is null
    union all
    select * from ranked
    where nth = 1
),

discharged as (
    select
        'release' as population,
        event_id,
        discharge_accommodation_code as code,
        event_date as evidence_date,
        _delivery_id as evidence_delivery_id,
        _row_number as evidence_row_number
    from {{ ref('int_releases') }}
    where discharge_accommodation_code is not null {{- touched_people('and', 'person_id') }}
),

evidenced as (
    select
        looked_up.population,
        looked_up.event_id,
        looked_up.person_id,
        looked_up.follow_up_id,
        looked_up.on_date,
        not looked_up.is_follow_up
        or (
            looked_up.is_due and looked_up.is_supervised and not looked_up.is_in_custody and not looked_up.is_beyond_observation
        ) as is_applicable,
        case when looked_up.code is not null then 'probation' when discharged.code is not null then 'prisons' end as agency,
        case
            when looked_up.code is not null then 'accommodation_codes' when
                discharged.code is not null
                then 'discharge_accommodation_codes'
        end as code_list,
        coalesce(looked_up.code, discharged.code) as code,
        looked_up.is_evidenced,
        coalesce(looked_up.evidence_date, discharged.evidence_date) as evidence_date,
        coalesce(looked_up.evidence_delivery_id, discharged.evidence_delivery_id) as evidence_delivery_id,
        coalesce(looked_up.evidence_row_number, discharged.evidence_row_number) as evidence_row_number
    from looked_up
    left join discharged
        on
            looked_up.population = discharged.population and looked_up.event_id = discharged.event_id
            and looked_up.follow_up_id = 'first_night'
),

decided as (
    select
        evidenced.population,
        evidenced.event_id,
        evidenced.person_id,
        evidenced.follow_up_id,
        evidenced.agency,
        evidenced.code,
        evidenced.is_evidenced,
        evidenced.evidence_date,
        evidenced.evidence_delivery_id,
        evidenced.evidence_row_number,
        {{ days_between('evidenced.evidence_date', 'evidenced.on_date') }} as evidence_days,
        evidenced.is_applicable,
        coalesce(policy.status, 'unknown') as settled_policy,
        coalesce(sustainable.status, 'unknown') as settled_sustainable,
        coalesce(housed.status, 'unknown') as housed
    from evidenced
    left join
        {{ ref('settled') }} as policy
        on {{ maps('policy', 'policy', 'evidenced.code_list', 'evidenced.code', 'evidenced.on_date') }}
    left join
        {{ ref('settled') }} as sustainable
        on {{ maps('sustainable', 'sustainable', 'evidenced.code_list', 'evidenced.code', 'evidenced.on_date') }}
    left join
        {{ ref('housed') }} as housed
        on {{ maps('housed', 'official', 'evidenced.code_list', 'evidenced.code', 'evidenced.on_date') }}
)

select * from decided
