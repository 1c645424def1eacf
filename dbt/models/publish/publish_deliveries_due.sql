-- `deliveries_due` as published.
{{ config(alias='deliveries_due') }}
select * from {{ ref('deliveries_due') }}
