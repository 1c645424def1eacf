"""Tables + suites → a verdict: may these tables leave?

The publisher calls this on exactly the file that it is about to publish. A verdict holds counts, rule ids and the words of
waivers; never a row. A rule that fails is asked again without the rows that waivers in force leave out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.suites import ROW_COUNT, GateError, Rule, Suite, load_suites
from dagster_project.waivers import Fault, Waiver, WaiverReport, Waivers, load_waivers, report

if TYPE_CHECKING:
    from dagster_project.gate_engine import GateEngine
    from dagster_project.settings import Settings

NO_WAIVERS = Waivers()
__all__ = ["GateError", "RuleResult", "Verdict", "run"]


@dataclass(frozen=True)
class RuleResult:
    """What one rule found: ``numerator`` failing of ``denominator`` checked rows, against limits in per cent and rows."""

    rule_id: str
    table: str
    description: str
    severity: str
    numerator: int
    denominator: int
    limit_percent: float
    limit_count: int
    outcome: str  # passed | failed | warned | waived | not_applicable
    endangers: tuple[str, ...]
    remedy: str
    note: str = ""
    waived_by: tuple[str, ...] = ()  # waiver ids; the counts stay those of the whole table
    is_of_change: bool = False  # whether it compares with the previous release, and so may say something else of the same tables


@dataclass(frozen=True)
class Verdict:
    """Every rule's result, and what became of the waivers. A release may leave when no blocking rule failed."""

    results: tuple[RuleResult, ...]
    waivers: WaiverReport = WaiverReport()

    @property
    def failed(self) -> list[RuleResult]:
        """Blocking rules that failed."""
        return [r for r in self.results if r.outcome == "failed"]

    @property
    def warned(self) -> list[RuleResult]:
        """Rules that failed but do not block."""
        return [r for r in self.results if r.outcome == "warned"]

    @property
    def waived(self) -> list[RuleResult]:
        """Rules that failed and were waived; they block no longer, and did not pass."""
        return [r for r in self.results if r.outcome == "waived"]

    @property
    def is_passed(self) -> bool:
        """True when the release may leave."""
        return bool(self.results) and not self.failed

    @property
    def counts(self) -> dict[str, int]:
        """How many rules passed, failed, warned, were waived and did not apply."""
        outcomes = ("passed", "failed", "warned", "waived", "not_applicable")
        return {name: sum(r.outcome == name for r in self.results) for name in outcomes}

    def to_dict(self) -> dict[str, Any]:
        """As plain data for ``verdict.json``."""
        return {
            "is_passed": self.is_passed,
            "counts": self.counts,
            "rules": [asdict(r) for r in self.results],
            "waivers": self.waivers.to_dict(),
        }


def _is_failure(rule: Rule, failing: int, checked: int) -> bool:
    """More rows than the count limit, and a larger share of what was checked than the per cent limit."""
    percent = 100 * failing / checked if checked else 100.0
    return failing > rule.limit_count and percent > rule.limit_percent


def _result(rule: Rule, suite: Suite, failing: int, checked: int, outcome: str | None = None, note: str = "") -> RuleResult:
    if outcome is None:
        if _is_failure(rule, failing, checked):
            outcome = "failed" if rule.severity == "block" else "warned"
        elif checked == 0:
            outcome, note = "not_applicable", "There was nothing to check."
        else:
            outcome = "passed"
    table = suite.table if suite.database == "release" else f"{suite.database}.{suite.table}"
    return RuleResult(
        rule.id,
        table,
        rule.says,
        rule.severity,
        failing,
        checked,
        rule.limit_percent,
        rule.limit_count,
        outcome,
        rule.endangers,
        rule.remedy,
        note,
        is_of_change=(rule.needs or "").startswith("previous."),
    )


def _checked(engine: GateEngine, suite: Suite, rule: Rule, rows: int) -> int:
    sql = rule.denominator.replace("{batch}", f'"{suite.name}"') if rule.denominator else None
    return engine.count(sql) if sql else rows


def _still_failing(engine: GateEngine, suite: Suite, rule: Rule, waivers: list[Waiver]) -> tuple[int, int]:
    """Failing and checked rows of a rule when the rows in scope are left out of what it reads and of what it finds."""
    with engine.without(suite, waivers):
        checked = _checked(engine, suite, rule, engine.count(f'select count(*) from "{suite.name}"'))
        asked = engine.finding_less(suite, rule, waivers)
        return engine.evaluate(suite, [asked])[rule.id], checked


def _waive(engine: GateEngine, suite: Suite, rule: Rule, result: RuleResult, waivers: list[Waiver]) -> RuleResult:
    """The result, ``waived`` if the waivers together cover the failure, else with a note that says why not."""
    columns, notes, fitting = engine.columns(f'from "{suite.name}"'), [], []
    for waiver in waivers:
        lacking = [name for name in waiver.scope if name not in columns]
        if lacking:
            notes.append(
                f"Waiver {waiver.waiver_id} cannot cover it: {result.table} has no {', '.join(lacking)}; only all can be waived."
            )
        else:
            fitting.append(waiver)
    if fitting:
        failing, checked = _still_failing(engine, suite, rule, fitting)
        if not _is_failure(rule, failing, checked):
            for waiver in list(fitting):  # one that is not needed is not used
                fewer = [w for w in fitting if w is not waiver]
                if fewer and not _is_failure(rule, *_still_failing(engine, suite, rule, fewer)):
                    fitting = fewer
            words = " ".join(w.words for w in fitting)
            return replace(result, outcome="waived", note=words, waived_by=tuple(w.waiver_id for w in fitting))
        ids = ", ".join(w.waiver_id for w in fitting)
        notes.append(f"Not covered by waiver {ids}: outside the scope {failing:,} of {checked:,} still fail.")
    return replace(result, note=" ".join(notes))


def judge(engine: GateEngine, suite: Suite, only: set[str] | None = None, waivers: Waivers = NO_WAIVERS) -> list[RuleResult]:
    """The results of one suite on an open engine, in the order written; ``only`` limits them to some rule ids."""
    rules = [r for r in suite.rules if only is None or r.id in only]
    with engine.holding(suite, rules):
        return _judge(engine, suite, rules, waivers)


def _judge(engine: GateEngine, suite: Suite, rules: list[Rule], waivers: Waivers) -> list[RuleResult]:
    rows = engine.count(f'select count(*) from "{suite.name}"')
    skipped: dict[str, str] = {}
    for rule in rules:
        database, _, table = (rule.needs or "").partition(".")
        if rule.needs and (database not in engine.databases or table not in engine.tables(database)):
            skipped[rule.id] = f"There is no {rule.needs} to compare with."
        elif rows == 0 and (rule.type != ROW_COUNT or suite.may_be_empty):
            skipped[rule.id] = "The table is empty."
    failing = engine.evaluate(suite, [r for r in rules if r.id not in skipped]) if len(skipped) < len(rules) else {}
    results = []
    for rule in rules:
        if rule.id in skipped:
            results.append(_result(rule, suite, 0, 0, "not_applicable", skipped[rule.id]))
        elif rule.type == ROW_COUNT:
            results.append(_result(rule, suite, failing[rule.id], 1, note=f"The table has {rows} rows."))
        else:
            result = _result(rule, suite, failing[rule.id], _checked(engine, suite, rule, rows))
            named = waivers.of(rule) if result.outcome in ("failed", "warned") else []
            results.append(_waive(engine, suite, rule, result, named) if named else result)
    return results


def _printed(engine: GateEngine, waivers: Waivers) -> Waivers:
    """A waiver that the release does not print waives nothing; releases without a table of waivers print none."""
    if not waivers.in_force or "waivers" not in engine.tables("release"):
        return waivers
    printed = {row[0] for row in engine.execute("select waiver_id from release.waivers")}
    secret = [w for w in waivers.in_force if w.waiver_id not in printed]
    says = "is in force but the release's table waivers does not print it, so it waives nothing. Build the warehouse again."
    faults = [Fault(w.waiver_id, w.rule_id, 0, "waiver_id", f"Waiver {w.waiver_id} {says}") for w in secret]
    kept = tuple(w for w in waivers.in_force if w.waiver_id in printed)
    return replace(waivers, in_force=kept, unsound=waivers.unsound + tuple(faults))


def _report(waivers: Waivers, results: list[RuleResult]) -> WaiverReport:
    by_rule, why = {r.rule_id: r for r in results}, {}
    for waiver in waivers.in_force:
        result = by_rule[waiver.rule_id]
        if result.outcome in ("failed", "warned"):
            why[waiver.waiver_id] = f"Its rule fails all the same. {result.note}"
        elif result.outcome == "waived":
            why[waiver.waiver_id] = f"Its rule failed and was waived by {', '.join(result.waived_by)}; it was not needed."
        elif result.outcome == "not_applicable":
            why[waiver.waiver_id] = f"Its rule did not apply. {result.note}"
    return report(waivers, {i for r in results for i in r.waived_by}, why)


def open_suites(engine: GateEngine, suites: list[Suite]) -> None:
    """Make every suite's table and views known. Raises GateError when tables and suites do not match one to one."""
    for suite in suites:
        if suite.database not in engine.databases or suite.table not in engine.tables(suite.database):
            raise GateError(
                f"{suite.name}.yml has rules for {suite.database}.{suite.table}, which does not exist. Build it first."
            )
    unruled = engine.tables("release") - {s.table for s in suites if s.database == "release"}
    if unruled:
        raise GateError(f"No release rules exist for: {', '.join(sorted(unruled))}. Write expectations/releases/<table>.yml.")
    engine.open_suites(suites)


def run(
    candidate_db: Path, settings: Settings, previous_db: Path | None, warehouse_db: Path, today: date | None = None
) -> Verdict:
    """Evaluate every release rule on a candidate file; waivers hold on ``today``, by default the system's day.

    Rules that compare with the previous release do not apply when there is none. Raises GateError when a rule cannot be
    read or evaluated, when a table has no rules, and when not every rule written was evaluated.
    """
    from dagster_project.gate_engine import GateEngine

    suites = load_suites(settings.suites_dir)
    waivers = load_waivers(settings, today or date.today(), suites)
    databases = {"release": candidate_db, "warehouse": warehouse_db}
    if previous_db is not None:
        databases["previous"] = previous_db
    with GateEngine(settings, databases) as engine:
        open_suites(engine, suites)
        waivers = _printed(engine, waivers)
        results = [result for suite in suites for result in judge(engine, suite, waivers=waivers)]
    written = sum(len(suite.rules) for suite in suites)
    if len(results) != written:
        raise GateError(f"{written} rules are written but {len(results)} were evaluated.")
    return Verdict(tuple(results), _report(waivers, results))
