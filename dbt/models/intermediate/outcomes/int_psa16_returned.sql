-- One row per figure that another department returned, in force; marts read it here, as they read no staging.
select
    indicator_id,
    geography_code,
    period_start,
    period_end,
    numerator,
    denominator
from {{ ref('stg_departments__psa16_returns') }}
