-- One row per unbroken spell of a person in one employment status of the probation record.
{{ kept_by_person() }}
{{ merge_spells(ref('int_employment_records'), ['person_id', 'code'], 'employment_record') }}
