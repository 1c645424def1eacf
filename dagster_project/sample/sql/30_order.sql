-- Orders and licences: exactly the published number end in the window per area; the others end outside it
-- (seeds/published_figures).
create or replace temp table supervision as
with planned as (
    select p, 1 as n, 'window' as kind, is_anchored as is_licence, window_one as term_day,
        case when is_anchored then null else window_one - between_days(p, 'order one', 150, 700) end as start_day, 1 as crn_n
    from person where rank_one is not null
    union all
    select p, 2, 'window', false, window_two, window_two - between_days(p, 'order two', 150, 700), 1
    from person where rank_two is not null
    union all
    select p, 2 + i, 'other', false,
        date '2008-04-01' + dice(p * 8 + i, 'other end', 1826),
        date '2008-04-01' + dice(p * 8 + i, 'other end', 1826) - between_days(p * 8 + i, 'other length', 130, 720), crns
    from person cross join range(1, 4) as t(i)
    where is_offender and u(p * 8 + i, 'other order') < case i when 1 then 0.64 when 2 then 0.26 else 0.10 end
    union all
    select p, 6, 'running', false, null, v('main_day') - between_days(p, 'running', 10, 500), crns
    from person where is_offender and u(p, 'running order') < 0.06
    union all
    select p, 7, 'history', false, date '2005-06-01' + dice(p, 'history', 1000),
        date '2005-06-01' + dice(p, 'history', 1000) - 300, crns
    from person where is_offender and u(p, 'history order') < 0.10
    union all
    select p, 8, 'out of scope', false, date '2008-04-01' + dice(p, 'out day', 1826),
        date '2008-04-01' + dice(p, 'out day', 1826) - between_days(p, 'out length', 60, 500), crns
    from person where is_offender and u(p, 'out order') < 0.09
),
-- an anchored licence starts on the day of the first release
licensed as (
    select p, 10 + 2 * k as n, 'licence' as kind, true as is_licence,
        coalesce(recall_day, release_day + licence_days) as term_day, release_day as start_day, 1 as crn_n,
            recall_day is not null as is_recalled
    from stay
    where licence_days is not null and is_released and not (is_anchored and k = 1)
    union all
    select p, 11 + 2 * k, 'licence', true, greatest(release_day + licence_days, recall_day + 60), recall_day + 28, 1, false
    from stay
    where recall_day is not null
),
anchors as (select p, release_day from stay where is_anchored and k = 1),
together as (
    select l.p, l.n, l.kind, l.is_licence, l.term_day, coalesce(l.start_day, a.release_day) as start_day, l.crn_n,
        false as is_recalled
    from planned as l
    left join anchors as a on a.p = l.p
    union all
    select * from licensed
),
clear as (
    select t.* replace (
        case when t.kind in ('window', 'out of scope') or t.is_recalled then t.term_day
            else out_of_window(t.term_day, t.start_day) end as term_day
    ),
    from together as t
    join person as p on p.p = t.p
    where not p.is_quiet or t.start_day >= date '2009-09-15'
),
classed as (
    select
        *,
        p * 64 + n as o,
        case
            when kind = 'out of scope' and u(p, 'out how') < 0.5 then 'type'
            when kind = 'out of scope' then 'reason'
            when is_recalled then 'recalled'
            else 'in'
        end as scope_how,
    from clear
)
select
    c.p, c.n, c.o, c.kind, c.is_licence, c.start_day, c.crn_n, c.scope_how, c.scope_how = 'in' as is_in_scope,
    known_by(c.term_day, v('main_day')) as term_day,
    case when c.term_day <= v('main_day') then case
        when c.is_recalled then 'RECALLED'
        when c.is_licence then l.code
        else r.code
    end end as reason,
    t.code as order_type,
from classed as c
join choice as t on t.list = 'order_type' and t.slot = slot(c.o, 'type') and t.class = case
    when c.scope_how = 'type' then case when u(c.o, 'type of') < 0.6 then 'no/community_order' else 'no/other' end
    when c.is_licence then 'yes/licence'
    when u(c.o, 'type of') < 0.7 then 'yes/community_order'
    else 'yes/suspended_sentence_order'
end
join choice as r on r.list = 'reason' and r.class = case when c.scope_how = 'reason' then 'no' else 'yes' end
    and r.slot = slot(c.o, 'reason')
join choice as l on l.list = 'licence_reason' and l.class = 'yes' and l.slot = slot(c.o, 'reason');
