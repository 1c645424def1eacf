-- Rows as prisons send them: stays, recalls and releases after them, rows split by transfer or same-day recall, temporary
-- releases, remands.
create or replace temp table booking as
with split as (
    select
        *,
        case when served > 20 and u(s, 'split') < 0.05 and reception_day + served // 2 <= v('main_day')
            then reception_day + served // 2 end as split_day,
        u(s, 'split') < 0.008 as is_same_day_recall,
    from stay
),
parts as (
    select p, s, 1 as part, coalesce(split_day, reception_day) as reception_day, case when is_released then release_day
        end as release_day, band, 'main' as kind
    from split
    union all
    select p, s, 2, reception_day, split_day, band, case when is_same_day_recall then 'main' else 'moved' end
    from split
    where split_day is not null
    union all
    select p, s, 3, recall_day, recall_day + 28, band, 'after recall' from stay where recall_day is not null
    union all
    select p, s, 4, reception_day, release_day - 10 - dice(s, 'leave', 20), band, 'temporary'
    from stay
    where served > 120 and is_released and u(s, 'temporary') < 0.18
    union all
    select p, s, 5, reception_day + 7, release_day, band, 'main' from stay where served > 60 and is_released
        and u(s, 'twice') < 0.015
    union all
    select p, s, 6, reception_day - 40 - dice(s, 'remand', 60), reception_day - 20 - dice(s, 'remand', 20), null, 'remand'
    from stay
    where u(s, 'remanded') < 0.12 and reception_day > date '2007-01-01' and (k = 1 or gap > 200)
)
select
    b.*,
    case
        when b.release_day is null then null
        when b.kind = 'temporary' then 'TAP'
        when b.kind = 'moved' then 'MRG'
        when b.kind = 'main' and b.part = 1 and u(b.s, 'fate') < 0.004 and st.next_reception is null
            and b.release_day > date '2012-09-01' then 'DEC'
        when b.kind = 'main' and b.part = 1 and u(b.s, 'fate') > 0.985 and st.next_reception is null and st.recall_day is null
            then case when u(b.s, 'deported') < 0.6 then 'DD' else 'DL' end
        when b.kind = 'remand' then n.code
        else r.code
    end as reason,
    e.code as establishment_code,
from parts as b
join stay as st using (s)
join choice as r on r.list = 'release_reason' and r.class = 'yes' and r.slot = slot(b.s * 8 + b.part, 'reason')
join choice as n on n.list = 'release_reason' and n.class = 'no' and n.slot = slot(b.s * 8 + b.part, 'reason')
join establishment as e on e.n = dice(b.s * 8 + b.part, 'prison', v('establishments'));
