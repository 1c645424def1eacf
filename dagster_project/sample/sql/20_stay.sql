-- Time in custody of prison leavers, with work after release and re-offending as planted potential outcomes (CSQ 2013:
-- -9.4, -5.6 points).
create or replace temp table stay as
with drawn as (
    select
        p.*,
        k,
        p.p * 64 + 32 + k as s,
        case
            when p.is_anchored and k = 1 then case when u(p.p * 64 + 32 + k, 'band') < 0.85 then '1TO4Y' else 'GE4Y' end
            when p.is_quiet then 'LT6M'
            when u(p.p * 64 + 32 + k, 'band') < 0.38 then 'LT6M'
            when u(p.p * 64 + 32 + k, 'band') < 0.56 then '6TO12M'
            when u(p.p * 64 + 32 + k, 'band') < 0.90 then '1TO4Y'
            when u(p.p * 64 + 32 + k, 'band') < 0.99 then 'GE4Y'
            else 'IND'
        end as band,
        least(p.prior_n_raw + 2 * (k - 1), 12) - 4 as prior_z,
        greatest(-12, least(25, p.age - 30)) as age_z,
        case when k = 1 then p.had_benefit::int - 0.45 else 0 end as benefit_z,
    from person as p
    cross join range(1, 5) as t(k)
    where p.is_leaver
),
risks as (
    select
        *,
        band in ('LT6M', '6TO12M') as is_short,
        case when band in ('LT6M', '6TO12M') then v('effect_short') else v('effect_long') end as effect,
        greatest(0.15, least(0.95, case when band in ('LT6M', '6TO12M') then v('reoffend_short') else v('reoffend_long') end
            + v('risk_by_prior') * prior_z + v('risk_by_age') * age_z + v('risk_by_benefit') * benefit_z)) as risk,
        greatest(0.05, least(0.90, v('work_in_year') + v('work_by_prior') * prior_z + v('work_by_age') * age_z
            + v('work_by_benefit') * benefit_z))
            as work_propensity,
        case band
            when 'LT6M' then between_days(s, 'served', 14, 90)
            when '6TO12M' then between_days(s, 'served', 90, 180)
            when '1TO4Y' then between_days(s, 'served', 180, 720)
            when 'GE4Y' then between_days(s, 'served', 730, 1500)
            else between_days(s, 'served', 1400, 2200)
        end as served,
        case band when '1TO4Y' then between_days(s, 'licence', 180, 600) when 'GE4Y' then between_days(s, 'licence', 365, 900)
            when 'IND' then 2000 end
            as licence_days,
    from drawn
),
outcomes as (
    select
        *,
        u(s, 'works') < work_propensity as would_work,
        3 + cast(floor(357 * pow(u(s, 'reoffence day'), 1.7)) as integer) as early_day,
    from risks
),
-- who is soon back and out again cannot work then without work in the year after the earlier release
placed_in_work as (
    select
        *,
        would_work and not coalesce(
            lag(early_day) over (partition by p order by k) + 20 + served < 340 and not lag(would_work)
                over (partition by p order by k), false
        ) as works,
    from outcomes
),
-- every n-th by summed risk instead of independent draws: in each group as many re-offend as the risks say, so that the
-- effect is there in small worlds too; in whole millionths, because sums of fractions depend on their order
millionths as (
    select *, cast(round(risk * 1000000) as bigint) as risk_m, cast(round(-effect / risk * 1000000) as bigint) as saving_m
    from placed_in_work
),
summed as (
    select *, sum(risk_m) over (partition by is_short, works, k order by u(s, 'line'), s rows unbounded preceding) as risk_upto
    from millionths
),
without_work as (
    select *, risk_upto // 1000000 > (risk_upto - risk_m) // 1000000 as would_reoffend_without_work from summed
),
saved as (
    select
        *,
        sum(would_reoffend_without_work::bigint * saving_m)
            over (partition by is_short, works, k order by u(s, 'line two'), s rows unbounded preceding) as saving_upto,
    from without_work
),
with_work as (
    select
        *,
        would_reoffend_without_work and saving_upto // 1000000 = (saving_upto - saving_m) // 1000000 as would_reoffend_with_work,
    from saved
),
happened as (
    select
        *,
        case when works then would_reoffend_with_work else would_reoffend_without_work end as reoffends,
        case when works then 3 + cast(floor(357 * pow(u(s, 'reoffence day'), 1.1)) as integer) else early_day
            end as reoffence_day,
    from with_work
),
gaps as (
    select
        *,
        case when reoffends then reoffence_day + between_days(s, 'to prison', 20, 60) else between_days(s, 'free', 440, 1100)
            end as gap,
        u(s, 'again') < case when reoffends then 0.45 else 0.15 end as comes_back,
        case
            when is_anchored then window_one - licence_days
            when is_quiet then date '2010-03-01' + dice(p, 'first release', 900)
            when u(p, 'release year') < 0.08 then date '2006-01-01' + dice(p, 'first release', 365)
            when u(p, 'release year') < 0.17 then date '2007-01-01' + dice(p, 'first release', 365)
            when u(p, 'release year') < 0.28 then date '2008-01-01' + dice(p, 'first release', 365)
            else date '2009-01-01' + cast(floor(1640 * pow(u(p, 'first release'), 1.25)) as integer)
        end as first_release_day,
    from happened
),
before_this as (
    select
        *,
        first_value(first_release_day) over w as first_release,
        lag(gap) over w as gap_before,
        coalesce(min(comes_back::int) over (partition by p order by k rows between unbounded preceding and 1 preceding), 1)
            as came_back,
    from gaps
    window w as (partition by p order by k)
),
dated as (
    select
        *,
        first_release + cast(sum(case when k > 1 then served + gap_before else 0 end)
            over (partition by p order by k) as integer) as release_day,
    from before_this
),
kept as (
    select * exclude (gap_before, first_release_day), release_day - served as reception_day
    from dated
    where came_back = 1 and release_day - served <= v('main_day')
)
select
    *,
    release_day <= v('main_day') as is_released,
    lead(reception_day) over (partition by p order by k) as next_reception,
    case when not lag(works) over (partition by p order by k) then lag(release_day) over (partition by p order by k) + 367
        end as no_work_before,
    lead(release_day) over (partition by p order by k) as next_release,
    case when not reoffends and not is_short and band <> 'IND' and not (is_anchored and k = 1)
        and u(s, 'recalled') < v('recall_share')
        and release_day + 200 <= v('main_day') then release_day + between_days(s, 'recall day', 20, 150) end as recall_day,
from kept
order by p, k;
