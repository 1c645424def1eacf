-- One row per pair that people decided on, in force, of references that are known: must_link or must_not_link. A row of
-- seeds/linkage_overrides stands by itself. Of the readers of the review page as many as linkage_rules asks for must agree and none
-- may hold the contrary, by what each decided last (of one day, by the later file); where the seed speaks of the pair, they do not count.
with overrides as (
    select * from {{ ref('linkage_overrides') }}
),

decisions as (
    select * from {{ ref('stg_linkage__decisions') }}
),

codes as (
    select * from {{ ref('linkage_decision_codes') }}
),

clock as (
    select * from {{ ref('stg_intake__clock') }}
),

people as (
    select * from {{ ref('int_people_references') }}
),

deliveries as (
    select * from {{ ref('stg_intake__deliveries') }}
),

needed as (
    select cast(value as integer) as reader_count from {{ ref('linkage_rules') }}
    where rule_id = 'review_readers'
),

named as (
    select
        overrides.decision,
        {{ reference_id('overrides.agency_a', 'overrides.person_ref_a') }} as reference_a,
        {{ reference_id('overrides.agency_b', 'overrides.person_ref_b') }} as reference_b
    from overrides
    inner join clock on overrides.end_date > clock.today
),

standing as (
    select
        decision,
        least(reference_a, reference_b) as reference_a,
        greatest(reference_a, reference_b) as reference_b
    from named
),

-- now we have what readers decided, whichever of the two they named first
decided as (
    select
        least(reference_one, reference_other) as reference_a,
        greatest(reference_one, reference_other) as reference_b,
        reader,
        override,
        row_number() over (
            partition by least(reference_one, reference_other), greatest(reference_one, reference_other), reader
            order by decided_date desc, extract_date desc, sequence desc, received_at desc, _row_number desc
        ) as nth
    from (
        select
            {{ reference_id('decisions.agency_a', 'decisions.person_ref_a') }} as reference_one,
            {{ reference_id('decisions.agency_b', 'decisions.person_ref_b') }} as reference_other,
            decisions.reader,
            codes.override,
            decisions.decided_date,
            deliveries.extract_date,
            deliveries.sequence,
            deliveries.received_at,
            decisions._row_number
        from decisions
        inner join codes on decisions.decision = codes.code
        inner join deliveries on decisions._delivery_id = deliveries.delivery_id
    ) as said
    where reference_one <> reference_other
),

agreed as (
    select
        decided.reference_a,
        decided.reference_b,
        min(decided.override) as decision
    from decided
    cross join needed
    where decided.nth = 1 and decided.override is not null
    group by decided.reference_a, decided.reference_b, needed.reader_count
    having count(*) >= needed.reader_count and min(decided.override) = max(decided.override)
),

stacked as (
    select
        decision,
        reference_a,
        reference_b
    from standing
    union all
    select
        agreed.decision,
        agreed.reference_a,
        agreed.reference_b
    from agreed
    left join standing on agreed.reference_a = standing.reference_a and agreed.reference_b = standing.reference_b
    where standing.decision is null
),

paired as (
    select
        stacked.decision,
        stacked.reference_a,
        stacked.reference_b
    from stacked
    inner join people as a on stacked.reference_a = a.reference_id
    inner join people as b on stacked.reference_b = b.reference_id
)

select distinct * from paired
