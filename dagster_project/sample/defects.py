"""Rows that intake must put in quarantine: copies of sound rows with one thing wrong, under keys of their own.

What can be wrong is read from the contract: a required column, a date, a code, a yes or no, a number, a pattern, a rule
about the row, a key that stands in the file already. The sound rows stay as they are, so no figure moves.
"""

from __future__ import annotations

import re

import duckdb

from ..contracts import Extract

NOT_SPOILT = "departments"  # its contract lets no row fail
IMPOSSIBLE_DAY = {"%Y": "2009", "%m": "02", "%d": "30"}
COMPARISON = re.compile(r"^(\w+) < (\w+)$")
NEEDS_BOTH = re.compile(r"^(\w+) is not null and (\w+) is null$")


def create_table(con: duckdb.DuckDBPyConnection) -> None:
    """The list of what is planted."""
    con.execute(
        "create or replace temp table planted_defect "
        "(file varchar, record_key varchar, column_name varchar, reason varchar, sent_text varchar)"
    )


def _faults(extract: Extract) -> list[tuple[str, str, str, str]]:
    """(column, reason, spoilt text as SQL, rows for which it is a fault as SQL), every one found in the contract."""
    found = []
    for column in extract.columns:
        name = f'"{column.name}"'
        if column.is_required:
            found.append((column.name, "required", "null", f"{name} is not null"))
        if column.type == "date":
            day = column.date_format
            for part, text in IMPOSSIBLE_DAY.items():
                day = day.replace(part, text)
            found.append((column.name, "bad_date", f"'{day}'", "true"))
        if column.type == "boolean" and column.name != extract.deleted_flag:
            found.append((column.name, "bad_boolean", "'maybe'", "true"))
        if column.type == "integer":
            found.append((column.name, "bad_number", "'many'", "true"))
        if column.code_list:
            found.append((column.name, "unknown_code", "'Z99'", "true"))
        if "pattern" in column.options:
            found.append((column.name, "pattern", f"lower({name})", "true"))
    formats = {c.name: c.date_format for c in extract.columns if c.type == "date"}
    for rule in extract.rules:
        if (m := COMPARISON.match(rule.fails_when)) and m[1] in formats and m[2] in formats:
            earlier = f"strftime(try_strptime(\"{m[2]}\", '{formats[m[2]]}') - interval 10 day, '{formats[m[1]]}')"
            found.append((m[1], "row_rule", earlier, f'"{m[2]}" is not null'))
        elif m := NEEDS_BOTH.match(rule.fails_when):
            found.append((m[2], "row_rule", "null", f'"{m[1]}" is not null'))
    found.append((extract.key[0], "duplicate_key", f'"{extract.key[0]}"', "true"))
    return found


def _spoilt_row(names: list[str], key: str, new_key: str, fault: tuple[str, str, str, str]) -> str:
    """The select list of a row with one fault: the fault in its column, an own key, the rest as it was."""
    column, reason, spoilt, _ = fault
    values = {name: f'"{name}"' for name in names} | {key: new_key}
    if column != key:
        values[column] = spoilt
    elif reason == "pattern":
        values[key] = f"lower({new_key})"
    elif reason == "required":
        values[key] = "null"
    return ", ".join(f'{values[name]} as "{name}"' for name in names)


def plant(con: duckdb.DuckDBPyConnection, extract: Extract, file: str) -> None:
    """Fill table ``defective`` from view ``sound`` and write down what was done in ``planted_defect``."""
    names, key = [c.name for c in extract.columns], extract.key[0]
    con.execute("create or replace temp table defective as select * from sound limit 0")
    if extract.agency == NOT_SPOILT:
        return
    draw = f"hash(hash(\"{key}\", getvariable('seed'), '{extract.table}'))"
    con.execute(
        f"create or replace temp table candidate as select *, {draw} // 1000003 as _draw from sound "
        f"where {draw} % 1000000 < 1000000 * getvariable('defect_share')"
    )
    faults = _faults(extract)
    has_pattern = any(c.name == key and "pattern" in c.options for c in extract.columns)
    own_key = f"'Z' || substr(\"{key}\", 2)" if has_pattern else f"\"{key}\" || 'Z'"
    for n, fault in enumerate(faults):
        column, reason, _, fits = fault
        new_key = f'"{key}"' if reason == "duplicate_key" else own_key
        con.execute(
            f"create or replace temp table spoilt as select {_spoilt_row(names, key, new_key, fault)} from candidate "
            f'where _draw % {len(faults)} = {n} and {fits} order by "{key}"'
        )
        con.execute("insert into defective select * from spoilt")
        con.execute(f'insert into planted_defect select ?, "{key}", ?, ?, "{column}" from spoilt', [file, column, reason])
