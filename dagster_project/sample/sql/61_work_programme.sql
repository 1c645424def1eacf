-- Who is referred to the Work Programme: JSA claims from June 2011, prison leavers from day one since March 2012 (CSQ 2013).
create or replace temp table referral as
with claims as (
    select b.*, p.age, p.is_leaver,
        b.grp = 'leaver' and b.n = 1 and b.start_day >= date '2012-03-01' and b.start_day <= b.since + 91 as is_day_one,
        coalesce(b.end_day, v('main_day')) as last_day,
    from benefit_spell as b
    join person as p using (p)
    join choice_jsa as j on j.code = b.code
    where b.start_day >= date '2010-03-01'
),
dated as (
    select
        *,
        case
            when is_day_one then start_day + dice(id, 'referred', 8)
            else greatest(start_day + cast(floor((0.3 + 0.6 * u(id, 'referred')) * (last_day - start_day)) as integer),
                date '2011-06-01' + dice(id, 'referred first', 45))
        end as referral_day,
    from claims
)
select
    p, id, referral_day, is_day_one,
    case when u(id, 'attached') < 0.94 then referral_day + dice(id, 'attach', 28) end as attachment_day,
    case
        when is_day_one then 'PG9'
        when age < 25 then 'PG1'
        when u(id, 'early') < 0.25 then 'PG3'
        when u(id, 'early') < 0.30 then 'PG4'
        else 'PG2'
    end as payment_group,
from dated
where (is_day_one or u(id, 'is referred') < 0.6) and referral_day <= last_day and referral_day <= v('main_day') - 10;
