-- Offences that were proved: history, what led to each sentence, and re-offending after release exactly as planted in 20_stay.
create or replace temp table offence as
with anchor as (
    select p.p, coalesce(min(s.reception_day), date '2008-06-01' + dice(any_value(p.p), 'history anchor', 900)) as day
    from person as p
    left join stay as s on s.p = p.p and s.k = 1
    where p.is_offender
    group by p.p
),
history as (
    select
        p.p, (p.p * 32 + i) * 8 as id, 'history' as kind,
        a.day - 100 - cast(floor(greatest(300, least(3800, a.day - p.dob - 4700)) * pow(u(p.p * 32 + i, 'history day'), 1.3))
            as integer) as day,
        null::varchar as disposal, between_days(p.p * 32 + i, 'to court', 5, 95) as court_days, false as is_fixed,
    from person as p
    join anchor as a on a.p = p.p
    cross join range(15) as t(i)
    where p.is_offender and i < least(p.prior_n_raw, 14)
),
-- a leaver's orders are for offences of the history: then the number of previous offences, which confounds, can be seen
-- without noise
of_orders as (
    select o.p, o.o * 8 + 1 as id, 'order' as kind, o.start_day - between_days(o.o, 'to order', 20, 120) as day,
        case when o.order_type in ('203', '216', '231') then 'SUSPENDED' else 'COMMUNITY' end, null, false
    from supervision as o
    where not o.is_licence and o.p not in (select p from stay)
),
of_stays as (
    select s.p, s.s * 8 + 2 as id, 'stay' as kind,
        s.reception_day - case when s.k = 1 then between_days(s.s, 'to prison one', 20, 100) else 0 end as day, 'CUSTODY', null,
            true
    from stay as s
    where s.k = 1
    union all
    -- the later stay's offence: the first re-offence if there was one within the year, else one after the year
    select s.p, s.s * 8 + 3, 'next stay', s.release_day + case when s.reoffends then s.reoffence_day else s.gap - 30 end,
        'CUSTODY', null, true
    from stay as s
    where s.next_reception is not null
),
again as (
    select s.p, (s.s * 8 + i) * 8 + 4 as id, 'again' as kind,
        least(s.release_day + 364, coalesce(s.next_reception - 2, s.release_day + 364),
            s.release_day + s.reoffence_day
                + cast(floor(u(s.s * 8 + i, 'again day') * (364 - s.reoffence_day)) as integer) * (i > 0)::int) as day,
        null::varchar, between_days(s.s * 8 + i, 'to court again', 15, 120), true
    from stay as s
    cross join range(6) as t(i)
    where s.is_released and s.reoffends
        and ((i = 0 and s.next_reception is null) or (i > 0 and u(s.s * 8 + i, 'again and again') < 0.40))
),
community_again as (
    select o.p, o.o * 8 + 5 as id, 'community again' as kind, o.start_day + between_days(o.o, 'again after', 10, 360),
        null::varchar,
        between_days(o.o, 'to court after', 15, 120), false
    from supervision as o
    where not o.is_licence and o.p not in (select p from stay) and u(o.o, 'again after order') < v('community_reoffend') * 0.85
),
together as (
    select * from history
    union all
    select * from of_orders
    union all
    select * from of_stays
    union all
    select * from again
    union all
    select * from community_again
),
-- nothing may fall, unplanned, in the year after a release without re-offending: such an offence is dated before that stay
forbidden as (
    select t.id, max(s.reception_day) as reception_day
    from together as t
    join stay as s on s.p = t.p and not s.reoffends and t.day >= s.release_day and t.day <= s.release_day + 366
    where not t.is_fixed and s.is_released
    group by t.id
),
moved as (
    select
        t.* exclude (day),
        case when f.id is null then t.day else f.reception_day - between_days(t.id, 'older', 5, 60) end as first_day,
    from together as t
    left join forbidden as f on f.id = t.id
),
still_forbidden as (
    select distinct m.id
    from moved as m
    join stay as s on s.p = m.p and not s.reoffends and s.is_released and m.first_day >= s.release_day
        and m.first_day <= s.release_day + 366
    where not m.is_fixed
)
select
    m.p, m.id, m.kind, m.first_day as offence_day,
        m.first_day + coalesce(m.court_days, between_days(m.id, 'to court plain', 12, 19)) as disposal_day,
    coalesce(m.disposal, d.code) as disposal_type, g.code as offence_group,
from moved as m
anti join still_forbidden as f on f.id = m.id
join choice as d on d.list = 'prior_disposal' and d.slot = slot(m.id, 'disposal')
join choice as g on g.list = 'offence_group' and g.slot = slot(m.id, 'group')
where m.first_day + coalesce(m.court_days, between_days(m.id, 'to court plain', 12, 19)) <= v('main_day');
