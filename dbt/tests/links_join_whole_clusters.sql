-- Every link lies within one cluster: labels have spread as far as links reach.
select links.*
from {{ ref('int_people_links') }} as links
inner join {{ ref('int_people_clusters') }} as a on links.reference_a = a.reference_id
inner join {{ ref('int_people_clusters') }} as b on links.reference_b = b.reference_id
where a.cluster_id <> b.cluster_id
    {{ built_rows('links.reference_a', 'and') }}
