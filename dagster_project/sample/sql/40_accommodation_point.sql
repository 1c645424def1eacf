-- The days on which somebody will ask where a person lived, and the planted answer; the window's answers are the published
-- counts.
create or replace temp table accommodation_point as
with terminations as (
    select
        p.p, o.crn_n, o.o * 8 as id, o.term_day as day, case when o.kind = 'window' then 1 else 3 end as priority,
            'settled' as list,
        case
            when o.kind = 'window' then case when o.n = 1 then p.status_one else p.status_two end
            when u(o.o, 'settled unknown') < p.unknown_share then 'unknown'
            when u(o.o, 'settled') < p.settled_rate / (1 - p.unknown_share) + 0.01 * (year(o.term_day) - 2010) / 2 then 'yes'
            else 'no'
        end as status,
        true as by_probation,
    from supervision as o
    join person as p using (p)
    where o.term_day is not null
),
nights as (
    select p, 1 as crn_n, e * 8 + 1 as id, day, 2 as priority, 'housed' as list, night as status, is_night_by_probation
        and night <> 'unknown' as by_probation
    from release
),
follow_ups as (
    select
        p.p, 1 as crn_n, r.e * 8 + 2 as id, cast(r.day + interval 3 month as date) as day, 4 as priority, 'settled' as list,
        v('three_months_settled') as rate, p.unknown_share * 1.4 as unknown_share,
    from release as r
    join person as p using (p)
    union all
    select p.p, o.crn_n, o.o * 8 + 1, cast(o.start_day + interval 3 month as date), 5, 'settled', v('disposal_settled'),
        p.unknown_share * 1.2
    from supervision as o
    join person as p using (p)
    where not o.is_licence and o.start_day >= date '2008-01-01' and o.scope_how <> 'type'
),
supervised as (
    select distinct f.id
    from follow_ups as f
    join supervision as o on o.p = f.p and o.start_day <= f.day and f.day <= coalesce(o.term_day, v('main_day'))
),
free as (
    select f.*
    from follow_ups as f
    semi join supervised as s on s.id = f.id
    where f.day <= v('main_day')
        and not exists (select 1 from stay as c where c.p = f.p and c.reception_day <= f.day and f.day < c.release_day)
),
together as (
    select * from terminations
    union all
    select * from nights
    union all
    select
        p, crn_n, id, day, priority, list,
        case when u(id, 'later unknown') < unknown_share then 'unknown' when u(id, 'later settled') < rate then 'yes'
            else 'no' end, true,
    from free
),
firsts as (
    select *, row_number() over (partition by p, day order by priority, id) as nth from together
),
followed as (
    select
        * exclude (nth),
        by_probation and (status <> 'unknown' or u(id, 'no record') >= v('unknown_without_record')) as has_record,
    from firsts
    where nth = 1
)
select
    *,
    lag(day) over w as day_before,
    lead(day) over w as day_after,
    lead(has_record) over w as has_record_after,
    coalesce(max(case when not has_record then day end) over (partition by p) > day, false) as has_gap_later,
from followed
window w as (partition by p order by day);
