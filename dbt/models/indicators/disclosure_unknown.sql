-- One row per cell: are the unknown count and what follows from it hidden? Where the figure is hidden, they are too. Unknown that
-- another measure's denominator tells is hidden with its whole figure, and wherever that measure is.
with primary_cells as {{ materialized() }} (
    select
        cells.cell_id,
        cells.cell_id as joint_id,
        false as leads,
        cells.unknown_size as size,
        cells.is_unknown_small or main.is_hidden or (
            cells.is_unknown_told and bool_or(main.is_hidden and cells.is_unknown_in_denominator) over same_events
        ) as is_hidden
    from {{ ref('disclosure_cells') }} as cells
    inner join {{ ref('disclosure_main') }} as main on cells.cell_id = main.cell_id
    window same_events as (partition by cells.same_events_id)
),

{{ hide_what_follows('primary_cells') }}

select
    cell_id,
    is_hidden
from hidden_last
