-- One row per event and day that asks for benefits: whether the person was on any main out-of-work benefit, and the claim that
-- says so, of several the one that started last. No claim is no for people of whom DWP has a record, else unknown.
{{ kept_by_person() }}
with asked as (
    select distinct
        definitions.population,
        definitions.follow_up_id
    from {{ ref('indicator_definitions') }} as definitions
    inner join {{ ref('indicator_needs') }} as needs
        on
            definitions.population = needs.population and definitions.outcome = needs.outcome
            and needs.agency = 'dwp' and needs.extract = 'benefit_claims'
),

days as (
    select
        days.day_id,
        days.population,
        days.event_id,
        days.person_id,
        days.follow_up_id,
        days.on_date,
        days.is_due and not days.is_in_custody and not days.is_beyond_observation as is_applicable
    from {{ ref('int_event_days') }} as days
    inner join asked on days.population = asked.population and days.follow_up_id = asked.follow_up_id
    {{- touched_people('where', 'days.person_id') }}
),

on_benefit as (
    select distinct
        days.day_id,
        days.person_id,
        days.on_date
    from days
    inner join {{ ref('int_benefit_out_of_work_spells') }} as spells
        on days.person_id = spells.person_id and {{ is_on_day('days.on_date', 'spells.start_date', 'spells.end_date') }}
    {{- touched_people('where', 'spells.person_id') }}
),

known_to_dwp as (
    select distinct person_id from {{ ref('int_people') }}
    where agency = 'dwp' {{- touched_people('and', 'person_id') }}
),

claims as (
    select
        on_benefit.day_id,
        records.code,
        records.start_date as evidence_date,
        records._delivery_id as evidence_delivery_id,
        records._row_number as evidence_row_number,
        row_number() over (
            partition by on_benefit.day_id
            order by records.start_date desc, records._row_number desc, records._delivery_id desc
        ) as nth
    from on_benefit
    inner join {{ ref('int_benefit_records') }} as records
        on
            on_benefit.person_id = records.person_id
            and {{ is_on_day('on_benefit.on_date', 'records.start_date', 'records.end_date') }}
    inner join {{ ref('out_of_work_benefit') }} as out_of_work
        on {{ maps('out_of_work', 'official', "'benefit_codes'", 'records.code', 'on_benefit.on_date') }}
    where out_of_work.status = 'yes' {{- touched_people('and', 'records.person_id') }}
),

decided as (
    select
        days.population,
        days.event_id,
        days.person_id,
        days.follow_up_id,
        days.is_applicable,
        case
            when on_benefit.day_id is not null then 'yes' when known_to_dwp.person_id is not null then 'no' else 'unknown'
        end as out_of_work_benefit,
        case when claims.day_id is not null then 'dwp' end as agency,
        claims.code,
        cast(null as boolean) as is_evidenced,
        claims.evidence_date,
        claims.evidence_delivery_id,
        claims.evidence_row_number,
        {{ days_between('claims.evidence_date', 'days.on_date') }} as evidence_days
    from days
    left join on_benefit on days.day_id = on_benefit.day_id
    left join known_to_dwp on days.person_id = known_to_dwp.person_id
    left join claims on days.day_id = claims.day_id and claims.nth = 1
)

select * from decided
