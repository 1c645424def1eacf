-- One row per reference whose links are sought again: those of which new deliveries say something else than before, now or of
-- earlier days, those of overrides (one may have ended), those that readers decided on anew, and all that share name, date of birth and postcode with
-- one of them, for such a link asks that no other has the same.
-- depends_on: {{ ref('int_touched_references') }}, {{ ref('int_people_references') }}, {{ ref('linkage_overrides') }}
-- depends_on: {{ ref('int_stated_descriptions') }}
-- depends_on: {{ ref('stg_intake__new_deliveries') }}, {{ ref('stg_intake__deliveries') }}
{%- if is_mending() %}
    with touched as (
        select stated.*
        from {{ ref('int_touched_references') }} as stated
        left join {{ ref('int_people_references') }} as now on stated.reference_id = now.reference_id
        where
            now.reference_id is null
            or not stated.is_standing
            {%- for name in compared_of_a_person() %}
            or stated.{{ name }} is distinct from now.{{ name }}
            {%- endfor %}
    ),

    described_now as (
        select * from {{ ref('int_stated_descriptions') }}
    ),

    described_before as (
        select before.*
        from {{ standing('int_people_descriptions') }} as before
        inner join (select distinct reference_id from {{ ref('int_touched_references') }}) as stated
            on before.reference_id = stated.reference_id
    ),

    redescribed as (
        (select * from described_now except select * from described_before)
        union all
        (select * from described_before except select * from described_now)
    ),

    overrides as (
        select * from {{ ref('linkage_overrides') }}
    ),

    decisions as (
        {{ restated('linkage', 'decisions') }}
    ),

    people as (
        select * from {{ ref('int_people_references') }}
    ),

    named as (
        select reference_id from touched
        union
        select reference_id from redescribed
        union
        select {{ reference_id('agency_a', 'person_ref_a') }} from overrides
        union
        select {{ reference_id('agency_b', 'person_ref_b') }} from overrides
        union
        select {{ reference_id('agency_a', 'person_ref_a') }} from decisions
        union
        select {{ reference_id('agency_b', 'person_ref_b') }} from decisions
    ),

    as_named as (
        select
            first_name,
            last_name,
            date_of_birth,
            postcode
        from touched
        union
        select
            people.first_name,
            people.last_name,
            people.date_of_birth,
            people.postcode
        from people
        inner join named on people.reference_id = named.reference_id
    )

    select reference_id from named
    union
    select people.reference_id
    from people
    inner join as_named
        on
            people.first_name = as_named.first_name
            and people.last_name = as_named.last_name
            and people.date_of_birth = as_named.date_of_birth
            and people.postcode = as_named.postcode
{%- else %}
    {{ nothing(['reference_id bigint']) }}
{%- endif %}
