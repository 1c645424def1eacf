-- The claim view: one row per unbroken spell of a person on one benefit.
{{ merge_spells(ref('int_benefit_records'), ['person_id', 'code'], 'benefit_claim') }}
