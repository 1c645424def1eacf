-- One row per order or licence that ended: the event that NI 143 and NI 144 count. In scope by order type and reason.
{{ kept_by_person() }}
with orders as (
    select * from {{ ref('int_order_records') }}
    where termination_date is not null {{- touched_people('and', 'person_id') }}
),

scoped as (
    select
        {{ row_id('deliveries', 'orders') }} as event_id,
        orders.person_id,
        orders.termination_date as event_date,
        orders.start_date,
        orders.area_code,
        orders.local_authority_code,
        orders.order_type_code,
        coalesce(order_groups.status, 'other') as order_group,
        orders.termination_reason_code,
        coalesce(order_scope.status = 'yes', false) and coalesce(cause.status = 'yes', false) as is_in_scope,
        case
            when coalesce(order_scope.status, 'no') <> 'yes' then coalesce(order_scope.source, 'Order type without a scope')
            when coalesce(cause.status, 'no') <> 'yes' then coalesce(cause.source, 'Reason without a scope')
        end as scope_reason,
        orders._delivery_id,
        orders._row_number
    from orders
    inner join {{ ref('stg_intake__deliveries') }} as deliveries on orders._delivery_id = deliveries.delivery_id
    left join {{ ref('order_scope') }} as order_scope
        on {{ maps('order_scope', 'official', "'order_type_codes'", 'orders.order_type_code', 'orders.termination_date') }}
    left join {{ ref('order_group') }} as order_groups
        on {{ maps('order_groups', 'official', "'order_type_codes'", 'orders.order_type_code', 'orders.termination_date') }}
    left join {{ ref('termination_scope') }} as cause
        on {{ maps('cause', 'official', "'termination_reason_codes'", 'orders.termination_reason_code',
                'orders.termination_date') }}
)

select * from scoped
