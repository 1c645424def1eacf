{#-
  Where dbt-spark itself differs from what this project needs. Each takes the place of the adapter's macro of the same name.
-#}

{#- Types are written once, in DuckDB's words. Contracts are compared with Spark's words for them, and hold there as well. -#}
{% macro spark_type(type) -%}
{{ {'varchar': 'string', 'timestamp': 'timestamp_ntz', 'integer': 'int'}.get(type | lower, type) }}
{%- endmacro %}
{% macro spark__cast(field, type) -%} cast({{ field }} as {{ spark_type(type) }}) {%- endmacro %}

{#- The type of a column of a seed: the one that dbt_project.yml names, or else the one that its values have, as on DuckDB. -#}
{% macro spark_seed_type(model, agate_table, name) -%}
    {%- set found = adapter.convert_type(agate_table, agate_table.column_names.index(name)) -%}
    {{- spark_type(model['config'].get('column_types', {}).get(name, 'int' if found == 'bigint' else found)) -}}
{%- endmacro %}

{#- Seeds with their nulls and apostrophes: dbt-spark's session method writes None for null and ends a text at its first quote. -#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {%- for chunk in agate_table.rows | batch(1000) -%}
    {%- set rows = [] -%}
    {%- for row in chunk -%}
    {%- set values = [] -%}
    {%- for name in agate_table.column_names -%}
    {%- set value = row[loop.index0] -%}
    {%- set text = 'null' if value is none else "'" ~ (value | string | replace('\\', '\\\\') | replace("'", "\\'")) ~ "'" -%}
    {%- do values.append('cast(' ~ text ~ ' as ' ~ spark_seed_type(model, agate_table, name) ~ ')') -%}
    {%- endfor -%}
    {%- do rows.append('(' ~ values | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- do adapter.add_query('insert into ' ~ this.render() ~ ' values ' ~ rows | join(', '), abridge_sql_log=True) -%}
    {%- endfor -%}
    {{ return('') }}
{% endmacro %}

{% macro spark__create_csv_table(model, agate_table) %}
    {%- set columns = [] -%}
    {%- for name in agate_table.column_names -%}
    {%- do columns.append(name ~ ' ' ~ spark_seed_type(model, agate_table, name)) -%}
    {%- endfor -%}
    {%- set sql = 'create table ' ~ this.render() ~ ' (' ~ columns | join(', ') ~ ') using parquet' -%}
    {%- call statement('_') -%} {{ sql }} {%- endcall -%}
    {{ return(sql) }}
{% endmacro %}
