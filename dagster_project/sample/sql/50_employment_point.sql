-- The days on which somebody will ask whether a person worked, and the planted answer (NI144, MI016, MI017;
-- published_figures.csv).
create or replace temp table employment_point as
with asked as (
    select p, o * 8 as id, crn_n, term_day as day, 1 as priority, 'termination' as kind from supervision
        where term_day is not null
    union all
    select p, e * 8 + 1, 1, day + 42, 2, 'six weeks' from release
    union all
    select p, e * 8 + 2, 1, cast(day + interval 6 month as date), 2, 'six months' from release
    union all
    select p, o * 8 + 1, crn_n, cast(start_day + interval 6 month as date), 3, 'termination'
    from supervision
    where not is_licence and start_day >= date '2008-01-01' and u(o, 'asked') < 0.9
),
firsts as (
    select *, row_number() over (partition by p, day order by priority, id) as nth from asked where day <= v('main_day')
),
in_work as (
    select distinct f.id from firsts as f join p45_leaver as w on w.p = f.p and w.start_day <= f.day and f.day <= w.end_day
),
chances as (
    select
        f.* exclude (nth), p.is_leaver, p.employment_unknown as unknown_share, w.id is not null as has_p45,
        case
            when not p.is_leaver then p.employed_rate * v('employed_community_factor')
            when f.kind = 'six weeks' then case when w.id is not null then v('six_weeks_if_p45') else v('six_weeks_if_none') end
            when f.kind = 'six months' then case when w.id is not null then v('six_months_if_p45')
                else v('six_months_if_none') end
            when w.id is not null then v('employed_if_p45')
            else greatest(0.02, (v('employed_leaver_factor') * p.employed_rate - 0.22 * v('employed_if_p45')) / 0.78)
        end as chance,
    from firsts as f
    join person as p using (p)
    left join in_work as w on w.id = f.id
    where f.nth = 1
),
answered as (
    select
        *,
        -- the chance is of all events, so it is raised for those that are known
        case
            when u(id, 'work') < chance then 'yes/yes'
            when u(id, 'work') < chance + unknown_share then 'unknown/unknown'
            when u(id, 'work') < chance + unknown_share + v('employment_unavailable') * (1 - chance) / 0.63 then 'no/no'
            else 'no/yes'
        end as status,
    from chances
),
recorded as (
    select *, status <> 'unknown/unknown' or u(id, 'no work record') >= 0.5 as has_record from answered
)
select
    *,
    lag(day) over w as day_before,
    lead(day) over w as day_after,
    lead(has_record) over w as has_record_after,
from recorded
window w as (partition by p order by day);
