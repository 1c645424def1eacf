-- One row per cell: is the whole figure hidden, because it is small or would give a small one away?
with primary_cells as {{ materialized() }} (
    select
        cell_id,
        same_views_id as joint_id,
        is_first_view as leads,
        denominator as size,
        numerator as first_count,
        denominator - numerator as second_count,
        numerator_moved,
        denominator_moved,
        is_main_small as is_hidden
    from {{ ref('disclosure_cells') }}
),

{{ hide_what_follows('primary_cells', moved=['numerator_moved', 'denominator_moved']) }}

select
    cell_id,
    size,
    first_count,
    second_count,
    numerator_moved,
    denominator_moved,
    is_hidden
from hidden_last
