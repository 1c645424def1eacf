-- One row per figure that another department returned; passed on as it came.
select
    indicator_id,
    geography_code,
    period_start,
    period_end,
    numerator,
    denominator
from {{ ref('int_psa16_returned') }}
