"""What the queue of clerical review asks of the identity tables, with the restricted database attached as ``restricted``."""

from __future__ import annotations

# every pair of references that linkage compared and nobody decided on: direct exact links, and the best pair of each two clusters
FRAME = """
create or replace temp view review_frame as
with people as (
    select p.*, count(*) over (partition by p.cluster_id) as size from restricted.identity.int_people as p
),
joins as (
    select * from restricted.identity.int_people_joins
),
decided as (
    select reference_a, reference_b from restricted.identity.int_people_overrides
    union
    select reference_a, reference_b from settled
),
far as (
    select least(a.cluster_id, b.cluster_id) as cluster_a, greatest(a.cluster_id, b.cluster_id) as cluster_b,
        max((s.match_weight, -s.reference_a, -s.reference_b)) as best
    from restricted.identity.int_people_scores as s
    join people as a on s.reference_a = a.reference_id join people as b on s.reference_b = b.reference_id
    group by 1, 2
),
pairs as (
    select '{exact}' as band, reference_a, reference_b, null::double as match_weight, null::double as probability
    from restricted.identity.int_people_links
    union all
    select coalesce(level_id, '{below}'), reference_a, reference_b, match_weight, probability from joins
    union all
    select '{far_below}', -best[2], -best[3], best[1], pow(2, best[1]) / (1 + pow(2, best[1]))
    from far anti join joins using (cluster_a, cluster_b)
)
select band || case when a.person_id = b.person_id then '{linked}' else '{not_linked}' end as stratum,
    a.person_id = b.person_id as is_linked, pairs.reference_a, pairs.reference_b, pairs.match_weight, pairs.probability,
    case when a.cluster_id = b.cluster_id then 1 else a.size * b.size end as pairs,
    least(a.agency, b.agency) || ' and ' || greatest(a.agency, b.agency) as agencies,
    coalesce(a.sex, b.sex, '') as sex,
    coalesce(cast(cast(floor(date_diff('year', coalesce(a.date_of_birth, b.date_of_birth), date '{day}') / {width}) * {width} as
        integer) as varchar), '') as age_from,
    coalesce(a.ethnicity, b.ethnicity, '') as ethnicity
from pairs
join people as a on pairs.reference_a = a.reference_id
join people as b on pairs.reference_b = b.reference_id
anti join decided on pairs.reference_a = decided.reference_a and pairs.reference_b = decided.reference_b
"""
CELLS = """
select stratum, [agencies, sex, age_from, ethnicity], count(*), coalesce(avg(probability), 1)
from review_frame group by 1, 2 order by 1, 2
"""
TAKEN = """
with taken as (
    select c.*, c.pairs / w.chance as weight
    from review_frame as c
    join wanted as w on c.stratum = w.stratum and [c.agencies, c.sex, c.age_from, c.ethnicity] = w.subgroup
    qualify row_number() over (
        partition by c.stratum, w.subgroup order by md5(concat_ws('/', '{seed}', c.reference_a, c.reference_b))
    ) <= w.count
),
-- how many pairs each stratum stands for is known: weights add up to it
sizes as (
    select stratum, sum(pairs) as size from review_frame group by stratum
),
-- where the person of each was last supervised or in custody
placed as (
    select p.reference_id, max({{'since': r.start_date, 'code': r.area_code}}).code as area
    from (select reference_a as reference_id from taken union select reference_b from taken) as ends
    join restricted.identity.int_people as p on ends.reference_id = p.reference_id
    join (
        select person_id, start_date, area_code from restricted.identity.int_order_records
        union all
        select person_id, start_date, area_code from restricted.identity.int_custody_records
    ) as r on p.person_id = r.person_id
    where r.area_code is not null
    group by p.reference_id
)
select t.* exclude (pairs, weight), round(t.weight * s.size / sum(t.weight) over (partition by t.stratum), 4) as sampling_weight,
    coalesce(a.area, b.area, '') as area
from taken as t
join sizes as s using (stratum)
left join placed as a on t.reference_a = a.reference_id
left join placed as b on t.reference_b = b.reference_id
"""
# the weakest edge of what cannot be right: one agency twice without a link between the two, too many references, a conflict; and
# of a cluster that was broken as it was too large, or taken apart, the surest link that went: if it was right, the next one is
# asked after it
SUSPICIOUS = """
with people as (
    select p.agency, p.reference_id, p.cluster_id, p.person_id, p.reference_count, c.agencies
    from restricted.identity.int_people as p join restricted.identity.int_people_clusters_split as c using (reference_id)
),
broken as (
    select * from restricted.identity.int_people_links_broken
),
unbroken as (
    select l.*, a.cluster_id, a.person_id, b.cluster_id as other_id from restricted.identity.int_people_links as l
    join people as a on l.reference_a = a.reference_id
    join people as b on l.reference_b = b.reference_id
    anti join broken on l.reference_a = broken.reference_a and l.reference_b = broken.reference_b
),
links as (
    select * from unbroken where cluster_id = other_id
),
weakest_links as (
    select cluster_id, any_value(person_id) as person_id, max((pass, reference_a, reference_b)) as edge
    from links group by cluster_id
),
joins as (
    select j.*, p.person_id from restricted.identity.int_people_joins as j join people as p on j.reference_a = p.reference_id
),
weakest_joins as (
    select person_id, min((probability, reference_a, reference_b)) as edge from joins where verdict = 'joined' group by person_id
),
twice as (
    select distinct a.cluster_id
    from people as a join people as b
        on a.cluster_id = b.cluster_id and a.agency = b.agency and a.reference_id < b.reference_id
    anti join links as l on l.reference_a = a.reference_id and l.reference_b = b.reference_id
),
large as (
    select distinct person_id from people where reference_count > {largest}
),
read as (
    select (reference_a, reference_b) from restricted.identity.int_people_overrides
    union
    select (reference_a, reference_b) from settled
),
found as (
    select 'joining them would put two records of one agency, or two that were kept apart, into one person' as why,
        reference_a, reference_b, 1 - probability as doubt
    from joins where verdict = 'conflict'
    union all
    select 'the weakest link of a cluster that holds one agency twice', edge[2], edge[3], -edge[1]
    from weakest_links semi join twice using (cluster_id)
    union all
    select 'the weakest link of a person with very many records', coalesce(j.edge[2], l.edge[2]), coalesce(j.edge[3], l.edge[3]),
        coalesce(j.edge[1], 2 - l.edge[1])
    from large left join weakest_joins as j using (person_id)
    left join (select person_id, max(edge) as edge from weakest_links group by person_id) as l using (person_id)
    union all
    select 'the surest of the links that were broken in a cluster of very many records', edge[3], edge[4], edge[1]
    from (
        select min((pass, -agreement, reference_a, reference_b)) as edge from broken
        where (reference_a, reference_b) not in (from read) group by cluster_id
    )
    union all
    select 'the surest of the links that were cut where two who are held to be two people were linked', edge[2], edge[3], edge[1]
    from (
        select min((pass, reference_a, reference_b)) as edge from unbroken
        where cluster_id <> other_id and (reference_a, reference_b) not in (from read)
        group by least(cluster_id, other_id), greatest(cluster_id, other_id)
    )
)
select why, reference_a, reference_b from found
where (reference_a, reference_b) not in (from read)
order by row_number() over (partition by why order by doubt, reference_a, reference_b), why
"""
REFERENCES = """
select reference_id, agency, person_ref from restricted.identity.int_people_references where reference_id in (select unnest(?))
"""
