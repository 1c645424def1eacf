{#-
  A table holds every value of a column that another one holds, each once: of both the rows are counted and the values, which are
  numbers, added up in two ways. The other's values are checked to be unique where it is made; to group them again for each table
  after it takes five times as long. One value lost and another repeated is always found; several that make up for each other in both
  sums are not: of hashes of 60 bits that does not happen by chance. The whole tables are asked, every night.
-#}
{% test holds_each_once(model, column, of) %}
with
    {%- for name, relation in [('held', model), ('expected', standing(of) if execute else of)] %}
    {{ name }} as (
        select
            count(*) as row_count,
            sum(cast({{ column }} as decimal(38, 0))) as added_up,
            sum(({{ column }} % 100003) * ({{ column }} % 100003)) as squared
        from {{ relation }}
    ){{ ',' if not loop.last }}
    {%- endfor %}
select
    held.row_count,
    expected.row_count as expected_row_count
from held
cross join expected
where held.row_count <> expected.row_count
    or held.added_up is distinct from expected.added_up or held.squared is distinct from expected.squared
{% endtest %}
