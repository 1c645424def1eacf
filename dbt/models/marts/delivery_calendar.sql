-- One row per extract and period that has ended since its first delivery: did its delivery come, and when?
select * from {{ ref('int_delivery_periods') }}
