-- One row per row of the index that something is to be said of: deliveries that are carried forward, waivers in force.
with index_rows as (
    select
        index_rows.*,
        definitions.population,
        coalesce(definitions.outcome, '') as outcome
    from {{ ref('indicator_index') }} as index_rows
    inner join {{ ref('indicator_definitions') }} as definitions
        on
            index_rows.indicator_id = definitions.indicator_id and index_rows.view_id = definitions.view_id
            and index_rows.definition_version = definitions.definition_version
),

waivers as (
    select * from {{ ref('waivers_in_force') }}
),

stacked as (
    select
        index_rows.*,
        'a' as sort_key,
        deliveries.carried_note as note
    from index_rows
    inner join {{ ref('outcome_deliveries') }} as deliveries
        on index_rows.population = deliveries.population and index_rows.outcome = deliveries.outcome
    where deliveries.carried_note is not null
    union all
    select
        index_rows.*,
        'b' || waivers.waiver_id as sort_key,
        'Waiver ' || waivers.waiver_id || ' of the rule ' || waivers.rule_id || ', until before '
        || {{ day_in_words('waivers.valid_to') }} || ': ' || waivers.reason as note
    from index_rows
    inner join waivers
        on
            (waivers.indicator_id = 'all' or index_rows.indicator_id = waivers.indicator_id)
            and (waivers.geography_code = 'all' or index_rows.geography_code = waivers.geography_code)
            and (waivers.period_start is null or index_rows.period_start = waivers.period_start)
),

noted as (
    select
        indicator_id,
        view_id,
        definition_version,
        geography_type,
        geography_code,
        period_type,
        period_start,
        {{ text_list('note', '; ', 'sort_key') }} as notes
    from stacked
    group by 1, 2, 3, 4, 5, 6, 7
)

select * from noted
