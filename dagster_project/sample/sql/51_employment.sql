-- Employment records behind the answers, and events and income markers that begin later and would mislead "the latest B code".
create or replace temp table employment_record as
with started as (
    select
        e.*,
        c.code,
        greatest(coalesce(e.day_before + 1, date '1990-01-01'),
            e.day - cast(floor(300 * pow(u(e.id, 'job lag'), 1.5)) as integer)) as start_day,
    from employment_point as e
    join choice as c on c.list = 'employed' and c.class = e.status and c.slot = slot(e.id, 'work code')
    where e.has_record
),
with_next as (
    select *, lead(start_day) over (partition by p order by day) as start_after from started
),
statuses as (
    select
        *,
        case
            when day_after is null then case when u(id, 'still so') < 0.6 then null else day + dice(id, 'job ends', 300) end
            when not has_record_after then day + dice(id, 'job ends', day_after - day)
            else greatest(day, start_after - 1 - case when u(id, 'gap in work') < 0.3 then dice(id, 'job ends', 20) else 0 end)
        end as end_day,
    from with_next
),
markers as (
    select s.p, s.crn_n, s.id + 2 as id, c.code,
        s.start_day + between_days(s.id, 'marker', 0, greatest(0, s.day - s.start_day)) as start_day,
        case when u(s.id, 'marker open') < 0.6 then null else s.day + 5 end as end_day
    from statuses as s
    join choice as c on c.list = 'employed' and c.class = 'ignored/ignored' and c.slot = slot(s.id, 'marker code')
    where u(s.id, 'has marker') < 0.22
),
-- out of work was never closed when work began: any yes is yes
left_open as (
    select s.p, s.crn_n, s.id + 3 as id, c.code,
        s.start_day - between_days(s.id, 'before work', 0, greatest(0, s.start_day - coalesce(s.day_before, s.start_day) - 1))
        as start_day,
        s.day as end_day
    from statuses as s
    join choice as c on c.list = 'employed' and c.class = 'no/yes' and c.slot = slot(s.id, 'open code')
    where s.status = 'yes/yes' and u(s.id, 'left open') < 0.10
),
together as (
    select p, crn_n, id, 0 as extra, code, start_day, end_day from statuses
    union all
    select p, crn_n, id, 1, code, start_day, end_day from markers
    union all
    select p, crn_n, id, 2, code, start_day, end_day from left_open
)
select
    p, crn_n, id * 4 + extra as id, code, start_day, known_by(end_day, v('main_day')) as end_day,
    least(v('main_day'), start_day + cast(floor(45 * pow(u(id, 'work recorded'), 3)) as integer)) as recorded_day,
from together;
