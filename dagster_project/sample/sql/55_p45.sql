-- P45 spells: of leavers as planned; of others behind the probation record, agreeing in about 85 %; a few of people who
-- never offended.
create or replace temp table p45 as
with community as (
    select
        e.p, e.id * 8 as id,
        greatest(coalesce(e.day_before + 1, date '1995-01-01'), e.day - 1 - cast(floor(420 * u(e.id, 'p45 began')) as integer))
            as start_day,
        e.day + cast(floor(u(e.id, 'p45 until') * coalesce(e.day_after - e.day, 500)) as integer) as end_day,
    from employment_point as e
    where not e.is_leaver
        and u(e.id, 'has p45') < case when e.status = 'yes/yes' then v('p45_if_employed') else v('p45_if_not_employed') end
),
others as (
    select
        p.p, (p.p * 8 + i) * 8 + 5 as id,
        date '2005-02-01' + dice(p.p * 8 + i, 'other job', 2900) as start_day,
        date '2005-02-01' + dice(p.p * 8 + i, 'other job', 2900) + wait_days(p.p * 8 + i, 'other job days', 400) as end_day,
    from person as p
    cross join range(2) as t(i)
    where not p.is_offender and u(p.p * 8 + i, 'has other job') < 0.7
),
together as (
    select * from community
    union all
    select p, (s * 8 + n) * 8 + 3, start_day, end_day from p45_leaver
    union all
    select * from others
)
select p, id, start_day, known_by(end_day, v('main_day')) as end_day from together where start_day <= v('main_day')
    and start_day <= end_day;
