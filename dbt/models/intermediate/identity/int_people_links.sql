-- One row per pair of references taken for one person, with the first pass that says so (seeds/linkage_passes).
-- Another source of links (a probabilistic model) is one more block here.
{{ kept("reference_a in (select reference_id from {{ ref('int_touched_links') }})"
    ~ " or reference_b in (select reference_id from {{ ref('int_touched_links') }})") }}
-- depends_on: {{ ref('int_touched_links') }}
{#- every pair once, or from the side of a reference that is sought again -#}
{%- set once = '<>' if is_mending() else '<' %}
{#- not through a CTE that is read many times over: DuckDB would write all people out first, and look at more than can meet -#}
{%- set people = ref('int_people_references') %}
{%- set sought = 'sought' if is_mending() else people %}
with overrides as (
    select * from {{ ref('int_people_overrides') }}
),

sought as (
    select * from {{ people }}
    {{- touched_in('where', 'reference_id', 'int_touched_links') }}
),

{% for pass, number in [('noms', 'noms_number'), ('pnc', 'pnc_id'), ('crn', 'crn'), ('ni', 'ni_number')] -%}
    by_{{ pass }} as (
        select
            a.reference_id as reference_a,
            b.reference_id as reference_b,
            '{{ pass }}' as pass_id
        from {{ sought }} as a
        inner join {{ people }} as b on a.{{ number }} = b.{{ number }} and a.reference_id {{ once }} b.reference_id
        where {{ is_same_person('a', 'b') }}
    ),

{% endfor -%}
-- now we have the references whose name, date of birth and postcode no other record of their agency shares
distinct_people as (
    select
        agency,
        first_name,
        last_name,
        date_of_birth,
        postcode,
        min(reference_id) as reference_id
    from sought
    where first_name is not null and last_name is not null and date_of_birth is not null and postcode is not null
    group by agency, first_name, last_name, date_of_birth, postcode
    having count(*) = 1
),

by_name_dob_postcode as (
    select
        a.reference_id as reference_a,
        b.reference_id as reference_b,
        'name_dob_postcode' as pass_id
    from distinct_people as a
    inner join distinct_people as b
        on
            a.first_name = b.first_name
            and a.last_name = b.last_name
            and a.date_of_birth = b.date_of_birth
            and a.postcode = b.postcode
            and a.reference_id < b.reference_id
),

stacked as (
    select
        reference_a,
        reference_b,
        'override' as pass_id
    from overrides
    where decision = 'must_link' {{- touched_in('and (', 'reference_a', 'int_touched_links') }}
    {{- touched_in('or', 'reference_b', 'int_touched_links') }} {{- ')' if is_mending() }}
    union all
    select * from by_noms
    union all
    select * from by_pnc
    union all
    select * from by_crn
    union all
    select * from by_ni
    union all
    select * from by_name_dob_postcode
),

first_pass as (
    select
        least(stacked.reference_a, stacked.reference_b) as reference_a,
        greatest(stacked.reference_a, stacked.reference_b) as reference_b,
        min(passes.pass) as pass
    from stacked
    inner join {{ ref('linkage_passes') }} as passes on stacked.pass_id = passes.pass_id
    group by least(stacked.reference_a, stacked.reference_b), greatest(stacked.reference_a, stacked.reference_b)
),

allowed as (
    select
        first_pass.reference_a,
        first_pass.reference_b,
        first_pass.pass
    from first_pass
    left join overrides
        on
            first_pass.reference_a = overrides.reference_a and first_pass.reference_b = overrides.reference_b
            and overrides.decision = 'must_not_link'
    where overrides.decision is null
)

select * from allowed
