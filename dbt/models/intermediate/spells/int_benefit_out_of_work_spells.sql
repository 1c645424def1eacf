-- The any-benefit view: one row per unbroken spell of a person on any main out-of-work benefit, whatever moves between them.
{{ kept_by_person() }}
{{ merge_spells(ref('int_out_of_work_records'), ['person_id'], 'benefit_out_of_work') }}
