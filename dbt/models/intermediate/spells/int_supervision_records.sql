-- One row per order or licence under probation supervision (mappings/order_scope), half-open.
{{ config(materialized='view') }}
select
    orders.person_id,
    orders.start_date,
    orders.end_date
from {{ ref('int_order_records') }} as orders
inner join {{ ref('order_scope') }} as scope on orders.order_type_code = scope.code and scope.status = 'yes'
