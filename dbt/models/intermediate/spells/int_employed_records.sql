-- One row per record of paid work, from the probation record (mappings/employed) or a P45.
{{ config(materialized='view') }}
select
    records.person_id,
    records.start_date,
    records.end_date
from {{ ref('int_employment_records') }} as records
inner join {{ ref('employed') }} as employed on records.code = employed.code and employed.status = 'yes'
union all
select
    person_id,
    start_date,
    end_date
from {{ ref('int_p45_records') }}
