-- One row per event and day on which an indicator looks at it (seeds/follow_up_points), with what else held on that day.
with events as (
    select
        'termination' as population,
        event_id,
        person_id,
        event_date
    from {{ ref('int_terminations') }}
    union all
    select
        'release' as population,
        event_id,
        person_id,
        event_date
    from {{ ref('int_releases') }}
    union all
    select
        'disposal' as population,
        event_id,
        person_id,
        event_date
    from {{ ref('int_disposals') }}
),

looks as (
    select distinct
        definitions.population,
        points.follow_up_id,
        points.months,
        points.days
    from {{ ref('indicator_definitions') }} as definitions
    inner join {{ ref('follow_up_points') }} as points on definitions.follow_up_id = points.follow_up_id
),

days as (
    select
        events.population,
        events.event_id,
        events.person_id,
        looks.follow_up_id,
        looks.months + looks.days > 0 as is_follow_up,
        {{ add_follow_up('events.event_date', 'looks.months', 'looks.days') }} as on_date
    from events
    inner join looks on events.population = looks.population
),

in_custody as (
    select distinct
        days.population,
        days.event_id,
        days.follow_up_id
    from days
    inner join
        {{ ref('int_custody_spells') }} as spells
        on days.person_id = spells.person_id and {{ is_on_day('days.on_date', 'spells.start_date', 'spells.end_date') }}
    where days.is_follow_up
),

supervised as (
    select distinct
        days.population,
        days.event_id,
        days.follow_up_id
    from days
    inner join
        {{ ref('int_supervision_spells') }} as spells
        on days.person_id = spells.person_id and {{ is_on_day('days.on_date', 'spells.start_date', 'spells.end_date') }}
    where days.is_follow_up
),

described as (
    select
        days.*,
        coalesce(days.on_date <= observation.observed_until, false) as is_due,
        in_custody.event_id is not null as is_in_custody,
        supervised.event_id is not null as is_supervised
    from days
    cross join {{ ref('int_observation') }} as observation
    left join
        in_custody
        on
            days.population = in_custody.population
            and days.event_id = in_custody.event_id
            and days.follow_up_id = in_custody.follow_up_id
    left join
        supervised
        on
            days.population = supervised.population
            and days.event_id = supervised.event_id
            and days.follow_up_id = supervised.follow_up_id
)

select * from described
