-- One row per waiver in force today: two different people, a reason, and no longer than seeds/waiver_rules allow (decision 006).
-- The gate judges the same file (dagster_project/waivers.py); what it finds unsound stands in its verdict, not here.
with waivers as (
    select
        trim(waiver_id) as waiver_id,
        trim(rule_id) as rule_id,
        case when lower(trim(indicator_id)) <> 'all' then nullif(trim(indicator_id), '') end as indicator_id,
        case when lower(trim(geography_code)) <> 'all' then nullif(trim(geography_code), '') end as geography_code,
        case when lower(trim(period_start)) <> 'all' then nullif(trim(period_start), '') end as period_text,
        trim(reason) as reason,
        trim(requested_by) as requested_by,
        trim(approved_by) as approved_by,
        {{ date_or_null('trim(valid_from)') }} as valid_from,
        {{ date_or_null('trim(valid_to)') }} as valid_to,
        count(*) over (partition by lower(trim(waiver_id))) as rows_of_this_id
    from {{ ref('waivers') }}
),

rules as (
    select value as longest_days from {{ ref('waiver_rules') }}
    where rule_id = 'longest_days'
),

today as (
    select max(today) as today from {{ ref('delivery_status') }}
),

sound as (
    select
        waivers.waiver_id,
        waivers.rule_id,
        coalesce(waivers.indicator_id, 'all') as indicator_id,
        coalesce(waivers.geography_code, 'all') as geography_code,
        {{ date_or_null('waivers.period_text') }} as period_start,
        waivers.reason,
        waivers.requested_by,
        waivers.approved_by,
        waivers.valid_from,
        waivers.valid_to
    from waivers
    cross join rules
    cross join today
    where
        waivers.waiver_id <> ''
        and waivers.rows_of_this_id = 1
        and waivers.rule_id <> ''
        and waivers.reason <> ''
        and waivers.requested_by <> ''
        and waivers.approved_by <> ''
        and {{ same_words('waivers.requested_by') }} <> {{ same_words('waivers.approved_by') }}
        and {{ days_between('waivers.valid_from', 'waivers.valid_to') }} between 1 and rules.longest_days
        and {{ is_on_day('today.today', 'waivers.valid_from', 'waivers.valid_to') }}
        and (waivers.period_text is null or {{ date_or_null('waivers.period_text') }} is not null)
        and coalesce(waivers.indicator_id in (select indicator_id from {{ ref('indicator_definitions') }}), true)
        and coalesce(waivers.geography_code in (select geography_code from {{ ref('geographies') }}), true)
)

select * from sound
