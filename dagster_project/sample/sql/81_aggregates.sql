-- What is not about people: the six returns of other departments (parameters.py) and the register of sharing protocols,
-- with gaps.
create or replace temp table send_departments__psa16_returns as
select
    indicator, 'ENG' as area, date '2008-04-01' as period_start, date '2009-04-01' as period_end,
    cast(round(percent * denominator / 100) as bigint) as numerator, denominator,
from psa16_figure
order by indicator;

-- signed less often by prisons, DWP and in the less populous areas: the weak spots that the study named
create or replace temp table send_sharing__protocols as
with pairs as (
    select a.area_n, a.area_code, g.code as from_agency, p.code as purpose, a.area_n * 64 + g.n * 8 + p.n as id,
        case g.code when 'prisons' then 0.45 when 'dwp' then 0.50 when 'hmrc' then 0.40 when 'police' then 0.85 else 0.70 end
            * case when a.events < v('published_people') / 100 * v('people') / v('published_people') then 0.7 else 1.0
                end as chance,
        case g.code when 'hmrc' then 'WRPA2012S131' when 'police' then 'CDA1998S115' when 'housing' then 'CONSENT' when 'ete'
            then 'CONSENT'
            else 'OMA2007S14' end as lawful_basis,
    from area as a
    cross join (select code, row_number() over (order by code) as n from seed_agency_codes where code <> 'probation') as g
    cross join (select code, row_number() over (order by code) as n from seed_purpose_codes) as p
    where p.code <> 'public_protection' or g.code in ('police', 'prisons')
)
select
    'SP' || lpad(cast(id as varchar), 5, '0') as protocol_id,
    from_agency,
    'probation' as to_agency,
    area_code,
    purpose,
    lawful_basis,
    case when from_agency = 'hmrc' then date '2012-05-08' + dice(id, 'protocol from', 200)
        else date '2007-11-01' + dice(id, 'protocol from', 1400) end as valid_from,
    case when u(id, 'protocol lapsed') < 0.15 and from_agency <> 'hmrc' then date '2011-11-01' + dice(id, 'protocol to', 500)
        end as valid_to,
from pairs
where u(id, 'protocol signed') < chance
order by protocol_id;
