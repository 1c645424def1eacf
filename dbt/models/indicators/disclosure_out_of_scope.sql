-- One row per cell: is the out-of-scope count hidden? Measures of the same events add up to one number of events, so they hide it
-- together: where it is small in any of them, or where it would give a hidden unknown count away. A measure that leaves nobody out
-- has nothing to hide there, and hides its unknown count in its place.
with primary_cells as {{ materialized() }} (
    select
        cells.cell_id,
        cells.same_events_id as joint_id,
        true as leads,
        cast(sum(cells.out_of_scope_count) over same_events as bigint) as size,
        case when cells.is_left_out_never then cells.unknown_count else cells.out_of_scope_count end as first_count,
        case when cells.is_left_out_never then cells.unknown_count else cells.out_of_scope_count end as second_count,
        bool_or(
            cells.is_out_of_scope_small or (unknown_cells.is_hidden and not cells.is_unknown_in_denominator)
        ) over same_events as is_hidden
    from {{ ref('disclosure_cells') }} as cells
    inner join {{ ref('disclosure_unknown') }} as unknown_cells on cells.cell_id = unknown_cells.cell_id
    window same_events as (partition by cells.same_events_id)
),

{{ hide_what_follows('primary_cells', harmless={'first': 'all', 'second': 'all'}) }}

select
    cell_id,
    size,
    first_count,
    second_count,
    is_hidden
from hidden_last
