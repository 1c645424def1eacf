"""From edges to people, by the very SQL of the models (macros/components.sql), on any connection."""

from __future__ import annotations

import duckdb
from jinja2 import Environment

from ..settings import PROJECT_DIR

COMPONENTS = PROJECT_DIR / "dbt" / "macros" / "components.sql"


def people(con: duckdb.DuckDBPyConnection, records: str, edges: str, key: str = "reference_id", name: str = "people") -> str:
    """The name of a new table (reference_id, person_id): who is led to from whom by ``edges`` (reference_a, reference_b of
    values of ``key``, a column of ``records``); a person is named by the least key."""
    macro = Environment(autoescape=False).from_string(COMPONENTS.read_text(encoding="utf-8")).module.default__components
    con.execute(f"create or replace temp table connected as {macro(edges)}")
    con.execute(
        f"create or replace table {name} as select r.reference_id, coalesce(c.label, r.{key}) as person_id "
        f"from {records} as r left join connected as c on r.{key} = c.reference_id"
    )
    con.execute("drop table connected")
    return name
