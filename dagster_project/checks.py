"""The checks of a contract as SQL over the table ``sent``: every failing value becomes a row of ``findings``."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from .contracts import Column, ContractError, Contracts, Extract


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


def typed(column: Column, text: str | None = None) -> str:
    """A column's value in its agreed type, from SQL ``text`` if not from the column; null where the text does not fit."""
    text = text or value(column.name)
    if column.type == "date":
        return f"cast(try_strptime({text}, '{column.date_format}') as date)"
    if column.type == "integer":
        return f"try_cast({text} as bigint)"
    if column.type == "boolean":
        return f"case upper({text}) when 'Y' then true when 'N' then false end"
    return text


def _quoted(text: str) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _column_checks(column: Column, contracts: Contracts, text: str) -> list[Check]:
    name, options, typed_text = column.name, column.options, typed(column, text)
    checks = []
    if column.is_required:
        checks.append(Check(name, "required", f"{text} is null", "A value is required. Fill it."))
    if column.type == "date":
        low, high, form = (
            options.get("minimum", "1900-01-01"),
            options.get("maximum", "2099-12-31"),
            options.get("format", "yyyy-MM-dd"),
        )
        bad = f"coalesce({typed_text} not between date '{low}' and date '{high}', true)"
        says = f"Not a date from {low} to {high}. Send it as {form}."
        checks.append(Check(name, "bad_date", f"{text} is not null and {bad}", says))
    if column.type == "integer":
        signs = (("minimum", "<"), ("maximum", ">"))
        bounds = "".join(f" or {typed_text} {sign} {options[key]}" for key, sign in signs if key in options)
        # a cast alone would round 1.5 and take 1e3 and 0x10
        bad = f"(not regexp_full_match({text}, '[+-]?[0-9]+') or {typed_text} is null{bounds})"
        limits = " and ".join(
            f"{word} {options[key]}" for key, word in (("minimum", "at least"), ("maximum", "at most")) if key in options
        )
        says = f"Not a whole number{' ' + limits if limits else ''}. Send digits only, without separators."
        checks.append(Check(name, "bad_number", f"{text} is not null and {bad}", says))
    if column.type == "boolean":
        checks.append(Check(name, "bad_boolean", f"{text} is not null and {typed_text} is null", "Not a yes or no. Send Y or N."))
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
    return [check for column in extract.columns for check in _column_checks(column, contracts, value(column.name))]


def _may_fail(extract: Extract, contracts: Contracts) -> str:
    """SQL that holds for every row that fails a check, and for few others: the checks of the text with its blanks on.

    Text that is right as it stands is right without its blanks, and this takes a third of the time.
    """
    tests = []
    for column in extract.columns:
        text = f'"{column.name}"'
        of_text = [c.fails for c in _column_checks(column, contracts, text) if c.reason != "required"]
        tests += [
            *of_text,
            *([f"{text} is null or {text} < '!' or {text} > '~'"] if column.is_required else []),
        ]  # every blank there is
    return " or ".join(f"coalesce({test}, false)" for test in tests) or "false"


def find(con: duckdb.DuckDBPyConnection, extract: Extract, contracts: Contracts) -> None:
    """Fill table ``findings`` (_row_number, _line, column_name, reason, offending_text, record_key, says) from ``sent``.

    A first pass marks the rows that fail anything at all; only those are looked at closely. Raises ContractError for a
    row rule that is not SQL over the columns of the extract.
    """
    key = "concat_ws(' / ', " + ", ".join(value(k) for k in extract.key) + ")"
    con.execute(
        "create or replace temp table findings (_row_number bigint, _line bigint, column_name varchar, reason varchar, "
        "offending_text varchar, record_key varchar, says varchar)"
    )
    checks = checks_of(extract, contracts)
    con.execute(f"create or replace temp table suspects as select * from sent where {_may_fail(extract, contracts)}")
    for c in checks if _count(con, "suspects") else ():
        con.execute(
            f'insert into findings select _row_number, _line, ?, ?, "{c.column}", {key}, ? from suspects where {c.fails}',
            [c.column, c.reason, c.says],
        )
    types = ", ".join(f'{typed(c)} as "{c.name}"' for c in extract.columns)
    for rule in extract.rules:
        failing = f"select _row_number from (select _row_number, {types} from sent) where {rule.fails_when}"
        try:
            con.execute(
                f"insert into findings select _row_number, _line, ?, 'row_rule', \"{rule.column}\", {key}, ? "
                f"from sent where _row_number in ({failing})",
                [rule.column, rule.says],
            )
        except (duckdb.BinderException, duckdb.ParserException) as error:
            raise ContractError(f"{extract.agency}.odcs.yaml: rule '{rule.name}' of '{extract.name}': {error}") from error
    _find_duplicates(con, extract, key)


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return con.execute(f"select count(*) from {table}").fetchone()[0]


def _find_duplicates(con: duckdb.DuckDBPyConnection, extract: Extract, key: str) -> None:
    """Of the rows that are sound otherwise, the second and later ones with a key already seen in the file."""
    keys = ", ".join(value(k) for k in extract.key)
    # hashes take far less memory than keys, and equal keys have equal hashes
    if _count(con, "sent") == con.execute(f"select count(*) from (select distinct hash({keys}) from sent)").fetchone()[0]:
        return
    con.execute(
        f"""
        insert into findings
        with sound as (select * from sent where _row_number not in (select _row_number from findings)),
        repeated as (select *, row_number() over (partition by {keys} order by _row_number) as _nth from sound)
        select _row_number, _line, ?, 'duplicate_key', {key}, {key}, ? from repeated where _nth > 1
        """,
        [extract.key[0], "The key stands in the file already; the first row is kept. Send each key once."],
    )
