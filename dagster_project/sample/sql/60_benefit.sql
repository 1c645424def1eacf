-- Benefit chains: about 10 % on the first JSA claim at week 52 for both groups, but 57 % v 42 % of three years on any
-- out-of-work benefit.
create or replace temp table benefit_chain as
select
    s.p, s.s * 4 as chain, 'leaver' as grp, s.release_day as since,
        least(coalesce(s.next_reception, date '2099-01-01'), v('main_day') + 1) as until,
    case
        when u(s.s, 'claims') < v('leaver_jsa') then 'jsa'
        when u(s.s, 'claims') < v('leaver_jsa') + v('leaver_other_benefit') then 'other'
        when u(s.s, 'claims') < v('leaver_jsa') + v('leaver_other_benefit') + v('leaver_jsa_later') then 'jsa later'
    end as claims,
from stay as s
where s.is_released and u(s.s, 'claims') < v('leaver_jsa') + v('leaver_other_benefit') + v('leaver_jsa_later')
union all
select p, p * 32 + 1, 'other', date '2005-06-01' + dice(p, 'first claim', 2800), v('main_day') + 1, 'jsa'
from person
where not is_leaver and (not is_offender or u(p, 'community claims') < v('community_claims'));

create or replace temp table benefit_spell as
with drawn as (
    select
        *,
        chain * 16 + n as id,
        case
            when n = 1 then case claims when 'jsa' then cast(floor(30 * pow(u(chain, 'claim lag'), 2.5)) as integer)
                when 'other' then dice(chain, 'claim lag', 20) else between_days(chain, 'claim lag', 60, 400) end
            when u(chain * 16 + n, 'moves') < v('moves_at_once') then 0
            else 14 + wait_days(chain * 16 + n, 'off', case when grp = 'leaver' then v('off_days_leaver')
                else v('off_days_other') end)
        end as wait,
        case
            when n = 1 and claims like 'jsa%' then 7 + wait_days(chain, 'first claim',
                case when grp = 'leaver' then v('first_claim_days_leaver') else v('first_claim_days_other') end)
            else 14 + wait_days(chain * 16 + n, 'on', case when grp = 'leaver' then v('later_claim_days_leaver')
                else v('later_claim_days_other') end)
        end as lasts,
    from benefit_chain
    cross join range(1, 11) as t(n)
),
laid_out as (
    select
        *,
        since + cast(sum(wait + lasts) over (partition by chain order by n) as integer) - lasts as start_day,
        since + cast(sum(wait + lasts) over (partition by chain order by n) as integer) - 1 as end_day,
    from drawn
),
coded as (
    select
        l.p, l.chain, l.n, l.id, l.grp, l.since, l.start_day, least(l.end_day, l.until - 1) as end_day,
        case when (l.n = 1 and l.claims like 'jsa%') or (l.wait > 0 and u(l.id, 'jsa again') < 0.65) then 'yes/yes'
            else 'yes/no' end as class,
    from laid_out as l
    where l.start_day < l.until
)
select c.p, c.chain, c.n, c.id, c.grp, c.since, c.start_day, known_by(c.end_day, v('main_day') - 1) as end_day, b.code
from coded as c
join choice as b on b.list = 'benefit' and b.class = c.class and b.slot = slot(c.id, 'benefit')
union all
-- history before the first sentence: drives both work and re-offending; not JSA, so that the first JSA claim is the one
-- after release
select s.p, s.s * 4, 0, s.s * 64 + 15, 'history', s.reception_day,
    s.reception_day - 40 - between_days(s.s, 'history from', 200, 800),
    s.reception_day - 1 - dice(s.s, 'history to', 120), b.code
from stay as s
join choice as b on b.list = 'other_benefit' and b.class = 'yes/no' and b.slot = slot(s.s, 'history benefit')
where s.k = 1 and s.had_benefit
union all
select p.p, p.p * 32 + 2, 0, (p.p * 32 + 2) * 16, 'aside', null, date '2006-01-01' + dice(p.p, 'aside', 2000),
    date '2006-01-01' + dice(p.p, 'aside', 2000) + between_days(p.p, 'aside lasts', 100, 600), b.code
from person as p
join choice as b on b.list = 'benefit' and b.class = 'no/no' and b.slot = slot(p.p, 'aside benefit')
where u(p.p, 'has aside') < 0.12;
