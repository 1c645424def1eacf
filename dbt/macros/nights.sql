{#-
  A night that changed little builds little (decision 011). What it builds again is whole people: whoever deliveries since the
  last build speak of, as they are or as they were. Every table that is kept forgets those people, then has them again from the
  tables before it. Rows of nobody (a person who is not known) are built every night.
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
{#- In a night of changes: the keys of those records. -#}
{% macro keys_of_touched_records(agency, extract) -%}
    {%- if is_mending() -%}
    select record_key from {{ standing('int_touched_records') }} where extract = '{{ agency }}.{{ extract }}'
    {%- endif -%}
{%- endmacro %}

{#-
  In a night of changes: the keys of records of which any row, in whichever delivery, names one of the references that the SQL
  `references` gives.
-#}
{% macro keys_naming(agency, extract, references) -%}
    {%- if is_mending() -%}
    {%- set node = source_node(agency, extract) -%}
    {%- set key = node.config.meta.key[0] -%}
    select {{ typed_text('sent._key_as_sent', node.columns[key].config.meta) }} as record_key
    from ({{ typed_rows(agency, extract) }}) as sent
    where {{ reference_in(agency, extract) }} in ({{ references }})
    {%- endif -%}
{%- endmacro %}

{#- (agency, extract, key) of every extract whose records are kept so: deltas, for a full extract leaves records out without a word. -#}
{% macro extracts_kept_by_record() %}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.config.get('meta', {}).get('records_of') -%}
        {%- set agency, extract = node.config.meta.records_of.split('.') -%}
        {%- set meta = source_node(agency, extract).config.meta -%}
        {%- if meta.mode != 'delta' or meta.key | length != 1 -%}
            {%- do exceptions.raise_compiler_error(node.name ~ ': only a delta with a key of one column can be kept by record') -%}
        {%- endif -%}
        {%- do found.append((agency, extract, meta.key[0])) -%}
    {%- endfor -%}
    {{- return(found | sort) }}
{% endmacro %}

{#- SQL over the typed columns of an extract: its agency's reference of the person that a row names. -#}
{% macro reference_in(agency, extract) %}
    {%- set people = people_sources()[agency] -%}
    {%- if people.extract == extract -%} {{- return(people.reference) }} {%- endif -%}
    {%- for of, name, column in columns_that_name_people() if of == agency and name == extract -%} {{- return(column) }} {%- endfor -%}
{% endmacro %}

{#- A condition that holds for the people, or the references, that are built now. `word`: where, or and. -#}
{% macro touched_people(word, person_id) -%}
    {%- if is_mending() %}
    {{ word }} {{ is_touched(person_id) }}
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

{#- The extracts of which deliveries came since the last build, as '<agency>.<extract>'. -#}
{% macro extracts_that_came() %}
    {%- set found -%}
        select distinct agency || '.' || extract from {{ standing('stg_intake__new_deliveries') }}
    {%- endset -%}
    {{- return(run_query(found).columns[0].values() | list) }}
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
{% macro touched_in(word, reference_id, model) -%}
    {%- if is_mending() %}
    {{ word }} {{ reference_id }} in (select reference_id from {{ ref(model) }})
    {%- endif %}
{%- endmacro %}

{#- Before the CTE of the touched people: they are found first, for DuckDB would join all records with all people before it asks. -#}
{% macro few_first() %}
    {{- return('materialized ' if is_mending() else '') }}
{% endmacro %}

{#- A table as the last build left it, for a model that comes before it. -#}
{% macro standing(model) -%}
    {%- set node = graph.nodes['model.outcomes.' ~ model] -%}
    {{ api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) }}
{%- endmacro %}

{#-
  The rows, in whichever delivery, of the records that deliveries since the last build state again: of a full extract, all that it
  ever sent; of a delta, all that has the key. Columns are typed as in_force has them; text of earlier days that fits the contract
  no longer is null. DuckDB only.
-#}
{% macro restated(agency, extract) %}
{%- set meta = source_node(agency, extract).config.meta -%}
    select sent.*
    from ({{ typed_rows(agency, extract) }}) as sent
    {%- if meta.mode == 'full' %}
    where
        exists (select 1 from {{ ref('stg_intake__new_deliveries') }} where agency = '{{ agency }}' and extract = '{{ extract }}')
        and sent._delivery_id in (select delivery_id from {{ ref('stg_intake__deliveries') }})
    {%- else %}
    inner join (
        select distinct {{ meta.key | join(', ') }}
        from ({{ typed_rows(agency, extract) }}) as raw
        where raw._delivery_id in (select delivery_id from {{ ref('stg_intake__new_deliveries') }})
    ) as again
        on {% for name in meta.key %}{{ 'and ' if not loop.first }}sent.{{ name }} = again.{{ name }} {% endfor %}
    {%- endif %}
{% endmacro %}

{#- All rows of an extract, in whichever delivery, with their columns typed; text of earlier days that fits the contract no longer is null. -#}
{% macro typed_rows(agency, extract) -%}
    select
        {%- for column in source_node(agency, extract).columns.values() %}
        {{ typed_text('raw.' ~ column.name, column.config.meta, is_sure=false) }} as {{ column.name }},
        {%- endfor %}
        raw.{{ source_node(agency, extract).config.meta.key[0] }} as _key_as_sent,
        raw._delivery_id
    from {{ source(agency, extract) }} as raw
{%- endmacro %}

{#- What is known of an extract from its contract. -#}
{% macro source_node(agency, extract) %}
    {{- return(graph.sources.values() | selectattr('source_name', 'equalto', agency) | selectattr('name', 'equalto', extract) | first) }}
{% endmacro %}

{#- (agency, extract, column) of every column that a contract says names a person of the agency by its key. -#}
{% macro columns_that_name_people() %}
    {%- set found = [] -%}
    {%- for node in graph.sources.values() -%}
        {%- for column in node.columns.values() if column.config.meta.parent -%}
            {%- do found.append((node.source_name, node.name, column.name)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found | sort) }}
{% endmacro %}

{#- No rows of the given columns, each a name and a type. -#}
{% macro nothing(columns) -%}
    select
        {%- for column in columns %}
        cast(null as {{ column.split(' ')[1] }}) as {{ column.split(' ')[0] }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
{%- endmacro %}

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
