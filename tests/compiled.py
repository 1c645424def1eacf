"""One model's compiled SELECT, run in memory over tables that a test makes: a property example costs milliseconds.

The SQL is what dbt compiled when it built a world; the input tables have the columns and types of that world, so a
column that a model renames breaks the test that still writes the old name.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import duckdb

RELATION = re.compile(r'"(?P<database>warehouse|restricted)"\."(?P<schema>\w+)"\."(?P<name>\w+)"')


def literal(value) -> str:
    """A Python value as SQL."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"timestamp '{value}'"
    if isinstance(value, date):
        return f"date '{value}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


class Compiled:
    """The compiled models of a built world beside two empty in-memory databases, `warehouse` and `restricted`."""

    def __init__(self, settings):
        self.target: Path = settings.data_dir / "dbt" / "target"
        self.manifest: dict = json.loads((self.target / "manifest.json").read_text(encoding="utf-8"))
        self._shapes = self._read_shapes(settings)
        self.con = duckdb.connect(config={"threads": 1})
        self.con.execute("attach ':memory:' as warehouse; attach ':memory:' as restricted")

    @staticmethod
    def _read_shapes(settings) -> dict[tuple[str, str, str], dict[str, str]]:
        shapes: dict[tuple[str, str, str], dict[str, str]] = {}
        with duckdb.connect() as con:
            con.execute(f"attach '{settings.warehouse_db}' as warehouse (read_only)")
            con.execute(f"attach '{settings.restricted_db}' as restricted (read_only)")
            for database, schema, name, column, kind in con.execute(
                "select database_name, schema_name, table_name, column_name, data_type from duckdb_columns() "
                "where database_name in ('warehouse', 'restricted') order by column_index"
            ).fetchall():
                shapes.setdefault((database, schema, name), {})[column] = kind
        return shapes

    @cached_property
    def _models(self) -> dict[str, Path]:
        folder = self.target / "compiled" / "outcomes" / "models"
        return {path.stem: path for path in folder.rglob("*.sql")}

    def sql(self, model: str) -> str:
        """The SELECT that dbt made of a model."""
        return self._models[model].read_text(encoding="utf-8").strip().rstrip(";")

    def inputs(self, model: str) -> dict[str, tuple[str, str, str]]:
        """The relations that a model reads, by table name."""
        return {m["name"]: (m["database"], m["schema"], m["name"]) for m in RELATION.finditer(self.sql(model))}

    def _relation(self, model: str) -> tuple[str, str, str]:
        node = self.manifest["nodes"][f"model.outcomes.{model}"]
        return node["database"], node["schema"], node["alias"]

    def put(self, relation: tuple[str, str, str], rows: list[dict]) -> None:
        """Make a table of the world's shape and fill it; columns that a row leaves out are null."""
        shape = self._shapes[relation]
        unknown = {c for row in rows for c in row} - set(shape)
        assert not unknown, f"{'.'.join(relation)} has no column {sorted(unknown)}"
        database, schema, name = relation
        self.con.execute(f"create schema if not exists {database}.{schema}")
        columns = ", ".join(f'"{c}" {kind}' for c, kind in shape.items())
        table = f'{database}.{schema}."{name}"'
        self.con.execute(f"create or replace table {table} ({columns})")
        if rows:
            used = [c for c in shape if any(c in row for row in rows)]
            values = ", ".join("(" + ", ".join(literal(row.get(c)) for c in used) + ")" for row in rows)
            names = ", ".join(f'"{c}"' for c in used)
            self.con.execute(f"insert into {table} ({names}) values {values}")

    def run(self, model: str, tables: dict[str, list[dict]] | None = None, *, keep: bool = False) -> list[dict]:
        """Rows of a model over the given input tables. With ``keep`` they become the model's own table, for the next model.

        Every table that the model reads is given here or was made before in the same test.
        """
        inputs = self.inputs(model)
        for name, rows in (tables or {}).items():
            assert name in inputs, f"{model} does not read {name}"
            self.put(inputs[name], rows)
        cursor = self.con.execute(self.sql(model))
        names = [d[0] for d in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if keep:
            self.put(self._relation(model), found)
        return found
