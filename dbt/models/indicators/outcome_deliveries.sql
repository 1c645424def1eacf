-- One row per population and outcome that figures are made of: why they are held today, if they are, and which of the deliveries
-- that they need are carried forward (seeds/indicator_needs, decision 006).
with needs as (
    select * from {{ ref('indicator_needs') }}
),

deliveries as (
    select * from {{ ref('delivery_status') }}
),

worded as (
    select
        needs.population,
        coalesce(needs.outcome, '') as outcome,
        needs.agency || ' ' || needs.extract as delivery,
        case
            when deliveries.status = 'never_came'
                then 'Held: no delivery of ' || needs.agency || ' ' || needs.extract || ' has come'
            when deliveries.status = 'overdue'
                then
                    'Held since ' || {{ day_in_words(day_after('deliveries.carry_forward_until')) }}
                    || ': the delivery of ' || needs.agency || ' ' || needs.extract
                    || ' due on ' || {{ day_in_words('deliveries.due_date') }} || ' has not come'
        end as held_reason,
        case
            when deliveries.status = 'late'
                then
                    'Rests on ' || needs.agency || ' ' || needs.extract
                    || ' of ' || {{ day_in_words('deliveries.latest_extract_date') }}
                    || ', carried forward: the delivery due on ' || {{ day_in_words('deliveries.due_date') }} || ' has not come'
        end as carried_note
    from needs
    inner join deliveries on needs.agency = deliveries.agency and needs.extract = deliveries.extract
),

standing as (
    select
        population,
        outcome,
        {{ text_list('held_reason', '; ', 'delivery') }} as held_reason,
        {{ text_list('carried_note', '; ', 'delivery') }} as carried_note
    from worded
    group by population, outcome
)

select * from standing
