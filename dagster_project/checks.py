"""The checks of a contract as SQL over the table ``sent``: every failing value becomes a row of ``findings``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np

from .contracts import Column, Contracts, Extract
from .records import MAX_SHOWN_CHARS

CONTROLS = {  # reason → what may not stand in text that is not free, as SQL over the text, and what to do
    "line_break": (
        "contains({0}, chr(10)) or contains({0}, chr(13))",
        "Holds a line break. Check its quotes: one that is not closed takes in the lines below.",
    ),
    "control_character": (  # tabs and signs without a width among them: nobody sees them, and they make one key two
        r"regexp_matches({0}, '[\x01-\x09\x0b\x0c\x0e-\x1f\x{{ad}}\x{{200b}}-\x{{200d}}\x{{2060}}\x{{feff}}]')",
        "Holds a control character. Remove it.",
    ),
}


@dataclass(frozen=True)
class Check:
    """One check of one column: ``fails`` is SQL over ``sent``; ``says`` tells the supplier what to do.

    ``about`` is SQL for the text that takes the place of ``{}`` in ``says``.
    """

    column: str
    reason: str
    fails: str
    says: str
    about: str = "''"


def value(name: str, is_tidy: bool = False) -> str:
    """A column's text with blanks taken off; blank text is no value. ``is_tidy``: the text is known to have none (Scan)."""
    return f'"{name}"' if is_tidy else f"nullif(trim(\"{name}\"), '')"


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


def _latest(column: Column, as_of: date | None) -> str | None:
    """The last day on which a date of the column may lie, by the extract date; None if it does not matter."""
    if as_of is None or column.latest_days is None:
        return None
    latest = (as_of + timedelta(days=column.latest_days)).isoformat()
    return latest if latest < _bounds(column)[1] else None


def _bounds(column: Column) -> tuple[str, str]:
    return str(column.options.get("minimum", "1900-01-01")), str(column.options.get("maximum", "2099-12-31"))


def _is_no_date(column: Column, text: str, latest: str | None = None) -> str:
    """SQL that holds where a text is there and is no date within its bounds, or one after ``latest``."""
    low, high = _bounds(column)
    return f"{text} is not null and coalesce({typed(column, text)} not between date '{low}' and date '{latest or high}', true)"


def _date_checks(column: Column, text: str, as_of: date | None) -> list[Check]:
    (low, high), form, latest = _bounds(column), column.options.get("format", "yyyy-MM-dd"), _latest(column, as_of)
    says = f"Not a date from {low} to {high}. Send it as {form}."
    checks = [Check(column.name, "bad_date", _is_no_date(column, text), says)]
    if latest:
        days = f"{column.latest_days} days after " if column.latest_days else ""
        says = f"Later than {days}the extract date {as_of}. Correct it, or the date in the name of the file."
        fails = f"{typed(column, text)} > date '{latest}' and {typed(column, text)} <= date '{high}'"
        checks.append(Check(column.name, "future_date", fails, says))
    return checks


def _code_checks(column: Column, extract: Extract, contracts: Contracts, text: str) -> list[Check]:
    name, periods = column.name, contracts.code_periods(column.code_list)
    codes, by_case = ", ".join(map(_quoted, sorted(periods))), {code.lower(): code for code in sorted(periods, reverse=True)}
    in_other_case = f"lower({text}) in ({', '.join(map(_quoted, sorted(by_case)))})"
    unknown = f"Not a code of the list {column.code_list}. Send an agreed code."
    case = f"The list {column.code_list} has it as {{}}. Send it in that case."
    known_as = f"case lower({text}) {' '.join(f'when {_quoted(k)} then {_quoted(v)}' for k, v in by_case.items())} end"
    checks = [
        Check(name, "unknown_code", f"{text} not in ({codes}) and not {in_other_case}", unknown),
        Check(name, "code_case", f"{text} not in ({codes}) and {in_other_case}", case, known_as),
    ]
    groups: dict[frozenset, list[str]] = {}  # codes in force in the same periods
    for code in sorted(periods) if column.code_valid_on else ():
        if ("", "") not in periods[code]:
            groups.setdefault(frozenset(periods[code]), []).append(code)
    if groups:
        day = typed(next(c for c in extract.columns if c.name == column.code_valid_on))
        held = [(f"{text} in ({', '.join(map(_quoted, g))})", sorted(spans)) for spans, g in groups.items()]
        fails = " or ".join(f"({within} and not ({' or '.join(_holds(day, *s) for s in spans)}))" for within, spans in held)
        spoken = " ".join(f"when {within} then {_quoted(' and '.join(_in_words(*s) for s in spans))}" for within, spans in held)
        says = (
            f"In the list {column.code_list} it is in force only {{}}, not on {column.code_valid_on}. "
            "Send the code of that day, or correct the date."
        )
        checks.append(Check(name, "retired_code", f"({fails})", says, f"case {spoken} end"))
    return checks


def _holds(day: str, first: str, end: str) -> str:
    """SQL that holds when a day is within a period; ``end`` is the first day no longer in it."""
    return " and ".join([*([f"{day} >= date '{first}'"] if first else []), *([f"{day} < date '{end}'"] if end else [])])


def _in_words(first: str, end: str) -> str:
    return " ".join([*([f"from {first}"] if first else []), *([f"before {end}"] if end else [])])


def _column_checks(column: Column, extract: Extract, contracts: Contracts, text: str, as_of: date | None) -> list[Check]:
    name, options, typed_text = column.name, column.options, typed(column, text)
    checks = []
    if column.is_required:
        checks.append(Check(name, "required", f"{text} is null", "A value is required. Fill it."))
    if column.type == "date":
        checks += _date_checks(column, text, as_of)
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
        checks += _code_checks(column, extract, contracts, text)
    if column.max_chars:
        says = f"Longer than {column.max_chars:,} characters. Shorten it, or check the quotes around it."
        checks.append(Check(name, "too_long", f"length({text}) > {column.max_chars}", says))
    if column.is_any_text and not column.is_free_text:
        checks += [Check(name, reason, f"({fails.format(text)})", says) for reason, (fails, says) in CONTROLS.items()]
    return checks


def rows_hash(con: duckdb.DuckDBPyConnection, extract: Extract, is_tidy: bool = False) -> str:
    """A hash of the rows of ``sent`` and ``broken``: without blanks around values, in no order, in no way of writing.

    DuckDB's own hash, which may change from one version to the next: a repeat right after an upgrade may go unnoticed.
    """
    row = ", ".join(value(column.name, is_tidy) for column in extract.columns)
    parts = [
        f"select concat(count(*), '/', sum(cast(hash({what}) as hugeint))) from {table}"
        for what, table in ((row, "sent"), ("offending_text", "broken"))
    ]
    return con.execute(f"select md5(concat(({parts[0]}), ' ', ({parts[1]})))").fetchone()[0]


def checks_of(extract: Extract, contracts: Contracts, as_of: date | None = None) -> list[Check]:
    """Every check of the values of one row that the contract asks for, in a file that is of day ``as_of``."""
    return [check for c in extract.columns for check in _column_checks(c, extract, contracts, value(c.name), as_of)]


def _sound(column: Column, extract: Extract, contracts: Contracts) -> str:
    """A column's typed value for the row rules; null where it is no date or number as agreed, which is a finding already."""
    bad = [c.fails for c in _column_checks(column, extract, contracts, value(column.name), None) if c.reason.startswith("bad_")]
    return f"case when not coalesce({' or '.join(bad)}, false) then {typed(column)} end" if bad else typed(column)


def _may_fail(extract: Extract, contracts: Contracts, as_of: date | None, is_tidy: bool, may_hold_controls: bool) -> str:
    """SQL that holds for every row that fails a check, and for few others: the checks of the text with its blanks on.

    Text that is right as it stands is right without its blanks, and this takes a third of the time. A date is read and a
    list is searched once, whatever may be wrong with them; bytes are counted in place of characters, of which there are no more.
    """
    tests = []
    for column in extract.columns:
        text = f'"{column.name}"'
        for check in _column_checks(column, extract, contracts, text, as_of):
            if check.reason == "bad_date":
                tests.append(_is_no_date(column, text, _latest(column, as_of)))
            elif check.reason == "unknown_code":
                tests.append(f"{text} not in ({', '.join(map(_quoted, sorted(contracts.codes(column.code_list))))})")
            elif check.reason == "required":
                blank = "" if is_tidy else f" or {text} < '!' or {text} > '~'"  # every blank there is
                tests.append(f"{text} is null{blank}")
            elif check.reason == "too_long":
                tests.append(f"strlen({text}) > {column.max_chars}")
            elif check.reason not in ("future_date", "code_case", *(() if may_hold_controls else CONTROLS)):
                tests.append(check.fails)
    return " or ".join(f"coalesce({test}, false)" for test in tests) or "false"


def find(
    con: duckdb.DuckDBPyConnection,
    extract: Extract,
    contracts: Contracts,
    as_of: date | None = None,
    is_tidy: bool = False,
    may_hold_controls: bool = True,
) -> None:
    """Fill table ``findings`` (_row_number, _line, column_name, reason, offending_text, record_key, says) from ``sent``.

    ``as_of`` is the extract date; without one no date is too late. ``is_tidy``, ``may_hold_controls``: see Sent.
    A first pass marks the rows that fail anything at all; only those are looked at closely.
    """
    key = "concat_ws(' / ', " + ", ".join(value(k) for k in extract.key) + ")"
    con.execute(
        "create or replace temp table findings (_row_number bigint, _line bigint, column_name varchar, reason varchar, "
        "offending_text varchar, record_key varchar, says varchar)"
    )
    _mark_suspects(con, extract, _may_fail(extract, contracts, as_of, is_tidy, may_hold_controls), is_tidy)
    # a row that withdraws a record says which one; of the rest only what stands there must be sound
    withdraws = f"coalesce(upper({value(extract.deleted_flag)}) = 'Y', false)" if extract.deleted_flag else "false"
    if _count(con, "suspects"):
        found = [
            f'select _row_number, _line, {_quoted(c.column)}, {_quoted(c.reason)}, left("{c.column}", {MAX_SHOWN_CHARS}), {key}, '
            f"replace({_quoted(c.says)}, '{{}}', {c.about}) from suspects where {c.fails}"
            + (f" and not {withdraws}" if c.reason == "required" and c.column not in extract.key else "")
            for c in checks_of(extract, contracts, as_of)
        ]
        types = ", ".join(f'{_sound(c, extract, contracts)} as "{c.name}"' for c in extract.columns)
        for rule in extract.rules:
            failing = f"select _row_number from (select _row_number, {types} from suspects) where {rule.fails_when}"
            found.append(
                f"select _row_number, _line, {_quoted(rule.column)}, 'row_rule', \"{rule.column}\", {key}, "
                f"{_quoted(rule.says)} from suspects where _row_number in ({failing}) and not {withdraws}"
            )
        if found:
            con.execute("insert into findings " + " union all ".join(found))
    _find_duplicates(con, extract, key, is_tidy)


def _mark_suspects(con: duckdb.DuckDBPyConnection, extract: Extract, may_fail: str, is_tidy: bool) -> None:
    """Fill ``suspects``, like ``sent``, with every row that fails a check or a rule, and few others, in one pass.

    A rule is asked of rows only whose dates and numbers are sound, which spares finding out for each value whether it is.
    """
    texts = ", ".join(f'"{c.name}" as "_sent_{c.name}"' for c in extract.columns)
    types = ", ".join(f'{typed(c, value(c.name, is_tidy))} as "{c.name}"' for c in extract.columns)
    back = ", ".join(f'"_sent_{c.name}" as "{c.name}"' for c in extract.columns)
    rules = " or ".join(f"coalesce(({rule.fails_when}), false)" for rule in extract.rules) or "false"
    con.execute(
        f"create or replace temp table suspects as select _line, _row_number, {back} "
        f"from (select _line, _row_number, {texts}, {types}, ({may_fail}) as _may_fail from sent) "
        f"where case when _may_fail then true else {rules} end"
    )


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return con.execute(f"select count(*) from {table}").fetchone()[0]


def _find_duplicates(con: duckdb.DuckDBPyConnection, extract: Extract, key: str, is_tidy: bool) -> None:
    """Of the rows that are sound otherwise, the second and later ones with a key already seen in the file."""
    keys = ", ".join(value(k, is_tidy) for k in extract.key)
    # equal keys have equal hashes, and numbers are sorted many times faster than keys are grouped
    hashes = con.execute(f"select hash({keys}) as h from sent").fetchnumpy()["h"]
    hashes.sort()
    repeated = np.unique(hashes[1:][hashes[1:] == hashes[:-1]]).tolist()
    if not repeated:
        return
    con.execute(
        f"""
        insert into findings
        with again as (select _row_number from sent where hash({keys}) in (select unnest(?))),
        sound as (
            select * from sent
            where _row_number in (select _row_number from again) and _row_number not in (select _row_number from findings)
        ),
        repeated as (select *, row_number() over (partition by {keys} order by _row_number) as _nth from sound)
        select _row_number, _line, ?, 'duplicate_key', {key}, {key}, ? from repeated where _nth > 1
        """,
        [repeated, extract.key[0], "The key stands in the file already; the first row is kept. Send each key once."],
    )
