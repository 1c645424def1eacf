-- The claim view: one row per unbroken spell of a person on one benefit.
{{ kept_by_person() }}
{{ merge_spells(ref('int_benefit_records'), ['person_id', 'code'], 'benefit_claim') }}
