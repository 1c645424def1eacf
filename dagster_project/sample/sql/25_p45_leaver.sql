-- P45 work of prison leavers: 24 % a year and 21 % a month before sentence, 17 % at release, 19 % a month and 24 % a year
-- after (2010/11).
create or replace temp table p45_leaver as
with planned as (
    select
        *,
        case
            when not works then null
            when u(s, 'work type') < v('work_from_release') then 'from release'
            when u(s, 'work type') < v('work_from_release') + v('work_first_month') then 'first month'
            else 'later'
        end as work_type,
        k = 1 and u(s, 'kept job') < v('work_kept') as is_kept,
        cast(coalesce(next_reception, date '2099-01-01') - release_day as integer) as free_days,
        u(s, 'p45 end') as ends,
    from stay
),
after_release as (
    select
        p, s, 1 as n,
        case work_type
            when 'from release' then case
                when is_kept then reception_day - between_days(s, 'p45 lead', 40, 900)
                else release_day - least(served, between_days(s, 'p45 lead', 0, 40)) end
            when 'first month' then release_day + least(free_days - 2, between_days(s, 'p45 start', 1, 29))
            else release_day + least(free_days - 2,
                31 + cast(floor(u(s, 'p45 start') * (least(361, greatest(free_days, 34)) - 33)) as integer))
        end as start_day,
        case work_type
            when 'from release' then case
                when ends < 0.12 then release_day + dice(s, 'p45 last', 29)
                when ends < 0.50 then release_day + between_days(s, 'p45 last', 31, 364)
                else release_day + between_days(s, 'p45 last', 366, 900) end
            when 'first month' then case
                when ends < 0.10 then release_day + 29
                when ends < 0.55 then release_day + between_days(s, 'p45 last', 31, 364)
                else release_day + between_days(s, 'p45 last', 366, 900) end
            else case
                when ends < 0.10 then release_day + 363 - dice(s, 'p45 last', 20)
                else release_day + between_days(s, 'p45 last', 366, 900) end
        end as end_day,
        next_reception, no_work_before, release_day,
    from planned
    where work_type is not null
),
before_sentence as (
    select
        p, s, 2 as n,
        reception_day, u(s, 'earlier work') / 0.90 as draw,
    from planned
    where k = 1 and not (coalesce(work_type, '') = 'from release' and is_kept)
),
before_dated as (
    select
        p, s, n,
        case
            when draw < v('pre_year_only') + v('pre_both') then reception_day - between_days(s, 'earlier start', 370, 1100)
            else reception_day - between_days(s, 'earlier start', 60, 350)
        end as start_day,
        case
            when draw < v('pre_year_only') then reception_day - between_days(s, 'earlier end', 45, 360)
            else reception_day - between_days(s, 'earlier end', 1, 29)
        end as end_day,
    from before_sentence
    where draw < v('pre_year_only') + v('pre_both') + v('pre_month_only')
),
-- a year planned without work stays without it, even when the next release falls in it
late_enough as (
    select * replace (greatest(start_day, coalesce(no_work_before, start_day)) as start_day) from after_release
)
select p, s, n, start_day, greatest(start_day, least(end_day, coalesce(next_reception - 1, end_day))) as end_day
from late_enough
where start_day <= coalesce(next_reception - 1, start_day) and start_day < release_day + 365
union all
select p, s, n, least(start_day, end_day), end_day from before_dated;
