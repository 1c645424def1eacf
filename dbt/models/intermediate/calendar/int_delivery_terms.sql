-- One row per extract of a contract: its service levels, what came of it, and the day that the night is of.
with terms as (
    {{ delivery_terms() }}
),

deliveries as (
    select
        agency,
        extract,
        min(extract_date) as first_extract_date,
        max(extract_date) as latest_extract_date,
        max(received_at) as latest_received_at
    from {{ ref('stg_intake__deliveries') }}
    group by agency, extract
),

described as (
    select
        terms.agency,
        terms.extract,
        terms.frequency_months,
        terms.latency_days,
        terms.carry_forward_days,
        deliveries.first_extract_date,
        deliveries.latest_extract_date,
        deliveries.latest_received_at,
        clock.today
    from terms
    cross join {{ ref('stg_intake__clock') }} as clock
    left join deliveries on terms.agency = deliveries.agency and terms.extract = deliveries.extract
)

select * from described
