"""Known identifiers in every identifying column of every extract, as files that an agency might send.

Values are unlike any other in the system, so that whatever finds one elsewhere has found a leak.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from dagster_project.contracts import Column, Contracts, Extract, load_contracts
from dagster_project.settings import PROJECT_DIR

YEARS = range(1901, 1910)  # of planted dates of birth; nothing else in the system is of these
LETTERS = "qzjxkvwy"
SHAPES = {  # what makes a value pass for the real thing, so that it goes as far as one would; any other column gets a word
    "ni_number": "QZ {0:02d} {1:02d} {2:02d} C",
    "noms_number": "Q{3:04d}ZX9{2:02d}",
    "pnc_id": "1999/7{3:04d}{2:02d}Q",
    "postcode": "ZQ{0:02d} 7{0:02d}XJ",
    "home_postcode": "ZX{0:02d} 7{0:02d}QJ",
}
# what each planted person is for
GOOD, ODD, MISPLACED, IMPOSSIBLE, RAGGED, ORPHAN, HEADLESS, HOPELESS, SECOND = range(9)
IN_QUARANTINE = (MISPLACED, IMPOSSIBLE, RAGGED)
DECORATED = {ODD: "O'{}-Björk Smyth"}
NAME, NUMBER, DAY, KEY, ORDER = "O'Zqfab-Björk Smyth", "QZ 71 31 51 C", "1903-02-31", "Q73910040", "ZKZqorders"


@dataclass
class Planted:
    """One value as sent, and where: (agency, extract, column, whether its contract has it as key, and as identifier)."""

    text: str
    places: set[tuple[str, str, str, bool, bool]] = field(default_factory=set)

    @property
    def day(self) -> tuple[int, int, int] | None:
        """Year, month and day of a planted date, which may not exist."""
        numbers = [int(n) for n in re.split(r"[-/]", self.text)] if re.fullmatch(r"[\d/-]{10}", self.text) else []
        ordered = numbers if numbers and numbers[0] in YEARS else numbers[::-1]
        return tuple(ordered) if ordered and ordered[0] in YEARS else None


def a_few() -> list[Planted]:
    """One value of each kind, for what is planted by hand: NAME, NUMBER, DAY, KEY and ORDER."""
    of = ("probation", "people", "first_name", False, True)
    found = [Planted(text, {of}) for text in (NAME, NUMBER, DAY)]
    found.append(Planted(KEY, {("probation", "people", "crn", True, True)}))
    return [*found, Planted(ORDER, {("probation", "orders", "order_id", True, False)})]


def _word(person: int, name: str) -> str:
    """A word of letters for one person and column, of at least nine: names lose their digits on the way."""
    number, letters = person * 1000 + sum(name.encode()) % 997, ""
    for _ in range(6):
        number, place = divmod(number, len(LETTERS))
        letters += LETTERS[place]
    return f"Zq{name[0]}{letters}"


def value_of(person: int, column: Column) -> str:
    """The value of one person in one column, of the type and pattern that its contract asks for: the same in every extract."""
    if column.type == "date":
        day = date(YEARS[0], 1, 2) + timedelta(days=331 * person + 17)
        text = f"{day.year}-02-31" if person == IMPOSSIBLE else day.isoformat()
        year, month, number = text.split("-")
        return column.date_format.replace("%Y", year).replace("%m", month).replace("%d", number)
    if "pattern" in column.options:
        text = f"Q{73910040 + person}"
        assert re.fullmatch(column.options["pattern"], text), f"{column.name}: plant another shape"
        return text
    shape = SHAPES.get(column.name)
    if shape:
        return shape.format(71 + person, 31 + person, 51 + person, 7100 + person)
    return DECORATED.get(person, "{}").format(_word(person, column.name))


def plant(project: Path) -> list[Planted]:
    """Plant in the landing folder of a copy of the project; let a decision name two of the planted, and a hook take alerts."""
    contracts = load_contracts(PROJECT_DIR / "expectations" / "contracts", PROJECT_DIR / "seeds")  # a copy may have more
    planter = Planter(project / "landing", contracts)
    planted = planter.all()
    own = [(e.agency, c) for e in planter.identifying() for c in e.columns if (c.is_key, c.is_identifier) == (True, True)]
    named = [f"{agency},{value_of(GOOD, column)}" for agency, column in own[:2]]
    with open(project / "seeds" / "linkage_overrides.csv", "a") as seed:
        seed.write(f"must_link,{','.join(named)},Planted for a test,Ann Smith,2013-07-01,2099-01-01\n")
    with open(project / "pyproject.toml", "a") as file:
        file.write('\n[tool.outcomes.alerts]\ncommand = "true"\n')
    return planted


class Planter:
    """Adds planted rows and files to the landing folder of a world. ``planted``: text → what was planted and where."""

    def __init__(self, landing: Path, contracts: Contracts):
        self.landing, self.contracts, self.planted = landing, contracts, {}

    def all(self) -> list[Planted]:
        """Plant in every extract that identifies people: rows in its latest file, or a first one, and two files to refuse."""
        for extract in self.identifying():
            path = max(self.landing.glob(f"{extract.agency}/{extract.name}_*"), default=None)
            if path:
                names, *rows = _read(path, extract)
                template = dict(zip(names, rows[0], strict=True))
            else:  # the world has none of these
                path, template = self.landing / extract.agency / f"{extract.name}_2013-06-30.csv", self._template(extract)
                path.parent.mkdir(parents=True, exist_ok=True)
                names, rows = list(template), []
            persons = [GOOD, ODD, MISPLACED, IMPOSSIBLE, *([ORPHAN] if any(c.parent for c in extract.columns) else [])]
            more = [self._row(extract, template, person) for person in persons]
            _write(path, extract, [names, *rows, *more, self._row(extract, template, RAGGED)[1:]])
            for day, person, header in (("01", HEADLESS, []), ("02", HOPELESS, [names])):
                row = self._row(extract, template, person)
                bad = [row[:-1] if person == HOPELESS else row] * 3
                _write(path.with_name(f"{extract.name}_2013-07-{day}.csv"), extract, [*header, *bad])
        return self.list()

    def list(self) -> list[Planted]:
        """All that was planted so far."""
        return list(self.planted.values())

    def identifying(self) -> list[Extract]:
        """The extracts of the contracts that have an identifying column."""
        return [e for e in self.contracts.extracts if any(c.is_identifier for c in e.columns)]

    def second_night(self, day: str) -> list[Planted]:
        """A later file of a new person for each extract whose files hold changes only."""
        for extract in (e for e in self.identifying() if e.mode == "delta"):
            path = sorted(self.landing.glob(f"{extract.agency}/{extract.name}_2013-06-30.csv*"))[0]
            names, *rows = _read(path, extract)
            row = self._row(extract, dict(zip(names, rows[0], strict=True)), SECOND)
            row = [value_of(GOOD, c) if (c := self._column(extract, n)).parent else v for n, v in zip(names, row, strict=True)]
            _write(path.with_name(f"{extract.name}_{day}.csv"), extract, [names, row])
        return self.list()

    def _template(self, extract: Extract) -> dict[str, str]:
        """A sound row by the contract alone."""
        usual = {"date": "2013-06-01", "boolean": "Y", "integer": "1", "string": "A"}
        return {c.name: min(self.contracts.codes(c.code_list)) if c.code_list else usual[c.type] for c in extract.columns}

    @staticmethod
    def _column(extract: Extract, name: str) -> Column:
        return next(c for c in extract.columns if name in (c.name, *c.aliases))

    def _row(self, extract: Extract, template: dict[str, str], person: int) -> list[str]:
        """A row like the template, of a planted person, with what is wrong with that person's rows."""
        row = dict(template)
        for name in row:
            column = self._column(extract, name)
            if column.is_identifier:
                row[name] = self._note(value_of(person, column), extract, column)
            elif column.is_key and not column.code_list:
                row[name] = self._note(f"ZK{_word(person, extract.name + name)}", extract, column)
        others = [c for c in map(lambda n: self._column(extract, n), row) if not c.is_identifier and not c.is_key]
        if person == MISPLACED:  # a name where a code or a day should be
            wrong = next(c for c in others if c.code_list or c.type == "date")
            row[wrong.name] = self._note(_word(person, "misplaced"), extract, wrong, is_identifier=True)
        if person == IMPOSSIBLE and not any(c.is_identifier and c.type == "date" for c in extract.columns):
            row[next(c for c in others if c.is_required).name] = ""
        return list(row.values())

    def _note(self, text: str, extract: Extract, column: Column, is_identifier: bool = False) -> str:
        place = (extract.agency, extract.name, column.name, column.is_key, column.is_identifier or is_identifier)
        self.planted.setdefault(text, Planted(text)).places.add(place)
        return text


def _read(path: Path, extract: Extract) -> list[list[str]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode(extract.encoding)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=extract.delimiter))


def _write(path: Path, extract: Extract, rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=extract.delimiter, lineterminator="\n").writerows(rows)
    content = text.getvalue().encode(extract.encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
