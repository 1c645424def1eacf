-- One row per claim to an out-of-work benefit.
{{ config(materialized='view') }}
select
    person_id,
    start_date,
    end_date
from {{ ref('int_benefit_records') }}
where is_out_of_work
