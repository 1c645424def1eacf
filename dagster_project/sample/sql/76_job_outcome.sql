-- Job outcomes of the Work Programme: 8.5 % within 12 months of the June 2011 referrals, rising to 13.0 % of June 2012
-- (SN/EP/6340).
create or replace temp table dealt as
with ranked as (
    select
        referral_id, referral_date,
        row_number() over (partition by date_trunc('month', referral_date) order by hash(referral_id, v('seed'))) as nth,
        count(*) over (partition by date_trunc('month', referral_date)) as of_month,
        v('wp_first_cohort') + (v('wp_second_cohort') - v('wp_first_cohort'))
            * least(1, date_diff('month', date '2011-06-01', date_trunc('month', referral_date)) / 12.0) as rate,
    from send_dwp__work_programme
)
select
    referral_id,
    case
        when nth <= round(of_month * rate)
            then referral_date + 91 + cast(floor(270 * sqrt(u(referral_id, 'outcome day'))) as integer)
        when nth <= round(of_month * (rate + 0.03)) then referral_date + 370 + dice(referral_id, 'outcome later', 300)
    end as outcome_day,
from ranked;

create or replace temp table send_dwp__work_programme as
select w.* replace (
    known_by(d.outcome_day, v('main_day')) as job_outcome_date,
    case when u(w.referral_id, 'is sustained') < 0.7
        then known_by(d.outcome_day + 30 + dice(w.referral_id, 'sustained for', 330), v('main_day')) end
        as last_sustainment_date
),
from send_dwp__work_programme as w
join dealt as d using (referral_id)
order by referral_id;
