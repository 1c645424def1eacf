-- `linkage_rates` as published.
{{ config(alias='linkage_rates') }}
select * from {{ ref('linkage_rates') }}
