"""A small agency with contracts of its own, and a bench on which its files are checked and taken."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project import intake
from dagster_project.archive import Archive
from dagster_project.contracts import load_contracts
from dagster_project.settings import Settings

COLUMNS = ["visit_id", "person_ref", "kind_code", "start_date", "end_date", "hours", "is_home", "note"]
HEADER = ",".join(COLUMNS)
NOW = datetime(2013, 8, 5, 12)

EXTRACT = """
  - name: {name}
    description: One row per visit.
    customProperties:
      - {{property: deliveryMode, value: {mode}}}
      - {{property: maxQuarantinedPercent, value: {percent}}}
      - {{property: maxQuarantinedRows, value: {rows}}}
      - {{property: toleratedQuarantinedRows, value: {tolerated}}}
      - {{property: mayRepeat, value: {may_repeat}}}
      - {{property: smallestPercentOfLast, value: 60}}
      - {{property: largestPercentOfLast, value: 200}}
      - {{property: comparedFromRows, value: {compared_from}}}
    properties:
      - {{name: visit_id, logicalType: string, required: true, primaryKey: true, logicalTypeOptions: {{pattern: "V[0-9]+"}}}}
      - name: person_ref
        logicalType: string
        required: true{parent}
        customProperties: [{{property: aliases, value: [client]}}]
      - name: kind_code
        logicalType: string
        customProperties: [{{property: codeList, value: visit_codes}}, {{property: codeValidOn, value: start_date}}]
      - name: start_date
        logicalType: date
        logicalTypeOptions: {{format: {date_format}, minimum: "1950-01-01", maximum: "2099-12-31"}}
        customProperties: [{{property: latestDaysAfterExtract, value: 0}}]
      - {{name: end_date, logicalType: date, logicalTypeOptions: {{format: {date_format}}}}}
      - {{name: hours, logicalType: integer, logicalTypeOptions: {{minimum: 0, maximum: 5000}}}}
      - {{name: is_home, logicalType: boolean}}
      - {{name: note, logicalType: string, customProperties: [{{property: freeText, value: true}}]}}
    quality:
      - name: end_not_before_start
        type: custom
        engine: row_rule
        description: A visit cannot end before it starts. Correct it.
        implementation: {{column: end_date, failsWhen: "end_date < start_date"}}
"""


PEOPLE = """
  - name: people
    customProperties:
      - {property: deliveryMode, value: full}
      - {property: maxQuarantinedPercent, value: 10}
      - {property: maxQuarantinedRows, value: 5}
      - {property: toleratedQuarantinedRows, value: 2}
    properties:
      - {name: person_ref, logicalType: string, required: true, primaryKey: true}
      - {name: born, logicalType: date}
"""
CODES = "code,label,valid_from,valid_to\nHOME,At home,,\nOFFICE,At the office,,\nHOSTEL,At a hostel,,2012-01-01\n"


def contract(
    agency="north",
    delimiter=",",
    encoding="utf-8",
    percent=10,
    rows=5,
    tolerated=2,
    date_format="yyyy-MM-dd",
    may_repeat="false",
    compared_from=1000,
    has_people=False,
) -> str:
    """A contract with a full extract ``visits`` and a delta extract ``changes``; both refer to ``people`` if it is there."""
    terms = {"percent": percent, "rows": rows, "tolerated": tolerated, "date_format": date_format, "may_repeat": may_repeat}
    terms |= {
        "parent": "\n        relationships: [{to: people.person_ref}]" if has_people else "",
        "compared_from": compared_from,
    }
    custom = f'[{{property: delimiter, value: "{delimiter}"}}, {{property: encoding, value: {encoding}}}]'
    return (
        f"apiVersion: v3.1.0\nkind: DataContract\nid: {agency}\nversion: 1.0.0\nstatus: active\n"
        f"servers:\n  - {{server: landing, type: local, path: landing, format: csv, customProperties: {custom}}}\n"
        "slaProperties: [{property: frequency, value: 1, unit: m}, {property: latency, value: 10, unit: d}, "
        "{property: carryForward, value: 45, unit: d}]\nschema:"
        + EXTRACT.format(name="visits", mode="full", **terms)
        + EXTRACT.format(name="changes", mode="delta", **terms)
        + (PEOPLE if has_people else "")
    )


def row(number: int, **changes: str) -> list[str]:
    """A row that keeps the contract, with some of its columns changed."""
    sound = dict(zip(COLUMNS, [f"V{number}", f"P{number}", "HOME", "2013-06-01", "2013-06-02", "3", "Y", "fine"], strict=True))
    return list((sound | changes).values())


def as_csv(rows: list[list[str]], header: str = HEADER, end: str = "\n", delimiter: str = ",") -> bytes:
    """Header and rows as CSV in UTF-8."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    return (header.replace(",", delimiter) + end + out.getvalue()).encode()


def sound_rows(count: int, first: int = 1) -> list[list[str]]:
    return [row(n) for n in range(first, first + count)]


def with_bad(count: int, bad: int) -> bytes:
    """A file of ``count`` rows of which the last ``bad`` have a code that is not agreed."""
    return as_csv(sound_rows(count - bad) + [row(count - n, kind_code="SHED") for n in range(bad)])


class Bench:
    """A home with contracts, landing folder and databases. Every landing is held to what must always be true."""

    def __init__(self, home: Path):
        self.settings = Settings(home, home, "1GB", 2)
        self.contracts_dir, self.seeds_dir = home / "contracts", home / "seeds"
        self.contracts_dir.mkdir(parents=True)
        self.seeds_dir.mkdir()
        (self.seeds_dir / "visit_codes.csv").write_text(CODES)
        self.agree()

    def agree(self, **terms) -> None:
        """Write and load a contract."""
        (self.contracts_dir / f"{terms.get('agency', 'north')}.odcs.yaml").write_text(contract(**terms))
        self.contracts = load_contracts(self.contracts_dir, self.seeds_dir)

    def put(self, data: bytes, name: str = "visits_2013-06-30.csv", agency: str = "north") -> Path:
        folder = self.settings.landing_dir / agency
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        return folder / name

    def land(self, path: Path, now: datetime = NOW) -> intake.Report:
        with intake.open_restricted(self.settings, self.contracts) as con:
            report = intake.land(con, self.settings, self.contracts, path, now)
        self.hold(report)
        return report

    def take(self, data: bytes, name: str = "visits_2013-06-30.csv", agency: str = "north") -> intake.Report:
        """Check a file, take it, and hold both to the same verdict."""
        path = self.put(data, name, agency)
        if not self.settings.restricted_db.exists():
            intake.open_restricted(self.settings, self.contracts).close()
        said, done = intake.check(self.settings, self.contracts, path), self.land(path)
        assert said.extract is done.extract
        assert said.status == done.status
        if done.status != intake.REPLAY:
            counts = ("status", "reason", "read_count", "accepted_count", "quarantined_count")
            assert [getattr(said, c) for c in counts] == [getattr(done, c) for c in counts], (said, done)
            assert len(said.messages) == len(done.messages)
        return done

    def hold(self, report: intake.Report) -> None:
        """No row is lost, nothing is half-landed, nothing is left lying about."""
        delivery = [d for d in self.query("from intake.deliveries") if d["delivery_id"] == report.delivery_id]
        assert len(delivery) == 1
        landed = self.query(f"from raw.{report.extract.table}") if report.extract else []
        landed = [r for r in landed if r["_delivery_id"] == report.delivery_id]
        assert len(landed) == delivery[0]["accepted_count"]
        assert len({r["_row_number"] for r in landed}) == len(landed)
        if report.status == intake.REFUSED:
            assert report.messages and delivery[0]["status"] == intake.REFUSED and not landed
        elif report.status != intake.REPLAY:
            assert report.accepted_count + report.quarantined_count == report.read_count
            lines = {q["line"] for q in self.quarantine() if q["delivery_id"] == report.delivery_id}
            assert len(lines) == report.quarantined_count
        assert self.leftovers() == []

    def leftovers(self) -> list[Path]:
        work, archive = self.settings.data_dir / "work", self.settings.archive_dir
        return [*work.rglob("*"), *(p for p in archive.rglob(".*"))]

    def query(self, sql: str) -> list[dict]:
        with duckdb.connect(str(self.settings.restricted_db), read_only=True) as con:
            cursor = con.execute(sql)
            return [dict(zip([d[0] for d in cursor.description], r, strict=True)) for r in cursor.fetchall()]

    def rows(self, table: str = "north__visits") -> list[tuple]:
        """The columns of the contract as landed, in the order of the file; no value is an empty text."""
        names = ", ".join(COLUMNS)
        found = self.query(f"select {names} from raw.{table} order by _delivery_id, _row_number")
        return [tuple(v or "" for v in r.values()) for r in found]

    def quarantine(self) -> list[dict]:
        return self.query("from intake.quarantine order by line, column_name, reason")

    def faults(self) -> list[tuple]:
        """(line, column, reason, offending text, key) of all that is in quarantine."""
        names = ("line", "column_name", "reason", "offending_text", "record_key")
        return [tuple(q[n] for n in names) for q in self.quarantine()]

    def archived(self) -> dict[str, bytes]:
        """Bytes by hash, of every delivery that has a receipt."""
        archive = Archive(self.settings.archive_dir)
        return {r.content_hash: archive.place(r.content_hash).read_bytes() for r in archive.receipts()}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
