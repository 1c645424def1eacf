{#-
  The rows of an extract in force, typed as the contract says.
  full:  the rows of the latest delivery.   delta: for each key the latest row sent, unless it withdraws the record.
  Latest is by extract date and sequence as the agency stated them, so the order of arrival does not matter, save for two files of
  one name: the later corrects.
  Keys are compared as they are typed: raw keeps text as sent, and blanks around a key name no other record.
-#}
{% macro in_force(agency, extract, with_first_seen=false) %}
{%- set relation = source(agency, extract) -%}
{%- if execute -%}
{%- set node = graph.sources.values() | selectattr('source_name', 'equalto', agency) | selectattr('name', 'equalto', extract) | first -%}
{%- set meta = node.config.meta -%}
{%- set key = [] -%}
{%- for name in meta.key %}{% do key.append(typed_text('raw.' ~ name, node.columns[name].config.meta)) %}{% endfor -%}
    select
        {%- for column in node.columns.values() %}
        {{ typed_text('sent.' ~ column.name, column.config.meta) }} as {{ column.name }},
        {%- endfor %}
        {%- if with_first_seen %}
        sent._first_seen_date,
        {%- endif %}
        sent._delivery_id,
        sent._row_number
    from (
        select
            raw.*,
            {%- if with_first_seen %}
            min(deliveries.extract_date) over (partition by {{ key | join(', ') }}) as _first_seen_date,
            {%- endif %}
            {%- if meta.mode == 'full' %}
            deliveries._nth_delivery as _nth
            {%- else %}
            row_number() over (partition by {{ key | join(', ') }} order by deliveries._nth_delivery) as _nth
            {%- endif %}
        from {{ relation }} as raw
        inner join (
            select
                delivery_id,
                extract_date,
                row_number() over (order by extract_date desc, sequence desc, received_at desc, delivery_id desc) as _nth_delivery
            from {{ source('intake', 'deliveries') }}
            where agency = '{{ agency }}' and extract = '{{ extract }}' and status in ('accepted', 'accepted_with_quarantine')
        ) as deliveries on raw._delivery_id = deliveries.delivery_id
    ) as sent
    where sent._nth = 1
    {%- if meta.deleted_flag %} and coalesce(upper(trim(sent.{{ meta.deleted_flag }})), 'N') <> 'Y'{% endif %}
{%- else %}
    select * from {{ relation }}, {{ source('intake', 'deliveries') }}
{%- endif %}
{% endmacro %}

{#- A column's text in its agreed type. Intake has kept back every value that does not fit. -#}
{% macro typed_text(column, meta) -%}
    {%- set text = "nullif(trim(" ~ column ~ "), '')" -%}
    {%- if meta.type == 'date' and meta.date_format == '%Y-%m-%d' -%} cast({{ text }} as date)
    {%- elif meta.type == 'date' -%} cast(strptime({{ text }}, '{{ meta.date_format }}') as date)
    {%- elif meta.type == 'integer' -%} cast({{ text }} as bigint)
    {%- elif meta.type == 'boolean' -%} case upper({{ text }}) when 'Y' then true when 'N' then false end
    {%- else -%} {{ text }}
    {%- endif -%}
{%- endmacro %}
