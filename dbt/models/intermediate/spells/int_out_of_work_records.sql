-- One row per claim to an out-of-work benefit, for the time its code means one (mappings/out_of_work_benefit).
{{ config(materialized='view') }}
{{ while_it_means_yes('int_benefit_records', 'code', 'out_of_work_benefit', 'benefit_codes') }}
