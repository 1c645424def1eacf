-- References that people ruled to be one person share a person_id, whatever takes their group apart.
select decided.group_id
from {{ ref('int_people_decided') }} as decided
inner join {{ ref('int_people') }} as people on decided.reference_id = people.reference_id
group by decided.group_id
having count(distinct people.person_id) > 1
