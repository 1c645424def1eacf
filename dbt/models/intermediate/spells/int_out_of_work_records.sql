-- One row per claim to an out-of-work benefit, for the time its code means one (mappings/out_of_work_benefit).
{{ config(materialized='view') }}
select
    records.person_id,
    greatest(records.start_date, out_of_work.valid_from) as start_date,
    least(records.end_date, out_of_work.valid_to) as end_date
from {{ ref('int_benefit_records') }} as records
inner join {{ ref('out_of_work_benefit') }} as out_of_work
    on
        records.code = out_of_work.code
        and out_of_work.code_list = 'benefit_codes'
        and out_of_work.view_id = 'official'
        and out_of_work.status = 'yes'
