-- One row per agency, other agency and group of references that have the same sex, age band, ethnicity and area: how many there are,
-- how many stand for a person whom the other agency knows too, and how many more do by the links that were not made (their
-- probabilities added up, decision 012). What a reference does not say of a person, another of the person's may.
with people as {{ read_again(is_few=false) }} (
    select
        agency,
        {{ agency_flag('agency') }} as agency_flag,
        person_id,
        cluster_id,
        sex,
        ethnicity,
        date_of_birth
    from {{ ref('int_people') }}
),

joins as (
    select * from {{ ref('int_people_joins') }}
),

places as (
    select
        person_id,
        substr(max(cast(start_date as string) || area_code), 11) as area_code
    from (
        select
            person_id,
            start_date,
            area_code
        from {{ ref('int_order_records') }}
        union all
        select
            person_id,
            start_date,
            area_code
        from {{ ref('int_custody_records') }}
    ) as placed
    where person_id is not null and area_code is not null
    group by person_id
),

rules as (
    select cast(value as integer) as band_years from {{ ref('linkage_rules') }}
    where rule_id = 'review_age_band_years'
),

known as (
    select
        person_id,
        max(sex) as sex,
        max(ethnicity) as ethnicity,
        max(date_of_birth) as date_of_birth,
        bit_or(agency_flag) as agencies
    from people
    group by person_id
),

banded as (
    select
        known.*,
        rules.band_years,
        floor(cast({{ days_between('known.date_of_birth', 'observation.observed_until') }} as double) / 365.25 / rules.band_years)
        * rules.band_years as from_age
    from known
    cross join rules
    cross join {{ ref('int_observation') }} as observation
),

described as (
    select
        banded.person_id,
        banded.agencies,
        coalesce(banded.sex, 'not known') as sex,
        coalesce(banded.ethnicity, 'not known') as ethnicity,
        coalesce(
            cast(cast(banded.from_age as integer) as string) || ' to '
            || cast(cast(banded.from_age + banded.band_years - 1 as integer) as string), 'not known'
        ) as age_band,
        coalesce(places.area_code, 'not known') as area
    from banded
    left join places on banded.person_id = places.person_id
),

-- now we have who is in which group, and who else knows them
grouped as (
    select
        people.agency,
        described.sex,
        described.ethnicity,
        described.age_band,
        described.area,
        described.agencies,
        count(*) as reference_count
    from people
    inner join described on people.person_id = described.person_id
    group by people.agency, described.sex, described.ethnicity, described.age_band, described.area, described.agencies
),

agencies as (
    select distinct
        agency,
        agency_flag
    from people
),

found as (
    select
        grouped.agency,
        agencies.agency as other_agency,
        grouped.sex,
        grouped.ethnicity,
        grouped.age_band,
        grouped.area,
        sum(grouped.reference_count) as reference_count,
        sum(
            case when (grouped.agencies & agencies.agency_flag) <> 0 then grouped.reference_count else 0 end
        ) as linked_count,
        cast(0 as decimal(18, 6)) as expected_missed
    from grouped
    inner join agencies on grouped.agency <> agencies.agency
    group by grouped.agency, agencies.agency, grouped.sex, grouped.ethnicity, grouped.age_band, grouped.area
),

-- now we have persons whom a link that was not made would have joined; of several links between the same two the likeliest.
-- Decimals add up to the same in any order
in_joins as (
    select cluster_a as cluster_id from joins
    union
    select cluster_b as cluster_id from joins
),

clusters as (
    select distinct
        people.cluster_id,
        people.person_id
    from people
    inner join in_joins on people.cluster_id = in_joins.cluster_id
),

not_made as (
    select
        a.person_id as person_a,
        b.person_id as person_b,
        cast(max(joins.probability) as decimal(18, 6)) as probability
    from joins
    inner join clusters as a on joins.cluster_a = a.cluster_id
    inner join clusters as b on joins.cluster_b = b.cluster_id
    where a.person_id <> b.person_id
    group by a.person_id, b.person_id
),

both_ways as (
    select
        person_a as person_id,
        person_b as other_id,
        probability
    from not_made
    union all
    select
        person_b,
        person_a,
        probability
    from not_made
),

speaking as (
    select distinct
        people.person_id,
        people.agency
    from people
    inner join both_ways on people.person_id = both_ways.person_id
),

missed as (
    select
        both_ways.person_id,
        others.agency as other_agency,
        cast(least(sum(both_ways.probability), 1) as decimal(18, 6)) as expected_missed
    from both_ways
    inner join speaking as others on both_ways.other_id = others.person_id
    left join speaking as own on both_ways.person_id = own.person_id and others.agency = own.agency
    where own.agency is null
    group by both_ways.person_id, others.agency
),

missing as (
    select
        people.agency,
        missed.other_agency,
        described.sex,
        described.ethnicity,
        described.age_band,
        described.area,
        cast(0 as bigint) as reference_count,
        cast(0 as bigint) as linked_count,
        missed.expected_missed
    from missed
    inner join people on missed.person_id = people.person_id
    inner join described on missed.person_id = described.person_id
),

stacked as (
    select * from found
    union all
    select * from missing
),

counted as (
    select
        agency,
        other_agency,
        sex,
        ethnicity,
        age_band,
        area,
        cast(sum(reference_count) as bigint) as reference_count,
        cast(sum(linked_count) as bigint) as linked_count,
        cast(sum(expected_missed) as decimal(18, 6)) as expected_missed
    from stacked
    group by agency, other_agency, sex, ethnicity, age_band, area
)

select * from counted
