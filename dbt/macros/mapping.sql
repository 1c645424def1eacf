{#- Join condition to a mapping seed: the row of a view that says what a code meant on a day. -#}
{% macro maps(mapping, view, code_list, code, day) -%}
{{ mapping }}.view_id = '{{ view }}' and {{ mapping }}.code_list = {{ code_list }} and {{ mapping }}.code = {{ code }}
            and {{ is_on_day(day, "coalesce(" ~ mapping ~ ".valid_from, date '1900-01-01')", mapping ~ ".valid_to") }}
{%- endmacro %}

{#-
  The records of a model, whoever they are of, for the time that their code means yes: person_id, start_date, end_date. `code` is
  the column that holds it, of the list that the mapping's official view is of.
-#}
{% macro while_it_means_yes(records, code, mapping, code_list) -%}
select
    records.person_id,
    greatest(records.start_date, meaning.valid_from) as start_date,
    least(records.end_date, meaning.valid_to) as end_date
from {{ ref(records) }} as records
inner join {{ ref(mapping) }} as meaning
    on
        records.{{ code }} = meaning.code
        and meaning.code_list = '{{ code_list }}'
        and meaning.view_id = 'official'
        and meaning.status = 'yes'
{%- endmacro %}

{#- The columns that let a reader go back to the record that decided an outcome. -#}
{% macro evidence(prefix, relation) %}
        {{ relation }}.agency as {{ prefix }}_evidence_agency,
        {{ relation }}.evidence_delivery_id as {{ prefix }}_evidence_delivery_id,
        {{ relation }}.evidence_row_number as {{ prefix }}_evidence_row_number,
        {{ relation }}.evidence_date as {{ prefix }}_evidence_date,
        {{ relation }}.code as {{ prefix }}_evidence_code,
        {{ relation }}.is_evidenced as {{ prefix }}_is_evidenced,
        {{ relation }}.evidence_days as {{ prefix }}_evidence_days,
{%- endmacro %}

{#- Of a record that may decide what held on a day (`records`): what it says, and where it stands. -#}
{% macro deciding_columns() -%}
records.code,
        records.is_evidenced,
        coalesce(records.recorded_date, records.start_date) as evidence_date,
        records._delivery_id as evidence_delivery_id,
        records._row_number as evidence_row_number
{%- endmacro %}
