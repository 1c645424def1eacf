-- Releases in the order they happen: from each stay, and again after a recall; with the planted first night (MI014, 37.6 %
-- unknown in Wales).
create or replace temp table release as
with days as (
    select p, s, s as e, release_day as day, false as is_after_recall, licence_days is not null as has_licence from stay
        where is_released
    union all
    select p, s, s + 8, recall_day + 28, true, true from stay where recall_day is not null
)
select
    d.*,
    case
        when u(d.e, 'night unknown') < p.night_unknown then 'unknown'
        when u(d.e, 'night housed') < v('night_housed') then 'yes'
        else 'no'
    end as night,
    d.has_licence and u(d.e, 'night by') < v('night_by_probation') as is_night_by_probation,
from days as d
join person as p on p.p = d.p;
