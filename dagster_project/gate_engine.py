"""Great Expectations over DuckDB for the gate: one connection that sees the candidate and what it is compared with.

Names that rules may use in SQL: ``release`` (the candidate), ``warehouse``, ``previous`` (the current release),
``seeds.<file>`` (text columns), ``contracts.identifiers`` (column_name) and the helper views of the suites.
"""

from __future__ import annotations

import atexit
import csv
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dagster_project.contracts import load_contracts
from dagster_project.suites import GateError, Rule, Suite

if TYPE_CHECKING:
    from dagster_project.settings import Settings
    from dagster_project.waivers import Waiver

SPARK = "pyspark"
MAKING = threading.Lock()
FOUND_ROWS, COUNTED_ROWS = "unexpected_rows_expectation", "counted_rows_expectation"  # as suites write it; as it is asked


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Inside, a module is as if it were not installed.

    Great Expectations looks for Spark, which takes long, and ends the whole process where only Spark's client is installed.
    """
    known = {module: sys.modules[module]} if module in sys.modules else {}
    sys.modules[module] = None
    try:
        yield
    finally:
        del sys.modules[module]
        sys.modules.update(known)


def make_ready() -> None:
    """Begin to import Great Expectations beside whatever this process waits for; it takes some seconds."""
    threading.Thread(target=_datasource_class, daemon=True).start()


def _datasource_class() -> type:
    """The class of the gate's data source, made once, whoever asks first."""
    with MAKING:
        return _make_datasource_class()


@cache
def _make_datasource_class() -> type:
    """Stock Great Expectations closes a DuckDB connection before its rows are read; this one keeps it open."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # it tells of each temporary folder that it makes
    with _hidden(SPARK):
        import great_expectations  # noqa: F401 (what is imported of it below then finds no Spark)
    import duckdb_sqlalchemy
    import sqlalchemy
    from great_expectations.datasource.fluent import SQLDatasource
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation
    from sqlalchemy.pool import StaticPool

    class OneConnectionEngine(SqlAlchemyExecutionEngine):
        @contextmanager
        def get_connection(self):
            if not self._connection:
                self._connection = self.engine.connect()
            yield self._connection

    class DuckDBDatasource(SQLDatasource):
        type: Literal["duckdb_release"] = "duckdb_release"

        def _create_engine(self):
            return sqlalchemy.create_engine("duckdb:///:memory:", poolclass=StaticPool, isolation_level="AUTOCOMMIT")

        def get_execution_engine(self):
            if not self._execution_engine:
                self._execution_engine = OneConnectionEngine(engine=self.get_engine())
            return self._execution_engine

    class CountedRowsExpectation(UnexpectedRowsExpectation):
        """Asks a rule's query for how many rows it finds only; the stock one runs it twice, to fetch rows that nobody may see."""

        metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

        def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
            return super()._validate({**metrics, "unexpected_rows_query.table": []}, runtime_configuration, execution_engine)

    # Great Expectations keeps the driver alive beyond DuckDB's own end: a page of harmless leak notes at exit
    atexit.register(duckdb_sqlalchemy.__dict__.clear)
    return DuckDBDatasource


def _text(value: Path | str) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _in_scope(waivers: list[Waiver]) -> str:
    """A condition, never null, that is true of the rows in the scope of any waiver."""
    scopes = []
    for waiver in waivers:
        parts = [
            f'try_cast("{name}" as date) = date {_text(value)}' if name == "period_start" else f'"{name}" = {_text(value)}'
            for name, value in waiver.scope.items()
        ]
        scopes.append("(" + (" and ".join(parts) or "true") + ")")
    return f"coalesce({' or '.join(scopes)}, false)"


class GateEngine:
    """A context manager that opens everything the rules read and, on leaving, closes it so that files may be moved."""

    def __init__(self, settings: Settings, databases: dict[str, Path], read_only: bool = True) -> None:
        self.settings, self.databases, self.read_only = settings, databases, read_only

    def __enter__(self) -> GateEngine:
        datasource_class = _datasource_class()
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        self.context = gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = ProgressBarsConfig(globally=False)
        source = datasource_class(name="gate", connection_string="duckdb:///:memory:")
        self.source = self.context._add_fluent_datasource(datasource=source)
        try:
            self._open()
        except Exception:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close in the order that lets go of the files."""
        engine = self.source.get_execution_engine()
        if engine._connection:
            engine._connection.close()
        engine.engine.dispose()
        self.source.get_engine().dispose()

    def execute(self, sql: str) -> list[Any]:
        """Rows of one statement. Raises GateError with DuckDB's own words."""
        try:
            with self.source.get_execution_engine().get_connection() as connection:
                result = connection.exec_driver_sql(sql)
                return list(result.fetchall()) if result.returns_rows else []
        except Exception as error:
            words = " ".join(str(getattr(error, "orig", error)).split())
            raise GateError(f"The gate could not run «{' '.join(sql.split())[:200]}»: {words[:400]}") from error

    def _open(self) -> None:
        self.execute(f"set memory_limit = {_text(self.settings.memory_limit)}")
        self.execute(f"set threads = {int(self.settings.threads)}")
        self.execute("set autoinstall_known_extensions = false")
        self.execute("set autoload_known_extensions = false")
        for name, path in self.databases.items():
            self.execute(f"attach {_text(path)} as {name}" + (" (read_only)" if self.read_only else ""))
        self.execute("create schema seeds")
        for path in sorted(self.settings.seeds_dir.rglob("*.csv")):
            with open(path, newline="", encoding="utf-8-sig") as file:
                names = next(csv.reader(file))
            # text as written; the empty text is null, as dbt reads it
            columns = ", ".join(f'nullif("{n}", \'\') as "{n}"' for n in names)
            self.execute(
                f'create table seeds."{path.stem}" as select {columns} from '
                f"read_csv({_text(path)}, header = true, all_varchar = true, delim = ',', quote = '\"')"
            )
        self.execute("create schema contracts")
        self.execute("create table contracts.identifiers (column_name varchar)")
        contracts = load_contracts(self.settings.contracts_dir, self.settings.seeds_dir)
        for name in sorted({c.name for e in contracts.extracts for c in e.columns if c.is_identifier}):
            self.execute(f"insert into contracts.identifiers values ({_text(name)})")

    def tables(self, database: str) -> set[str]:
        """``table`` (schema main) or ``schema.table`` of everything in an attached database."""
        rows = self.execute("select schema_name, table_name from duckdb_tables() where database_name = " + _text(database))
        return {table if schema == "main" else f"{schema}.{table}" for schema, table in rows}

    def open_suites(self, suites: list[Suite]) -> None:
        """Make the tables of the suites known by the suites' names, then their helper views."""
        views = {s.name: f"select * from {s.database}.{s.table}" for s in suites}
        for name, sql in {**views, **{n: q for s in suites for n, q in s.views.items()}}.items():
            self.execute(f'create or replace view "{name}" as {sql.strip().rstrip(";")}')

    def columns(self, query: str) -> list[str]:
        """The names of the columns of a query."""
        return [name for (name,) in self.execute(f"select column_name from (describe {query})")]

    @contextmanager
    def holding(self, suite: Suite, rules: list[Rule]) -> Iterator[None]:
        """Inside, what a helper view of a suite finds is worked out once, if these rules read it more than once."""
        asked = " ".join(f"{rule.kwargs} {rule.denominator}" for rule in rules)
        try:
            for name in (view for view in suite.views if len(re.findall(rf"\b{view}\b", asked)) > 1):
                self.execute(f'create temporary table "{name}" as select * from memory.main."{name}"')
            yield
        finally:
            self._let_go(suite)

    def _let_go(self, suite: Suite) -> None:
        for name in suite.views:
            self.execute(f'drop table if exists temp.main."{name}"')

    @contextmanager
    def without(self, suite: Suite, waivers: list[Waiver]) -> Iterator[None]:
        """Inside, the table of a suite is known without the rows in the scope of the waivers."""
        whole = f'create or replace view "{suite.name}" as select * from {suite.database}.{suite.table}'
        self._let_go(suite)  # they hold what the whole table has
        self.execute(f"{whole} where not {_in_scope(waivers)}")
        try:
            yield
        finally:
            self.execute(whole)

    def finding_less(self, suite: Suite, rule: Rule, waivers: list[Waiver]) -> Rule:
        """The rule, silent about rows it finds in scope.

        What a rule finds need not be rows of its table: a sum that is wrong, a row that is missing.
        """
        query = rule.kwargs.get("unexpected_rows_query")
        if query is None:
            return rule
        query = query.strip().rstrip(";")
        found = self.columns(query.replace("{batch}", f'"{suite.name}"'))
        speaking = [w for w in waivers if set(w.scope) <= set(found)]
        if not speaking:
            return rule
        outside = f"select * from ({query}) as found where not {_in_scope(speaking)}"
        return replace(rule, kwargs={**rule.kwargs, "unexpected_rows_query": outside})

    def count(self, sql: str) -> int:
        """The first value of a query, as a whole number; null is 0."""
        return int(self.execute(sql)[0][0] or 0)

    def evaluate(self, suite: Suite, rules: list[Rule]) -> dict[str, int]:
        """Rule id → how many rows fail (a rule about the table as a whole: 0 or 1).

        Raises GateError when a rule cannot be evaluated, and when not every rule that was written was evaluated.
        """
        from great_expectations.core.expectation_suite import ExpectationSuite
        from great_expectations.expectations.registry import get_expectation_impl

        for rule in rules:
            try:
                get_expectation_impl(rule.type)
            except Exception as error:
                raise GateError(
                    f"{suite.name}.yml, rule '{rule.id}': there is no expectation '{rule.type}'. Check its spelling."
                ) from error
        kinds = {FOUND_ROWS: COUNTED_ROWS}
        written = [{"type": kinds.get(r.type, r.type), "kwargs": r.kwargs, "meta": {"rule_id": r.id}} for r in rules]
        try:
            expectations = ExpectationSuite(name=suite.name, expectations=written)
        except Exception as error:
            raise GateError(f"{suite.name}.yml: Great Expectations refuses a rule: {' '.join(str(error).split())}") from error
        name = suite.name
        asset = next((a for a in self.source.assets if a.name == name), None) or self.source.add_table_asset(
            name, table_name=name
        )
        batch = asset.build_batch_request()
        result = asset.get_batch(batch).validate(expectations, result_format={"result_format": "BASIC"})
        failing = {r.expectation_config.meta["rule_id"]: self._failing(suite, r) for r in result.results}
        lost = sorted({r.id for r in rules} ^ set(failing))
        if lost or len(result.results) != len(rules):
            raise GateError(
                f"{suite.name}.yml: {len(rules)} rules written, {len(result.results)} evaluated; lost: {', '.join(lost)}."
            )
        return failing

    @staticmethod
    def _failing(suite: Suite, result: Any) -> int:
        rule_id = result.expectation_config.meta["rule_id"]
        info = result.exception_info or {}
        errors = [info] if "raised_exception" in info else list(info.values())
        message = next((e.get("exception_message") for e in errors if e.get("raised_exception")), None)
        if message:
            raise GateError(f"{suite.name}.yml, rule '{rule_id}' could not be evaluated: {' '.join(message.split())[:600]}")
        if "unexpected_count" in result.result:
            return int(result.result["unexpected_count"])
        if result.expectation_config.type == COUNTED_ROWS:
            return int(result.result["observed_value"])
        return 0 if result.success else 1
