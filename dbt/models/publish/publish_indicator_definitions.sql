-- `indicator_definitions` as published.
{{ config(alias='indicator_definitions') }}
select * from {{ ref('indicator_definitions') }}
