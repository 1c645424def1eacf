-- One row per cell: is the out-of-scope count hidden?
with primary_cells as materialized (
    select
        cell_id,
        out_of_scope_size as size,
        is_out_of_scope_small as is_hidden
    from {{ ref('disclosure_cells') }}
),

{{ hide_what_follows('primary_cells') }}

select
    cell_id,
    is_hidden
from hidden_last
