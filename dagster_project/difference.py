"""What changed from one release to another: every figure, the deliveries between them, and the records behind each figure.

Figures and deliveries follow from the two releases. Records need both nights rebuilt (rebuild.py) and name people by their
agencies' references, so they are written to a folder for the owner only.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from .contracts import load_contracts
from .reader import connect, load_json, release_folder
from .rebuild import CannotRebuild, find_instant, rebuild
from .release_tables import DATABASE, quote
from .settings import Settings
from .trace import CELL

KEY = (*CELL, "definition_version")
NAMES = ("title", "geography_name", "period_end")
FIGURES = ("numerator", "denominator", "rate_pct", "status")  # of all that changed, what a list shows
SOURCES = ("seeds", "contracts", "release_rules")  # of a manifest: names with their hashes or versions


@dataclass(frozen=True)
class Difference:
    """Two releases compared. ``figures``: key, name, and each changed column as (old, new). Records are in ``folder``."""

    old: str
    new: str
    figures: list[dict[str, Any]]
    came: list[dict[str, Any]]
    went: list[dict[str, Any]]
    changed_sources: list[str]
    record_count: int = 0
    folder: Path | None = None


def compare(settings: Settings, old_id: str, new_id: str) -> Difference:
    """Figures, deliveries and sources that differ. Raises reader.ReaderError for a release that is not there."""
    old, new = release_folder(settings, old_id), release_folder(settings, new_id)
    then, now = load_json(old, "manifest"), load_json(new, "manifest")
    before, after = ({d["delivery_id"]: d for d in m["deliveries"]} for m in (then, now))
    changed = [
        f"{source}/{name}"
        for source in SOURCES
        for name in sorted({*then[source], *now[source]})
        if then[source].get(name) != now[source].get(name)
    ]
    changed += ["code"] if then["code"] != now["code"] else []
    return Difference(
        old.name,
        new.name,
        _figures(old, new),
        [d for i, d in after.items() if i not in before],
        [d for i, d in before.items() if i not in after],
        changed,
    )


def _figures(old: Path, new: Path) -> list[dict[str, Any]]:
    """Every row of ``indicators`` with a column that differs, or that only one release has."""
    with connect(new) as con:
        columns = [name for name, *_ in con.execute("describe indicators").fetchall()]
    with connect(old) as con:
        shared = [c for c in columns if c in {name for name, *_ in con.execute("describe indicators").fetchall()}]
    values = [c for c in shared if c not in KEY and c not in NAMES]
    with duckdb.connect() as con:
        con.execute(f"attach {quote(old / DATABASE)} as old (read_only); attach {quote(new / DATABASE)} as new (read_only)")
        differs = " or ".join(f"a.{c} is distinct from b.{c}" for c in values)
        sides = ", ".join(f"a.{c} as old_{c}, b.{c} as new_{c}" for c in values)
        names = ", ".join(f"coalesce(b.{c}, a.{c}) as {c}" for c in NAMES)
        cursor = con.execute(
            f"select {', '.join(KEY)}, {names}, {sides} from old.indicators as a full join new.indicators as b "
            f"using ({', '.join(KEY)}) where {differs} order by {', '.join(KEY)}"
        )
        found = [dict(zip([d[0] for d in cursor.description], row, strict=True)) for row in cursor.fetchall()]
    fixed = (*KEY, *NAMES)
    return [
        {c: row[c] for c in fixed} | {c: (row[f"old_{c}"], row[f"new_{c}"]) for c in values if row[f"old_{c}"] != row[f"new_{c}"]}
        for row in found
    ]


def with_records(settings: Settings, found: Difference, log: Callable[[str], None] = print) -> Difference:
    """The same, with ``figures.csv`` and ``records.csv`` written: for each changed figure the events and records that changed it.

    The caller holds the run lock. Raises what a rebuild raises.
    """
    warehouses = [_warehouse_of(settings, release_id, log) for release_id in (found.old, found.new)]
    folder = settings.data_dir / "differences" / f"{found.old}..{found.new}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute(f"set memory_limit = {quote(settings.memory_limit)}; set threads = {settings.threads}")
        for name, path in zip(("old", "new", "restricted"), (*warehouses, settings.restricted_db), strict=True):
            con.execute(f"attach {quote(path)} as {name} (read_only)")
        _Events(con, settings).trace(found.figures)
        con.execute(f"copy (from causes order by all) to {quote(folder / 'records.csv')} (header)")
        count = con.execute("select count(*) from causes").fetchone()[0]
    _write_figures(folder / "figures.csv", found.figures)
    for file in folder.iterdir():
        file.chmod(0o600)
    return Difference(**{**found.__dict__, "record_count": count, "folder": folder})


def _warehouse_of(settings: Settings, release_id: str, log: Callable[[str], None]) -> Path:
    """The warehouse that a release was made from, rebuilt unless that was done before."""
    at = find_instant(settings, release_id)
    for home in settings.rebuilt_dir.glob("*"):
        if (home / "published" / release_id).exists() and (home / "data" / "warehouse.duckdb").exists():
            return home / "data" / "warehouse.duckdb"
    again = rebuild(settings, at, log=log)
    if again.outcome.release_id != release_id:
        raise CannotRebuild(
            f"Release {release_id} comes out as {again.outcome.release_id} with this code; take the code of then."
        )
    return again.settings.warehouse_db


def _write_figures(path: Path, figures: list[dict[str, Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*KEY, "title", "geography_name", "figure", "old", "new"])
        for row in figures:
            for name, value in row.items():
                if isinstance(value, tuple):
                    writer.writerow([*(row[k] for k in KEY), row["title"], row["geography_name"], name, *value])


class _Events:
    """The events of two warehouses (attached as ``old`` and ``new``) beside each other, and the records that they rest on."""

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings):
        self.con = con
        self.contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
        con.execute(
            "create table outcomes (population varchar, side varchar, outcome varchar, event_agency varchar, "
            "event_extract varchar, event_key varchar, event_date date, area_code varchar, order_group varchar, "
            "status varchar)"
        )
        con.execute(
            "create table pointers (population varchar, side varchar, event_agency varchar, event_extract varchar, "
            "event_key varchar, delivery_id varchar, row_number bigint)"
        )
        con.execute(
            "create table records (delivery_id varchar, row_number bigint, agency varchar, extract varchar, "
            "file_name varchar, record_key varchar, content ubigint)"
        )

    def trace(self, figures: list[dict[str, Any]]) -> None:
        """Fill table ``causes``: figure, event, its status then and now, and each record that is not as it was."""
        for population, mart in self.con.execute("select population, mart from new.indicators.populations").fetchall():
            for side in ("old", "new"):
                self._read(population, mart, side)
        self._find_changes(figures)

    def _read(self, population: str, mart: str, side: str) -> None:
        """Outcomes and record pointers of one mart. Events are told by the agency's own key, as ours change every night."""
        columns = [n for n, *_ in self.con.execute(f"describe {side}.marts.{mart}").fetchall()]
        prefixes = [c.removesuffix("_delivery_id") for c in columns if c.endswith("_delivery_id")]
        for prefix in prefixes:
            self._key_records(
                f"select {prefix}_delivery_id as delivery_id, {prefix}_row_number as row_number from {side}.marts.{mart}"
            )
        own = (
            f"{side}.marts.{mart} as m inner join records as r on m._delivery_id = r.delivery_id and m._row_number = r.row_number"
        )
        event = "r.agency, r.extract, r.record_key"
        for status in (c for c in columns if c.endswith("_status")):
            self.con.execute(
                f"insert into outcomes select ?, ?, ?, {event}, m.event_date, m.area_code, m.order_group, "
                f"case when m.is_in_scope then m.{status} else 'out_of_scope' end from {own}",
                [population, side, status.removesuffix("_status")],
            )
        for prefix in prefixes:
            self.con.execute(
                f"insert into pointers select ?, ?, {event}, m.{prefix}_delivery_id, m.{prefix}_row_number from {own} "
                f"where m.{prefix}_delivery_id is not null",
                [population, side],
            )

    def _key_records(self, pointers: str) -> None:
        """Give each record that is pointed to its agency's key and a hash of its text."""
        wanted = f"select distinct delivery_id, row_number from ({pointers}) where delivery_id is not null"
        deliveries = self.con.execute(
            "select distinct d.agency, d.extract from restricted.intake.deliveries as d "
            f"inner join ({wanted}) as p on d.delivery_id = p.delivery_id"
        ).fetchall()
        for agency, extract in deliveries:
            found = self.contracts.find(agency, extract)
            key = "concat_ws(' / ', " + ", ".join(f'trim(r."{k}")' for k in found.key) + ")"
            text = ", ".join(f'r."{c.name}"' for c in found.columns)
            self.con.execute(
                f"insert into records select r._delivery_id, r._row_number, ?, ?, d.file_name, {key}, hash({text}) "
                f"from restricted.raw.{found.table} as r inner join ({wanted}) as p "
                "on r._delivery_id = p.delivery_id and r._row_number = p.row_number "
                "inner join restricted.intake.deliveries as d on r._delivery_id = d.delivery_id "
                "where (r._delivery_id, r._row_number) not in (select delivery_id, row_number from records)",
                [agency, extract],
            )

    def _find_changes(self, figures: list[dict[str, Any]]) -> None:
        event = "population, event_agency, event_extract, event_key"
        self.con.execute(f"""
            create table changed as
            select {event}, outcome, a.event_date as old_date, b.event_date as new_date, a.area_code as old_area,
                b.area_code as new_area, a.order_group as old_group, b.order_group as new_group,
                a.status as old_status, b.status as new_status
            from (from outcomes where side = 'old') as a
            full join (from outcomes where side = 'new') as b using ({event}, outcome)
            where (a.event_date, a.area_code, a.order_group, a.status)
                is distinct from (b.event_date, b.area_code, b.order_group, b.status)""")
        self.con.execute(f"""
            create table moved as
            with pointed as (
                select distinct p.side, {event}, r.* from pointers as p
                inner join records as r on p.delivery_id = r.delivery_id and p.row_number = r.row_number)
            select {event}, agency, extract, record_key, a.file_name as old_file, a.row_number as old_row,
                b.file_name as new_file, b.row_number as new_row,
                case when a.content is null then 'added' when b.content is null then 'gone' else 'changed' end as what
            from (from pointed where side = 'old') as a
            full join (from pointed where side = 'new') as b using ({event}, agency, extract, record_key)
            where a.content is distinct from b.content""")
        self.con.execute(f"create table figures ({', '.join(f'{k} varchar' for k in KEY)})")
        if figures:
            self.con.executemany(
                f"insert into figures values ({', '.join('?' * len(KEY))})", [[str(row[k]) for k in KEY] for row in figures]
            )
        in_cell = " or ".join(
            f"(c.{side}_date >= p.period_start and c.{side}_date < p.period_end and coalesce(g{side}.geography_code, '') "
            f"= f.geography_code and (d.order_group is null or d.order_group = c.{side}_group))"
            for side in ("old", "new")
        )
        places = " ".join(
            f"left join new.indicators.area_memberships as g{side} on g{side}.area_code = coalesce(c.{side}_area, 'ZZ') "
            f"and g{side}.geography_type = f.geography_type and c.{side}_date >= g{side}.valid_from "
            f"and c.{side}_date < coalesce(g{side}.valid_to, date '9999-12-31')"
            for side in ("old", "new")
        )
        self.con.execute(f"""
            create table causes as
            select distinct {", ".join(f"f.{k}" for k in KEY)}, c.event_agency, c.event_extract, c.event_key,
                c.old_status, c.new_status, coalesce(m.what, 'definition, linkage or another record') as what,
                m.agency, m.extract, m.record_key, m.old_file, m.old_row, m.new_file, m.new_row
            from figures as f
            inner join new.publish.indicator_definitions as d
                on f.indicator_id = d.indicator_id and f.view_id = d.view_id
                and f.definition_version = cast(d.definition_version as varchar)
            inner join new.indicators.reporting_periods as p
                on f.period_type = p.period_type and f.period_start = cast(p.period_start as varchar)
            inner join changed as c on c.population = d.population and c.outcome = d.outcome
            {places}
            left join moved as m
                on c.population = m.population and c.event_agency = m.event_agency and c.event_extract = m.event_extract
                and c.event_key = m.event_key
            where {in_cell}""")


def report(found: Difference, limit: int = 20) -> str:
    """The difference in plain lines: how many figures changed, the largest of them, and what lies between the releases."""
    lines = [f"{len(found.figures):,} figures differ between release {found.old} and release {found.new}."]
    for row in sorted(found.figures, key=_size, reverse=True)[:limit]:
        changes = [f"{name} {_said(*row[name])}" for name in FIGURES if name in row]
        lines.append(
            f"  {row['indicator_id']} {row['view_id']}, {row['geography_name']}, {row['period_type'].replace('_', ' ')} "
            f"{row['period_start']}: {', '.join(changes) or 'words only'}"
        )
    lines += [f"  and {len(found.figures) - limit:,} more"] if len(found.figures) > limit else []
    for heading, deliveries in (("Deliveries in force only in the later", found.came), ("only in the earlier", found.went)):
        lines.append(f"{heading}: {len(deliveries) or 'none'}")
        lines += [
            f"  {d['agency']}/{d['file_name']}, {d['row_count']:,} rows, received {d['received_at'][:19]}" for d in deliveries
        ]
    lines.append(f"Seeds, contracts, rules and code that differ: {', '.join(found.changed_sources) or 'none'}")
    if found.folder:
        lines.append(f"{found.record_count:,} lines on records behind them, with every figure, in {found.folder}")
    return "\n".join(lines)


def _size(row: dict[str, Any]) -> float:
    old, new = row.get("denominator", (0, 0))
    return abs((new or 0) - (old or 0)) + abs((row.get("numerator", (0, 0))[1] or 0) - (row.get("numerator", (0, 0))[0] or 0))


def _said(old: Any, new: Any) -> str:
    show = [
        f"{v:.1f}" if isinstance(v, float) else "–" if v is None else f"{v:,}" if isinstance(v, int) else str(v)
        for v in (old, new)
    ]
    return f"{show[0]} → {show[1]}"
