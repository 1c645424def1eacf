-- Prison files: people with their number, and periods in custody with the first night as known at discharge.
create or replace temp table send_prisons__people as
select
    c.noms_number,
    said_number(c.p * 16 + 3, c.pnc_id, 8, 0.10, v('pnc_mistyped')) as pnc_id,
    said_first(c.p * 16 + 3, c.first_name, c.last_name) as first_name,
    said_last(c.p * 16 + 3, c.first_name, c.last_name) as last_name,
    said_dob(c.p * 16 + 3, c.dob) as date_of_birth,
    c.sex,
    c.ethnicity,
    case when u(c.p * 16 + 3, 'no postcode') >= 0.15 then said_postcode(c.p * 16 + 3, c.area_n, c.home) end as home_postcode,
from identity_card as c
where c.p in (select p from stay)
order by noms_number;

create or replace temp table send_prisons__custody as
select
    ref('B', b.s * 8 + b.part, 15485941) as booking_id,
    c.noms_number,
    b.establishment_code,
    b.reception_day as reception_date,
    b.release_day as release_date,
    b.reason as release_reason_code,
    b.band as sentence_length_band,
    case
        when r.e is null or b.kind not in ('main', 'after recall') or b.release_day is null then null
        when r.night = 'unknown' then case when u(r.e, 'says unknown') < 0.7 then d.code end
        when r.is_night_by_probation and u(r.e, 'prison knows') < 0.15 then null
        else d.code
    end as discharge_accommodation_code,
    case when u(b.s, 'no area') >= 0.01 then p.area_code end as home_area_code,
from booking as b
join identity_card as c using (p)
join person as p using (p)
left join release as r on r.p = b.p and r.day = b.release_day
left join choice as d on d.list = 'discharge' and d.class = r.night and d.slot = slot(r.e, 'discharge')
order by booking_id;
