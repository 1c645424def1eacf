-- No two references that a person ruled apart share a person_id.
select overrides.*
from {{ ref('int_people_overrides') }} as overrides
inner join {{ ref('int_people') }} as a on overrides.reference_a = a.reference_id
inner join {{ ref('int_people') }} as b on overrides.reference_b = b.reference_id
where overrides.decision = 'must_not_link' and a.person_id = b.person_id
