-- One row per order or licence under probation supervision, half-open, for the time its type is in scope (mappings/order_scope).
{{ config(materialized='view') }}
{{ while_it_means_yes('int_order_records', 'order_type_code', 'order_scope', 'order_type_codes') }}
