{#-
  The rows of an extract in force, typed as the contract says.
  full:  the rows of the latest delivery.   delta: for each key the latest row sent, unless it withdraws the record.
  Latest is by extract date and sequence as the agency stated them, so the order of arrival does not matter, save for two files of
  one name: the later corrects.
  Keys are compared as they are typed: raw keeps text as sent, and blanks around a key name no other record.
  `of_keys`: SQL of keys (of several columns the first), of whose records alone; see staged.
-#}
{% macro in_force(agency, extract, with_first_seen=false, of_keys=none) %}
{%- set relation = source(agency, extract) -%}
{%- if execute -%}
{%- set node = source_node(agency, extract) -%}
{%- set meta = node.config.meta -%}
{%- set is_full = meta.mode == 'full' -%}
{%- set keys, key_names, same_key = [], [], [] -%}
{%- for name in meta.key -%}
{%- do keys.append(typed_text('raw.' ~ name, node.columns[name].config.meta) ~ ' as key_' ~ loop.index) -%}
{%- do key_names.append('raw.key_' ~ loop.index) -%}
{%- do same_key.append(typed_text('sent.' ~ name, node.columns[name].config.meta) ~ ' = seen.key_' ~ loop.index) -%}
{%- endfor %}
    with
    {%- if of_keys %}
    wanted_rows as materialized (
        select * from {{ relation }} as raw
        where {{ typed_text('raw.' ~ meta.key[0], node.columns[meta.key[0]].config.meta) }} in ({{ of_keys }})
    ),
    {%- set relation = 'wanted_rows' %}
    {%- endif %}
    deliveries as ({{ latest_first(agency, extract) }})
    {%- if is_full and with_first_seen %},

    -- of deliveries that are there, and of those that retention has removed
    said as (
        select
            {{ keys | join(',
            ') }},
            deliveries.extract_date as first_seen_date
        from {{ relation }} as raw
        inner join deliveries on raw._delivery_id = deliveries.delivery_id and deliveries.nth > 1
        {%- if keys | length == 1 %}
        union all
        select
            record_key as key_1,
            first_seen_date
        from {{ source('intake', 'first_seen') }}
        where agency = '{{ agency }}' and extract = '{{ extract }}'
        {%- endif %}
    ),

    seen as (
        select
            {{ key_names | join(', ') | replace('raw.', '') }},
            min(first_seen_date) as first_seen_date
        from said
        group by {{ key_names | join(', ') | replace('raw.', '') }}
    )
    {%- elif not is_full %},

    -- most keys were sent once: only those that a later delivery than the first holds are looked for in the others
    again as (
        select distinct {{ keys | join(', ') }}
        from {{ relation }} as raw
        inner join deliveries on raw._delivery_id = deliveries.delivery_id and deliveries.nth < deliveries.delivery_count
    ),

    -- and of those the rows, by number: to compare the text of keys a second time would cost more than all else
    seen as (
        select
            raw.nth,
            raw._row_number,
            min(raw.nth) over (partition by {{ key_names | join(', ') }}) as latest_nth,
            min(raw.extract_date) over (partition by {{ key_names | join(', ') }}) as first_seen_date
        from (
            select
                {{ keys | join(',
                ') }},
                deliveries.nth,
                deliveries.extract_date,
                raw._row_number
            from {{ relation }} as raw
            inner join deliveries on raw._delivery_id = deliveries.delivery_id
        ) as raw
        inner join again on {% for key in keys %}{{ 'and ' if not loop.first }}raw.key_{{ loop.index }} = again.key_{{ loop.index }} {% endfor %}
    )
    {%- endif %}

    select
        {%- for column in node.columns.values() %}
        {{ typed_text('sent.' ~ column.name, column.config.meta) }} as {{ column.name }},
        {%- endfor %}
        {%- if with_first_seen %}
        least(deliveries.extract_date, coalesce(seen.first_seen_date, deliveries.extract_date)) as _first_seen_date,
        {%- endif %}
        sent._delivery_id,
        sent._row_number
    from {{ relation }} as sent
    inner join deliveries on sent._delivery_id = deliveries.delivery_id
    {%- if not is_full %}
    left join seen on deliveries.nth = seen.nth and sent._row_number = seen._row_number
    {%- elif with_first_seen %}
    left join seen on {{ same_key | join(' and ') }}
    {%- endif %}
    where {% if is_full %}deliveries.nth = 1{% else %}(seen.latest_nth is null or deliveries.nth = seen.latest_nth){% endif %}
    {%- if meta.deleted_flag %} and coalesce(upper({{ trimmed('sent.' ~ meta.deleted_flag) }}), 'N') <> 'Y'{% endif %}
{%- else %}
    select * from {{ relation }}, {{ source('intake', 'deliveries') }}, {{ source('intake', 'first_seen') }}
{%- endif %}
{% endmacro %}

{#- The deliveries of an extract that were taken; the latest is the first. -#}
{% macro latest_first(agency, extract) %}
        select
            delivery_id,
            extract_date,
            row_number() over (order by extract_date desc, sequence desc, received_at desc, delivery_id desc) as nth,
            count(*) over () as delivery_count
        from {{ source('intake', 'deliveries') }}
        where agency = '{{ agency }}' and extract = '{{ extract }}' and status in ('accepted', 'accepted_with_quarantine')
{% endmacro %}

{#- The rows of every delivery but the latest, in force or not, typed as in_force has them; they were said on their _first_seen_date. -#}
{% macro sent_before(agency, extract, with_first_seen=false) %}
    select
        {%- for column in source_node(agency, extract).columns.values() %}
        {{ typed_text('sent.' ~ column.name, column.config.meta) }} as {{ column.name }},
        {%- endfor %}
        deliveries.extract_date as _first_seen_date,
        sent._delivery_id,
        sent._row_number
    from {{ source(agency, extract) }} as sent
    inner join ({{ latest_first(agency, extract) }}) as deliveries on sent._delivery_id = deliveries.delivery_id and deliveries.nth > 1
{% endmacro %}

{#-
  A column's text in its agreed type. Intake has kept back every value that does not fit; text that was taken under an earlier
  contract may not (`is_sure` false: it is null then).
-#}
{% macro typed_text(column, meta, is_sure=true) -%}
    {%- set text = "nullif(" ~ trimmed(column) ~ ", '')" -%}
    {%- set cast = 'cast' if is_sure else 'try_cast' -%}
    {%- if meta.type == 'date' and meta.date_format == '%Y-%m-%d' -%} {{ cast }}({{ text }} as date)
    {%- elif meta.type == 'date' and is_sure -%} {{ date_from_text(text, meta.date_format) }}
    {%- elif meta.type == 'date' -%} cast(try_strptime({{ text }}, '{{ meta.date_format }}') as date)
    {%- elif meta.type == 'integer' -%} {{ cast }}({{ text }} as bigint)
    {%- elif meta.type == 'boolean' -%} case upper({{ text }}) when 'Y' then true when 'N' then false end
    {%- else -%} {{ text }}
    {%- endif -%}
{%- endmacro %}

{#-
  A row of a delivery as one number that stays, in whatever order the deliveries came. Two deliveries of an extract lie so far
  apart that their rows meet with a chance of one in a million over thirty years of nights; then a test of the marts fails.
-#}
{% macro row_id(deliveries, rows) -%}
{{ deliveries }}.delivery_number + {{ rows }}._row_number
{%- endmacro %}
