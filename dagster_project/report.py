"""The figures a run ends with: what is in print beside what was computed, from the current release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .reader import NULL, Answer, as_table, connect, load_json, percent, rate, release_folder

if TYPE_CHECKING:
    import duckdb

    from .settings import Settings


def _rows(con: duckdb.DuckDBPyConnection, sql: str, values: list | None = None) -> list[dict[str, Any]]:
    cursor = con.execute(sql, values or [])
    return [dict(zip([d[0] for d in cursor.description], row, strict=True)) for row in cursor.fetchall()]


def _line(row: dict[str, Any]) -> tuple:
    met = {None: NULL, True: "met", False: "missed"}[row["is_target_met"]]
    match = {None: "held", True: "=", False: "differs"}[row["is_reproduced"]]
    return (
        row["geography_name"],
        row["numerator"],
        row["denominator"],
        rate(row, "1"),
        percent(row["published_pct"], "1"),
        percent(row["target_pct"], "1"),
        met,
        match,
    )


def _section(con: duckdb.DuckDBPyConnection, group: dict[str, Any]) -> list[str]:
    """One table: the places in print in the order of their names, the totals, and how many are reproduced."""
    key = [group[k] for k in ("indicator_id", "view_id", "period_type", "period_start")]
    where = "indicator_id = ? and view_id = ? and period_type = ? and period_start = ?"
    rows = _rows(con, f"from published_comparison where {where} order by geography_name, source", key)
    totals = _rows(
        con,
        f"""select * from indicators where {where} and geography_type in ('country', 'nation') and status <> 'not_applicable'
            and (denominator > 0 or status <> 'available') order by geography_type = 'country', geography_name""",
        key,
    )
    titles = _rows(con, f"select any_value(title) as title, any_value(period_end) as until from indicators where {where}", key)
    parts = [r for r in rows if r["geography_type"] not in ("country", "nation")]
    columns = ["place", "yes", "all", "rate", "in print", "target", "target is", "match"]
    lines = [
        f"{group['indicator_id']} {group['view_id']}: {titles[0]['title']}",
        f"{group['period_start']} to before {titles[0]['until']}",
        "",
        as_table(Answer(columns, [_line(r) for r in parts]), wide=True),
        "",
    ]
    printed = {(r["geography_type"], r["geography_code"]): r for r in rows}
    for total in totals:
        beside = printed.get((total["geography_type"], total["geography_code"]))
        text = NULL if total["numerator"] is None else f"{total['numerator']:,} / {total['denominator']:,} = "
        text += "" if total["numerator"] is None else rate(total, "1" if beside else "0.1")
        text += f" (in print {beside['published_numerator']:,} / {beside['published_denominator']:,} = " if beside else ""
        text += f"{percent(beside['published_pct'], '1')})" if beside else ""
        lines.append(f"{total['geography_name']}: {text}")
    reproduced = sum(bool(r["is_reproduced"]) for r in parts)
    lines.append(f"{reproduced} of {len(parts)} percentages in print are reproduced.")
    return lines


def print_headline(settings: Settings) -> str:
    """The text that ends the main job: each figure in print beside the computed one, then totals. Writes nothing itself.

    Raises reader.ReaderError when there is no release.
    """
    folder = release_folder(settings)
    with connect(folder) as con:
        groups = _rows(
            con, "select distinct indicator_id, view_id, period_type, period_start from published_comparison order by all"
        )
        lines = [line for group in groups for line in ["", *_section(con, group)]]
    waived = [r for r in load_json(folder, "verdict")["rules"] if r["outcome"] == "waived"]
    lines += ["", *(f"{r['rule_id']} failed. {r['note']}" for r in waived)] if waived else []
    return "\n".join(
        [f"Release {folder.name} in {folder}", *lines, "", "Ask it: outcomes query · outcomes trace · outcomes releases"]
    )
