-- One row per level or draw and population, outcome, month, area, group and status that counts another number of events there.
{{ config(materialized='view') }}
select
    level_id,
    draw,
    population,
    outcome,
    month_start,
    area_code,
    order_group,
    status,
    event_count
from {{ ref('int_linkage_differences') }}
