-- One row per reference and other description of it: names and postcode as its agency gave them at another time or in another row,
-- the latest first. Identifiers; never leaves the restricted database.
{{ kept("reference_id in (select reference_id from {{ ref('int_touched_references') }})") }}
-- depends_on: {{ ref('int_touched_references') }}, {{ ref('int_touched_links') }}
with stated as (
    select * from {{ ref('int_stated_descriptions') }}
)

select * from stated
