-- The floor: from the files to outcome rows, indicator counts and spell tables in one script, as fast as DuckDB lets a person
-- write it. No evidence, no quarantine, no history, no key. $$agency__extract is the typed relation of an extract in force
-- (reads.py: from the contract), $$seeds the folder of seeds. The rules are those of decisions 001 and 003.
set preserve_insertion_order = false;

create macro seed(name) as table
select * from read_csv('$seeds/' || name || '.csv', all_varchar = true, header = true, quote = '"');
create temp table mapping as
select
    parse_filename(filename, true) as name,
    view_id,
    code_list,
    code,
    status,
    coalesce(cast(valid_from as date), date '1900-01-01') as valid_from,
    coalesce(cast(valid_to as date), date '9999-12-31') as valid_to,
from read_csv('$seeds/mappings/*.csv', all_varchar = true, header = true, quote = '"', filename = true);
create macro meaning(wanted, view) as table
select code_list, code, status, valid_from, valid_to from mapping where name = wanted and view_id = view;
create temp table looks as
select distinct d.population, d.outcome, d.follow_up_id, cast(p.months as integer) as months, cast(p.days as integer) as days
from seed('indicator_definitions') as d
inner join seed('follow_up_points') as p using (follow_up_id);
create temp table observed as
select case when count(*) = 3 then min(extract_date) end as until
from latest_delivery
where agency = 'probation' and extract in ('orders', 'accommodation', 'employment');

-- people: one row per agency and reference, with an integer for each -----------------------------------------------------
-- of the signs that are left out, those that occur: a pattern would take ten times as long
create macro written_out(x) as replace(replace(replace(replace(translate(x, 'ŁØĐÐĦŦ', 'LODDHT'), 'Æ', 'AE'), 'Œ', 'OE'), 'ẞ', 'SS'), 'Þ', 'TH');
create macro in_letters(x) as case when strlen(x) = length(x) then upper(x) else written_out(upper(strip_accents(x))) end;
create macro std_name(x) as nullif(replace(replace(replace(in_letters(x), '-', ''), ' ', ''), '''', ''), '');
create macro std_number(x) as nullif(replace(replace(replace(upper(x), '/', ''), ' ', ''), '-', ''), '');
create macro usual_ni(x) as case when regexp_full_match(x, '[A-Z]{2}[0-9]{6}[A-D]') then x end;

create temp table p45_sent as
select
    spell_id,
    hash(coalesce(ni_number, ''), upper(coalesce(first_name, '')), upper(coalesce(last_name, '')), date_of_birth) as ref,
    ni_number,
    first_name,
    last_name,
    date_of_birth,
    start_date,
    end_date + 1 as end_date,
from $hmrc__employment_spells;

-- files are read once: the people of the police with their offences
create temp table police_sent as
select pnc_id, first_name, last_name, date_of_birth,
    list(struct_pack(offence_date := offence_date, disposal_date := disposal_date, code := disposal_type)) as offences,
from $police__offences
group by pnc_id, first_name, last_name, date_of_birth;

create temp table standard as
with sent as (
    select
        'probation' as agency, crn as ref, first_name, last_name, date_of_birth,
        postcode, ni_number, noms_number, pnc_id, crn,
    from $probation__people
    union all
    select 'prisons', noms_number, first_name, last_name, date_of_birth, home_postcode, null, noms_number, pnc_id, null
    from $prisons__people
    union all
    select 'dwp', customer_ref, first_name, last_name, date_of_birth, postcode, ni_number, null, null, null
    from $dwp__customers
    union all
    select 'hmrc', cast(ref as varchar), any_value(first_name), any_value(last_name), any_value(date_of_birth), null,
        any_value(ni_number), null, null, null
    from p45_sent
    group by ref
    union all
    select 'police', pnc_id, first_name, last_name, date_of_birth, null, null, null, pnc_id, null
    from police_sent
    union all
    select 'housing', client_ref, first_name, last_name, date_of_birth, postcode, null, null, null, crn
    from $housing__placements
    union all
    select 'ete', client_ref, first_name, last_name, date_of_birth, postcode, null, null, null, crn
    from $ete__job_starts
)
select
    hash(agency, ref) as key,
    agency,
    ref,
    std_name(first_name) as first_name,
    std_name(last_name) as last_name,
    date_of_birth,
    std_number(postcode) as postcode,
    usual_ni(std_number(ni_number)) as ni_number,
    std_number(noms_number) as noms_number,
    std_number(pnc_id) as pnc_id,
    std_number(crn) as crn,
from sent;
create temp table twice as select key from standard group by key having count(*) > 1;
-- nearly every reference stands in one row, and needs no grouping
create temp table refs as
select cast(row_number() over () as integer) as rid, one.*
from (
    select * exclude (key) from standard where key not in (from twice)
    union all
    select agency, ref, min(first_name), min(last_name), min(date_of_birth), min(postcode), min(ni_number), min(noms_number),
        min(pnc_id), min(crn)
    from standard where key in (from twice)
    group by agency, ref
) as one;
drop table standard;

-- links: on numbers that names or birthdays bear out, then on name, birthday and postcode -----------------------------------
set variable generation = (select cast(value as integer) from seed('linkage_rules') where rule_id = 'generation_years');
create macro is_same(a_birth, b_birth, a_last, b_last, a_first, b_first) as
    a_birth = b_birth or (
        a_last = b_last and a_first[1] = b_first[1] and coalesce(abs(year(a_birth) - year(b_birth)) < getvariable('generation'), true)
    );
create temp table links as
select a.rid as one, b.rid as other
from refs as a inner join refs as b on a.noms_number = b.noms_number and a.rid < b.rid
where is_same(a.date_of_birth, b.date_of_birth, a.last_name, b.last_name, a.first_name, b.first_name)
union all
select a.rid, b.rid
from refs as a inner join refs as b on a.pnc_id = b.pnc_id and a.rid < b.rid
where is_same(a.date_of_birth, b.date_of_birth, a.last_name, b.last_name, a.first_name, b.first_name)
union all
select a.rid, b.rid
from refs as a inner join refs as b on a.crn = b.crn and a.rid < b.rid
where is_same(a.date_of_birth, b.date_of_birth, a.last_name, b.last_name, a.first_name, b.first_name)
union all
select a.rid, b.rid
from refs as a inner join refs as b on a.ni_number = b.ni_number and a.rid < b.rid
where is_same(a.date_of_birth, b.date_of_birth, a.last_name, b.last_name, a.first_name, b.first_name);
insert into links
with single_in_agency as (
    select first_name, last_name, date_of_birth, postcode, any_value(rid) as rid
    from refs
    where first_name is not null and last_name is not null and date_of_birth is not null and postcode is not null
    group by agency, first_name, last_name, date_of_birth, postcode
    having count(*) = 1
),
together as (
    select list(rid) as rids from single_in_agency
    group by first_name, last_name, date_of_birth, postcode
    having count(*) > 1
)
select rids[1], unnest(rids[2:]) from together;

create temp table edges as
select one as a, other as b from links
union all
select other, one from links;
-- a person is a connected group: labels spread until none changes
create temp table labels as
with recursive spread(rid, pid) using key (rid) as (
    select a, min(least(a, b)) from edges group by a
    union
    select edges.b, min(spread.pid)
    from spread
    inner join edges on spread.rid = edges.a
    inner join recurring.spread as known on edges.b = known.rid
    where spread.pid < known.pid
    group by edges.b
)
select * from spread;
-- two references of an agency that nothing but records of others hold together, and whose numbers contradict each other, are two
-- people (decision 012): of their group everyone goes with the nearer of them, of two as near with the one of the lesser number
create temp table apart as
with grouped as (select refs.*, labels.pid from refs inner join labels using (rid) where refs.agency <> 'hmrc'),
crowded as (select pid, agency from grouped group by pid, agency having count(*) > 1),
members as (select * from grouped semi join crowded using (pid, agency))
select a.pid, a.rid as one, b.rid as other
from members as a inner join members as b on a.pid = b.pid and a.agency = b.agency and a.rid < b.rid
where (a.noms_number <> b.noms_number or a.pnc_id <> b.pnc_id or a.ni_number <> b.ni_number)
    and not coalesce(is_same(a.date_of_birth, b.date_of_birth, a.last_name, b.last_name, a.first_name, b.first_name), false)
    and (a.rid, b.rid) not in (select (one, other) from links);
create temp table troubled as select labels.rid from labels semi join apart using (pid);
create temp table near as
with keyed as (
    select rid, agency, first_name, last_name, date_of_birth, postcode
    from refs
    semi join (select * from refs semi join troubled using (rid)) using (first_name, last_name, date_of_birth, postcode)
),
single_in_agency as (
    select first_name, last_name, date_of_birth, postcode, any_value(rid) as rid
    from keyed
    group by agency, first_name, last_name, date_of_birth, postcode
    having count(*) = 1
)
select a, b from edges where a in (select rid from troubled)
union
select one.rid, other.rid
from single_in_agency as one
inner join single_in_agency as other using (first_name, last_name, date_of_birth, postcode)
where one.rid <> other.rid and one.rid in (select rid from troubled);
create temp table taken_apart as
with recursive spread(rid, person) using key (rid) as (
    select rid, cast('0x' || left(md5(agency || '/' || ref), 15) as bigint)
    from refs
    where rid in (select unnest([one, other]) from apart)
    union
    select near.b, min(spread.person)
    from spread
    inner join near on spread.rid = near.a
    left join recurring.spread as known on near.b = known.rid
    where known.rid is null
    group by near.b
)
select rid, min(rid) over (partition by person) as pid from spread;
create temp table person as
select refs.agency, refs.ref, coalesce(taken_apart.pid, labels.pid, refs.rid) as pid, refs.ni_number is not null as has_ni
from refs
left join labels using (rid)
left join taken_apart using (rid);
drop table refs;
drop table links;
drop table edges;
drop table labels;
create temp table known_to_hmrc as
select pid from person group by pid having bool_or(has_ni) or bool_or(agency = 'hmrc');
create temp table known_to_dwp as select distinct pid from person where agency = 'dwp';
create temp table known_to_police as select distinct pid from person where agency = 'police';
create temp table by_crn as select ref, pid from person where agency = 'probation';

-- records, with the person as an integer -----------------------------------------------------------------------------------
create temp table orders_sent as select * from $probation__orders;
delete from orders_sent
where rowid in (
    with twice as (select order_id from orders_sent group by order_id having count(*) > 1)
    select unnest(list(rowid order by rowid)[2:]) from orders_sent where order_id in (select order_id from twice)
    group by order_id
);
create temp table orders as
select o.order_id, p.pid, o.order_type_code, o.start_date, o.termination_date, o.termination_date + 1 as end_date,
    o.termination_reason_code, o.probation_area_code as area_code
from orders_sent as o left join by_crn as p on o.crn = p.ref;
drop table orders_sent;
create temp table accommodation as
select p.pid, a.accommodation_code as code, a.start_date, a.end_date + 1 as end_date, a.recorded_date, a.record_id
from $probation__accommodation as a inner join by_crn as p on a.crn = p.ref;
create temp table employment as
select p.pid, e.employment_code as code, e.start_date, e.end_date + 1 as end_date, e.recorded_date, e.record_id
from $probation__employment as e inner join by_crn as p on e.crn = p.ref;
create temp table custody_sent as select * from $prisons__custody;
delete from custody_sent
where rowid in (
    with twice as (select booking_id from custody_sent group by booking_id having count(*) > 1)
    select unnest(list(rowid order by rowid)[2:]) from custody_sent where booking_id in (select booking_id from twice)
    group by booking_id
);
create temp table custody as
select p.pid, c.booking_id, c.reception_date as start_date, c.release_date as end_date, c.release_reason_code,
    c.discharge_accommodation_code, c.home_area_code as area_code
from custody_sent as c left join person as p on p.agency = 'prisons' and c.noms_number = p.ref;
drop table custody_sent;
create temp table offences as
with sent as (
    select p.pid, unnest(s.offences, recursive := true)
    from police_sent as s inner join person as p on p.agency = 'police' and p.ref = s.pnc_id
    where p.pid in (select pid from custody where end_date is not null)
)
select s.pid, s.offence_date, s.disposal_date
from sent as s
inner join meaning('proven_offence', 'official') as m
    on m.code_list = 'disposal_codes' and m.code = s.code and m.status = 'yes'
    and s.disposal_date >= m.valid_from and s.disposal_date < m.valid_to;
drop table police_sent;
create temp table p45 as
select p.pid, s.start_date, s.end_date
from p45_sent as s inner join person as p on p.agency = 'hmrc' and p.ref = cast(s.ref as varchar);
drop table p45_sent;
create temp table benefits as
select p.pid, b.benefit_code as code, b.start_date, b.end_date + 1 as end_date
from $dwp__benefit_claims as b inner join person as p on p.agency = 'dwp' and b.customer_ref = p.ref;
create temp table programme as
select p.pid, w.referral_date as start_date,
    coalesce(w.last_sustainment_date, w.job_outcome_date, w.attachment_date, w.referral_date) + 1 as end_date
from $dwp__work_programme as w inner join person as p on p.agency = 'dwp' and w.customer_ref = p.ref;
create temp table assessments as select * from $probation__assessments;
create temp table consents as select * from $probation__consents;
drop table person;

-- spells: person, code and day in one integer, so that one running maximum over one sort tells where a spell begins -----------
create macro day_number(d) as date_diff('day', date '1900-01-01', d);
create macro packed(pid, code, d) as (cast(pid as bigint) << 30) | (cast(code as bigint) << 22) | day_number(d);
create macro last_of(d) as coalesce(d, date '9999-12-31');
create macro gap(wanted) as (select cast(gap_days as integer) from seed('spell_rules') where spell_type = wanted);
create macro spells(rows, wanted) as table
with reached as (
    select s, e, max(e) over (order by s, e rows between unbounded preceding and 1 preceding) as r
    from query_table(rows)
),
begun as (
    select s, lead(r) over (order by s) as e from reached
    where r is null or s - r >= gap(wanted)
)
select
    cast(s >> 30 as integer) as pid,
    cast((s >> 22) & 255 as integer) as code,
    date '1900-01-01' + cast(s & 4194303 as integer) as start_date,
    nullif(date '1900-01-01' + cast(coalesce(e, (select max(e) from query_table(rows))) & 4194303 as integer), date '9999-12-31')
        as end_date,
from begun;

create temp view r_accommodation as
select packed(pid, enum_code(code), start_date) as s, packed(pid, enum_code(code), last_of(end_date)) as e
from accommodation where start_date < last_of(end_date);
create temp table accommodation_spells as from spells('r_accommodation', 'accommodation');
create temp view r_employment as
select packed(pid, enum_code(code), start_date) as s, packed(pid, enum_code(code), last_of(end_date)) as e
from employment where start_date < last_of(end_date);
create temp table employment_record_spells as from spells('r_employment', 'employment_record');
create temp view r_benefit as
select packed(pid, enum_code(code), start_date) as s, packed(pid, enum_code(code), last_of(end_date)) as e
from benefits where start_date < last_of(end_date);
create temp table benefit_claim_spells as from spells('r_benefit', 'benefit_claim');
create temp view r_out_of_work as
select packed(b.pid, 0, greatest(b.start_date, m.valid_from)) as s, packed(b.pid, 0, least(last_of(b.end_date), m.valid_to)) as e
from benefits as b
inner join meaning('out_of_work_benefit', 'official') as m
    on m.code_list = 'benefit_codes' and m.code = b.code and m.status = 'yes'
where greatest(b.start_date, m.valid_from) < least(last_of(b.end_date), m.valid_to);
create temp table benefit_out_of_work_spells as from spells('r_out_of_work', 'benefit_out_of_work');
drop table benefits cascade;
create temp view r_p45 as
select packed(pid, 0, start_date) as s, packed(pid, 0, last_of(end_date)) as e from p45 where start_date < last_of(end_date);
create temp table p45_spells as from spells('r_p45', 'employment_p45');
create temp view r_employed as
select packed(e.pid, 0, greatest(e.start_date, m.valid_from)) as s, packed(e.pid, 0, least(last_of(e.end_date), m.valid_to)) as e
from employment as e
inner join meaning('employed', 'official') as m on m.code_list = 'employment_codes' and m.code = e.code and m.status = 'yes'
where greatest(e.start_date, m.valid_from) < least(last_of(e.end_date), m.valid_to)
union all
select * from r_p45;
create temp table employment_combined_spells as from spells('r_employed', 'employment_combined');
create temp view r_custody as
select packed(pid, 0, start_date) as s, packed(pid, 0, last_of(end_date)) as e
from custody where pid is not null and start_date < last_of(end_date);
create temp table custody_spells as from spells('r_custody', 'custody');
create temp view r_programme as
select packed(pid, 0, start_date) as s, packed(pid, 0, end_date) as e from programme where start_date < end_date;
create temp table programme_spells as from spells('r_programme', 'programme');
create temp view r_supervision as
select packed(o.pid, 0, greatest(o.start_date, m.valid_from)) as s, packed(o.pid, 0, least(last_of(o.end_date), m.valid_to)) as e
from orders as o
inner join meaning('order_scope', 'official') as m
    on m.code_list = 'order_type_codes' and m.code = o.order_type_code and m.status = 'yes'
where o.pid is not null and greatest(o.start_date, m.valid_from) < least(last_of(o.end_date), m.valid_to);
create temp table supervision_spells as from spells('r_supervision', 'supervision');

-- events -------------------------------------------------------------------------------------------------------------------
create type answer as enum ('yes', 'no', 'unknown', 'not_applicable');
create macro says(wanted, view) as table
select
    code_list, code_list = 'discharge_accommodation_codes' as is_prisons, code, cast(status as answer) as status,
    valid_from, valid_to
from mapping
where name = wanted and view_id = view and status <> 'ignored';
create temp table terminations as
select
    cast(row_number() over () as bigint) as event_id,
    o.order_id as event_ref,
    o.pid,
    o.termination_date as event_date,
    o.area_code,
    coalesce(g.status, 'other') as order_group,
    coalesce(s.status = 'yes', false) and coalesce(r.status = 'yes', false) as is_in_scope,
from orders as o
left join meaning('order_scope', 'official') as s
    on s.code_list = 'order_type_codes' and s.code = o.order_type_code
    and o.termination_date >= s.valid_from and o.termination_date < s.valid_to
left join meaning('order_group', 'official') as g
    on g.code_list = 'order_type_codes' and g.code = o.order_type_code
    and o.termination_date >= g.valid_from and o.termination_date < g.valid_to
left join meaning('termination_scope', 'official') as r
    on r.code_list = 'termination_reason_codes' and r.code = o.termination_reason_code
    and o.termination_date >= r.valid_from and o.termination_date < r.valid_to
where o.termination_date is not null;
create temp table disposals as
select
    cast(row_number() over () as bigint) as event_id, o.order_id as event_ref, o.pid, o.start_date as event_date, o.area_code,
    g.status as order_group, true as is_in_scope,
from orders as o
inner join meaning('order_scope', 'official') as s
    on s.code_list = 'order_type_codes' and s.code = o.order_type_code and s.status = 'yes'
    and o.start_date >= s.valid_from and o.start_date < s.valid_to
inner join meaning('order_group', 'official') as g
    on g.code_list = 'order_type_codes' and g.code = o.order_type_code
    and g.status in ('community_order', 'suspended_sentence_order')
    and o.start_date >= g.valid_from and o.start_date < g.valid_to;
create temp table gone as
select distinct o.pid, o.termination_date as gone_on
from orders as o
inner join meaning('termination_scope', 'follow_up') as m
    on m.code_list = 'termination_reason_codes' and m.code = o.termination_reason_code and m.status = 'no'
    and o.termination_date >= m.valid_from and o.termination_date < m.valid_to
where o.pid is not null;
drop table orders cascade;
create temp table releases as
with left_custody as (
    select
        coalesce('p' || pid, 'r' || booking_id) as whose,
        end_date as event_date,
        any_value(pid) as pid,
        arg_max(row(c.area_code, c.discharge_accommodation_code, booking_id), row(c.start_date, booking_id)) as last_booking,
    from custody as c
    inner join meaning('release_scope', 'official') as s
        on s.code_list = 'release_reason_codes' and s.code = c.release_reason_code and s.status = 'yes'
        and c.end_date >= s.valid_from and c.end_date < s.valid_to
    group by whose, end_date
)
select
    cast(row_number() over () as bigint) as event_id, last_booking[3] as event_ref, pid, event_date, last_booking[1] as area_code,
    cast(last_booking[2] as varchar) as discharge_code, 'release' as order_group, true as is_in_scope,
from left_custody
where not exists (
    select 1 from custody_spells as c
    where c.pid = left_custody.pid and c.start_date <= event_date and event_date < last_of(c.end_date)
);
drop table custody cascade;

-- days on which somebody looks, numbered event × 8 + look; a follow-up that cannot be answered is left out -------------------
create temp table look as
select v.*, l.months, l.days
from (
    values (0, 'termination', 'at_event', true, true, true), (1, 'release', 'first_night', true, false, false),
        (2, 'release', 'three_months', true, false, false), (3, 'release', 'six_weeks', false, true, true),
        (4, 'release', 'six_months', false, true, true), (5, 'disposal', 'three_months', true, false, false),
        (6, 'disposal', 'six_months', false, true, false), (7, 'release', 'one_month', false, false, false)
) as v(look, population, follow_up_id, is_home, is_work, is_p45)
inner join (select distinct population, follow_up_id, months, days from looks) as l using (population, follow_up_id);
create macro follow_up(d, m, n) as cast(d + to_months(m) + to_days(n) as date);
create temp table days as
with every as (
    select 'termination' as population, event_id, pid, event_date from terminations
    union all
    select 'release', event_id, pid, event_date from releases
    union all
    select 'disposal', event_id, pid, event_date from disposals
)
select e.event_id * 8 + l.look as day_id, e.pid, e.event_date, l.is_home, l.is_work, l.is_p45, l.months + l.days > 0 as is_follow_up,
    follow_up(e.event_date, l.months, l.days) as on_date,
from every as e
inner join look as l using (population)
where l.months + l.days = 0 or follow_up(e.event_date, l.months, l.days) <= (select until from observed);
delete from days
where is_follow_up and day_id in (
    select d.day_id from days as d inner join custody_spells as c
        on d.pid = c.pid and c.start_date <= d.on_date and d.on_date < last_of(c.end_date)
    where d.is_follow_up
);
delete from days
where is_follow_up and day_id in (
    select d.day_id from days as d inner join gone as g on d.pid = g.pid and d.event_date <= g.gone_on and g.gone_on < d.on_date
    where d.is_follow_up
);
delete from days
where is_follow_up and is_home and day_id not in (
    select d.day_id from days as d inner join supervision_spells as c
        on d.pid = c.pid and c.start_date <= d.on_date and d.on_date < last_of(c.end_date)
    where d.is_follow_up and d.is_home
);

create macro newest(start_date, recorded_date) as
    (cast(day_number(start_date) as bigint) << 22) | day_number(coalesce(recorded_date, date '1900-01-01'));
create temp table home as
with lived as (
    select d.day_id, arg_max(a.code, row(newest(a.start_date, a.recorded_date), a.record_id)) as code
    from days as d inner join accommodation as a
        on d.pid = a.pid and a.start_date <= d.on_date and d.on_date < last_of(a.end_date)
    where d.is_home
    group by d.day_id
),
evidence as (
    select
        d.day_id,
        d.on_date,
        l.code is null as is_prisons,
        coalesce(cast(l.code as varchar), r.discharge_code) as code,
    from days as d
    left join lived as l using (day_id)
    left join releases as r on d.day_id = r.event_id * 8 + 1
    where d.is_home
)
select e.day_id, coalesce(p.status, 'unknown') as settled_policy, coalesce(s.status, 'unknown') as settled_sustainable,
    coalesce(h.status, 'unknown') as housed,
from evidence as e
left join says('settled', 'policy') as p
    on p.is_prisons = e.is_prisons and p.code = e.code and e.on_date >= p.valid_from and e.on_date < p.valid_to
left join says('settled', 'sustainable') as s
    on s.is_prisons = e.is_prisons and s.code = e.code and e.on_date >= s.valid_from and e.on_date < s.valid_to
left join says('housed', 'official') as h
    on h.is_prisons = e.is_prisons and h.code = e.code and e.on_date >= h.valid_from and e.on_date < h.valid_to;
drop table accommodation cascade;

-- what a code means is joined to the records, for as long as both hold: joined to the days it costs ten times as much
create temp table meant as
select e.pid, e.code, e.start_date, e.recorded_date, e.record_id, m.status,
    greatest(e.start_date, m.valid_from) as since, least(last_of(e.end_date), m.valid_to) as until
from employment as e
inner join says('employed', 'official') as m on m.code_list = 'employment_codes' and m.code = e.code;
create temp table work as
with decided as (
    select d.day_id, any_value(d.on_date) as on_date,
        arg_max(
            row(m.status, m.code),
            row(
                (cast(case m.status when 'yes' then 3 when 'no' then 2 else 1 end as bigint) << 44)
                | newest(m.start_date, m.recorded_date), m.record_id
            )
        ) as best
    from days as d inner join meant as m on d.pid = m.pid and m.since <= d.on_date and d.on_date < m.until
    where d.is_work
    group by d.day_id
),
found as (
    select d.day_id, d.best[1] as employed,
        coalesce(case when d.best[1] = 'yes' then 'yes' else a.status end, 'unknown') as available
    from decided as d
    left join says('available_for_work', 'official') as a
        on a.code_list = 'employment_codes' and a.code = d.best[2] and d.on_date >= a.valid_from and d.on_date < a.valid_to
)
select d.day_id, coalesce(f.employed, 'unknown') as employed, coalesce(f.available, 'unknown') as available,
    case when f.available = 'no' then 'not_applicable' else coalesce(f.employed, 'unknown') end as if_available,
from days as d left join found as f using (day_id)
where d.is_work;
drop table meant;
drop table employment cascade;
create temp table on_p45 as
select distinct d.day_id from days as d inner join p45_spells as s
    on d.pid = s.pid and s.start_date <= d.on_date and d.on_date < last_of(s.end_date)
where d.is_p45;
create temp table benefit as
with on_benefit as (
    select distinct d.day_id from days as d inner join benefit_out_of_work_spells as s
        on d.pid = s.pid and s.start_date <= d.on_date and d.on_date < last_of(s.end_date)
    where d.day_id % 8 = 7
)
select d.day_id,
    cast(case when o.day_id is not null then 'yes' when k.pid is not null then 'no' else 'unknown' end as answer) as said,
from days as d
left join on_benefit as o using (day_id)
left join known_to_dwp as k on d.pid = k.pid
where d.day_id % 8 = 7;
drop table days;
create temp table reoffending as
with followed as (
    select
        r.event_id, r.pid, r.event_date as released, follow_up(r.event_date, l.months, l.days) as proved_before,
        follow_up(r.event_date, cast(y.months as integer), cast(y.days as integer)) as offended_before,
    from releases as r
    inner join looks as l on l.population = 'release' and l.follow_up_id = 'proven_one_year'
    inner join seed('follow_up_points') as y on y.follow_up_id = 'one_year'
),
again as (
    select distinct f.event_id from followed as f inner join offences as o
        on f.pid = o.pid and o.offence_date >= f.released and o.offence_date < f.offended_before
        and o.disposal_date < f.proved_before
)
select f.event_id,
    cast(case when a.event_id is not null then 'yes' when k.pid is not null then 'no' else 'unknown' end as answer) as said,
from followed as f
left join again as a using (event_id)
left join known_to_police as k on f.pid = k.pid
where f.proved_before <= (select until from observed);

-- outcome rows -------------------------------------------------------------------------------------------------------------
create table minimum_outcomes as
with answered as (
    select
        t.*,
        h.* exclude (day_id),
        w.* exclude (day_id),
        cast(case when p.day_id is not null then 'yes' when k.pid is not null then 'no' else 'unknown' end as answer) as p45,
    from terminations as t
    inner join home as h on t.event_id * 8 = h.day_id
    inner join work as w on t.event_id * 8 = w.day_id
    left join on_p45 as p on t.event_id * 8 = p.day_id
    left join known_to_hmrc as k on t.pid = k.pid
)
select
    event_ref,
    event_date,
    area_code,
    order_group,
    is_in_scope,
    settled_policy as settled_policy_status,
    settled_sustainable as settled_sustainable_status,
    housed as housed_status,
    employed as employed_status,
    available as available_for_work_status,
    if_available as employed_if_available_status,
    p45 as employed_p45_status,
    case when employed = 'yes' or p45 = 'yes' then 'yes' when employed <> 'unknown' then employed else p45 end
        as employed_combined_status,
from answered;
create macro by_p45(asked, there, known) as cast(case
    when asked is null then 'not_applicable' when there is not null then 'yes' when known is not null then 'no' else 'unknown'
end as answer);
create table release_outcomes as
select
    r.event_ref,
    r.event_date,
    r.area_code,
    r.order_group,
    r.is_in_scope,
    first_night.housed as housed_first_night_status,
    coalesce(three_months.settled_policy, n.otherwise) as settled_three_months_status,
    coalesce(six_weeks.if_available, n.otherwise) as employed_six_weeks_status,
    coalesce(six_months.if_available, n.otherwise) as employed_six_months_status,
    by_p45(six_weeks.day_id, p45_six_weeks.day_id, k.pid) as employed_p45_six_weeks_status,
    by_p45(six_months.day_id, p45_six_months.day_id, k.pid) as employed_p45_six_months_status,
    coalesce(one_month.said, n.otherwise) as out_of_work_benefit_one_month_status,
    coalesce(reoffending.said, n.otherwise) as reoffended_one_year_status,
from releases as r
cross join (select cast('not_applicable' as answer) as otherwise) as n
inner join home as first_night on r.event_id * 8 + 1 = first_night.day_id
left join home as three_months on r.event_id * 8 + 2 = three_months.day_id
left join work as six_weeks on r.event_id * 8 + 3 = six_weeks.day_id
left join work as six_months on r.event_id * 8 + 4 = six_months.day_id
left join on_p45 as p45_six_weeks on r.event_id * 8 + 3 = p45_six_weeks.day_id
left join on_p45 as p45_six_months on r.event_id * 8 + 4 = p45_six_months.day_id
left join benefit as one_month on r.event_id * 8 + 7 = one_month.day_id
left join reoffending using (event_id)
left join known_to_hmrc as k on r.pid = k.pid;
create table disposal_outcomes as
select
    d.event_ref,
    d.event_date,
    d.area_code,
    d.order_group,
    d.is_in_scope,
    coalesce(three_months.settled_policy, n.otherwise) as settled_three_months_status,
    coalesce(six_months.if_available, n.otherwise) as employed_six_months_status,
from disposals as d
cross join (select cast('not_applicable' as answer) as otherwise) as n
left join home as three_months on d.event_id * 8 + 5 = three_months.day_id
left join work as six_months on d.event_id * 8 + 6 = six_months.day_id;

-- counts: by month at once, but by day where a follow-up may lie beyond what is observed -------------------------------------
create temp table cut as
select population, until, until - to_months(max(months)) - to_days(max(days) + 5) as safe
from observed, looks
group by population, until;
create macro monthly(events) as table
select
    e.population, cast(date_trunc('month', e.event_date) as date) as month_start,
    case when cut.safe is null or e.event_date > cut.safe then e.event_date end as late_date,
    coalesce(a.area_code, 'ZZ') as area_code, e.order_group, e.is_in_scope, columns('_status$$'), count(*) as n,
from query_table(events) as e
inner join cut using (population)
left join seed('areas') as a
    on e.area_code = a.area_code and e.event_date >= cast(a.valid_from as date)
    and (a.valid_to is null or e.event_date < cast(a.valid_to as date))
group by all;
create temp view t as select 'termination' as population, * exclude (event_ref) from minimum_outcomes;
create temp view r as select 'release' as population, * exclude (event_ref) from release_outcomes;
create temp view d as select 'disposal' as population, * exclude (event_ref) from disposal_outcomes;
create temp table counted as
with turned as (
    unpivot (from monthly('t')) on columns('_status$$') into name outcome value status
    union all
    unpivot (from monthly('r')) on columns('_status$$') into name outcome value status
    union all
    unpivot (from monthly('d')) on columns('_status$$') into name outcome value status
)
select t.population, left(t.outcome, -7) as outcome, t.month_start, t.area_code, t.order_group,
    case when t.is_in_scope then cast(t.status as varchar) else 'out_of_scope' end as status,
    sum(t.n) as n,
    sum(case
        when t.is_in_scope and t.late_date is not null and coalesce(follow_up(t.late_date, l.months, l.days) > cut.until, true)
            then t.n else 0
    end) as early,
from turned as t
inner join cut using (population)
inner join (select distinct population, outcome, months, days from looks) as l
    on t.population = l.population and left(t.outcome, -7) = l.outcome
group by all;
create temp table memberships as
with placed as (
    select a.area_code, r.region_code, r.country_code, r.nation_code
    from seed('areas') as a inner join seed('regions') as r
        on a.region_code = r.region_code and cast(a.valid_from as date) >= cast(r.valid_from as date)
        and coalesce(cast(a.valid_to as date), date '9999-12-31') <= coalesce(cast(r.valid_to as date), date '9999-12-31')
)
select area_code, 'probation_area' as geography_type, area_code as geography_code from placed
union all select area_code, 'region', region_code from placed
union all select area_code, 'country', country_code from placed
union all select area_code, 'nation', nation_code from placed;
create temp table periods as
select
    period_type,
    cast(cast(first_start as date) + to_months(cast(n * cast(months as integer) as integer)) as date) as period_start,
    cast(cast(first_start as date) + to_months(cast((n + 1) * cast(months as integer) as integer)) as date) as period_end,
from seed('reporting_calendar'), range(1200) as numbers(n)
where cast(first_start as date) + to_months(cast((n + 1) * cast(months as integer) as integer)) <= cast(last_end as date);
create table indicator_counts as
with monthly as (
    select d.indicator_id, d.view_id, d.definition_version, c.area_code, c.month_start,
        coalesce(sum(c.n) filter (c.status = 'yes'), 0) as yes_count,
        coalesce(sum(c.n) filter (c.status = 'no'), 0) as no_count,
        coalesce(sum(c.n) filter (c.status = 'unknown'), 0) as unknown_count,
        coalesce(sum(c.n) filter (c.status in ('not_applicable', 'out_of_scope')), 0) as out_of_scope_count,
        sum(c.early) as not_due_count,
    from counted as c
    inner join seed('indicator_definitions') as d
        on d.basis = 'computed' and d.population = c.population and d.outcome = c.outcome
        and (d.order_group is null or d.order_group = c.order_group)
    group by all
),
months as (
    select distinct m.month_start, p.period_type, p.period_start
    from (select distinct month_start from monthly) as m
    inner join periods as p on m.month_start >= p.period_start and m.month_start < p.period_end
)
select
    y.indicator_id,
    y.view_id,
    y.definition_version,
    m.geography_type,
    m.geography_code,
    p.period_type,
    p.period_start,
    cast(sum(y.yes_count) as bigint) as yes_count,
    cast(sum(y.no_count) as bigint) as no_count,
    cast(sum(y.unknown_count) as bigint) as unknown_count,
    cast(sum(y.out_of_scope_count) as bigint) as out_of_scope_count,
    cast(sum(y.not_due_count) as bigint) as not_due_count,
from monthly as y
inner join memberships as m using (area_code)
inner join months as p using (month_start)
group by all;
