-- One row per agency, other agency and subgroup: how many of the agency's references stand for a person whom the other knows too, and
-- how many of the matches that are to be expected were missed. Of whom nothing is known is not judged: mostly it is known by the links.
with groups as (
    select * from {{ ref('int_linkage_subgroups') }}
),

rules as (
    select
        max(case when rule_id = 'subgroup_least_references' then value end) as least_references,
        max(case when rule_id = 'subgroup_least_matches' then value end) as least_matches
    from {{ ref('linkage_rules') }}
),

kinds as (
    select 'all' as subgroup_type
    union all
    select 'sex' as subgroup_type
    union all
    select 'age_band' as subgroup_type
    union all
    select 'ethnicity' as subgroup_type
    union all
    select 'area' as subgroup_type
),

turned as (
    select
        groups.agency,
        groups.other_agency,
        kinds.subgroup_type,
        case kinds.subgroup_type
            when 'sex' then groups.sex when 'age_band' then groups.age_band
            when 'ethnicity' then groups.ethnicity when 'area' then groups.area else 'all'
        end as subgroup,
        groups.reference_count,
        groups.linked_count,
        groups.expected_missed
    from groups
    cross join kinds
),

summed as (
    select
        agency,
        other_agency,
        subgroup_type,
        subgroup,
        cast(sum(reference_count) as bigint) as reference_count,
        cast(sum(linked_count) as bigint) as linked_count,
        cast(sum(expected_missed) as double) as expected_missed
    from turned
    group by agency, other_agency, subgroup_type, subgroup
)

select
    summed.*,
    {{ pct('summed.linked_count', 'summed.reference_count') }} as linkage_rate_pct,
    {{ pct('summed.expected_missed', 'summed.linked_count + summed.expected_missed') }} as missed_match_rate_pct,
    summed.subgroup <> 'not known' and summed.reference_count >= rules.least_references
    and summed.linked_count + summed.expected_missed >= rules.least_matches as is_judged
from summed
cross join rules
