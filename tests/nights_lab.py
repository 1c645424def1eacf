"""A home that lives through nights: agencies that send what has changed, builds that mend, and a whole build beside to compare.

The agencies hold what the files of a world say, change it by hand or by chance, and send it by their contracts.
"""

from __future__ import annotations

import csv
import io
import random
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from dagster_project import intake, standing, warehouse
from dagster_project.contracts import Contracts, load_contracts
from dagster_project.settings import PROJECT_DIR, Settings, load_settings

Of = tuple[str, str]
WITHOUT_TESTS = ("--exclude-resource-type", "test")


class Agencies:
    """What each agency holds, (agency, extract) → key → row, and what it has not sent yet of a delta."""

    def __init__(self, contracts: Contracts, landing: Path):
        self.contracts, self.held, self.unsent = contracts, {}, {}
        for extract in contracts.extracts:
            of = extract.agency, extract.name
            self.held[of], self.unsent[of] = {}, {}
            for path in sorted((landing / extract.agency).glob(f"{extract.name}_*.csv")):
                text = io.StringIO(path.read_bytes().decode(extract.encoding), newline="")
                rows: dict[tuple, dict] = {}
                for row in csv.DictReader(text, delimiter=extract.delimiter):
                    rows.setdefault(tuple(row[k] for k in extract.key), row)
                self.held[of] = self.held[of] | rows if extract.mode == "delta" else rows

    def change(self, of: Of, key: str, **texts: str) -> None:
        """Other texts in the columns of a record, or a new record."""
        extract = self.contracts.find(*of)
        empty = {c.name: "" for c in extract.columns} | {extract.key[0]: key}
        self.held[of][key,] = self.unsent[of][key,] = self.held[of].get((key,), empty) | texts

    def drop(self, of: Of, key: str) -> None:
        """The record is no more: a delta withdraws it, every other time by its key alone; a full extract leaves it out."""
        row, extract = self.held[of].pop((key,)), self.contracts.find(*of)
        said = row if ord(key[-1]) % 2 else dict.fromkeys(row, "") | {extract.key[0]: key}
        self.unsent[of][key,] = said | {extract.deleted_flag or "": "Y"}

    def send(self, landing: Path, of: Of, name: str) -> None:
        """A file with all that the agency holds, or of a delta with what it has not sent yet; ``name``: day and sequence."""
        extract, out = self.contracts.find(*of), io.StringIO(newline="")
        rows, self.unsent[of] = (self.unsent[of] if extract.mode == "delta" else self.held[of]), {}
        names = [c.name for c in extract.columns]
        table = csv.DictWriter(out, names, delimiter=extract.delimiter, lineterminator="\n", extrasaction="ignore")
        table.writeheader()
        table.writerows(rows.values())
        path = landing / extract.agency / f"{extract.name}_{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(out.getvalue().encode(extract.encoding))

    def chance(self, rng: random.Random, of: Of, changes: int) -> None:
        """So many changes of records, each by what another record says: of whom, when, which code. Some go, some are new."""
        extract, held = self.contracts.find(*of), self.held[of]
        days = [c.name for c in extract.columns if c.type == "date" and c.name != "date_of_birth"]
        alone = [c.name for c in extract.columns if c.name not in (*days, *extract.key, extract.deleted_flag)]
        for number in range(changes):
            key, other = rng.choice(sorted(held)), held[rng.choice(sorted(held))]
            what = rng.random()
            if what < 0.15 and len(held) > 3:
                self.drop(of, key[0])
            elif what < 0.3:  # one more record, of somebody who has one
                self.change(
                    of, f"{key[0][:-3]}{rng.randrange(700, 800)}" if number % 2 else key[0], **_without(other, extract.key)
                )
            elif what < 0.5 and days:
                self.change(of, key[0], **{name: other[name] for name in days})
            elif what < 0.6:  # the whole person, as far as the row names one
                self.change(of, key[0], **{name: other[name] for name in alone[:4]})
            else:
                name = rng.choice(alone)
                self.change(of, key[0], **{name: other[name]})


def _without(row: dict, names: tuple[str, ...]) -> dict:
    return {name: text for name, text in row.items() if name not in names}


def copy_project(folder: Path, overrides: list[tuple[str, ...]]) -> Path:
    """The project's definitions in a folder of their own, with decisions of reviewers: (decision, two references, end)."""
    for name in ("dbt", "seeds", "expectations"):
        shutil.copytree(PROJECT_DIR / name, folder / name, ignore=shutil.ignore_patterns("target", "logs", "docs"))
    shutil.copy(PROJECT_DIR / "pyproject.toml", folder)
    with open(folder / "seeds" / "linkage_overrides.csv", "a", newline="", encoding="utf-8") as file:
        for decision, *references, end in overrides:
            pair = ",".join(reference.replace("/", ",", 1) for reference in references)
            file.write(f"{decision},{pair},Reviewed for this test,A reviewer,2013-05-01,{end}\n")
    return folder


def home_of(folder: Path, project: Path) -> Settings:
    """An installation of a small world: whatever share of it comes new, a night of changes may mend."""
    return replace(load_settings(home=folder, project_dir=project), changes_percent=1000.0)


def land(settings: Settings) -> tuple[int, list[str]]:
    """Take what lies in the landing folders: how many new files were taken, and what is said of those that were refused."""
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    reports = [r for r in intake.land_all(settings, contracts, say=lambda _: None) if r.status != intake.REPLAY]
    refused = [r.headline for r in reports if r.status == intake.REFUSED]
    return len(reports) - len(refused), refused


def build(settings: Settings, today: date, may_mend: bool = True, with_tests: bool = False) -> str:
    """Build the warehouse of a night; what the log says of how. Nothing is put in place unless all is well."""
    said: list[str] = []
    with warehouse.built_aside(settings, today, may_mend=may_mend, log=said.append) as put_in_place:
        result = warehouse.run_dbt(settings, *warehouse.dbt_build(), *([] if with_tests else WITHOUT_TESTS))
        bad = [f"{r.node.name}: {r.message}" for r in result.result or [] if r.status not in ("success", "pass", "warn")]
        assert result.success, bad or result.exception
        put_in_place()
    return said[0] if said else ""


def copy_home(settings: Settings, folder: Path) -> Settings:
    """The same home elsewhere, with its last build: the warehouse file is another, and written down as the one that stands."""
    shutil.copytree(settings.home, folder, copy_function=shutil.copyfile)
    copied = replace(settings, home=folder)
    with duckdb.connect(str(copied.restricted_db)) as con:
        con.execute(
            "update intake.last_build set built_as = ?", [standing._stamped(standing._made_with(copied), copied.warehouse_db)]
        )
    return copied


def whole_beside(settings: Settings, today: date, folder: Path) -> Settings:
    """A home with the same deliveries in which everything was built."""
    beside = copy_home(settings, folder)
    build(beside, today, may_mend=False)
    return beside


def differences(one: Settings, other: Settings) -> dict[str, tuple[int, int]]:
    """Table → rows that only the one, and only the other, holds: all of the warehouse, and the identities; {} if none differ.

    Columns of another name or type count as well. Times of building are nowhere in the tables, so every column is compared.
    """
    found = {}
    with duckdb.connect() as con:
        for side, settings in (("one", one), ("other", other)):
            con.execute(f"attach '{settings.warehouse_db}' as {side}_warehouse (read_only)")
            con.execute(f"attach '{settings.restricted_db}' as {side}_restricted (read_only)")
        for room, which in (("warehouse", "true"), ("restricted", "schema_name in ('identity', 'seeds')")):
            shapes = []
            for side in ("one", "other"):
                rows = con.execute(
                    f"select schema_name || '.' || table_name, list((column_name, data_type) order by column_index) "
                    "from duckdb_columns() semi join duckdb_tables() using (database_name, schema_name, table_name) "
                    f"where database_name = '{side}_{room}' and {which} group by 1"
                ).fetchall()
                shapes.append(dict(rows))
            assert shapes[0], f"no tables in the {room}"
            for table in sorted(set(shapes[0]) | set(shapes[1])):
                if shapes[0].get(table) != shapes[1].get(table):
                    found[table] = (-1, -1)
                    continue
                a, b = f"one_{room}.{table}", f"other_{room}.{table}"
                only = tuple(
                    con.execute(f"select count(*) from (from {x} except all from {y})").fetchone()[0] for x, y in ((a, b), (b, a))
                )
                found |= {table: only} if any(only) else {}
    return found
