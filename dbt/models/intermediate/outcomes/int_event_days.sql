-- One row per event and day on which an indicator looks at it (seeds/follow_up_points), with what else held on that day.
{{ kept_by_person() }}
with events as (
    select
        'termination' as population,
        event_id,
        person_id,
        event_date
    from {{ ref('int_terminations') }}
    {{- touched_people('where', 'person_id') }}
    union all
    select
        'release' as population,
        event_id,
        person_id,
        event_date
    from {{ ref('int_releases') }}
    {{- touched_people('where', 'person_id') }}
    union all
    select
        'disposal' as population,
        event_id,
        person_id,
        event_date
    from {{ ref('int_disposals') }}
    {{- touched_people('where', 'person_id') }}
),

-- a look asks of home or of work, by the extracts that its outcomes need
looks as (
    select
        definitions.population,
        points.follow_up_id,
        points.months,
        points.days,
        max(case when needs.extract = 'accommodation' then 1 else 0 end) = 1 as asks_home,
        max(case when needs.extract in ('employment', 'employment_spells') then 1 else 0 end) = 1 as asks_work
    from {{ ref('indicator_definitions') }} as definitions
    inner join {{ ref('follow_up_points') }} as points on definitions.follow_up_id = points.follow_up_id
    left join {{ ref('indicator_needs') }} as needs
        on definitions.population = needs.population and definitions.outcome = needs.outcome
    group by definitions.population, points.follow_up_id, points.months, points.days
),

numbered_looks as (
    select
        looks.*,
        row_number() over (order by population, follow_up_id) as look_number,
        count(*) over () as look_count
    from looks
),

-- day_id stands for population, event and follow-up in every join: text as a key takes several times as long
-- (an event's number has 60 bits: counted from their middle, fifteen looks find room in a bigint)
days as {{ read_again() }} (
    select
        (events.event_id - 576460752303423488) * looks.look_count + looks.look_number as day_id,
        events.population,
        events.event_id,
        events.person_id,
        events.event_date,
        looks.follow_up_id,
        looks.months + looks.days > 0 as is_follow_up,
        looks.asks_home,
        looks.asks_work,
        {{ add_follow_up('events.event_date', 'looks.months', 'looks.days') }} as on_date
    from events
    inner join numbered_looks as looks on events.population = looks.population
),

{% for state, spells in [('in_custody', 'int_custody_spells'), ('supervised', 'int_supervision_spells')] -%}
    spells_{{ state }} as {{ read_again() }} (
        select * from {{ ref(spells) }}
        {{- touched_people('where', 'person_id') }}
    ),

    -- a semi join: to join days with spells and leave out those that come twice groups as many days as are found
    {{ state }} as (
        select days.day_id
        from days
        semi join spells_{{ state }} as spells
            on days.person_id = spells.person_id and {{ is_on_day('days.on_date', 'spells.start_date', 'spells.end_date') }}
        where days.is_follow_up
    ),

{% endfor -%}

-- who has died or left the country since the event is no longer there to be observed, whatever records were left open
beyond_observation as (
    select distinct days.day_id
    from days
    inner join {{ ref('int_terminations') }} as ended
        on days.person_id = ended.person_id and days.event_date <= ended.event_date and days.on_date > ended.event_date
    inner join {{ ref('termination_scope') }} as cause
        on {{ maps('cause', 'follow_up', "'termination_reason_codes'", 'ended.termination_reason_code', 'ended.event_date') }}
    where days.is_follow_up and cause.status = 'no' {{- touched_people('and', 'ended.person_id') }}
),

described as (
    select
        days.*,
        coalesce(days.on_date <= observation.observed_until, false) as is_due,
        in_custody.day_id is not null as is_in_custody,
        supervised.day_id is not null as is_supervised,
        beyond_observation.day_id is not null as is_beyond_observation
    from days
    cross join {{ ref('int_observation') }} as observation
    left join in_custody on days.day_id = in_custody.day_id
    left join supervised on days.day_id = supervised.day_id
    left join beyond_observation on days.day_id = beyond_observation.day_id
)

select * from described
