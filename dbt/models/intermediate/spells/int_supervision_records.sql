-- One row per order or licence under probation supervision, half-open, for the time its type is in scope (mappings/order_scope).
{{ config(materialized='view') }}
select
    orders.person_id,
    greatest(orders.start_date, scope.valid_from) as start_date,
    least(orders.end_date, scope.valid_to) as end_date
from {{ ref('int_order_records') }} as orders
inner join {{ ref('order_scope') }} as scope
    on
        orders.order_type_code = scope.code
        and scope.code_list = 'order_type_codes'
        and scope.view_id = 'official'
        and scope.status = 'yes'
