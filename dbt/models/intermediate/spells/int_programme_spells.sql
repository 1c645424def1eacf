-- One row per unbroken spell of a person on the Work Programme.
{{ kept_by_person() }}
{{ merge_spells(ref('int_programme_records'), ['person_id'], 'programme') }}
