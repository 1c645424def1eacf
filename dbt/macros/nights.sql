{#-
  A night that changed little builds little (decisions 011, 015). What it builds again is people: whoever deliveries since the last
  build speak of, as they are or as they were. Every table that is kept forgets those of them whom something that it reads has
  touched, then has them again from the tables before it. Rows of nobody (a person who is not known) are built with them.
  What deliveries say of whom is found in stated_again.sql.
  Anything else is built whole: `outcomes run --full`, the first build, once a week, another engine, dbt run by hand.
-#}

{#- Does this build mend what stands? Only if the run says so, which knows what stands (dagster_project/standing.py). -#}
{% macro is_mending() %}
    {{- return(execute and env_var('OUTCOMES_BUILD', 'whole') == 'changes') }}
{% endmacro %}

{#-
  Opens a model that is kept from night to night; `forget` is the condition on rows that are built again. `stands_without_reason`: it
  stands as it is in a night that brings no reason to touch it. `records_of`: see kept_by_record.
-#}
{% macro kept(forget, stands_without_reason=false, records_of=none) -%}
    {{- config(
        materialized='table' if target is defined and target.type != 'duckdb' else 'kept',
        meta={'forget': forget, 'stands_without_reason': stands_without_reason, 'records_of': records_of}
    ) -}}
{%- endmacro %}

{#- The same for a model of people. -#}
{% macro kept_by_person() -%}
    {{- kept("{{ is_touched('person_id') }}", stands_without_reason=true) -}}
    -- depends_on: {{ ref('int_touched_people') }}
{%- endmacro %}

{#-
  The same for a model with one row per record of an extract and person, which holds the record's key as record_id: of a person only
  the records are built again that are touched themselves.
-#}
{% macro kept_by_record(agency, extract) -%}
    {{- kept(
        "record_id in ({{ keys_of_touched_records('" ~ agency ~ "', '" ~ extract ~ "') }})",
        stands_without_reason=true, records_of=agency ~ '.' ~ extract
    ) -}}
    -- depends_on: {{ ref('int_touched_records') }}, {{ ref('int_touched_people') }}
{%- endmacro %}
{#- A condition that holds for the people, or the references, that are built now. `word`: where, or and. -#}
{% macro touched_people(word, person_id) -%}
    {%- if is_mending() %}
    {{ word }} {{ is_touched(person_id) }}
    {%- endif %}
{%- endmacro %}
{% macro touched_in(word, reference_id, model) -%}
    {%- if is_mending() %}
    {{ word }} {{ reference_id }} in (select reference_id from {{ ref(model) }})
    {%- endif %}
{%- endmacro %}

{#- Is a person touched by anything that the model under way reads, or nobody? Of all others its rows stand as they are. -#}
{% macro is_touched(person_id) -%}
    ({{ person_id }} is null or {{ person_id }} in (
        select person_id from {{ ref('int_touched_people') }}
        where because in {{ list_of_reasons() }}
    ))
{%- endmacro %}

{% macro list_of_reasons() -%}
    ({% for reason in reasons_of(model.unique_id) %}{{ ', ' if not loop.first }}'{{ reason }}'{% endfor %})
{%- endmacro %}

{#- Has the night under way anything new for the model under way: a touched person, or a delivery (which may speak of nobody)? -#}
{% macro has_reason() %}
    {%- set found -%}
        select 1 from {{ standing('int_touched_people') }} where because in {{ list_of_reasons() }}
        union all
        select 1 from {{ standing('stg_intake__new_deliveries') }} where agency || '.' || extract in {{ list_of_reasons() }}
        limit 1
    {%- endset -%}
    {{- return(run_query(found).rows | length > 0) }}
{% endmacro %}

{#-
  By what a person can be touched so that a model has other rows of them (int_touched_people.because): another identity, another
  end of what is observed, and each extract that the model reads, directly or through others.
-#}
{% macro reasons_of(unique_id) %}
    {%- set found, waiting = ['identity'], [unique_id] -%}
    {%- for name in waiting -%} {#- grows while it is walked -#}
        {%- set source = graph.sources.get(name) -%}
        {%- if source -%}
            {%- do found.append(source.source_name ~ '.' ~ source.name) if source.source_name != 'intake' -%}
        {%- elif graph.nodes[name].name == 'int_observation' -%}
            {%- do found.append('observation') -%}
        {%- elif not graph.nodes[name].name.startswith('int_people') and 'changes' not in graph.nodes[name].fqn -%}
            {%- for parent in graph.nodes[name].depends_on.nodes if parent not in waiting -%}
                {%- do waiting.append(parent) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(found) }}
{% endmacro %}
{#- Before a CTE of which a night of changes leaves few rows: they are found first, for DuckDB would join all with all before it asks. -#}
{% macro few_first() %}
    {{- return('materialized ' if is_mending() else '') }}
{% endmacro %}

{#- A table as the last build left it, for a model that comes before it. -#}
{% macro standing(model) -%}
    {%- set node = graph.nodes['model.outcomes.' ~ model] -%}
    {{ api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) }}
{%- endmacro %}

{#- No rows of the given columns, each a name and a type. -#}
{% macro nothing(columns) -%}
    select
        {%- for column in columns %}
        cast(null as {{ column.split(' ')[1] }}) as {{ column.split(' ')[0] }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
{%- endmacro %}

{#- Columns of one type, for nothing(). -#}
{% macro typed_as(names, type) %}
    {%- set found = [] -%}
    {%- for name in names -%} {%- do found.append(name ~ ' ' ~ type) -%} {%- endfor -%}
    {{- return(found) }}
{% endmacro %}

{#-
  For a test of a kept table: in a night of changes only the rows that it built, told by the column of the person or the reference.
  Not by ref(): whoever asks dbt for some models would be given the tests of all.
-#}
{% macro built_rows(column, word='where') -%}
    {%- if column and is_mending() -%}
        {%- set key = 'person_id' if column == 'person_id' else 'reference_id' -%}
        {%- set touched = 'int_touched_people' if key == 'person_id' else 'int_touched_groups' -%}
        {{ word }} ({{ column }} is null or {{ column }} in (select {{ key }} from {{ standing(touched) }}))
    {%- endif %}
{%- endmacro %}
