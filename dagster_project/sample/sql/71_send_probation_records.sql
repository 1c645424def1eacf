-- Accommodation and employment in two deliveries: most in the first; late, corrected and withdrawn records in the second.
create or replace temp table record_to_send as
with together as (
    select 'accommodation' as extract, 'A' as prefix, r.id, r.p, r.crn_n, r.code, w.code as wrong_code, r.start_day, r.end_day,
        r.recorded_day
    from accommodation_record as r
    join choice as w on w.list = 'settled' and w.class = case when r.status in ('yes', 'unknown') then 'no' else 'yes' end
        and w.slot = slot(r.id, 'wrong code')
    union all
    select 'employment', 'E', r.id, r.p, r.crn_n, r.code, w.code, r.start_day, r.end_day, r.recorded_day
    from employment_record as r
    join choice as w on w.list = 'employed' and w.class = 'no/yes' and w.slot = slot(r.id, 'wrong work code')
)
select
    t.*,
    ref(t.prefix, t.id, 15485933) as record_id,
    case when t.crn_n = 2 and c.second_crn is not null then c.second_crn else c.crn end as crn,
    u(t.id, t.prefix || ' evidenced') < 0.6 as is_evidenced,
    t.recorded_day > v('first_day') or u(t.id, t.prefix || ' late') < v('late_share') as is_late,
    u(t.id, t.prefix || ' corrected') < v('corrected_share') and t.wrong_code <> t.code as is_corrected,
    u(t.id, t.prefix || ' withdrawn') < v('withdrawn_share') as has_withdrawn,
from together as t
join identity_card as c using (p);

create or replace temp table record_delivered as
with first_sent as (
    select extract, record_id, crn, case when is_corrected then wrong_code else code end as code, start_day,
        known_by(end_day, v('first_day')) as end_day, is_evidenced, recorded_day, false as is_deleted, v('first_day') as delivery
    from record_to_send
    where not is_late
),
second_sent as (
    select extract, record_id, crn, code, start_day, end_day, is_evidenced,
        case when is_late then greatest(recorded_day, v('first_day') + 1 + dice(id, 'late on', 29)) else recorded_day end,
            false, v('main_day')
    from record_to_send
    where is_late or is_corrected or end_day > v('first_day')
),
-- a record made in error, in force later than the true one until the second delivery takes it back
mistaken as (
    select extract, record_id || 'W' as record_id, crn, wrong_code, start_day + 1 as start_day, case when end_day > start_day
        then known_by(end_day, v('first_day')) end as end_day,
        false, least(recorded_day + 1, v('first_day')), d.is_deleted, d.delivery
    from record_to_send
    cross join (select false as is_deleted, v('first_day') as delivery union all select true, v('main_day')) as d
    where has_withdrawn and not is_late and start_day < v('first_day')
)
select * from first_sent
union all
select * from second_sent
union all
select * from mistaken;

create or replace temp table send_probation__accommodation as
select record_id, crn, code as accommodation_code, start_day as start_date, end_day as end_date, is_evidenced,
    recorded_day as recorded_date, is_deleted,
    delivery as _delivery
from record_delivered
where extract = 'accommodation'
order by record_id, delivery;

create or replace temp table send_probation__employment as
select record_id, crn, code as employment_code, start_day as start_date, end_day as end_date, is_evidenced,
    recorded_day as recorded_date, is_deleted,
    delivery as _delivery
from record_delivered
where extract = 'employment'
order by record_id, delivery;
