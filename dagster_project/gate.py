"""Tables + suites → a verdict: may these tables leave?

The publisher calls this on exactly the file that it is about to publish. A verdict holds counts and rule ids only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.suites import ROW_COUNT, GateError, Rule, Suite, load_suites

if TYPE_CHECKING:
    from dagster_project.gate_engine import GateEngine
    from dagster_project.settings import Settings

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
    outcome: str  # passed | failed | warned | not_applicable
    endangers: tuple[str, ...]
    remedy: str
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """Every rule's result. A release may leave when no blocking rule failed."""

    results: tuple[RuleResult, ...]

    @property
    def failed(self) -> list[RuleResult]:
        """Blocking rules that failed."""
        return [r for r in self.results if r.outcome == "failed"]

    @property
    def warned(self) -> list[RuleResult]:
        """Rules that failed but do not block."""
        return [r for r in self.results if r.outcome == "warned"]

    @property
    def is_passed(self) -> bool:
        """True when the release may leave."""
        return bool(self.results) and not self.failed

    @property
    def counts(self) -> dict[str, int]:
        """How many rules passed, failed, warned and did not apply."""
        outcomes = ("passed", "failed", "warned", "not_applicable")
        return {name: sum(r.outcome == name for r in self.results) for name in outcomes}

    def to_dict(self) -> dict[str, Any]:
        """As plain data for ``verdict.json``."""
        return {"is_passed": self.is_passed, "counts": self.counts, "rules": [asdict(r) for r in self.results]}


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
    )


def judge(engine: GateEngine, suite: Suite, only: set[str] | None = None) -> list[RuleResult]:
    """The results of one suite on an open engine, in the order written; ``only`` limits them to some rule ids."""
    rules = [r for r in suite.rules if only is None or r.id in only]
    rows = engine.count(f'select count(*) from "{suite.name}"')
    skipped: dict[str, str] = {}
    for rule in rules:
        database, _, table = (rule.needs or "").partition(".")
        if rule.needs and (database not in engine.databases or table not in engine.tables(database)):
            skipped[rule.id] = f"There is no {rule.needs} to compare with."
        elif rows == 0 and rule.type != ROW_COUNT:
            skipped[rule.id] = "The table is empty."
    failing = engine.evaluate(suite, [r for r in rules if r.id not in skipped]) if len(skipped) < len(rules) else {}
    results = []
    for rule in rules:
        if rule.id in skipped:
            results.append(_result(rule, suite, 0, 0, "not_applicable", skipped[rule.id]))
        elif rule.type == ROW_COUNT:
            results.append(_result(rule, suite, failing[rule.id], 1, note=f"The table has {rows} rows."))
        else:
            sql = rule.denominator.replace("{batch}", f'"{suite.name}"') if rule.denominator else None
            results.append(_result(rule, suite, failing[rule.id], engine.count(sql) if sql else rows))
    return results


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


def run(candidate_db: Path, settings: Settings, previous_db: Path | None, warehouse_db: Path) -> Verdict:
    """Evaluate every release rule on a candidate file.

    Rules that compare with the previous release do not apply when there is none. Raises GateError when a rule cannot be
    read or evaluated, when a table has no rules, and when not every rule written was evaluated.
    """
    from dagster_project.gate_engine import GateEngine

    suites = load_suites(settings.suites_dir)
    databases = {"release": candidate_db, "warehouse": warehouse_db}
    if previous_db is not None:
        databases["previous"] = previous_db
    with GateEngine(settings, databases) as engine:
        open_suites(engine, suites)
        results = [result for suite in suites for result in judge(engine, suite)]
    written = sum(len(suite.rules) for suite in suites)
    if len(results) != written:
        raise GateError(f"{written} rules are written but {len(results)} were evaluated.")
    return Verdict(tuple(results))
