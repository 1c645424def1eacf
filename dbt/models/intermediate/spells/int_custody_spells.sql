-- One row per unbroken spell of a person in custody.
{{ merge_spells(ref('int_custody_records'), ['person_id'], 'custody') }}
