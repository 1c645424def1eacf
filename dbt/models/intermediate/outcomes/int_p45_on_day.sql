-- One row per termination, or look after a release, with a P45 job on that day: the record that says so, of several the one that
-- started last.
{{ kept_by_person() }}
with days as (
    select * from {{ ref('int_event_days') }}
    where asks_work and population in ('termination', 'release') {{- touched_people('and', 'person_id') }}
),

in_force as (
    select
        days.population,
        days.event_id,
        days.person_id,
        days.follow_up_id,
        'hmrc' as agency,
        cast(null as string) as code,
        records.is_evidenced,
        records.start_date as evidence_date,
        records._delivery_id as evidence_delivery_id,
        records._row_number as evidence_row_number,
        {{ days_between('records.start_date', 'days.on_date') }} as evidence_days,
        row_number() over (partition by days.day_id order by records.start_date desc, records.record_id desc) as nth
    from days
    inner join {{ ref('int_p45_records') }} as records
        on days.person_id = records.person_id and {{ is_on_day('days.on_date', 'records.start_date', 'records.end_date') }}
    {{- touched_people('where', 'records.person_id') }}
)

select * from in_force
where nth = 1
