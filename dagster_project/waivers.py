"""``seeds/waivers.csv`` + the rules → who may be let off what today, and which lines of the file say nothing that counts.

A waiver names one rule, a scope (indicator, area, period; blank or ``all`` is all of them), a reason, the person who asked
and another who agreed, and a time in force, half-open: on ``valid_to`` it is over. How long that may be is a row of
``seeds/waiver_rules.csv``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.suites import GateError, Rule, Suite

if TYPE_CHECKING:
    from dagster_project.settings import Settings

SCOPE = ("indicator_id", "geography_code", "period_start")
COLUMNS = ("waiver_id", "rule_id", *SCOPE, "reason", "requested_by", "approved_by", "valid_from", "valid_to")
ALL = "all"
LONGEST = "longest_days"


@dataclass(frozen=True)
class Waiver:
    """One sound row. A scope that is None is all; in force on days of [``valid_from``, ``valid_to``)."""

    waiver_id: str
    rule_id: str
    indicator_id: str | None
    geography_code: str | None
    period_start: date | None
    reason: str
    requested_by: str
    approved_by: str
    valid_from: date
    valid_to: date

    @property
    def scope(self) -> dict[str, str]:
        """Column → value, of the columns by which the scope is narrower than all."""
        return {name: str(getattr(self, name)) for name in SCOPE if getattr(self, name) is not None}

    @property
    def words(self) -> str:
        """Who waived it, why and until when, for people."""
        scope = ", ".join(f"{name} {value}" for name, value in self.scope.items()) or "everything"
        return (
            f"Waived by {self.approved_by}, asked for by {self.requested_by}, until before {self.valid_to:%-d %B %Y} "
            f"for {scope}: {self.reason.rstrip('.')}. ({self.waiver_id})"
        )


@dataclass(frozen=True)
class Fault:
    """Why a row is no waiver: ``says`` names file, line, column and remedy."""

    waiver_id: str
    rule_id: str
    line: int
    column: str
    says: str


@dataclass(frozen=True)
class Waivers:
    """The rows of the file on one day. Only those ``in_force`` waive anything."""

    in_force: tuple[Waiver, ...] = ()
    not_yet: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()
    unsound: tuple[Fault, ...] = ()

    def of(self, rule: Rule) -> list[Waiver]:
        """Those in force that name a rule."""
        return [w for w in self.in_force if w.rule_id == rule.id] if rule.is_waivable else []


@dataclass(frozen=True)
class WaiverReport:
    """What the waivers did in one verdict; every entry is plain data, and ``says`` in it a sentence for the night's page."""

    used: tuple[dict[str, Any], ...] = ()
    unused: tuple[dict[str, Any], ...] = ()
    not_yet: tuple[dict[str, Any], ...] = ()
    expired: tuple[dict[str, Any], ...] = ()
    unsound: tuple[dict[str, Any], ...] = ()

    @property
    def lines(self) -> list[str]:
        """A line for people about every waiver, those that were used first."""
        return [
            f"{state.replace('_', ' ')}: {' '.join(w[k] for k in ('waiver_id', 'rule_id') if w[k])}: {w['says']}"
            for state, found in self.to_dict().items()
            for w in found
        ]

    def to_dict(self) -> dict[str, Any]:
        """As plain data for ``verdict.json``."""
        return asdict(self)


def report(waivers: Waivers, used: Iterable[str], why_unused: dict[str, str]) -> WaiverReport:
    """The waivers by what became of them. ``used`` are ids; ``why_unused`` has a sentence for some of the other ids."""
    used = set(used)

    def entry(waiver: Waiver, says: str) -> dict[str, Any]:
        return {k: v.isoformat() if isinstance(v, date) else v for k, v in asdict(waiver).items()} | {"says": says}

    unused = "Its rule did not fail. Take the row out of seeds/waivers.csv unless the failure is still expected."
    return WaiverReport(
        used=tuple(entry(w, w.words) for w in waivers.in_force if w.waiver_id in used),
        unused=tuple(entry(w, why_unused.get(w.waiver_id, unused)) for w in waivers.in_force if w.waiver_id not in used),
        not_yet=tuple(entry(w, f"It is in force from {w.valid_from:%-d %B %Y}.") for w in waivers.not_yet),
        expired=tuple(
            entry(w, f"It was over on {w.valid_to:%-d %B %Y} and waives nothing. Take the row out, or have a new one agreed.")
            for w in waivers.expired
        ),
        unsound=tuple(asdict(f) for f in waivers.unsound),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _longest(settings: Settings) -> int:
    path = settings.seeds_dir / "waiver_rules.csv"
    try:
        return next(int(row["value"]) for row in _rows(path) if row["rule_id"] == LONGEST)
    except (OSError, KeyError, StopIteration, ValueError, UnicodeDecodeError) as error:
        raise GateError(f"{path.name}: no row '{LONGEST}' with a number of days. Put it back.") from error


def _known(settings: Settings) -> dict[str, set[str]]:
    """The indicators and places that a scope may name."""
    names = {
        "indicator_id": [("indicator_definitions", "indicator_id")],
        "geography_code": [("areas", "area_code"), *[("regions", f"{k}_code") for k in ("region", "country", "nation")]],
    }
    return {
        scope: {row[column] for seed, column in places for row in _rows(settings.seeds_dir / f"{seed}.csv")}
        for scope, places in names.items()
    }


def _name(text: str) -> str:
    """A person's name or an id without its accidents of case and blanks."""
    return " ".join(text.split()).casefold()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _faults(row: dict[str, str], rules: dict[str, Rule], known: dict[str, set[str]], longest: int) -> list[tuple[str, str]]:
    """Column and sentence of everything that keeps a row from being a waiver."""
    found = []
    for column in ("waiver_id", "rule_id", "reason", "requested_by", "approved_by"):
        if not row[column]:
            found.append((column, "is blank. Fill it in"))
    rule = rules.get(row["rule_id"])
    if row["rule_id"] and rule is None:
        found.append(("rule_id", f"there is no rule '{row['rule_id']}'. Write its id as expectations/releases has it"))
    elif rule and not rule.is_waivable:
        found.append(("rule_id", f"'{rule.id}' may not be waived. Take the row out and mend what the rule found"))
    for column, values in known.items():
        if row[column] and row[column] not in values:
            found.append((column, f"'{row[column]}' is not known. Write it as the seeds do, or all"))
    if row["requested_by"] and _name(row["requested_by"]) == _name(row["approved_by"]):
        found.append(("approved_by", f"is the person who asked ({row['requested_by']}). Somebody else has to agree"))
    days = {column: _day(row[column]) for column in ("valid_from", "valid_to", "period_start")}
    for column, day in days.items():
        if day is None and (row[column] or column != "period_start"):
            found.append((column, f"'{row[column]}' is not a date. Write it as 2013-07-01"))
    if days["valid_from"] and days["valid_to"]:
        length = (days["valid_to"] - days["valid_from"]).days
        if length < 1:
            found.append(("valid_to", "is not after valid_from. Write the first day on which it is over"))
        elif length > longest:
            found.append(("valid_to", f"is {length} days after valid_from; {longest} are allowed. Choose an earlier day"))
    return found


def _read(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[Fault]]:
    """Line number and cells of each row that has the right shape, ``all`` made blank; faults of the others."""
    rows, faults = [], []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if tuple(header) != COLUMNS:
                says = f"{path.name}, line 1: the columns are not {', '.join(COLUMNS)}. Put the first line back."
                return [], [Fault("", "", 1, "", says)]
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(COLUMNS):
                    says = (
                        f"{path.name}, line {reader.line_num}: {len(cells)} columns, not {len(COLUMNS)}. "
                        'Put text that has a comma in it between ".'
                    )
                    faults.append(Fault(cells[0].strip(), "", reader.line_num, "", says))
                    continue
                row = dict(zip(COLUMNS, map(str.strip, cells), strict=True))
                rows.append((reader.line_num, row | {n: "" for n in SCOPE if row[n].casefold() == ALL}))
    except (UnicodeDecodeError, csv.Error) as error:
        says = f"{path.name}: cannot be read as UTF-8 CSV ({error}); nothing is waived. Save it again as such."
        return [], [Fault("", "", 0, "", says)]
    return rows, faults


def load_waivers(settings: Settings, today: date, suites: list[Suite]) -> Waivers:
    """The waivers of ``seeds/waivers.csv`` on a day, by whether they hold. No file, or no row in it, waives nothing.

    A row with any fault is unsound and waives nothing; it is never an error. Raises GateError when the longest time that a
    waiver may run is not written in ``seeds/waiver_rules.csv``.
    """
    path = settings.seeds_dir / "waivers.csv"
    if not path.exists():
        return Waivers()
    rows, unsound = _read(path)
    if not rows:
        return Waivers(unsound=tuple(unsound))
    rules = {rule.id: rule for suite in suites for rule in suite.rules}
    known, longest = _known(settings), _longest(settings)
    ids = [_name(row["waiver_id"]) for _, row in rows]
    sound = []
    for line, row in rows:
        found = _faults(row, rules, known, longest)
        if row["waiver_id"] and ids.count(_name(row["waiver_id"])) > 1:
            found.append(("waiver_id", f"'{row['waiver_id']}' is there twice, and neither holds. Give each row an id of its own"))
        for column, says in found:
            sentence = f"{path.name}, line {line}, {column}: {says}."
            unsound.append(Fault(row["waiver_id"], row["rule_id"], line, column, sentence))
        if not found:
            scope = {name: row[name] or None for name in SCOPE}
            waiver = Waiver(**{**row, **scope, "valid_from": _day(row["valid_from"]), "valid_to": _day(row["valid_to"])})
            sound.append(replace(waiver, period_start=_day(row["period_start"])))
    return Waivers(
        in_force=tuple(w for w in sound if w.valid_from <= today < w.valid_to),
        not_yet=tuple(w for w in sound if today < w.valid_from),
        expired=tuple(w for w in sound if w.valid_to <= today),
        unsound=tuple(unsound),
    )
