-- One row per record of paid work, from the probation record, for the time its code means work (mappings/employed), or a P45.
{{ config(materialized='view') }}
{{ while_it_means_yes('int_employment_records', 'code', 'employed', 'employment_codes') }}
union all
select
    person_id,
    start_date,
    end_date
from {{ ref('int_p45_records') }}
