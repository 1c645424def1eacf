-- The 42 areas with their share of people and of the published window, by largest remainder (seeds/areas,
-- seeds/published_figures).
create or replace table area as
with published as (
    select
        cast(a.area_code as varchar) as area_code,
        a.region_code,
        r.country_code,
        cast(f.numerator as bigint) as settled,
        cast(f.denominator as bigint) as events,
        row_number() over (order by a.area_code) as area_n,
    from seed_published_figures as f
    join seed_areas as a on a.area_code = f.geography_code
    join seed_regions as r on r.region_code = a.region_code
    where f.geography_type = 'probation_area' and f.view_id = 'policy' and f.indicator_id = 'NI143'
),
shares as (
    select
        *,
        events * v('people') / v('published_people') as events_exact,
        settled * v('people') / v('published_people') as settled_exact,
        events * v('people') / sum(events) over () as people_exact,
        round(sum(events) over () * v('people') / v('published_people')) as events_total,
        round(sum(settled) over () * v('people') / v('published_people')) as settled_total,
    from published
),
ranked as (
    select
        *,
        row_number() over (order by events_exact - floor(events_exact) desc, area_n) as events_rank,
        row_number() over (order by settled_exact - floor(settled_exact) desc, area_n) as settled_rank,
        row_number() over (order by people_exact - floor(people_exact) desc, area_n) as people_rank,
        events_total - sum(floor(events_exact)) over () as events_left,
        settled_total - sum(floor(settled_exact)) over () as settled_left,
        v('people') - sum(floor(people_exact)) over () as people_left,
    from shares
),
whole as (
    select
        area_n, area_code, region_code, country_code, settled / events as settled_rate,
        cast(floor(events_exact) + (events_rank <= events_left)::int as bigint) as events,
        cast(floor(settled_exact) + (settled_rank <= settled_left)::int as bigint) as settled,
        cast(floor(people_exact) + (people_rank <= people_left)::int as bigint) as persons,
    from ranked
),
capped as (
    select * replace (least(settled, events) as settled),
        v('unknown_share_least') + (v('unknown_share_most') - v('unknown_share_least')) * u(area_n, 'unknown share')
            as unknown_share,
        least(events, persons) - least(cast(floor(events * v('second_window_order_share')) as bigint), events)
            as primaries_wanted,
    from whole
),
counted as (
    select
        *,
        least(greatest(5, cast(round(events * unknown_share) as bigint)), events - settled) as unknowns,
        greatest(primaries_wanted, (events + 1) // 2) as primaries,
        1 + coalesce(sum(persons) over (order by area_n rows between unbounded preceding and 1 preceding), 0) as first_person,
    from capped
)
select
    * exclude (primaries_wanted),
    events - primaries as seconds,
    first_person + persons - 1 as last_person,
    case when country_code = 'WAL' then v('night_unknown_wales') else v('night_unknown_england') * (0.5 + u(area_n, 'night')) end
        as night_unknown,
    case
        when country_code = 'WAL' then v('employed_wales')
        when region_code = 'EMIDS' then v('employed_east_midlands')
        else v('employed_england') + 0.06 * (u(area_n, 'employed') - 0.5)
    end as employed_rate,
    v('employment_unknown') * (0.5 + u(area_n, 'employment unknown')) as employment_unknown,
from counted
order by area_n;
