-- One row per release: whether an offence of the year after it was proved in that year or the six months after, and the first
-- such offence (seeds/follow_up_points). Whoever was released has a police record, so none that is linked is unknown and not no.
{{ kept_by_person() }}
with year_after as (
    select * from {{ ref('follow_up_points') }}
    where follow_up_id = 'one_year'
),

days as (
    select * from {{ ref('int_event_days') }}
    where population = 'release' and follow_up_id = 'proven_one_year' {{- touched_people('and', 'person_id') }}
),

followed as (
    select
        days.event_id,
        days.person_id,
        days.is_due,
        days.on_date as proved_before,
        releases.event_date as released_on,
        {{ add_follow_up('releases.event_date', 'year_after.months', 'year_after.days') }} as offended_before
    from days
    inner join {{ ref('int_releases') }} as releases on days.event_id = releases.event_id
    cross join year_after
    {{- touched_people('where', 'releases.person_id') }}
),

known_to_police as (
    select distinct person_id from {{ ref('int_people') }}
    where agency = 'police' {{- touched_people('and', 'person_id') }}
),

offended as (
    select
        followed.event_id,
        offences.code,
        offences.disposal_date as evidence_date,
        offences._delivery_id as evidence_delivery_id,
        offences._row_number as evidence_row_number,
        row_number() over (
            partition by followed.event_id
            order by offences.offence_date, offences.disposal_date, offences.record_id
        ) as nth
    from followed
    inner join {{ ref('int_offence_records') }} as offences
        on
            followed.person_id = offences.person_id
            and followed.released_on <= offences.offence_date and followed.offended_before > offences.offence_date
            and followed.proved_before > offences.disposal_date
    {{- touched_people('where', 'offences.person_id') }}
),

decided as (
    select
        followed.event_id,
        followed.person_id,
        followed.is_due as is_applicable,
        case
            when offended.event_id is not null then 'yes' when known_to_police.person_id is not null then 'no' else 'unknown'
        end as reoffended,
        case when offended.event_id is not null then 'police' end as agency,
        offended.code,
        cast(null as boolean) as is_evidenced,
        offended.evidence_date,
        offended.evidence_delivery_id,
        offended.evidence_row_number,
        {{ days_between('offended.evidence_date', 'followed.proved_before') }} as evidence_days
    from followed
    left join known_to_police on followed.person_id = known_to_police.person_id
    left join offended on followed.event_id = offended.event_id and offended.nth = 1
)

select * from decided
