-- One row per event and day: where the person lived and what it counts as. The record in force on the day with the latest
-- start decides, then the latest recorded, then the greatest key; on the night of a release, failing that, the discharge code.
{{ kept_by_person() }}
with days as (
    select * from {{ ref('int_event_days') }}
    where asks_home {{- touched_people('and', 'person_id') }}
),

in_force as (
    select
        days.day_id,
        records.code,
        records.is_evidenced,
        coalesce(records.recorded_date, records.start_date) as evidence_date,
        records._delivery_id as evidence_delivery_id,
        records._row_number as evidence_row_number,
        row_number() over (
            partition by days.day_id
            order by records.start_date desc, coalesce(records.recorded_date, date '1900-01-01') desc, records.record_id desc
        ) as nth
    from days
    inner join {{ ref('int_accommodation_records') }} as records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.start_date', 'records.end_date') }}
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
    where discharge_accommodation_code is not null
),

evidenced as (
    select
        days.*,
        case when in_force.code is not null then 'probation' when discharged.code is not null then 'prisons' end as agency,
        case
            when in_force.code is not null then 'accommodation_codes' when
                discharged.code is not null
                then 'discharge_accommodation_codes'
        end as code_list,
        coalesce(in_force.code, discharged.code) as code,
        in_force.is_evidenced,
        coalesce(in_force.evidence_date, discharged.evidence_date) as evidence_date,
        coalesce(in_force.evidence_delivery_id, discharged.evidence_delivery_id) as evidence_delivery_id,
        coalesce(in_force.evidence_row_number, discharged.evidence_row_number) as evidence_row_number
    from days
    left join in_force on days.day_id = in_force.day_id and in_force.nth = 1
    left join discharged
        on days.population = discharged.population and days.event_id = discharged.event_id and days.follow_up_id = 'first_night'
),

decided as (
    select
        evidenced.*,
        {{ days_between('evidenced.evidence_date', 'evidenced.on_date') }} as evidence_days,
        not evidenced.is_follow_up
        or (evidenced.is_due and not evidenced.is_in_custody and evidenced.is_supervised) as is_applicable,
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
