-- `waivers_in_force` as published.
{{ config(alias='waivers') }}
select * from {{ ref('waivers_in_force') }}
