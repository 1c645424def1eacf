-- Names, numbers and home as they truly are; agencies write down what they hear (03_recording).
create or replace temp table identity_card as
select
    p.p,
    p.home,
    p.area_n,
    p.dob,
    case when p.is_woman then 'F' else 'M' end as sex,
    f.name as first_name,
    s.name as last_name,
    case when u(p.p, 'new surname') < case when p.is_woman then v('surname_changed_women') else v('surname_changed_men') end
        then t.name else s.name end as new_last_name,
    ni_of(coalesce(p.ni_shared_with, p.p)) as ni_number,
    noms_of(p.p) as noms_number,
    pnc_of(p.p, greatest(1985, year(p.dob) + 14) + dice(p.p, 'pnc since', 5)) as pnc_id,
    crn_of(2 * p.p) as crn,
    case when p.crns = 2 then crn_of(2 * p.p + 1) end as second_crn,
    e.code as ethnicity,
from person as p
join surname as s on s.n = cast(floor(v('surnames') * pow(u(p.home, 'surname'), 2.2)) as bigint)
join surname as t on t.n = cast(floor(v('surnames') * pow(u(p.p, 'married'), 1.5)) as bigint)
join forename as f on f.sex = case when p.is_woman then 'F' else 'M' end
    and f.n = cast(floor(v('forenames') * pow(u(p.p, 'first name'), 1.8)) as bigint)
join choice as e on e.list = 'ethnicity' and e.slot = slot(p.p, 'ethnicity')
order by p.p;

-- what HMRC and the police heard, once for all rows of a person
create or replace temp table heard_by_hmrc as
select p, ni_number, said_first(id, first_name, new_last_name) as first_name,
    said_last(id, first_name, new_last_name) as last_name,
    said_dob(id, dob) as date_of_birth,
from (select p, p * 16 + 5 as id, said_number(p * 16 + 5, ni_number, 5, 0.03, 0.004) as ni_number, first_name, new_last_name,
    dob from identity_card);

create or replace temp table heard_by_police as
select p, pnc_id, said_first(id, first_name, last_name) as first_name, said_last(id, first_name, last_name) as last_name,
    said_dob(id, dob) as date_of_birth,
from (select p, p * 16 + 6 as id, pnc_id, first_name, last_name, dob from identity_card where p <= v('people'));
