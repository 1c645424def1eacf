"""The checks of a contract as SQL over the table ``sent``: every failing value becomes a row of ``findings``."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from .contracts import Column, Contracts, Extract


@dataclass(frozen=True)
class Check:
    """One check of one column: ``fails`` is SQL over ``sent``; ``says`` tells the supplier what to do."""

    column: str
    reason: str
    fails: str
    says: str


def value(name: str) -> str:
    """A column's text with blanks taken off; blank text is no value."""
    return f"nullif(trim(\"{name}\"), '')"


def typed(column: Column) -> str:
    """A column's value in its agreed type; null where the text does not fit."""
    text = value(column.name)
    if column.type == "date":
        return f"cast(try_strptime({text}, '{column.date_format}') as date)"
    if column.type == "integer":
        return f"try_cast({text} as bigint)"
    if column.type == "boolean":
        return f"case upper({text}) when 'Y' then true when 'N' then false end"
    return text


def _quoted(text: str) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _column_checks(column: Column, contracts: Contracts) -> list[Check]:
    name, text, options = column.name, value(column.name), column.options
    checks = []
    if column.is_required:
        checks.append(Check(name, "required", f"{text} is null", "A value is required. Fill it."))
    if column.type == "date":
        low, high, form = (
            options.get("minimum", "1900-01-01"),
            options.get("maximum", "2099-12-31"),
            options.get("format", "yyyy-MM-dd"),
        )
        bad = f"({typed(column)} is null or {typed(column)} not between date '{low}' and date '{high}')"
        says = f"Not a date from {low} to {high}. Send it as {form}."
        checks.append(Check(name, "bad_date", f"{text} is not null and {bad}", says))
    if column.type == "integer":
        bounds = "".join(
            f" or {typed(column)} {sign} {options[key]}" for key, sign in (("minimum", "<"), ("maximum", ">")) if key in options
        )
        limits = " and ".join(
            f"{word} {options[key]}" for key, word in (("minimum", "at least"), ("maximum", "at most")) if key in options
        )
        says = f"Not a whole number{' ' + limits if limits else ''}. Send digits only, without separators."
        checks.append(Check(name, "bad_number", f"{text} is not null and ({typed(column)} is null{bounds})", says))
    if column.type == "boolean":
        checks.append(
            Check(name, "bad_boolean", f"{text} is not null and {typed(column)} is null", "Not a yes or no. Send Y or N.")
        )
    if "pattern" in options:
        says = f"Not of the agreed form {options['pattern']}. Correct it."
        checks.append(Check(name, "pattern", f"not regexp_full_match({text}, {_quoted(options['pattern'])})", says))
    if column.code_list:
        codes = ", ".join(_quoted(code) for code in sorted(contracts.codes(column.code_list)))
        says = f"Not a code of the list {column.code_list}. Send an agreed code, in the agreed case."
        checks.append(Check(name, "unknown_code", f"{text} not in ({codes})", says))
    return checks


def checks_of(extract: Extract, contracts: Contracts) -> list[Check]:
    """Every check of the values of one row that the contract asks for."""
    return [check for column in extract.columns for check in _column_checks(column, contracts)]


def find(con: duckdb.DuckDBPyConnection, extract: Extract, contracts: Contracts) -> None:
    """Fill table ``findings`` (_row_number, _line, column_name, reason, offending_text, record_key, says) from ``sent``.

    A first pass marks the rows that fail anything at all; only those are looked at closely.
    """
    key = "concat_ws(' / ', " + ", ".join(value(k) for k in extract.key) + ")"
    con.execute(
        "create or replace temp table findings (_row_number bigint, _line bigint, column_name varchar, reason varchar, "
        "offending_text varchar, record_key varchar, says varchar)"
    )
    checks = checks_of(extract, contracts)
    any_fails = " or ".join(f"coalesce({c.fails}, false)" for c in checks) or "false"
    con.execute(f"create or replace temp table suspects as select * from sent where {any_fails}")
    if con.execute("select count(*) from suspects").fetchone()[0]:
        for c in checks:
            con.execute(
                f'insert into findings select _row_number, _line, ?, ?, "{c.column}", {key}, ? from suspects where {c.fails}',
                [c.column, c.reason, c.says],
            )
    types = ", ".join(f'{typed(c)} as "{c.name}"' for c in extract.columns)
    for rule in extract.rules:
        failing = f"select _row_number from (select _row_number, {types} from sent) where {rule.fails_when}"
        con.execute(
            f"insert into findings select _row_number, _line, ?, 'row_rule', \"{rule.column}\", {key}, ? from sent where _row_number in ({failing})",
            [rule.column, rule.says],
        )
    _find_duplicates(con, extract, key)


def _find_duplicates(con: duckdb.DuckDBPyConnection, extract: Extract, key: str) -> None:
    """Of the rows that are sound otherwise, the second and later ones with a key already seen in the file."""
    keys = ", ".join(value(k) for k in extract.key)
    total, distinct = con.execute(f"select count(*), count(distinct ({keys})) from sent").fetchone()
    if total == distinct:
        return
    con.execute(
        f"""
        insert into findings
        with sound as (select *, {key} as _key from sent where _row_number not in (select _row_number from findings)),
        repeated as (select *, row_number() over (partition by _key order by _row_number) as _nth from sound)
        select _row_number, _line, ?, 'duplicate_key', _key, _key, ? from repeated where _nth > 1
        """,
        [extract.key[0], "The key stands in the file already; the first row is kept. Send each key once."],
    )
