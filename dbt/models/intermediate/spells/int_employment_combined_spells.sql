-- One row per unbroken spell of a person in employment by either source.
{{ kept_by_person() }}
{{ merge_spells(ref('int_employed_records'), ['person_id'], 'employment_combined') }}
