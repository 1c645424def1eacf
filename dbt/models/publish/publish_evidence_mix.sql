-- `evidence_mix` as published.
{{ config(alias='evidence_mix') }}
select * from {{ ref('evidence_mix') }}
