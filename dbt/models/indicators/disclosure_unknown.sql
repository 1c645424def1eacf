-- One row per cell: are the unknown count and what follows from it hidden? Where the figure is hidden, they are too.
with primary_cells as {{ materialized() }} (
    select
        cells.cell_id,
        cells.unknown_size as size,
        cells.is_unknown_small or main.is_hidden as is_hidden
    from {{ ref('disclosure_cells') }} as cells
    inner join {{ ref('disclosure_main') }} as main on cells.cell_id = main.cell_id
),

{{ hide_what_follows('primary_cells') }}

select
    cell_id,
    is_hidden
from hidden_last
