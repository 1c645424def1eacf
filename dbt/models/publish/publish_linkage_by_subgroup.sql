-- `linkage_by_subgroup` as published: counts are rounded to multiples of the least count that may be shown, so that no few people
-- show, nor can be worked out by subtraction; rates are those of rounded counts, and are shown of subgroups of some size only. A
-- subgroup that is rounded to nobody has no row, as one in which there is nobody.
{{ config(alias='linkage_by_subgroup') }}
with subgroups as (
    select * from {{ ref('linkage_by_subgroup') }}
),

rules as (
    select cast(value as double) as base from {{ ref('disclosure_rules') }}
    where rule_id = 'suppress_below'
),

rounded as (
    select
        subgroups.agency,
        subgroups.other_agency,
        subgroups.subgroup_type,
        subgroups.subgroup,
        cast(round(subgroups.reference_count / rules.base) * rules.base as bigint) as reference_count,
        cast(round(subgroups.linked_count / rules.base) * rules.base as bigint) as linked_count,
        subgroups.missed_match_rate_pct,
        subgroups.is_judged
    from subgroups
    cross join rules
)

select
    agency,
    other_agency,
    subgroup_type,
    subgroup,
    reference_count,
    linked_count,
    case when is_judged then {{ pct('linked_count', 'reference_count') }} end as linkage_rate_pct,
    case when is_judged then round(missed_match_rate_pct, 1) end as missed_match_rate_pct,
    is_judged
from rounded
where reference_count > 0
