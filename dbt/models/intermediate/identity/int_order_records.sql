-- One row per order or licence with its person, half-open; an order whose person is unknown keeps its place.
{{ kept_by_person() }}
with people as (
    select
        person_ref,
        reference_id,
        person_id
    from {{ ref('int_people') }}
    where agency = 'probation'
),

orders as (
    select * from {{ ref('stg_probation__orders') }}
),

identified as (
    select
        people.person_id,
        people.reference_id,
        orders.order_id as record_id,
        orders.order_type_code,
        orders.start_date,
        orders.termination_date,
        orders.end_date,
        orders.termination_reason_code,
        orders.area_code,
        orders.local_authority_code,
        orders._delivery_id,
        orders._row_number
    from orders
    left join people on orders.person_ref = people.person_ref
    {{- touched_people('where', 'people.person_id') }}
)

select * from identified
