"""A contract on disk → the extracts, columns and checks that the rest of the system works from.

The contract (Open Data Contract Standard 3.1, one file per agency) is the only place that names an extract or a column.
Everything here is read from it: intake checks, raw tables, dbt sources, the guidance for suppliers.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import yaml

from .contract_faults import faults, faults_between
from .contract_words import ROW_RULE, nearest, unknown_names
from .service_levels import ServiceLevels, read_service_levels

FILE_NAME = re.compile(r"^(?P<extract>[a-z0-9_]+?)_(?P<date>\d{4}-\d{2}-\d{2})(?:_(?P<sequence>\d{1,3}))?\.csv(?:\.gz)?\Z")
PLAIN_NAME = re.compile(r"^(?P<extract>[a-z0-9_]+)\.csv(?:\.gz)?\Z")  # taken as of the day on which it comes
RESTRICTED = "{{ 'restricted' if target.type == 'duckdb' else '' }}"  # for dbt, which reads it: Spark knows schemas only
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a run reads the contracts in most of its steps
MAX_TEXT_CHARS = 200  # of text with no limit of its own: three times the longest name; more is most likely an open quote
_JAVA_TO_STRPTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d"}


class ContractError(ValueError):
    """A contract that cannot be used; the message names the file, the place and the remedy."""


@dataclass(frozen=True)
class Column:
    """One field of an extract: its agreed name, type and limits."""

    name: str
    type: str
    is_required: bool
    is_key: bool
    is_identifier: bool
    description: str
    options: dict
    code_list: str | None
    aliases: tuple[str, ...]
    parent: str | None
    code_valid_on: str | None  # the date column on whose day the code must have been in force
    latest_days: int | None  # how many days after the extract date a date may lie; None: no matter
    is_free_text: bool = False  # may be of any length, over several lines

    @property
    def date_format(self) -> str:
        """The agreed date format in strptime's letters."""
        text = self.options.get("format", "yyyy-MM-dd")
        for java, strptime in _JAVA_TO_STRPTIME.items():
            text = text.replace(java, strptime)
        return text

    @property
    def is_any_text(self) -> bool:
        """Whether neither a type, nor a list, nor a form says what it may hold."""
        return self.type == "string" and not self.code_list and "pattern" not in self.options

    @property
    def max_chars(self) -> int | None:
        """The most characters that its text may have; None: any number."""
        if self.type == "string" and "maxLength" in self.options:
            return int(self.options["maxLength"])
        return MAX_TEXT_CHARS if self.is_any_text and not self.is_free_text else None


@dataclass(frozen=True)
class RowRule:
    """A rule about one row as a whole: ``fails_when`` is SQL over the typed columns."""

    name: str
    column: str
    fails_when: str
    says: str


@dataclass(frozen=True)
class Extract:
    """One kind of file from one agency."""

    agency: str
    name: str
    description: str
    columns: tuple[Column, ...]
    rules: tuple[RowRule, ...]
    mode: str  # full: the file replaces all before it; delta: a row replaces the row with its key
    deleted_flag: str | None
    max_percent: float
    max_rows: int
    tolerated_rows: int
    may_repeat: bool  # the same rows may come again under another date
    smallest_percent: float | None  # of the rows of the delivery before; None: no comparison
    largest_percent: float | None
    compared_from: int  # no comparison when the delivery before had fewer rows
    delimiter: str
    encoding: str
    contract_version: str
    contract_hash: str
    service: ServiceLevels | None  # when its files are due, and how long the last one may stand in; None: never due

    @property
    def table(self) -> str:
        """Name of its raw table, without the schema."""
        return f"{self.agency}__{self.name}"

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.is_key)


@dataclass
class Contracts:
    """Every contract found in a folder, with the code lists that they point to."""

    folder: Path
    seeds_dir: Path
    extracts: list[Extract] = field(default_factory=list)

    def find(self, agency: str, extract: str) -> Extract | None:
        return next((e for e in self.extracts if (e.agency, e.name) == (agency, extract)), None)

    @property
    def agencies(self) -> list[str]:
        return sorted({e.agency for e in self.extracts})

    @cached_property
    def _seed_files(self) -> dict[str, Path]:
        return {p.stem: p for p in self.seeds_dir.rglob("*.csv")}

    @cached_property
    def _code_lists(self) -> dict[str, dict[str, set[tuple[str, str]]]]:
        return {}

    def codes(self, code_list: str) -> set[str]:
        """The codes of a list, written in a contract as ``seed`` (column ``code``) or ``seed.column``."""
        return set(self.code_periods(code_list))

    def code_periods(self, code_list: str) -> dict[str, set[tuple[str, str]]]:
        """Each code of a list → the periods in which it was in force, as (first day, first day no longer); blank is always."""
        if code_list not in self._code_lists:
            self._code_lists[code_list] = self._read_code_periods(code_list)
        return self._code_lists[code_list]

    def _read_code_periods(self, code_list: str) -> dict[str, set[tuple[str, str]]]:
        seed, _, column = code_list.partition(".")
        path = self._seed_files.get(seed)
        users = [(e, c.name) for e in self.extracts for c in e.columns if c.code_list == code_list]
        place = "".join(f"{e.agency}.odcs.yaml: extract '{e.name}', column '{column}': " for e, column in users[:1])
        if path is None:
            raise ContractError(
                f"{place}code list '{code_list}' has no file {seed}.csv under {self.seeds_dir}. Add it, or correct the name. "
                + nearest(seed, self._seed_files)
            )
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if (column or "code") not in (rows.fieldnames or []):
                raise ContractError(f"{place}{path} has no column '{column or 'code'}', which code list '{code_list}' asks for.")
            codes: dict[str, set[tuple[str, str]]] = {}
            for row in rows:
                if code := row[column or "code"]:
                    codes.setdefault(code, set()).add((row.get("valid_from") or "", row.get("valid_to") or ""))
        if not codes:
            raise ContractError(f"{place}{path} holds no code for code list '{code_list}'. Add the codes.")
        return codes


def _custom(node: dict) -> dict:
    return {p["property"]: p.get("value") for p in node.get("customProperties") or []}


def _percent(value) -> float | None:
    return None if value is None else float(value)


def _column(node: dict) -> Column:
    custom = _custom(node)
    parents = node.get("relationships") or []
    return Column(
        name=node["name"],
        type=node.get("logicalType", "string"),
        is_required=bool(node.get("required") or node.get("primaryKey")),
        is_key=bool(node.get("primaryKey")),
        is_identifier=node.get("classification") == "identifier",
        description=node.get("description", ""),
        options=node.get("logicalTypeOptions") or {},
        code_list=custom.get("codeList"),
        aliases=tuple(custom.get("aliases") or ()),
        parent=parents[0]["to"] if parents else None,
        code_valid_on=custom.get("codeValidOn"),
        is_free_text=custom.get("freeText") is True,
        latest_days=None if custom.get("latestDaysAfterExtract") is None else int(custom["latestDaysAfterExtract"]),
    )


def read_contract(path: Path) -> list[Extract]:
    """The extracts of one contract file. Raises ContractError for a file that is not a usable contract."""
    # the standard's own model is slow to import, and tests hold every contract to its schema
    raw = path.read_bytes()
    try:
        contract = yaml.load(raw, Loader=LOADER)
        for fault in unknown_names(contract):
            raise ContractError(f"{path}: {fault}")
        server = _custom(contract["servers"][0])
        extracts = []
        for node in contract["schema"]:
            custom = _custom(node)
            rules = tuple(
                RowRule(q["name"], q["implementation"]["column"], q["implementation"]["failsWhen"], q["description"])
                for q in node.get("quality") or []
                if q.get("engine") == ROW_RULE
            )
            extracts.append(
                Extract(
                    agency=contract["id"],
                    name=node["name"],
                    description=node.get("description", ""),
                    columns=tuple(_column(p) for p in node["properties"]),
                    rules=rules,
                    mode=custom["deliveryMode"],
                    deleted_flag=custom.get("deletedFlag"),
                    max_percent=float(custom["maxQuarantinedPercent"]),
                    max_rows=int(custom["maxQuarantinedRows"]),
                    tolerated_rows=int(custom["toleratedQuarantinedRows"]),
                    may_repeat=custom.get("mayRepeat") is True,
                    smallest_percent=_percent(custom.get("smallestPercentOfLast")),
                    largest_percent=_percent(custom.get("largestPercentOfLast")),
                    compared_from=int(custom.get("comparedFromRows") or 0),
                    delimiter=server.get("delimiter", ","),
                    encoding=str(server.get("encoding", "utf-8")).lower(),
                    contract_version=str(contract["version"]),
                    contract_hash=hashlib.sha256(raw).hexdigest(),
                    service=read_service_levels(contract),
                )
            )
        for fault in (f"extract '{e.name}' {fault}" for e in extracts for fault in faults(e)):
            raise ContractError(f"{path}: {fault}")
        for extract, fault in faults_between(extracts):
            raise ContractError(f"{path}: extract '{extract.name}' {fault}")
    except ContractError:
        raise
    except (AttributeError, KeyError, TypeError, IndexError, ValueError, yaml.YAMLError) as error:
        raise ContractError(
            f"{path}: not a usable contract ({type(error).__name__}: {error}). Compare it with its neighbours."
        ) from error
    return extracts


def load_contracts(folder: Path, seeds_dir: Path) -> Contracts:
    """Every ``*.odcs.yaml`` of a folder, in the order of their names. Raises ContractError for what cannot be used."""
    contracts, files = Contracts(folder, seeds_dir), {}
    for path in sorted(folder.glob("*.odcs.yaml")):
        extracts = read_contract(path)
        for agency in {e.agency for e in extracts}:
            if agency in files:
                raise ContractError(f"{path}: has the id '{agency}', as {files[agency]} has. Give each contract its own.")
            files[agency] = path.name
        contracts.extracts.extend(extracts)
    if not contracts.extracts:
        raise ContractError(f"{folder}: no contract (*.odcs.yaml) found.")
    return contracts


def dbt_sources(contracts: Contracts) -> dict:
    """The contracts as a dbt sources file: one source per agency, its raw tables, their typed columns."""
    sources = []
    for agency in contracts.agencies:
        tables = []
        for extract in (e for e in contracts.extracts if e.agency == agency):
            columns = [
                {
                    "name": c.name,
                    "description": c.description,
                    "config": {"meta": {"type": c.type, "date_format": c.date_format, "parent": c.parent}},
                }
                for c in extract.columns
            ]
            meta = {
                "mode": extract.mode,
                "key": list(extract.key),
                "deleted_flag": extract.deleted_flag,
                **(asdict(extract.service) if extract.service else {}),
            }
            tables.append(
                {
                    "name": extract.name,
                    "identifier": extract.table,
                    "description": extract.description,
                    "config": {"meta": meta},
                    "columns": columns,
                }
            )
        sources.append({"name": agency, "database": RESTRICTED, "schema": "raw", "tables": tables})
    return {"version": 2, "sources": sources}


def write_dbt_sources(contracts: Contracts, dbt_dir: Path) -> Path:
    """Write the derived sources file where dbt reads it; untouched when nothing changed, so dbt need not parse again."""
    path = dbt_dir / "models" / "staging" / "_sources.yml"
    text = "# Made from expectations/contracts by every run. Change the contract, not this file.\n"
    text += yaml.safe_dump(dbt_sources(contracts), sort_keys=False, allow_unicode=True, width=130)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_name(f".{path.name}-{os.getpid()}")
        written.write_text(text, encoding="utf-8")
        os.replace(written, path)  # another process may be reading
    return path
