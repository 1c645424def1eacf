-- Placements and job starts of providers: about 12 and 10 % of orders, with route and managed disclosure (RR 610).
create or replace temp table send_housing__placements as
with placed as (
    select o.*, o.o as id, o.start_day + dice(o.o, 'placed', 120) as from_day from supervision as o
        where u(o.o, 'is placed') < 0.06
)
select
    ref('H', d.id, 15486047) as placement_id,
    'HC' || lpad(cast(scramble(d.p, 67867967, 31, 900000011) as varchar), 9, '0') as client_ref,
    said_first(d.p * 16 + 7, c.first_name, c.new_last_name) as first_name,
    said_last(d.p * 16 + 7, c.first_name, c.new_last_name) as last_name,
    said_dob(d.p * 16 + 7, c.dob) as date_of_birth,
    said_postcode(d.p * 16 + 7, c.area_n, c.home) as postcode,
    case when u(d.id, 'crn known') < 0.55 then c.crn end as crn,
    t.code as tenure_code,
    r.code as route_code,
    u(d.id, 'managed') < 0.35 as is_disclosure_managed,
    d.from_day as start_date,
    case when u(d.id, 'placed still') >= 0.15
        then known_by(d.from_day + 10 + wait_days(d.id, 'placed for', 260), v('main_day')) end as end_date,
from placed as d
join identity_card as c using (p)
join choice as t on t.list = 'tenure' and t.slot = slot(d.id, 'tenure')
join choice as r on r.list = 'housing_route' and r.slot = slot(d.id, 'housing route')
where d.from_day <= v('main_day') - 5
order by placement_id;

create or replace temp table send_ete__job_starts as
with placed as (
    select o.*, o.o as id, o.start_day + 10 + dice(o.o, 'job', 200) as from_day from supervision as o
        where u(o.o, 'found a job') < 0.05
)
select
    ref('J', d.id, 15486059) as job_id,
    'EC' || lpad(cast(scramble(d.p, 41161739, 77, 900000011) as varchar), 9, '0') as client_ref,
    said_first(d.p * 16 + 8, c.first_name, c.new_last_name) as first_name,
    said_last(d.p * 16 + 8, c.first_name, c.new_last_name) as last_name,
    said_dob(d.p * 16 + 8, c.dob) as date_of_birth,
    said_postcode(d.p * 16 + 8, c.area_n, c.home) as postcode,
    case when u(d.id, 'crn known ete') < 0.55 then c.crn end as crn,
    lpad(cast(1 + dice(d.id, 'job office', 899) as varchar), 3, '0') || '/' || letter(dice(d.id, 'job a', 26))
        || letter(dice(d.id, 'job b', 26))
        || cast(1000 + dice(d.id, 'job employer', 9000) as varchar) as employer_ref,
    r.code as route_code,
    u(d.id, 'managed ete') < 0.40 as is_disclosure_managed,
    d.from_day as start_date,
    case when u(d.id, 'job still') >= 0.10 then known_by(d.from_day + 3 + wait_days(d.id, 'job for', 190), v('main_day'))
        end as end_date,
from placed as d
join identity_card as c using (p)
join choice as r on r.list = 'ete_route' and r.slot = slot(d.id, 'ete route')
where d.from_day <= v('main_day') - 5
order by job_id;
