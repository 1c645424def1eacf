"""Homes in which random histories are landed by the real intake and looked at through the compiled SQL of staging.

A batch is one home in which each of the extracts lives through a history of its own.
"""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from history_oracle import ACCEPTED, REFUSED, REPLAY, WITH_QUARANTINE, File, Oracle, typed
from history_worlds import EXTRACTS, clean, history, oracle_of, told

from dagster_project import intake
from dagster_project.contracts import Contracts
from dagster_project.settings import Settings

START = datetime(2013, 7, 5, 12)
KINDS = {"string": "VARCHAR", "integer": "BIGINT", "boolean": "BOOLEAN"}  # anything else is a date form


class Staging:
    """The SQL that dbt compiled of the staging models, before their columns are renamed."""

    def __init__(self, settings: Settings, contracts: Contracts):
        compiled = {p.stem: p.read_text() for p in (settings.data_dir / "dbt" / "target" / "compiled").rglob("stg_*.sql")}
        self.model = {(a, e): compiled[f"stg_{a}__{e}"].strip().rstrip(";") for a, e in EXTRACTS}
        self.in_force, self.changed = {}, {}
        for (agency, extract), sql in self.model.items():
            assert "\nselect * from renamed" in sql and sql.count("with sent as (") == 1, f"{agency}/{extract}: {sql}"
            self.in_force[agency, extract] = sql.replace("\nselect * from renamed", "\nselect * from sent")
            renamed = sql[sql.index("renamed as (") :]
            shown = {(name, kind) for name in re.findall(r" as (\w+),?$", renamed, re.M) for kind in ("VARCHAR", "DATE")}
            self.changed[agency, extract] = shown  # by the model, beyond what is in force
        self.contracts = contracts


class Home:
    """An empty installation in which histories are landed, file by file or by nights."""

    def __init__(self, home: Path, project: Path, staging: Staging):
        self.settings = Settings(project, home, "1GB", 1)
        self.staging, self.contracts = staging, staging.contracts
        self.con = intake.open_restricted(self.settings, self.contracts)

    def __enter__(self) -> Home:
        return self

    def __exit__(self, *_) -> None:
        self.con.close()
        shutil.rmtree(self.settings.home)

    def put(self, agency: str, file: File) -> Path:
        path = self.settings.landing_dir / agency / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        return path

    def land(self, agency: str, file: File, now: datetime) -> intake.Report:
        return intake.land(self.con, self.settings, self.contracts, self.put(agency, file), now)

    def night(self) -> list[intake.Report]:
        """Everything in the landing folders is taken, by the way in that the night's job uses."""
        self.con.close()
        try:
            return intake.land_all(self.settings, self.contracts, say=lambda _: None)
        finally:
            self.con = intake.open_restricted(self.settings, self.contracts)

    def lose_the_database(self) -> None:
        """Nothing is left but the archive, and the next night begins."""
        self.con.close()
        shutil.rmtree(self.settings.landing_dir)
        self.settings.restricted_db.unlink()
        self.con = intake.open_restricted(self.settings, self.contracts)
        assert not self.night()

    def latest(self) -> datetime | None:
        return self.con.execute("select max(received_at) from intake.deliveries").fetchone()[0]

    def rows(self, sql: str) -> tuple[list[tuple[str, str]], list[tuple]]:
        """(name, type) of each column, and the rows."""
        cursor = self.con.execute(sql)
        return [(d[0], str(d[1])) for d in cursor.description], cursor.fetchall()

    def deliveries(self, agency: str, extract: str) -> dict[tuple, str]:
        """(extract date, sequence, hash) → delivery id, of what was taken."""
        found = self.con.execute(
            "select extract_date, sequence, content_hash, delivery_id from intake.deliveries "
            "where agency = ? and extract = ? and status <> ? order by received_at",
            [agency, extract, REFUSED],
        ).fetchall()
        return {(day, sequence, content): delivery for day, sequence, content, delivery in found}


def expected(home: Home, agency: str, extract: str, oracle: Oracle, instant: int | None = None):
    """What the staging model must give: (name, type) of each column, and its rows in any order."""
    sql, terms = home.staging.in_force[agency, extract], oracle.terms
    seen, ids = oracle.first_seen(instant), home.deliveries(agency, extract)
    has_first_seen = "_first_seen_date" in sql
    shape = [(column, KINDS.get(kind, "DATE")) for column, kind in terms.kinds.items()]
    shape += [("_first_seen_date", "DATE")] * has_first_seen + [("_delivery_id", "VARCHAR"), ("_row_number", "BIGINT")]
    rows = []
    for file, number, values in oracle.in_force(instant):
        key = tuple(typed(file.rows[number - 1].texts[k], "string") for k in terms.key)
        rows.append((*values.values(), *([seen[key]] if has_first_seen else []), ids[file.identity], number))
    return shape, rows


def exact(rows: list[tuple]) -> Counter:
    """Rows as a bag in which 1 is not True and a date is not an instant."""
    return Counter(tuple((type(value).__name__, value) for value in row) for row in rows)


def differences(home: Home, agency: str, extract: str, oracle: Oracle, instant: int | None = None, sql: str = "") -> list[str]:
    """Where the rows in force (or those of ``sql``) and the oracle disagree, in words."""
    shape, rows = expected(home, agency, extract, oracle, instant)
    found_shape, found = home.rows(sql or home.staging.in_force[agency, extract])
    said = [] if found_shape == shape else [f"columns {found_shape} are to be {shape}"]
    said += [f"is there and should not be: {row}" for row in (exact(found) - exact(rows)).elements()]
    said += [f"should be there and is not: {row}" for row in (exact(rows) - exact(found)).elements()]
    return said


def model_differences(home: Home, agency: str, extract: str, oracle: Oracle) -> list[str]:
    """Where the staging model as a whole has other rows, or other values in the columns that it leaves as they are."""
    shape, rows = expected(home, agency, extract, oracle)
    found_shape, found = home.rows(home.staging.model[agency, extract])
    said = []
    for column in ({of for of in shape} & {of for of in found_shape}) - home.staging.changed[agency, extract]:
        places = shape.index(column), found_shape.index(column)
        ids = [of.index(("_row_number", "BIGINT")) for of in (shape, found_shape)]
        sides = [exact([(r[i - 1], r[i], r[p]) for r in of]) for of, p, i in zip((rows, found), places, ids, strict=True)]
        said += [] if sides[0] == sides[1] else [f"the model's {column[0]} should be {sides[0]} and is {sides[1]}"]
    return said


def cut(home: Home, instant: datetime, look) -> list[str]:
    """What ``look`` says when nothing had been received after an instant."""
    home.con.execute("begin")
    try:
        home.con.execute("delete from intake.deliveries where received_at > ?", [instant])
        return look()
    finally:
        home.con.execute("rollback")


def live(home: Home, agency: str, extract: str, files: list[File], oracle: Oracle, rng: random.Random) -> list[str]:
    """Land a history file by file, by a clock that jumps; what is wrong on the way, and as known at earlier instants."""
    now, instants, said = START, [], []
    for number, file in enumerate(files, start=1):
        before = home.latest()
        report = home.land(agency, file, now)
        status, taken, bad = oracle.receive(file)
        if (report.status, report.extract_date, report.sequence) != (status, file.extract_date, file.sequence):
            said.append(f"file {number} is {report.status} ({report.reason}) and should be {status}")
        elif status in (ACCEPTED, WITH_QUARANTINE) and (report.accepted_count, report.quarantined_count) != (taken, bad):
            said.append(f"file {number}: {report.accepted_count} taken, {report.quarantined_count} bad; to be {taken}, {bad}")
        after = home.latest()
        if status not in (REPLAY, REFUSED) and after != (max(now, before + timedelta(microseconds=1)) if before else now):
            said.append(f"file {number} came at {now} after {before} and is written down for {after}")
        instants.append(after)
        if not said and (number == len(files) or rng.random() < 0.5):
            said += [f"after file {number}: {s}" for s in differences(home, agency, extract, oracle)]
        now += timedelta(minutes=rng.choice([1, 1, 60, 1440, 0, -30]))
    said += model_differences(home, agency, extract, oracle) if not said else []
    for number in sorted(rng.sample(range(len(files)), min(3, len(files)))) if not said else []:
        for instant, came in ((instants[number], number + 1), (instants[number] - timedelta(microseconds=1), None)):
            if came is None:  # just before: what had come by the last instant before that
                came = sum(i < instants[number] for i in instants)
            known = cut(home, instant, lambda c=came: differences(home, agency, extract, oracle, c))
            said += [f"as known after {came} files: {s}" for s in known]
    return said


def by_nights(home: Home, histories: dict, oracles: dict, rng: random.Random) -> list[str]:
    """Land several histories through the folders, some files each night; files of earlier nights still lie there."""
    waiting, lying, said = {k: list(files) for k, files in histories.items()}, {}, []
    while any(waiting.values()):
        for (agency, _), files in waiting.items():
            for _ in range(rng.randint(1, 6)):
                if files:
                    file = files.pop(0)
                    lying[home.put(agency, file)] = file
        for report in home.night():
            if not report.extract:
                said.append(f"{report.file_name} is not recognised: {report.reason}")
                continue
            status, *_ = oracles[report.extract.agency, report.extract.name].receive(lying[report.file])
            if report.status != status:
                said.append(f"{report.file_name} is {report.status} ({report.reason}) and should be {status}")
        for of, oracle in oracles.items():
            said += [f"{of}: {s}" for s in differences(home, *of, oracle)]
    return said


def by_name(files: list[File], order: list[File]) -> list[File]:
    """The order, but files of one name among each other as they came at first: the later corrects."""
    waiting = {}
    for file in files:
        waiting.setdefault((file.extract_date, file.sequence), []).append(file)
    return [waiting[file.extract_date, file.sequence].pop(0) for file in order]


def smallest(files: list[File], is_wrong) -> list[File]:
    """A history with as few files as can be that is still wrong."""
    for number in range(len(files)):
        shorter = files[:number] + files[number + 1 :]
        if shorter and is_wrong(shorter):
            return smallest(shorter, is_wrong)
    return files


class Lab:
    """Makes homes, runs histories in them and reports the smallest that is wrong."""

    def __init__(self, folder: Path, project: Path, staging: Staging):
        self.folder, self.project, self.staging, self.made = folder, project, staging, 0

    def home(self) -> Home:
        self.made += 1
        return Home(self.folder / f"home_{self.made}", self.project, self.staging)

    def histories(self, seed: int) -> dict[tuple[str, str], list[File]]:
        return {of: history(seed, self.staging.contracts, *of) for of in EXTRACTS}

    def alone(self, seed: int, of: tuple[str, str], files: list[File]) -> list[str]:
        with self.home() as home:
            return live(home, *of, files, oracle_of(self.staging.contracts, *of), random.Random(f"{seed}/{of}"))

    def faults(self, seed: int) -> list[str]:
        """What is wrong in the batch of a seed: every fourth by nights, the others file by file."""
        histories = self.histories(seed)
        oracles = {of: oracle_of(self.staging.contracts, *of) for of in histories}
        with self.home() as home:
            if seed % 4 == 0:
                return by_nights(home, histories, oracles, random.Random(seed))
            said = {of: live(home, *of, files, oracles[of], random.Random(f"{seed}/{of}")) for of, files in histories.items()}
            if not any(said.values()) and seed % 4 == 1:
                home.lose_the_database()
                return [
                    f"{of}, seed {seed}, from the archive: {s}" for of in EXTRACTS for s in differences(home, *of, oracles[of])
                ]
        for of, wrong in said.items():
            if wrong:
                least = smallest(histories[of], lambda files, of=of: bool(self.alone(seed, of, files)))
                wrong = self.alone(seed, of, least) or wrong
                return [f"{of}, seed {seed}: {wrong[0]}\n{told(least)}", *wrong[1:]]
        return []

    def order_matters(self, seed: int) -> list[str]:
        """Whose tables differ between a random order and the clean one, where no file was taken for last month's.

        Whose file that is depends on which came first.
        """
        histories, tables, compared = self.histories(seed), [], set(EXTRACTS)
        for order in (lambda files: random.Random(seed).sample(files, len(files)), clean):
            with self.home() as home:
                for of, files in histories.items():
                    oracle = oracle_of(self.staging.contracts, *of)
                    for file in by_name(files, order(files)):
                        home.land(of[0], file, START)
                        if oracle.receive(file)[0] == REFUSED and oracle.is_an_old_file(file):
                            compared.discard(of)
                tables.append({of: exact(home.rows(self.staging.model[of])[1]) for of in EXTRACTS})
        assert compared
        return [f"{of}, seed {seed}\n{told(histories[of])}" for of in compared if tables[0][of] != tables[1][of]]
