{#-
  What deliveries since the last build say, and of whom: for a night that changed little (nights.sql). DuckDB only.
-#}

{#-
  The rows, in whichever delivery, of the records that deliveries since the last build state again: of a full extract, all that it
  ever sent; of a delta, all that has the key. Columns are typed as in_force has them; text of earlier days that fits the contract
  no longer is null.
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
        raw.{{ source_node(agency, extract).config.meta.key[0] }} as _key_as_sent, {#- text to be typed where few rows are left -#}
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

{#- The extracts of which deliveries came since the last build, as '<agency>.<extract>'. -#}
{% macro extracts_that_came() %}
    {%- set found -%}
        select distinct agency || '.' || extract from {{ standing('stg_intake__new_deliveries') }}
    {%- endset -%}
    {{- return(run_query(found).columns[0].values() | list) }}
{% endmacro %}

{#- In a night of changes: the keys of the records of an extract that are built again (int_touched_records). -#}
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

{#-
  What a staging model says; in a night of changes of the records alone whose keys the SQL `keys` gives. Views stand as they are,
  and DuckDB would type, join and sort all rows of the extract before it asked which are wanted.
-#}
{% macro staged(name, keys) %}
    {%- if is_mending() -%}
    {%- set of_few = graph.nodes['model.outcomes.' ~ name].raw_code | replace('{{ in_force(', '{{ in_force_of(keys, ') -%}
    ({{ render('{% set keys %}' ~ keys ~ '{% endset %}' ~ of_few) }})
    {%- else -%}
    {{ ref(name) }}
    {%- endif -%}
{% endmacro %}
{% macro in_force_of(keys, agency, extract, with_first_seen=false) -%}
    {{ in_force(agency, extract, with_first_seen, of_keys=keys) }}
{%- endmacro %}

{#- What a staging model would say of the rows of every delivery but the latest (in_force.sql). -#}
{% macro staged_before(name) %}
    {%- if execute -%}
    ({{ render(graph.nodes['model.outcomes.' ~ name].raw_code | replace('{{ in_force(', '{{ sent_before(')) }})
    {%- else -%}
    {{ ref(name) }}
    {%- endif -%}
{% endmacro %}
