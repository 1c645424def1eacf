{#-
  How models become tables on DuckDB. The build stands aside until it is whole and each model is one transaction, so a table is made
  beside the one that stands, which the model may read, and takes its name. dbt's own way, with a backup between them and a look at
  the columns, took as long for a small table as the table itself.
-#}

{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- if stands_as_it_is() -%} {{- return({'relations': [left_standing()]}) -}} {%- endif -%}
    {{- run_hooks(pre_hooks) -}}
    {%- if model.language == 'python' -%} {#- before which dbt begins no transaction, as it does before SQL -#}
        {%- call statement('begin') -%} drop table if exists {{ this_aside() }} {%- endcall -%}
    {%- endif -%}
    {%- call statement('main', language=model.language) -%}
        {{ create_table_as(False, this_aside(), compiled_code, model.language) }}
    {%- endcall -%}
    {%- set made = put_in_place() -%}
    {{- run_hooks(post_hooks) -}}
    {%- do adapter.commit() -%}
    {{- return({'relations': [made]}) -}}
{% endmaterialization %}

{#- A table that is kept from night to night: in a night of changes it forgets some rows, then has them again (nights.sql). -#}
{% materialization kept, adapter='duckdb' %}
    {%- if stands_as_it_is() -%} {{- return({'relations': [left_standing()]}) -}} {%- endif -%}
    {{- run_hooks(pre_hooks) -}}
    {%- if is_mending() -%}
        {%- set made = this.incorporate(type='table') -%}
        {%- call statement('forget') -%} delete from {{ made }} where {{ render(config.get('meta').forget) }} {%- endcall -%}
        {%- call statement('main') -%} insert into {{ made }} by name {{ compiled_code }} {%- endcall -%}
    {%- else -%}
        {%- call statement('main') -%} {{ make_aside() }} {%- endcall -%}
        {%- set made = put_in_place() -%}
    {%- endif -%}
    {{- run_hooks(post_hooks) -}}
    {%- do adapter.commit() -%}
    {%- if is_mending() -%} {{- settle(made) -}} {%- endif -%}
    {{- return({'relations': [made]}) -}}
{% endmaterialization %}

{#- A table that says so is left as the last build made it in a night that brings nothing of what it reads (nights.sql). -#}
{% macro stands_as_it_is() %}
    {{- return(is_mending() and (config.get('meta') or {}).get('stands_without_reason', false) and not has_reason()) }}
{% endmacro %}
{% macro left_standing() %}
    {%- call statement('main') -%} select 0 {%- endcall -%} {#- dbt wants each model to ask something -#}
    {{- return(this.incorporate(type='table')) }}
{% endmacro %}

{#-
  Which rows of a table were deleted stands in memory, eight bytes for each row that the table has, until a checkpoint writes it to
  disk; that memory counts, and cannot be given up. Of a country's tables it would be two gigabytes when the night ends.
-#}
{% macro settle(made) %}
    {%- set rows -%}
        select estimated_size from duckdb_tables()
        where database_name = '{{ made.database }}' and schema_name = '{{ made.schema }}' and table_name = '{{ made.identifier }}'
    {%- endset -%}
    {%- if run_query(rows).columns[0].values()[0] >= var('settle_from_rows') -%}
        {%- call statement('settle', auto_begin=False) -%} checkpoint {{ made.database }} {%- endcall -%}
    {%- endif -%}
{% endmacro %}

{#-
  A table beside the one that stands. Columns in which nearly every value is another (var left_unpacked) stand as they are: DuckDB
  looks for a way to pack them for up to a third of what writing the table takes, and saves little.
-#}
{% macro make_aside() %}
    {%- set columns = run_query('describe ' ~ compiled_code).rows if this.database == 'restricted' else [] -%}
    {%- if columns | selectattr(0, 'in', var('left_unpacked')) | list -%}
        create table {{ this_aside() }} (
            {%- for column in columns %}
            {{ column[0] }} {{ column[1] }}
            {{- ' using compression uncompressed' if column[0] in var('left_unpacked') }}{{ ',' if not loop.last }}
            {%- endfor %}
        );
        insert into {{ this_aside() }} {{ compiled_code }}
    {%- else -%}
        {{ create_table_as(False, this_aside(), compiled_code) }}
    {%- endif -%}
{% endmacro %}

{% macro this_aside() %}
    {{- return(this.incorporate(path={'identifier': this.identifier ~ '__aside'}, type='table')) -}}
{% endmacro %}

{% macro put_in_place() %}
    {%- set standing = load_cached_relation(this) -%}
    {%- set made = this.incorporate(type='table') -%}
    {%- call statement('in_place') -%}
        {%- if standing %} drop {{ standing.type }} {{ standing }}; {% endif -%}
        alter table {{ this_aside() }} rename to {{ this.identifier }}
    {%- endcall -%}
    {%- do persist_docs(made, model) -%}
    {{- return(made) -}}
{% endmacro %}
