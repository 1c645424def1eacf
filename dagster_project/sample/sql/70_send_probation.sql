-- Probation's files as of the extract date: people, orders, assessments, consents. A person may have two case numbers.
create or replace macro ref(prefix, id, factor) as prefix
    || lpad(cast(scramble(id, factor, 987654321, 100000000003) as varchar), 11, '0');

create or replace temp table send_probation__people as
with cases as (
    select c.*, 1 as crn_n, p.is_leaver, p * 16 + 1 as id from identity_card as c join person as p using (p) where p.is_offender
    union all
    select c.* replace (c.second_crn as crn), 2, p.is_leaver, p * 16 + 2 from identity_card as c join person as p using (p)
    where p.is_offender and c.second_crn is not null
)
select
    crn,
    said_number(id, pnc_id, 8, v('pnc_missing'), v('pnc_mistyped')) as pnc_id,
    case when is_leaver then said_number(id, noms_number, 3, v('noms_missing'), v('noms_mistyped')) end as noms_number,
    said_number(id, ni_number, 5, v('ni_missing'), v('ni_mistyped')) as ni_number,
    said_first(id, first_name, last_name) as first_name,
    said_last(id, first_name, last_name) as last_name,
    said_dob(id, dob) as date_of_birth,
    case when u(id, 'sex said') < 0.004 then 'X' else sex end as sex,
    ethnicity,
    case when u(id, 'no postcode') >= 0.04 then said_postcode(id, area_n, home) end as postcode,
from cases
order by crn;

create or replace temp table send_probation__orders as
select
    ref('R', o.o, 15485867) as order_id,
    case when o.crn_n = 2 and c.second_crn is not null then c.second_crn else c.crn end as crn,
    o.order_type as order_type_code,
    o.start_day as start_date,
    o.term_day as termination_date,
    o.reason as termination_reason_code,
    p.area_code as probation_area_code,
    case when u(o.o, 'no authority') >= 0.03 then l.code end as local_authority_code,
from supervision as o
join identity_card as c using (p)
join person as p using (p)
join local_authority as l on l.area_n = p.area_n and l.pick = dice(o.p, 'authority', 6)
order by order_id;

-- scores at the start and, for some, at the end of an order; ordinal, 0 best for OASYS
create or replace temp table send_probation__assessments as
with assessed as (
    select o.*, i.instrument, i.i
    from supervision as o
    join (select code as instrument, row_number() over (order by code) - 1 as i from seed_instrument_codes) as i
        on u(o.o * 2 + i.i, 'assessed') < case when i.i = 0 then 0.17 else 0.04 end
    where o.start_day between date '2007-06-01' and v('main_day') - 40
),
scored as (
    select o.*, d.domain, d.d, w.w,
        ((o.o * 4 + d.d) * 2 + o.i) * 2 + w.w as id,
        dice(o.o * 4 + d.d, 'first score', 9) as first_score,
    from assessed as o
    cross join (select code as domain, row_number() over (order by code) as d from seed_assessment_domain_codes) as d
    cross join range(2) as w(w)
    where w.w = 0 or (o.term_day is not null and u(o.o * 2 + o.i, 'assessed again') < 0.55)
)
select
    ref('S', s.id, 15485917) as assessment_id,
    c.crn,
    s.instrument,
    s.domain,
    case when s.w = 0 then s.first_score
        else greatest(0, least(10, s.first_score + case when u(s.id, 'moves by') < 0.40 then -1 - dice(s.id, 'by', 3)
            when u(s.id, 'moves by') < 0.60 then 1 + dice(s.id, 'by', 2) else 0 end)) end as score,
    case when s.w = 0 then s.start_day + dice(s.o, 'assessed on', 20)
        else greatest(s.start_day + 21, s.term_day - dice(s.o, 'assessed last', 40)) end as assessed_date,
from scored as s
join identity_card as c using (p)
order by assessment_id;

create or replace temp table send_probation__consents as
with asked as (
    select o.*, a.code as agency, a.n, o.o * 8 + a.n as id
    from supervision as o
    join (select code, row_number() over (order by code) - 1 as n from seed_agency_codes where code <> 'probation') as a
        on u(o.o * 8 + a.n, 'consents') < case a.code when 'dwp' then 0.20 when 'housing' then 0.14 when 'ete' then 0.12
            when 'hmrc' then 0.06 else 0.03 end
)
select
    ref('C', a.id, 15485927) as consent_id,
    c.crn,
    a.agency as recipient_agency,
    p.code as purpose,
    a.start_day + dice(a.id, 'given', 30) as given_date,
    case when u(a.id, 'withdraws') < 0.06 then known_by(a.start_day + 30 + dice(a.id, 'withdrawn', 300), v('main_day'))
        end as withdrawn_date,
from asked as a
join identity_card as c using (p)
join (select code, row_number() over (order by code) - 1 as n, count(*) over () as all_n from seed_purpose_codes) as p
    on p.n = cast(floor(u(a.id, 'purpose') * p.all_n) as bigint)
where a.start_day + 30 <= v('main_day')
order by consent_id;
