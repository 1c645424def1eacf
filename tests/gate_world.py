"""An open gate on a small release that may be damaged and is mended after, and one that judges without Great Expectations."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from small_release import build_world, copy_tables

from dagster_project import gate
from dagster_project.gate_engine import GateEngine
from dagster_project.settings import Settings
from dagster_project.suites import ROW_COUNT, Rule, Suite, load_suites

TABLE = re.compile(r"\b(?:(?:release|warehouse|previous)\.\w+|seeds)\.\w+")


class QuickEngine(GateEngine):
    """Judges by plain SQL, many times faster. test_gate holds it to what Great Expectations finds."""

    def evaluate(self, suite: Suite, rules: list[Rule]) -> dict[str, int]:
        parts = [f"select '{rule.id}', coalesce(({count_sql(suite, rule)}), 0)" for rule in rules]
        return {rule_id: int(failing) for rule_id, failing in self.execute(" union all ".join(parts))}


def count_sql(suite: Suite, rule: Rule) -> str:
    """SQL that counts what a rule finds."""
    table, k = f'"{suite.name}"', rule.kwargs
    column = k.get("column")
    match rule.type:
        case "unexpected_rows_expectation":
            found = k["unexpected_rows_query"].replace("{batch}", table).strip().rstrip(";")
            return f"select count(*) from ({found})"
        case _ if rule.type == ROW_COUNT:
            return f"select cast(count(*) < {k['min_value']} as integer) from {table}"
        case "expect_compound_columns_to_be_unique":
            return f"select sum(n) from (select count(*) as n from {table} group by {', '.join(k['column_list'])}) where n > 1"
        case "expect_column_values_to_be_unique":
            return f"select sum(n) from (select count(*) as n from {table} group by {column}) where n > 1"
        case "expect_column_values_to_not_be_null":
            return f"select count(*) from {table} where {column} is null"
        case "expect_column_values_to_be_in_set":
            known = ", ".join(f"'{value}'" for value in k["value_set"])
            return f"select count(*) from {table} where {column} not in ({known})"
        case "expect_column_values_to_be_between":
            low, high = k.get("min_value", "-infinity"), k.get("max_value", "infinity")
            return f"select count(*) from {table} where {column} not between '{low}'::double and '{high}'::double"
    raise AssertionError(f"{rule.id}: teach QuickEngine the expectation {rule.type}")


def clean_files(world: Settings) -> dict[str, Path]:
    """A clean candidate, the same as previous release, and the warehouse."""
    candidate, previous = world.home / "candidate.duckdb", world.home / "previous.duckdb"
    copy_tables(world.warehouse_db, candidate)
    shutil.copy(candidate, previous)
    return {"release": candidate, "warehouse": world.warehouse_db, "previous": previous}


@contextmanager
def open_gate(folder: Path, kind: type[GateEngine] = GateEngine) -> Iterator[GateEngine]:
    """An engine on a small world of its own: databases that may be damaged, and clean copies to mend them from."""
    world = build_world(folder)
    files = clean_files(world)
    copies = {c + n: p if c else Path(":memory:") for n, p in files.items() for c in ("clean_", "")}
    with kind(world, copies, read_only=False) as engine:
        for name in files:
            engine.execute(f"copy from database clean_{name} to {name}")
        engine.execute("create schema clean_seeds")
        for (name,) in engine.execute(
            "select table_name from duckdb_tables() where schema_name = 'seeds' and database_name = 'memory'"
        ):
            engine.execute(f"create table clean_seeds.{name} as from seeds.{name}")
        gate.open_suites(engine, load_suites(world.suites_dir))
        yield engine


@contextmanager
def damaged(engine: GateEngine, sql: str) -> Iterator[None]:
    """Do the damage (statements with ; between), then mend every table that it names from its clean copy."""
    try:
        for statement in sql.split(";"):
            engine.execute(statement)
        yield
    finally:
        if sql.startswith("alter"):
            engine.execute(sql.removesuffix(" varchar").replace(" add ", " drop "))
        for table in sorted(set(TABLE.findall(sql))):
            engine.execute(f"delete from {table}")
            engine.execute(f"insert into {table} select * from clean_{table}")


def suite_of(suites: list[Suite], rule_id: str) -> Suite:
    """The suite that holds a rule."""
    return next(s for s in suites if rule_id in {r.id for r in s.rules})


def reads(suite: Suite, rule: Rule, suites: list[Suite]) -> str:
    """Everything that a rule can see: the name of its table, its SQL and the SQL of every view in it."""
    views = {name: sql for s in suites for name, sql in s.views.items()}
    text, known = f"{suite.database}.{suite.table} {rule.kwargs} {rule.denominator}", ""
    while text != known:
        known = text
        for name in [n for n in views if re.search(rf"\b{n}\b", text)]:
            text += " " + views.pop(name)
    return text


def noticed(engine: GateEngine, suites: list[Suite], damage: str = "") -> dict[str, str]:
    """Rule → outcome of every rule that failed or warned, over all suites.

    Without Great Expectations only rules that read a damaged table are asked, and only what finds anything is judged.
    """
    touched = [table.replace(".main.", ".") for table in TABLE.findall(damage)]
    touched += ["duckdb_columns"] if damage.startswith("alter") else []
    results = []
    for suite in suites:
        only = None
        if isinstance(engine, QuickEngine):
            asked = [r for r in suite.rules if not damage or any(t in reads(suite, r, suites) for t in touched)]
            only = {i for i, failing in engine.evaluate(suite, asked).items() if failing} if asked else set()
        results += gate.judge(engine, suite, only) if only != set() else []
    return {r.rule_id: r.outcome for r in results if r.outcome in ("failed", "warned", "waived")}
