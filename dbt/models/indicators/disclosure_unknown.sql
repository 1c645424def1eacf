-- One row per cell: are the unknown count and what follows from it hidden? Where the figure is hidden, they are too. Unknown that
-- another measure's denominator tells is hidden with its whole figure, and wherever that measure is. Views of one
-- indicator share it, so they hide it together; a view that is hidden for a reason of its own leaves the others theirs.
with primary_cells as {{ materialized() }} (
    select
        cells.cell_id,
        cells.same_views_id as joint_id,
        cells.is_first_view or not main.is_hidden as leads,
        cells.no_count + coalesce(cells.unknown_count, 0) as size,
        coalesce(cells.unknown_count, 0) as first_count,
        cells.no_count as second_count,
        cells.is_unknown_small or main.is_hidden or (
            cells.is_unknown_told and bool_or(main.is_hidden and cells.is_unknown_in_denominator) over same_events
        ) as is_hidden
    from {{ ref('disclosure_cells') }} as cells
    inner join {{ ref('disclosure_main') }} as main on cells.cell_id = main.cell_id
    window same_events as (partition by cells.same_events_id)
),

{{ hide_what_follows('primary_cells', harmless={'first': 'always'}) }}

select
    cell_id,
    size,
    first_count,
    second_count,
    is_hidden
from hidden_last
