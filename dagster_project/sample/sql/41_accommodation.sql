-- Accommodation records behind the planted answers: the latest start decides, so ends may overlap or stay open
-- (001-outcome-rules).
create or replace temp table accommodation_record as
with started as (
    select
        a.*,
        c.code,
        case
            when a.priority = 2 then a.day
            else greatest(coalesce(a.day_before + 1, date '1990-01-01'),
                a.day - cast(floor(400 * pow(u(a.id, 'stay lag'), 2)) as integer))
        end as start_day,
    from accommodation_point as a
    join choice as c on c.list = a.list and c.class = a.status and c.slot = slot(a.id, 'code')
    where a.has_record
),
with_next as (
    select *, lead(start_day) over (partition by p order by day) as start_after from started
),
ended as (
    select
        *,
        case
            when day_after is null then case when u(id, 'still there') < 0.6 then null else day + dice(id, 'leaves', 300) end
            when not has_record_after then day + dice(id, 'leaves', day_after - day)
            when u(id, 'end') < 0.12 then least(start_after + dice(id, 'leaves', day_after - start_after + 1), day_after)
            when u(id, 'end') < 0.20 and not has_gap_later then null
            else greatest(day, start_after - 1 - case when u(id, 'gap') < 0.3 then dice(id, 'leaves', 20) else 0 end)
        end as end_day,
    from with_next
)
select
    p, crn_n, id, code, status, start_day, known_by(end_day, v('main_day')) as end_day,
    least(v('main_day'), start_day + cast(floor(45 * pow(u(id, 'recorded'), 3)) as integer)) as recorded_day,
from ended
union all
-- time in prison written down by probation; never where it could answer for a window event or a release
select p, 1, s * 8 + 3, 'HMP', 'not_applicable', reception_day, known_by(release_day - 1, v('main_day')), reception_day + 3
from stay
where u(s, 'hmp record') < 0.25 and (release_day < date '2009-03-01' or reception_day > date '2009-08-15')
    and reception_day < least(release_day, v('main_day')) - 5 and recall_day is null;
