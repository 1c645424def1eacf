"""A world's files and their contracts → how each way reads them. No column, code, delimiter or date format is typed again.

The worlds of the bench are the sample's: names and order of the columns are the contract's, values carry no blanks, and what
is wrong with a row is one of the faults of sample/defects.py. So a row is dropped by the cheapest test that finds those.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from ..contracts import FILE_NAME, Column, Contracts, Extract, load_contracts
from ..settings import PROJECT_DIR

SEEDS = PROJECT_DIR / "seeds"
# letters that are no plain one with a mark, as English writes them
WRITTEN_OUT = {"Ł": "L", "Ø": "O", "Đ": "D", "Ð": "D", "Ħ": "H", "Ŧ": "T", "Æ": "AE", "Œ": "OE", "ẞ": "SS", "Þ": "TH"}
# DuckDB alone knows no windows-1252; of the letters that names have, it differs from latin-1 in none
DUCKDB_ENCODINGS = {"windows-1252": "latin-1"}
DUCKDB_TYPES = {"date": "date", "integer": "bigint", "boolean": "flag"}


@dataclass(frozen=True)
class Delivery:
    """One file of an extract."""

    path: Path
    extract_date: date


class World:
    """A folder of files, ``<agency>/<extract>_<date>.csv[.gz]``."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def contracts(self) -> Contracts:
        return load_contracts(PROJECT_DIR / "expectations" / "contracts", SEEDS)

    def deliveries(self, extract: Extract) -> list[Delivery]:
        """The files of an extract that count, the latest first: of a full extract only that."""
        found = []
        for path in (self.folder / extract.agency).glob(f"{extract.name}_*.csv*"):
            if (match := FILE_NAME.match(path.name)) and match["extract"] == extract.name:
                found.append(Delivery(path, date.fromisoformat(match["date"])))
        found.sort(key=lambda delivery: delivery.extract_date, reverse=True)
        return found[:1] if extract.mode == "full" else found

    def latest(self) -> list[tuple[str, str, date]]:
        """(agency, extract, latest extract date) of every extract that has come."""
        every = [(e.agency, e.name, self.deliveries(e)) for e in self.contracts.extracts]
        return [(agency, name, files[0].extract_date) for agency, name, files in every if files]

    def size(self) -> int:
        """Bytes of all files."""
        return sum(p.stat().st_size for p in self.folder.glob("*/*.csv*"))


def formats(extract: Extract) -> str:
    """The one date format of an extract, in strptime's letters."""
    found = {c.date_format for c in extract.columns if c.type == "date"} or {"%Y-%m-%d"}
    if len(found) > 1:
        raise ValueError(f"{extract.table} has dates in {len(found)} formats; the bench reads one.")
    return found.pop()


def code_type(code_list: str) -> str:
    return "codes_" + code_list.replace(".", "_")


def enum_types(contracts: Contracts) -> str:
    """SQL: a type for every code list, and one for yes and no."""
    lists = sorted({c.code_list for e in contracts.extracts for c in e.columns if c.code_list})
    made = ["create type flag as enum ('N', 'Y')"]
    for name in lists:
        codes = ", ".join("'" + code.replace("'", "''") + "'" for code in sorted(contracts.codes(name)))
        made.append(f"create type {code_type(name)} as enum ({codes})")
    return ";\n".join(made) + ";\n"


def _type(column: Column) -> str:
    return code_type(column.code_list) if column.code_list else DUCKDB_TYPES.get(column.type, "varchar")


def _read(extract: Extract, paths: list[Path]) -> str:
    columns = ", ".join(f"'{c.name}': '{_type(c)}'" for c in extract.columns)
    files = ", ".join(f"'{path}'" for path in paths)
    encoding = DUCKDB_ENCODINGS.get(extract.encoding, extract.encoding)
    return (
        f"read_csv([{files}], columns={{{columns}}}, auto_detect=false, header=true, delim='{extract.delimiter}', "
        f"quote='\"', escape='\"', dateformat='{formats(extract)}', encoding='{encoding}', ignore_errors=true)"
    )


def _sound(extract: Extract) -> str:
    """SQL that holds for the rows that intake takes. The reader drops a row for a value of a wrong type or code, but only if the
    column is asked for: so each is, by a comparison that every value passes."""
    withdraws = f" or {extract.deleted_flag} is not distinct from 'Y'" if extract.deleted_flag else ""
    tests = [f"({c.name} is not null{'' if c.is_key else withdraws})" for c in extract.columns if c.is_required]
    for column in (c for c in extract.columns if not c.is_required):
        least = {"date": "date '-infinity'", "bigint": str(-(2**63)), "varchar": ""}.get(_type(column), "''")
        tests += [f"({column.name} is null or {column.name} >= {least})"] if least else []
    tests += [f"(not coalesce({rule.fails_when}, false){withdraws})" for rule in extract.rules]
    for column in (c for c in extract.columns if "pattern" in c.options):
        tests.append(f"coalesce(regexp_full_match({column.name}, '{column.options['pattern']}'), true)")
    return " and ".join(tests) or "true"


def relation(world: World, extract: Extract) -> str:
    """SQL for the rows of an extract in force. Of two rows of one file with one key both remain: few look-ups mind."""
    paths = [delivery.path for delivery in world.deliveries(extract)]
    key, sound, parts = ", ".join(extract.key), _sound(extract), []
    for n, path in enumerate(paths):
        newer = f" and ({key}) not in (select ({key}) from {_read(extract, paths[:n])} where {sound})" if n else ""
        parts.append(f"select * from {_read(extract, [path])} where {sound}{newer}")
    standing = f" where {extract.deleted_flag} is distinct from 'Y'" if extract.deleted_flag else ""
    return f"(select * from ({' union all '.join(parts)}){standing})"
