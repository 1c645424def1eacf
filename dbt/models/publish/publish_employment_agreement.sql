-- `employment_agreement` as published.
{{ config(alias='employment_agreement') }}
select * from {{ ref('employment_agreement') }}
