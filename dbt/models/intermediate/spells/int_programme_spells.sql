-- One row per unbroken spell of a person on the Work Programme.
{{ merge_spells(ref('int_programme_records'), ['person_id'], 'programme') }}
