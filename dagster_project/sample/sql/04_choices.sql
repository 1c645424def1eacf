-- A code of a wanted meaning, drawn by slot 0 … 999: meanings from seeds/mappings, frequencies from parameters.py.
create or replace table choice as
with cumulated as (
    select
        list, class, code,
        sum(weight) over w / sum(weight) over (partition by list, class) as upto,
        (sum(weight) over w - weight) / sum(weight) over (partition by list, class) as above,
    from weighted_code
    window w as (partition by list, class order by code rows unbounded preceding)
)
select list, class, cast(s as integer) as slot, code
from cumulated
join range(1000) as t(s) on (s + 0.5) / 1000 >= above and (s + 0.5) / 1000 < upto
order by list, class, slot;

create or replace table choice_jsa as select distinct code from choice where list = 'benefit' and class = 'yes/yes';

create or replace table establishment as
select code, row_number() over (order by code) - 1 as n
from seed_establishment_codes
where coalesce(valid_to, '') = '' and label not ilike '%ghost%';

-- a handful of local authorities per area, of its own country; districts and unitaries only
create or replace table local_authority as
with districts as (
    select code, substr(code, 1, 1) as country, row_number() over (partition by substr(code, 1, 1) order by hash(code)) - 1 as n,
        count(*) over (partition by substr(code, 1, 1)) as of_country,
    from seed_local_authority_codes
    where substr(code, 1, 3) in ('E06', 'E07', 'E08', 'E09', 'W06')
),
wanted as (
    select area_n, pick, case when country_code = 'WAL' then 'W' else 'E' end as country from area cross join range(6) as t(pick)
)
select w.area_n, w.pick, d.code
from wanted as w
join districts as d on d.country = w.country and d.n = (w.area_n * 6 + w.pick) % d.of_country
order by w.area_n, w.pick;
