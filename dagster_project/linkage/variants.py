"""The outcomes of people as they would be: the models of the warehouse, over a few people who are given instead of those it has.

The SQL is that of the models themselves, rendered from their files for DuckDB, so that a rule stands once. Every model that
rests on who is one person is run again, in memory; everything else is read where it stands. So are records of which only the
person would be another: what they say was typed and made of text once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import duckdb
import jinja2

PEOPLE, STAGING = "int_people", "stg_"
OF_DBT = re.compile(r"\{%-?\s*(test|materialization)\b.*?end\1\s*-?%\}", re.S)  # what is dbt's own, and no macro

# a model is built whole here; and as an event may be one of several people, it has a number with each of them
INSTEAD = """
{%- macro is_mending() -%}{%- endmacro -%}
{%- macro kept(forget) -%}{%- endmacro -%}
{%- macro kept_by_person() -%}{%- endmacro -%}
{%- macro kept_by_record(agency, extract) -%}{%- endmacro -%}
{%- macro touched_people(word, person_id) -%}{%- endmacro -%}
{%- macro touched_in(word, reference_id, model) -%}{%- endmacro -%}
{%- macro row_id(deliveries, rows) -%}
cast(hash({{ rows }}.person_id, {{ deliveries }}.delivery_number + {{ rows }}._row_number) >> 8 as bigint)
{%- endmacro -%}
"""

# records of these people, each with the person it would have
OTHERWISE = """
select records.* replace (people.person_id as person_id)
from ({records}) as records inner join {people} as people on records.reference_id = people.reference_id
"""


class MissingInput(RuntimeError):
    """A model reads a table that was not given; the message says which, and what to do."""


class Models:
    """The models of a dbt project as files (``folder``: the one with models/ and macros/)."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def files(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted((self.folder / "models").rglob("*.sql"))}

    @cached_property
    def _surroundings(self) -> jinja2.Environment:
        """Jinja with the project's macros as dbt has them when it stands before no database: that is DuckDB's SQL."""
        made = jinja2.Environment(extensions=["jinja2.ext.do"])
        made.globals |= {
            "execute": False,
            "ref": lambda name: self._ref(name),
            "config": lambda **_: "",
            "return": self._returned,
        }
        texts = [OF_DBT.sub("", path.read_text(encoding="utf-8")) for path in sorted((self.folder / "macros").glob("*.sql"))]
        macros = made.from_string("\n".join([*texts, INSTEAD])).module
        made.globals |= {name: macro for name, macro in vars(macros).items() if isinstance(macro, jinja2.runtime.Macro)}
        return made

    def _returned(self, value):
        self._said = value
        return value

    def _render(self, text: str, ref: Callable[[str], str]) -> str:
        self._ref = ref
        return self._surroundings.from_string(text).render()

    def _value(self, macro: str):
        """What a macro returns that returns no text."""
        self._render("{{ " + macro + "() }}", str)
        return self._said

    @cached_property
    def marts(self) -> dict[str, str]:
        """Population → the mart of its events."""
        return self._value("population_marts")

    @cached_property
    def sources(self) -> dict[str, dict]:
        """Agency → how it sends people (dbt/macros/people.sql)."""
        return self._value("people_sources")

    def reads(self, model: str) -> list[str]:
        """The models and seeds that a model reads, save those that only a night of changes asks for."""
        found: list[str] = []
        self._render(self.files[model].read_text(encoding="utf-8"), lambda name: found.append(name) or name)
        return list(dict.fromkeys(found))

    @cached_property
    def chain(self) -> dict[str, list[str]]:
        """The models between people and the marts, parents first, each with all that it reads."""
        known: dict[str, bool] = {PEOPLE: True}
        ordered: dict[str, list[str]] = {}

        def rests_on_people(name: str) -> bool:
            if name not in known:
                known[name] = False
                if name in self.files and not name.startswith(STAGING):
                    read = self.reads(name)
                    if any([rests_on_people(parent) for parent in read]):
                        known[name] = True
                        ordered[name] = read
            return known[name]

        for mart in self.marts.values():
            rests_on_people(mart)
        return ordered

    @cached_property
    def records(self) -> list[str]:
        """The models that give each row of an extract its person, by ``reference_id``, and ask nothing else of that person."""
        rests_on = {name: [r for r in read if r in self.files and not r.startswith(STAGING)] for name, read in self.chain.items()}
        return [name for name, read in rests_on.items() if read == [PEOPLE]]

    @cached_property
    def built(self) -> list[str]:
        """The models that are run again, parents first."""
        return [name for name in self.chain if name not in self.records]

    @cached_property
    def inputs(self) -> list[str]:
        """The tables that are read where they stand."""
        return sorted({name for model in self.built for name in self.chain[model]} - set(self.built) - {PEOPLE})

    def sql(self, model: str, schema: str) -> str:
        """The SELECT of a model whose parents are all in one schema."""
        return self._render(self.files[model].read_text(encoding="utf-8"), lambda name: f'{schema}."{name}"').strip()


def build(con: duckdb.DuckDBPyConnection, schema: str, models: Models, tables: Mapping[str, str]) -> dict[str, str]:
    """Build the marts in a schema that holds ``int_people``, as the warehouse would of these people. Returns population → mart.

    ``tables``: for each of ``models.inputs`` a SELECT of it. Raises MissingInput.
    """
    missing = [name for name in models.inputs if name not in tables]
    if missing:
        raise MissingInput(
            f"The outcomes of people as they would be also rest on {', '.join(missing)}: "
            "let int_linkage_differences read it too (dbt.ref), and run again."
        )
    for name in models.inputs:
        if name in models.records:
            con.execute(
                f'create table {schema}."{name}" as {OTHERWISE.format(records=tables[name], people=f"{schema}.{PEOPLE}")}'
            )
        else:
            con.execute(f'create view {schema}."{name}" as {tables[name]}')
    for name in models.built:
        con.execute(f'create table {schema}."{name}" as {models.sql(name, schema)}')
    return models.marts
