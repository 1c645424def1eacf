-- Areas, regions and countries each add up to the nation, for every indicator and period.
with sums as (
    select indicator_id, view_id, definition_version, period_type, period_start, geography_type, sum(numerator) as numerator, sum(denominator) as denominator
    from {{ ref('indicators') }}
    where basis = 'computed' and status = 'available'
    group by 1, 2, 3, 4, 5, 6
)

select nation.*
from sums as nation
inner join sums as part using (indicator_id, view_id, definition_version, period_type, period_start)
where nation.geography_type = 'nation' and part.geography_type <> 'nation'
    and (nation.numerator <> part.numerator or nation.denominator <> part.denominator)
