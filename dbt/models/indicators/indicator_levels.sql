-- One row per figure that rests on linkage and level of linkage (seeds/linkage_levels), before disclosure control: what the figure
-- would be if people were linked at that level. At the default level it is the figure.
with {{ linked_figures() }},

levels as (
    select * from {{ ref('linkage_levels') }}
),

differences as (
    select * from {{ ref('linkage_counts') }}
    where level_id is not null
),

counted as (
    select
        {{- figure_key('figures') }}
        levels.level_id,
        levels.label as level_name,
        levels.is_default = 'Y' as is_default,
        figures.numerator + coalesce(differences.yes_more, 0) as numerator,
        figures.denominator + coalesce(
            differences.yes_more + differences.no_more
            + case when figures.unknown_in_denominator then differences.unknown_more else 0 end, 0
        ) as denominator
    from figures
    cross join levels
    left join differences on levels.level_id = differences.level_id and {{ is_same_figure('figures', 'differences') }}
)

select
    *,
    {{ pct('numerator', 'denominator') }} as rate_pct
from counted
