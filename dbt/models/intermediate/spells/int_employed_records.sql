-- One row per record of paid work, from the probation record, for the time its code means work (mappings/employed), or a P45.
{{ config(materialized='view') }}
select
    records.person_id,
    greatest(records.start_date, employed.valid_from) as start_date,
    least(records.end_date, employed.valid_to) as end_date
from {{ ref('int_employment_records') }} as records
inner join {{ ref('employed') }} as employed
    on
        records.code = employed.code
        and employed.code_list = 'employment_codes'
        and employed.view_id = 'official'
        and employed.status = 'yes'
union all
select
    person_id,
    start_date,
    end_date
from {{ ref('int_p45_records') }}
