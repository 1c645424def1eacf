-- One row per unbroken spell of a person in one type of accommodation.
{{ kept_by_person() }}
{{ merge_spells(ref('int_accommodation_records'), ['person_id', 'code'], 'accommodation') }}
