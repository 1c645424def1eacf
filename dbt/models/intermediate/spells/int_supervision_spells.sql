-- One row per unbroken spell of supervision of a person, over all orders and licences in scope.
{{ kept_by_person() }}
{{ merge_spells(ref('int_supervision_records'), ['person_id'], 'supervision') }}
