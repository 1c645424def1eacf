-- One row per unbroken spell of a person in custody.
{{ kept_by_person() }}
{{ merge_spells(ref('int_custody_records'), ['person_id'], 'custody') }}
