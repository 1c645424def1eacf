-- `linkage_rates` as published: an agency with a small count keeps its row and loses its figures.
{{ config(alias='linkage_rates') }}
with rates as (
    select * from {{ ref('linkage_rates') }}
),

rules as (
    select
        value as suppress_below,
        1 as zero_is_published
    from {{ ref('disclosure_rules') }}
    where rule_id = 'suppress_below'
),

judged as (
    select
        rates.*,
        {{ is_small('rates.reference_count') }}
        or {{ is_small('rates.linked_count') }}
        or {{ is_small('rates.reference_count - rates.linked_count') }} as is_hidden
    from rates
    cross join rules
)

select
    agency,
    case when not is_hidden then reference_count end as reference_count,
    case when not is_hidden then linked_count end as linked_count,
    case when not is_hidden then linkage_rate_pct end as linkage_rate_pct
from judged
