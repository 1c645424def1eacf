"""What each agency must fix, in its own keys, and how far each fix could move the indicators at most.

A move is an upper bound: events that have no outcome yet, or rows that were not taken (one event for each), as points of the
indicator's latest national figure. The pages made of this name agencies' own records: they stay in the restricted folder.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from . import intake, misplaced
from .checks import value
from .contracts import Contracts, Extract
from .fix_lists import COLUMNS, MISPLACED, QUARANTINE, REFUSED_FILE, UNKNOWN, Fix, Sql, listed, rows_of, write
from .fix_unknown import SHOWN_KEYS, find_unknown
from .manifest import deliveries_in_force
from .register import REFUSED, connect
from .release_tables import DATABASE, quote
from .settings import Settings

__all__ = ["COLUMNS", "MISPLACED", "QUARANTINE", "REFUSED_FILE", "UNKNOWN", "Figure", "Fix", "Fixes", "indicators_that_need"]
__all__ += ["national"]
WHOLE = 100.0  # points: as far as a percentage can move
KEY = "case when {0}reason <> 'ragged' then {0}record_key end"  # else any other field may be in its place


@dataclass(frozen=True)
class Figure:
    """The latest national figure of an indicator and view, over its longest kind of period."""

    indicator_id: str
    view_id: str
    denominator: int
    period_start: date
    period_end: date


def seed_rows(settings: Settings, name: str) -> list[dict[str, str]]:
    """The rows of a seed; none if there is no such file."""
    path = settings.seeds_dir / f"{name}.csv"
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def indicators_that_need(settings: Settings, agency: str, extract: str | None) -> list[str]:
    """Ids of the indicators that rest on an extract, as the seeds say; on any extract of the agency if none is named."""
    needs = {
        (n["population"], n["outcome"])
        for n in seed_rows(settings, "indicator_needs")
        if n["agency"] == agency and extract in (None, n["extract"])
    }
    definitions = seed_rows(settings, "indicator_definitions")
    return sorted({d["indicator_id"] for d in definitions if (d["population"], d["outcome"]) in needs})


def national(con: duckdb.DuckDBPyConnection, table: str) -> dict[tuple[str, str], Figure]:
    """(indicator, view) → its latest national figure in a table shaped like ``indicators``."""
    rows = con.execute(f"""
        select indicator_id, view_id, denominator, period_start, period_end from {table}
        where geography_type in ('nation', 'country') and status = 'available' and denominator > 0
        order by date_diff('month', period_start, period_end), period_end, geography_type = 'nation', denominator""").fetchall()
    return {(row[0], row[1]): Figure(*row) for row in rows}  # the last of each stays


class Fixes:
    """The two databases side by side, read only. Use as a context manager; raises duckdb.Error if they cannot be read.

    ``most``: of each fix no more rows are listed, the first of them (of events the latest); 0 for all.
    """

    def __init__(self, settings: Settings, contracts: Contracts, most: int = 0):
        self.settings, self.contracts, self.most = settings, contracts, most
        self.limit = f" limit {most}" if most else ""
        self.definitions = seed_rows(settings, "indicator_definitions")
        self.needs = seed_rows(settings, "indicator_needs")

    def __enter__(self) -> Fixes:
        self.con = connect(self.settings)
        self.con.execute(f"attach {quote(self.settings.restricted_db)} as r (read_only)")
        self.figures: dict[tuple[str, str], Figure] = {}
        release = self.settings.published_dir / "current" / DATABASE
        if release.exists():  # for those that are held tonight
            self.con.execute(f"attach {quote(release.resolve())} as published (read_only)")
            self.figures |= national(self.con, "published.indicators")
        self.has_warehouse = self.settings.warehouse_db.exists()
        if self.has_warehouse:
            self.con.execute(f"attach {quote(self.settings.warehouse_db)} as w (read_only)")
            self.figures |= national(self.con, "w.indicators.indicators")
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def is_cut(self, rows: int) -> bool:
        """Whether so many rows are more than a list may hold."""
        return 0 < self.most < rows

    def all(self, since: datetime) -> list[Fix]:
        """Every fix, those first that could move an indicator most. ``since``: when the night began (naive UTC)."""
        found = [*self.misplaced(), *self.refused(since), *self.quarantined(), *self.unknown()]
        files = (REFUSED_FILE, MISPLACED)
        return sorted(found, key=lambda f: (-f.largest, f.kind not in files, -f.count, f.agency, f.extract or "", f.what))

    def rows(self, fix: Fix) -> list[tuple]:
        """The rows of one fix as text, each a cell for each of COLUMNS."""
        return rows_of(self.con, fix)

    def write(self, found: list[Fix], path: Path) -> None:
        """The rows of some fixes as one CSV file for its owner only. Raises OSError, duckdb.Error."""
        write(self.con, found, path)

    # (a) files --------------------------------------------------------------------------------------------------------

    def misplaced(self) -> list[Fix]:
        """Files in the landing folder that no night reads."""
        found = []
        for file in misplaced.find(self.settings, self.contracts):
            cells = (MISPLACED, None, file.place, None, None, None, None, file.why, file.remedy, None, None)
            found.append(Fix(MISPLACED, file.agency or "unknown", None, file.says, 0, [], file.remedy, lists=[listed(cells)]))
        return found

    def refused(self, since: datetime) -> list[Fix]:
        """Refused files that nothing has replaced: those that came tonight, and those that still wait in the landing folder."""
        rows = self.con.execute(
            "select agency, extract, file_name, content_hash, extract_date, received_at, row_count, reason, delivery_id "
            "from r.intake.deliveries where status = ? order by received_at",
            [REFUSED],
        ).fetchall()
        waiting = {(p.parent.name, p.name): p for p in intake.waiting_files(self.settings)}
        latest = {(agency, name): row for row in rows for agency, _, name, *_ in [row]}
        found = []
        for (agency, name), row in latest.items():
            path = waiting.get((agency, name))
            if (path or row[5] >= since) and not self._is_replaced(*row[:2], *row[4:6]):
                found.append(self._refused_file(path, *row))
        return found

    def _is_replaced(self, agency: str | None, extract: str | None, extract_date: date, received_at: datetime) -> bool:
        contract = self.contracts.find(agency, extract) if extract else None
        later = "extract_date > ? or" if contract and contract.mode == "full" else "false and extract_date > ? or"
        return bool(
            self.con.execute(
                "select count(*) from r.intake.deliveries where agency = ? and extract = ? and status <> ? "
                f"and ({later} (extract_date >= ? and received_at > ?))",
                [agency, extract, REFUSED, extract_date, extract_date, received_at],
            ).fetchone()[0]
        )

    def _refused_file(self, path: Path | None, agency, extract, name, content_hash, _date, _at, rows, reason, delivery) -> Fix:
        says = self._check_again(path) if path else ""
        moves = self._moves_of_rows(agency, extract, rows or None)
        point = (moves[0][2], " ".join(moves[0][:2])) if moves else (0.0, "")
        head, own = (REFUSED_FILE, extract, name), f"from r.intake.quarantine where delivery_id = {quote(delivery)}"
        lists = [listed((*head, None, None, None, None, reason, says, *point))]
        cells = [Sql(c) for c in ("line", KEY.format(""), "column_name", "reason", "remedy")]
        cells = (*head, cells[0], extract, *cells[1:], *point)
        lists.append(listed(cells, f"({own} order by line, column_name, reason, remedy{self.limit})"))
        says = says or "Correct it and send it again."
        what = f"File {name} was refused: {reason}."
        cut = self.is_cut(self.con.execute(f"select count(*) {own}").fetchone()[0])
        return Fix(REFUSED_FILE, agency or "unknown", extract, what, rows or 0, [], says, moves, content_hash, lists, cut)

    def _check_again(self, path: Path) -> str:
        """The remedy, from what the check before sending says of the file as a whole. Offending text is not repeated."""
        try:
            report = intake.check(self.settings, self.contracts, path, con=None)
        except Exception:  # its contract may be in a bad way; the reason stands in the register
            return ""
        said = next((m.split(": The file ", 1)[1] for m in report.messages if ": The file " in m), "")
        wrong = report.reason.removeprefix("the file ")
        return said.split(f"{wrong}. ", 1)[-1] if wrong else said

    # (b) rows ---------------------------------------------------------------------------------------------------------

    def quarantined(self) -> list[Fix]:
        """Rows in quarantine of the deliveries in force, by extract, column and reason; none that was sent again since."""
        in_force = [d["delivery_id"] for d in deliveries_in_force(self.settings)]
        self.con.execute(
            "create or replace temp table waiting as select * from r.intake.quarantine where delivery_id in (select unnest(?))",
            [in_force],
        )
        for agency, name in self.con.execute("select distinct agency, extract from waiting").fetchall():
            extract = self.contracts.find(agency, name)
            if extract and extract.mode != "full":
                self._drop_sent_again(extract)
        alike = "agency, extract, coalesce(column_name, '') as column_name, reason, remedy"
        self.con.execute(f"""
            create or replace temp table groups as select row_number() over () as number, *
            from (select {alike}, count(distinct (delivery_id, line)) as rows from waiting group by all order by all)""")
        same = " and ".join(f"w.{name} is not distinct from g.{name}" for name in ("agency", "extract", "reason", "remedy"))
        self.con.execute(f"""
            create or replace temp table lines as select distinct g.number, w.file_name, w.line, {KEY.format("w.")} as record_key
            from waiting as w inner join groups as g on {same} and coalesce(w.column_name, '') = g.column_name order by all""")
        return [self._group(*group) for group in self.con.execute("select * from groups order by number").fetchall()]

    def _group(self, number: int, agency: str, extract: str, column: str, reason: str, remedy: str, count: int) -> Fix:
        """Rows that fail alike: of one extract and column, for one reason."""
        moves = self._moves_of_rows(agency, extract, count)
        point = (moves[0][2], " ".join(moves[0][:2])) if moves else (0.0, "")
        rows = f"(from lines where number = {number} order by file_name, line, record_key{self.limit})"
        shown = self.con.execute(f"select line, record_key from {rows} limit {SHOWN_KEYS}").fetchall()
        examples = [f"{key or 'no key'} (line {line:,})" for line, key in shown]
        what = f"{extract}{', ' + column if column else ''}: {reason.replace('_', ' ')}"
        cells = (QUARANTINE, extract, Sql("file_name"), Sql("line"), extract, Sql("record_key"), column, reason, remedy, *point)
        cut = self.is_cut(count)
        return Fix(QUARANTINE, agency, extract, what, count, examples, remedy, moves, lists=[listed(cells, rows)], is_cut=cut)

    def _drop_sent_again(self, extract: Extract) -> None:
        """Only what came after the first delivery that still has rows waiting is looked through: most nights, little."""
        order = "(d.extract_date, d.sequence, d.received_at)"
        earlier, deliveries = order.replace("d.", "e."), "r.intake.deliveries"
        of, own = "agency = ? and extract = ?", [extract.agency, extract.name]
        later = self.con.execute(
            f"select delivery_id from {deliveries} as d where {of} and {order} > (select min({earlier}) from {deliveries} as e "
            f"where delivery_id in (select delivery_id from waiting where {of}))",
            own * 2,
        ).fetchall()
        if not later:
            return
        key = "concat_ws(' / ', " + ", ".join(value(k) for k in extract.key) + ")"
        named = ", ".join(quote(delivery) for (delivery,) in later)
        self.con.execute(
            f"""delete from waiting where (delivery_id, record_key) in (
                select distinct q.delivery_id, q.record_key from waiting as q
                inner join {deliveries} as e on q.delivery_id = e.delivery_id
                inner join (
                    select {key} as sent_key, _delivery_id from r.raw.{extract.table} where _delivery_id in ({named})
                ) as s on q.record_key = s.sent_key
                inner join {deliveries} as d on s._delivery_id = d.delivery_id
                where q.{of.replace("and ", "and q.")} and {order} > {earlier})""",
            own,
        )

    def _moves_of_rows(self, agency: str | None, extract: str | None, rows: int | None) -> list[tuple[str, str, float]]:
        """The moves if each row moved one event; of an unknown number of rows, as far as can be."""
        needed = {(n["population"], n["outcome"]) for n in self.needs if n["agency"] == agency and n["extract"] == extract}
        counts = {(d["indicator_id"], d["view_id"]): rows for d in self.definitions if (d["population"], d["outcome"]) in needed}
        return self.moves(counts)

    def moves(self, counts: dict[tuple[str, str], int | None]) -> list[tuple[str, str, float]]:
        """(indicator, view) → events, None for an unknown number: (indicator, view, points) at most, largest first."""
        moves = [
            (*key, WHOLE if count is None else min(WHOLE, 100.0 * count / self.figures[key].denominator))
            for key, count in counts.items()
            if key in self.figures
        ]
        return sorted((m for m in moves if m[2] > 0), key=lambda m: (-m[2], m[:2]))

    # (c) outcomes -----------------------------------------------------------------------------------------------------

    def unknown(self) -> list[Fix]:
        """Events in scope without a known outcome, by the extract that should say it, up to the latest figure's end."""
        return find_unknown(self) if self.has_warehouse else []
