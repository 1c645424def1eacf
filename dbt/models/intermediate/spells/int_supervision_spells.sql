-- One row per unbroken spell of supervision of a person, over all orders and licences in scope.
{{ merge_spells(ref('int_supervision_records'), ['person_id'], 'supervision') }}
