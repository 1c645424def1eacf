"""What linking people does to a figure, in plain words: what it would be at other levels, how far doubts could move it."""

from __future__ import annotations

from typing import Any

import duckdb

from .reader import percent

CELL = (
    "indicator_id", "view_id", "definition_version", "geography_type", "geography_code", "period_type", "period_start",
)  # fmt: skip
# of each indicator and view the latest national figure that is shown, over its longest periods
LATEST = """
select {cell}, geography_name, rate_pct from indicators
where geography_type = 'nation' and status = 'available' and denominator > 0
qualify row_number() over (
    partition by indicator_id, view_id order by period_end - period_start desc, period_start desc, definition_version desc) = 1
order by all
"""


def sentences(con: duckdb.DuckDBPyConnection, figure: dict[str, Any]) -> list[str]:
    """Two sentences on a figure of an open release (a row of ``indicators``); none if it rests on no linkage or is not shown."""
    if not con.execute("select 1 from duckdb_tables() where table_name = 'indicator_linkage'").fetchall():
        return []  # a release from before it was worked out
    where = " and ".join(f"{name} = ?" for name in CELL)
    rows = con.execute(
        "select level_name, is_default, rate_pct, linkage_low_pct, linkage_high_pct from indicator_linkage "
        f"where {where} order by level_id",
        [figure[name] for name in CELL],
    ).fetchall()
    usual = next((row for row in rows if row[1]), None)
    others = [row for row in rows if not row[1]]
    if usual is None or not others:
        return []
    (first, _, rate, *_), *more = others
    at = "".join(f", at the {name} level {percent(rate)}" for name, _, rate, *_ in more)
    low, high = percent(usual[3]), percent(usual[4])
    doubts = "If doubtful links were decided the other way as often as they are doubtful, the figure would "
    return [
        f"At the {first} level of linking this would be {percent(rate)}{at}.",
        doubts + (f"lie between {low} and {high}." if low != high else f"be {low}."),
    ]


def national(con: duckdb.DuckDBPyConnection) -> list[str]:
    """A line for the latest national figure of each indicator that rests on linkage, of an open release."""
    cursor = con.execute(LATEST.format(cell=", ".join(CELL)))
    names = [d[0] for d in cursor.description]
    lines = []
    for row in cursor.fetchall():
        figure = dict(zip(names, row, strict=True))
        said = sentences(con, figure)
        if said:
            what = f"{figure['indicator_id']} {figure['view_id'].replace('_', ' ')}"
            when = f"{figure['period_type'].replace('_', ' ')} from {figure['period_start']:%-d %B %Y}"
            lines.append(f"{what}, {figure['geography_name']}, {when}: {percent(figure['rate_pct'])}. {' '.join(said)}")
    return lines
