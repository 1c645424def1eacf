-- Who there is: offenders 1 … people, then claimants who never offended. Twins and shared NI numbers are among those
-- without a window event.
create or replace temp table person as
with numbers as (
    select range as p, range <= v('people') as is_offender
    from range(v('first_p'), v('last_p') + 1)
),
placed as (
    select *, case when is_offender then p else 1 + cast(floor(u(p, 'place') * v('people')) as bigint) end as place from numbers
),
in_area as (
    select n.*, a.*, n.place - a.first_person as j, u(n.p, 'sex') < v('woman_share') as is_woman
    from placed as n
    join area as a on n.place between a.first_person and a.last_person
),
events as (
    select
        *,
        case when is_offender and j < primaries then j + 1 end as rank_one,
        case when is_offender and j < seconds then primaries + j + 1 end as rank_two,
        is_offender and j >= primaries and primaries > 0 as is_tail,
        is_offender and u(p, 'leaver') < v('leaver_share') as is_leaver,
    from in_area
),
family as (
    select
        *,
        case when is_tail and u(p, 'twin') < v('twin_share_of_tail') then first_person + (j - primaries) % primaries
            end as twin_of,
        case
            when is_tail and u(p, 'twin') >= 1 - v('shared_ni_share_of_tail') then first_person + (j - primaries) % primaries
        end as ni_shared_with,
    from events
)
select
    *,
    coalesce(twin_of, p) as home,
    twin_of is not null or ni_shared_with is not null as is_quiet,
    is_offender and is_leaver and rank_one is not null and u(p, 'anchor') < 0.45 as is_anchored,
    date '1949-01-01' + cast(floor(15300 * sqrt(u(coalesce(twin_of, p), 'dob'))) as integer) as dob,
    2010 - year(date '1949-01-01' + cast(floor(15300 * sqrt(u(coalesce(twin_of, p), 'dob'))) as integer)) as age,
    cast(floor(-ln(1 - u(p, 'prior')) / case when is_leaver then 0.2231 else 0.4055 end) as integer) as prior_n_raw,
    u(p, 'benefit history') < 0.45 as had_benefit,
    case when is_offender and not (twin_of is not null or ni_shared_with is not null)
        and u(p, 'second crn') < v('second_crn_share')
        then 2 else 1 end as crns,
    date '2009-04-01' + dice(p, 'window one', 60) as window_one,
    date '2009-06-01' + dice(p, 'window two', 60) as window_two,
    case when rank_one <= settled then 'yes' when rank_one <= settled + unknowns then 'unknown' else 'no' end as status_one,
    case when rank_two <= settled then 'yes' when rank_two <= settled + unknowns then 'unknown' else 'no' end as status_two,
from family
order by p;
