-- P45 spells and PNC offences in two deliveries: late, corrected and withdrawn rows come in the second.
create or replace temp table send_hmrc__employment_spells as
with rows_true as (
    select
        ref('P', w.id, 15486013) as spell_id,
        c.ni_number,
        c.first_name,
        c.last_name,
        c.date_of_birth,
        lpad(cast(1 + dice(w.id, 'office', 899) as varchar), 3, '0') || '/' || letter(dice(w.id, 'employer a', 26))
            || letter(dice(w.id, 'employer b', 26))
            || cast(1000 + dice(w.id, 'employer', 9000) as varchar) as employer_ref,
        w.start_day as start_date,
        w.end_day as end_date,
        u(w.id, 'start guessed') < 0.06 as is_start_estimated,
        w.end_day is not null and u(w.id, 'end guessed') < 0.14 as is_end_estimated,
        w.start_day > v('first_day') or u(w.id, 'p45 late') < v('late_share') as is_late,
        w.end_day > w.start_day + 20 and u(w.id, 'p45 corrected') < v('corrected_share') as is_corrected,
        u(w.id, 'p45 withdrawn') < v('withdrawn_share') as has_withdrawn,
    from p45 as w
    join heard_by_hmrc as c using (p)
),
delivered as (
    select * replace (case when is_corrected then start_date + 10 else known_by(end_date, v('first_day')) end as end_date),
        false as is_deleted,
        v('first_day') as _delivery
    from rows_true
    where not is_late
    union all
    select *, false, v('main_day') from rows_true where is_late or is_corrected or end_date > v('first_day')
    union all
    select r.* replace (r.spell_id || 'W' as spell_id, start_date + 40 as start_date, start_date + 200 as end_date),
        d.is_deleted, d.delivery
    from rows_true as r
    cross join (select false as is_deleted, v('first_day') as delivery union all select true, v('main_day')) as d
    where has_withdrawn and not is_late and start_date + 200 <= v('first_day')
)
select * exclude (is_late, is_corrected, has_withdrawn) from delivered order by spell_id, _delivery;

create or replace temp table send_police__offences as
with rows_true as (
    select
        ref('N', o.id, 15486041) as offence_id,
        c.pnc_id,
        c.first_name,
        c.last_name,
        c.date_of_birth,
        o.offence_day as offence_date,
        o.disposal_day as disposal_date,
        o.disposal_type,
        o.offence_group,
        o.disposal_day > v('first_day') or u(o.id, 'offence late') < v('late_share') as is_late,
        u(o.id, 'offence corrected') < v('corrected_share') and o.offence_group <> 'OTHER' as is_corrected,
        u(o.id, 'offence withdrawn') < v('withdrawn_share') as has_withdrawn,
    from offence as o
    join heard_by_police as c using (p)
),
delivered as (
    select * replace (case when is_corrected then 'OTHER' else offence_group end as offence_group), false as is_deleted,
        v('first_day') as _delivery
    from rows_true
    where not is_late
    union all
    select *, false, v('main_day') from rows_true where is_late or is_corrected
    union all
    select r.* replace (r.offence_id || 'W' as offence_id, least(offence_date + 30, disposal_date) as offence_date),
        d.is_deleted, d.delivery
    from rows_true as r
    cross join (select false as is_deleted, v('first_day') as delivery union all select true, v('main_day')) as d
    where has_withdrawn and not is_late
)
select * exclude (is_late, is_corrected, has_withdrawn) from delivered order by offence_id, _delivery;
