-- One row per community disposal: the start of a community or suspended sentence order under supervision (MI015b, MI017b).
{{ kept_by_person() }}
with orders as (
    select * from {{ ref('int_order_records') }}
    {{- touched_people('where', 'person_id') }}
),

disposals as (
    select
        {{ row_id('deliveries', 'orders') }} as event_id,
        orders.person_id,
        orders.start_date as event_date,
        orders.area_code,
        orders.local_authority_code,
        order_groups.status as order_group,
        orders._delivery_id,
        orders._row_number
    from orders
    inner join {{ ref('stg_intake__deliveries') }} as deliveries on orders._delivery_id = deliveries.delivery_id
    inner join {{ ref('order_scope') }} as order_scope
        on
            {{ maps('order_scope', 'official', "'order_type_codes'", 'orders.order_type_code', 'orders.start_date') }}
            and order_scope.status = 'yes'
    inner join {{ ref('order_group') }} as order_groups
        on
            {{ maps('order_groups', 'official', "'order_type_codes'", 'orders.order_type_code', 'orders.start_date') }}
            and order_groups.status in ('community_order', 'suspended_sentence_order')
)

select * from disposals
