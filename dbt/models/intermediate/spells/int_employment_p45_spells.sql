-- One row per unbroken spell of a person in P45 employment, whoever the employer.
{{ kept_by_person() }}
{{ merge_spells(ref('int_p45_records'), ['person_id'], 'employment_p45') }}
