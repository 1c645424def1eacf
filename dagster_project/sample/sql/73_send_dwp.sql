-- DWP files: customers with a claim, their claims, their referrals (job outcomes are dealt out by cohort in 80_job_outcome).
create or replace macro customer_of(id) as 'D' || lpad(cast(scramble(id, 86028121, 5150, 900000011) as varchar), 9, '0');

create or replace temp table send_dwp__customers as
select
    customer_of(c.p) as customer_ref,
    said_number(c.p * 16 + 4, c.ni_number, 5, 0.005, 0.002) as ni_number,
    said_first(c.p * 16 + 4, c.first_name, c.new_last_name) as first_name,
    said_last(c.p * 16 + 4, c.first_name, c.new_last_name) as last_name,
    said_dob(c.p * 16 + 4, c.dob) as date_of_birth,
    c.sex,
    said_postcode(c.p * 16 + 4, c.area_n, c.home) as postcode,
from identity_card as c
where c.p in (select p from benefit_spell)
order by customer_ref;

create or replace temp table send_dwp__benefit_claims as
select ref('K', id, 15485959) as claim_id, customer_of(p) as customer_ref, code as benefit_code, start_day as start_date,
    end_day as end_date,
from benefit_spell
order by claim_id;

create or replace temp table send_dwp__work_programme as
select
    ref('W', id, 15485989) as referral_id, customer_of(p) as customer_ref, referral_day as referral_date,
        attachment_day as attachment_date, payment_group,
    is_day_one, null::date as job_outcome_date, null::date as last_sustainment_date,
from referral
order by referral_id;
