-- One row per population and outcome that figures are made of: the day up to which it can be observed. That is the day that every
-- extract which tells of events has reached, of those that the outcome needs (seeds/indicator_needs) and of those that `observation`
-- names; null when one of them never came. A list of people tells of no events: while it is late, the last one stands in.
{%- set lists = [] %}
{%- for agency, people in people_sources().items() if people.stands == 'once' %}
    {%- do lists.append("'" ~ agency ~ '.' ~ people.extract ~ "'") %}
{%- endfor %}
with needs as (
    select distinct
        needs.population,
        coalesce(needs.outcome, '') as outcome,
        needs.agency || ' ' || needs.extract as delivery,
        deliveries.latest_extract_date
    from {{ ref('indicator_needs') }} as needs
    inner join {{ ref('delivery_status') }} as deliveries
        on needs.agency = deliveries.agency and needs.extract = deliveries.extract
    where needs.agency || '.' || needs.extract not in ({{ lists | join(', ') }})
),

reached as (
    select
        population,
        outcome,
        case when count(*) = count(latest_extract_date) then min(latest_extract_date) end as reached_date
    from needs
    group by population, outcome
),

observed as (
    select
        reached.population,
        reached.outcome,
        case
            when reached.reached_date is not null and observation.observed_until is not null
                then least(reached.reached_date, observation.observed_until)
        end as observed_until,
        coalesce(reached.reached_date < observation.observed_until, false) as is_behind
    from reached
    cross join {{ ref('observation') }} as observation
),

-- now we have which delivery it is that reaches least far, where it is none of those that `observation` names
named as (
    select
        observed.population,
        observed.outcome,
        observed.observed_until,
        {{ text_list('needs.delivery', ' and ', 'needs.delivery') }} as behind
    from observed
    left join needs
        on
            observed.is_behind and observed.population = needs.population and observed.outcome = needs.outcome
            and observed.observed_until = needs.latest_extract_date
    group by observed.population, observed.outcome, observed.observed_until
)

select * from named
