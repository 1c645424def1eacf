"""What each agency must fix, in its own keys, and how far each fix could move the indicators at most.

A move is an upper bound: events that have no outcome yet, or rows that were not taken (one event for each), as points of the
indicator's latest national figure. The pages made of this name agencies' own records: they stay in the restricted folder.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from . import intake
from .checks import value
from .contracts import Contracts, Extract
from .manifest import deliveries_in_force
from .register import REFUSED, connect
from .release_tables import DATABASE, quote
from .settings import Settings

REFUSED_FILE, QUARANTINE, UNKNOWN = "refused file", "rows in quarantine", "unknown outcome"
SHOWN_KEYS = 3
WHOLE = 100.0  # points: as far as a percentage can move
COLUMNS = ["kind", "extract", "file", "line", "record_of", "record", "column", "reason", "what_to_do", "could_move_points"]
COLUMNS += ["indicator"]


@dataclass(frozen=True)
class Figure:
    """The latest national figure of an indicator and view, over its longest kind of period."""

    indicator_id: str
    view_id: str
    denominator: int
    period_start: date
    period_end: date


@dataclass
class Fix:
    """One thing to mend. ``moves``: (indicator, view, points), largest first. ``rows`` are for the agency's CSV: see COLUMNS."""

    kind: str
    agency: str
    extract: str | None
    what: str
    count: int
    examples: list[str]
    remedy: str
    moves: list[tuple[str, str, float]] = field(default_factory=list)
    content_hash: str | None = None
    rows: list[tuple] = field(default_factory=list, repr=False)

    @property
    def largest(self) -> float:
        """Points by which it could move the indicator that it could move most."""
        return self.moves[0][2] if self.moves else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain data, without the rows."""
        plain = asdict(replace(self, rows=[]))  # it would copy every cell of the rows, a million at national scale
        return {k: v for k, v in plain.items() if k != "rows"} | {"largest": self.largest}


def seed_rows(settings: Settings, name: str) -> list[dict[str, str]]:
    """The rows of a seed; none if there is no such file."""
    path = settings.seeds_dir / f"{name}.csv"
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
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
    """The two databases side by side, read only. Use as a context manager; raises duckdb.Error if they cannot be read."""

    def __init__(self, settings: Settings, contracts: Contracts):
        self.settings, self.contracts = settings, contracts
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

    def all(self, since: datetime) -> list[Fix]:
        """Every fix, those first that could move an indicator most. ``since``: when the night began (naive UTC)."""
        found = [*self.refused(since), *self.quarantined(), *self.unknown()]
        return sorted(found, key=lambda f: (-f.largest, f.kind != REFUSED_FILE, -f.count, f.agency, f.extract or "", f.what))

    # (a) files --------------------------------------------------------------------------------------------------------

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
        listed = [(REFUSED_FILE, extract, name, None, None, None, None, reason, says, *point)]
        listed += [
            (REFUSED_FILE, extract, name, line, extract, key, column, why, what, *point)
            for line, key, column, why, what in self.con.execute(
                "select line, record_key, column_name, reason, remedy from r.intake.quarantine where delivery_id = ? "
                "order by line, column_name",
                [delivery],
            ).fetchall()
        ]
        says = says or "Correct it and send it again."
        what = f"File {name} was refused: {reason}."
        return Fix(REFUSED_FILE, agency or "unknown", extract, what, rows or 0, [], says, moves, content_hash, listed)

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
        groups = self.con.execute("""
            select agency, extract, coalesce(column_name, ''), reason, remedy, count(distinct (delivery_id, line)) from waiting
            group by all order by all""").fetchall()
        found = []
        for agency, extract, column, reason, remedy, count in groups:
            moves = self._moves_of_rows(agency, extract, count)
            point = (moves[0][2], " ".join(moves[0][:2])) if moves else (0.0, "")
            lines = self.con.execute(
                "select distinct file_name, line, record_key from waiting where agency = ? and extract = ? "
                "and coalesce(column_name, '') = ? and reason = ? and remedy = ? order by file_name, line",
                [agency, extract, column, reason, remedy],
            ).fetchall()
            rows = [(QUARANTINE, extract, f, line, extract, key, column, reason, remedy, *point) for f, line, key in lines]
            examples = [f"{key or 'no key'} (line {line:,})" for _, line, key in lines[:SHOWN_KEYS]]
            what = f"{extract}{', ' + column if column else ''}: {reason.replace('_', ' ')}"
            found.append(Fix(QUARANTINE, agency, extract, what, count, examples, remedy, moves, rows=rows))
        return found

    def _drop_sent_again(self, extract: Extract) -> None:
        key = "concat_ws(' / ', " + ", ".join(value(k) for k in extract.key) + ")"
        order = "(d.extract_date, d.sequence, d.received_at)"
        self.con.execute(
            f"""delete from waiting where (delivery_id, record_key) in (
                select distinct q.delivery_id, q.record_key from waiting as q
                inner join r.intake.deliveries as e on q.delivery_id = e.delivery_id
                inner join (select {key} as sent_key, _delivery_id from r.raw.{extract.table}) as s on q.record_key = s.sent_key
                inner join r.intake.deliveries as d on s._delivery_id = d.delivery_id
                where q.agency = ? and q.extract = ? and {order} > {order.replace("d.", "e.")})""",
            [extract.agency, extract.name],
        )

    def _moves_of_rows(self, agency: str | None, extract: str | None, rows: int | None) -> list[tuple[str, str, float]]:
        """The moves if each row moved one event; of an unknown number of rows, as far as can be."""
        needed = {(n["population"], n["outcome"]) for n in self.needs if n["agency"] == agency and n["extract"] == extract}
        counts = {(d["indicator_id"], d["view_id"]): rows for d in self.definitions if (d["population"], d["outcome"]) in needed}
        return self._moves(counts)

    def _moves(self, counts: dict[tuple[str, str], int | None]) -> list[tuple[str, str, float]]:
        moves = [
            (*key, WHOLE if count is None else min(WHOLE, 100.0 * count / self.figures[key].denominator))
            for key, count in counts.items()
            if key in self.figures
        ]
        return sorted((m for m in moves if m[2] > 0), key=lambda m: (-m[2], m[:2]))

    # (c) outcomes -----------------------------------------------------------------------------------------------------

    def unknown(self) -> list[Fix]:
        """Events in scope without a known outcome, by the extract that should say it, up to the latest figure's end."""
        if not self.has_warehouse:
            return []
        self.con.execute(
            "create or replace temp table unknown (population varchar, indicator_id varchar, view_id varchar, agency varchar, "
            "extract varchar, own_agency varchar, own_extract varchar, delivery_id varchar, row_number bigint, event_date date, "
            "is_latest boolean, period_start date, period_end date)"
        )
        for population, mart in self.con.execute("select population, mart from w.indicators.populations").fetchall():
            self._find_unknown(population, mart)
        self._key_events()
        groups = self.con.execute("""
            select agency, extract, own_agency, own_extract, population,
                count(distinct (delivery_id, row_number)) filter (is_latest), count(distinct (delivery_id, row_number)),
                min(period_start), max(period_end) from unknown group by all order by all""").fetchall()
        return [self._unknown_fix(*group) for group in groups]

    def _find_unknown(self, population: str, mart: str) -> None:
        """Fill table ``unknown`` from one mart. Of whom a person is not known, the agency of the event should send them."""
        columns = [name for name, *_ in self.con.execute(f"describe w.marts.{mart}").fetchall()]
        events = f"w.marts.{mart} as m inner join r.intake.deliveries as d on m._delivery_id = d.delivery_id"
        owns = self.con.execute(f"select distinct d.agency, d.extract from {events}").fetchall()
        parents = {(e.agency, c.parent.split(".")[0]) for e in self.contracts.extracts for c in e.columns if c.parent}
        for wanted in self.definitions:
            status, key = f"{wanted['outcome']}_status", (wanted["indicator_id"], wanted["view_id"])
            if wanted["population"] != population or status not in columns or key not in self.figures:
                continue
            figure = self.figures[key]
            outcome = (population, wanted["outcome"])
            needs = {(n["agency"], n["extract"]) for n in self.needs if (n["population"], n["outcome"]) == outcome}
            deciders = self._deciders(mart, columns, status) & needs or needs - parents - set(owns)
            senders = [(s, "m.person_id is not null") for s in sorted(deciders)]
            agencies = {agency for agency, _ in owns}
            senders += [(s, "m.person_id is null") for s in sorted(needs & parents) if s[0] in agencies]
            for (agency, extract), which in senders:
                self.con.execute(
                    f"""insert into unknown select ?, ?, ?, ?, ?, d.agency, d.extract, m._delivery_id, m._row_number,
                        m.event_date, m.event_date >= ?, ?, ? from {events}
                        where m.is_in_scope and m.{status} = 'unknown' and m.event_date < ? and {which}
                            and (? = '' or m.order_group = ?)""",
                    [population, *key, agency, extract, figure.period_start, figure.period_start, figure.period_end]
                    + [figure.period_end, *[wanted["order_group"] or ""] * 2],
                )

    def _deciders(self, mart: str, columns: Iterable[str], status: str) -> set[tuple[str, str]]:
        """The extracts whose records decided other events: of the evidence columns, the one filled when the outcome is known."""
        best, found = 0.0, ""
        for evidence in (c for c in columns if c.endswith("_evidence_delivery_id")):
            share = self.con.execute(
                f"select avg(cast((m.{evidence} is not null) = (m.{status} <> 'unknown') as integer)) from w.marts.{mart} as m "
                f"where m.is_in_scope and m.{status} <> 'not_applicable'"
            ).fetchone()[0]
            if (share or 0) > best:
                best, found = share, evidence
        if not found:
            return set()
        records = f"w.marts.{mart} as m inner join r.intake.deliveries as d on m.{found} = d.delivery_id"
        return set(self.con.execute(f"select distinct d.agency, d.extract from {records}").fetchall())

    def _key_events(self) -> None:
        """Give each event its agency's own key."""
        self.con.execute("create or replace temp table event_keys (delivery_id varchar, row_number bigint, record_key varchar)")
        for agency, name in self.con.execute("select distinct own_agency, own_extract from unknown").fetchall():
            extract = self.contracts.find(agency, name)
            key = "concat_ws(' / ', " + ", ".join(value(k) for k in extract.key) + ")"
            self.con.execute(
                f"insert into event_keys select e._delivery_id, e._row_number, {key} from r.raw.{extract.table} as e "
                "inner join (select distinct delivery_id, row_number from unknown) as u "
                "on e._delivery_id = u.delivery_id and e._row_number = u.row_number"
            )

    def _unknown_fix(self, agency, extract, own_agency, own_extract, population, count, every, start, end) -> Fix:
        group = [agency, extract, own_agency, own_extract, population]
        where = "agency = ? and extract = ? and own_agency = ? and own_extract = ? and population = ?"
        counted = self.con.execute(
            "select indicator_id, view_id, count(distinct (delivery_id, row_number)) from unknown "
            f"where is_latest and {where} group by all",
            group,
        ).fetchall()
        moves = self._moves({(i, v): n for i, v, n in counted})
        events = self.con.execute(
            f"""with events as (select distinct delivery_id, row_number, event_date, indicator_id || ' ' || view_id as which
                    from unknown where {where})
                select event_date, record_key, string_agg(which, ', ' order by which) from events
                left join event_keys using (delivery_id, row_number)
                group by delivery_id, row_number, event_date, record_key order by event_date desc, record_key""",
            group,
        ).fetchall()
        remedy = f"Send the {extract} record that says it, or correct the one that does not."
        own = own_extract if own_agency == agency else f"{own_agency} {own_extract}"
        until = f"{start:%-d %B %Y} to {end - timedelta(days=1):%-d %B %Y}"
        when = until if count else f"before {start:%-d %B %Y}"  # the latest figures do not count those, earlier ones do
        what = f"{extract}: no record says the outcome of these {population}s (keys of {own}; {when})"
        point = round(moves[0][2], 3) if moves else 0.0
        rows = [
            (UNKNOWN, extract, None, None, f"{own_agency} {own_extract}", key, None, f"unknown on {at}", remedy, point, which)
            for at, key, which in events
        ]
        return Fix(
            UNKNOWN, agency, extract, what, count or every, [str(k) for _, k, _ in events[:SHOWN_KEYS]], remedy, moves, rows=rows
        )
