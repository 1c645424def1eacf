-- Every outcome that an indicator counts has its rows in indicator_needs, and each names an extract of a contract.
select
    definitions.indicator_id,
    'has no row in indicator_needs' as fault
from {{ ref('indicator_definitions') }} as definitions
left join {{ ref('indicator_needs') }} as needs
    on definitions.population = needs.population and coalesce(definitions.outcome, '') = coalesce(needs.outcome, '')
where needs.extract is null
union all
select
    needs.agency || ' ' || needs.extract,
    'is in no contract'
from {{ ref('indicator_needs') }} as needs
left join {{ ref('delivery_status') }} as deliveries on needs.agency = deliveries.agency and needs.extract = deliveries.extract
where deliveries.extract is null
