-- One row per extract: how it stands today, and the indicators that are held for it. Days late are not here: they change every night.
with deliveries as (
    select * from {{ ref('delivery_status') }}
),

held as (
    select distinct
        needs.agency,
        needs.extract,
        figures.indicator_id
    from {{ ref('indicators') }} as figures
    inner join {{ ref('indicator_definitions') }} as definitions
        on
            figures.indicator_id = definitions.indicator_id and figures.view_id = definitions.view_id
            and figures.definition_version = definitions.definition_version
    inner join {{ ref('indicator_needs') }} as needs
        on
            definitions.population = needs.population
            and coalesce(definitions.outcome, '') = coalesce(needs.outcome, '')
    where figures.status = 'held'
),

held_for as (
    select
        agency,
        extract,
        {{ text_list('indicator_id', ', ', 'indicator_id') }} as held_indicators
    from held
    group by agency, extract
),

described as (
    select
        deliveries.agency,
        deliveries.extract,
        deliveries.status,
        deliveries.latest_extract_date,
        deliveries.period_end,
        deliveries.due_date,
        deliveries.carry_forward_until,
        case when deliveries.status in ('overdue', 'never_came') then held_for.held_indicators end as held_indicators
    from deliveries
    left join held_for on deliveries.agency = held_for.agency and deliveries.extract = held_for.extract
)

select * from described
