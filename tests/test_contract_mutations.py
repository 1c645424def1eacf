"""For every rule of every contract something planted that it alone should find: it does, and finds nothing in sound rows.

``python tests/test_contract_mutations.py`` writes the list of what was planted to dbt/docs/checks-proved.md.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project import checks, examine, intake, plausibility, reading
from dagster_project.arrival import FileRefused
from dagster_project.contracts import Column, Extract, load_contracts
from dagster_project.register import REGISTER, Report
from dagster_project.settings import load_settings

HERE = Path(__file__).parent
PAGE = HERE.parent / "dbt" / "docs" / "checks-proved.md"
SETTINGS = load_settings()
CONTRACTS = load_contracts(SETTINGS.contracts_dir, SETTINGS.seeds_dir)
DAY, FIRST_DAY = date(2021, 6, 30), date(2011, 1, 1)  # of the extract; of the first date in a row
GAP = 400  # days between one date of a row and the next
FORMS = {"[A-Z][0-9]{6,8}": "X{:06d}", "[A-Z][0-9]{4}[A-Z]{2}": "A{:04d}ZZ", "[A-Z]{2}[0-9]{6}[A-Z]": "QQ{:06d}A"}
SHORT = timedelta(days=1)


@dataclass(frozen=True)
class Defect:
    """One thing wrong in one row: what the row holds instead, and the column and reason that must be found, alone."""

    column: str
    reason: str
    what: str
    changes: tuple[tuple[str, str], ...]


def day_of(extract: Extract, column: Column, number: int = 0) -> date:
    """The date that a sound row holds: later columns hold later dates, as in every contract."""
    place = [c.name for c in extract.columns if c.type == "date"].index(column.name)
    return FIRST_DAY + timedelta(days=place * GAP + (number if column.is_key else 0))


def written(column: Column, day: date) -> str:
    return day.strftime(column.date_format)


def sound_row(extract: Extract, number: int) -> dict[str, str]:
    """A row that keeps the contract, made from nothing else: codes that are always in force, numbers at their least."""

    def sound(column: Column) -> str:
        if column.type == "date":
            return written(column, day_of(extract, column, number))
        if column.type == "integer":
            return str(column.options.get("minimum", 0))
        if column.type == "boolean":
            return "N"
        if column.code_list:
            periods = CONTRACTS.code_periods(column.code_list)
            return min([c for c in periods if ("", "") in periods[c]] or periods)
        return FORMS[column.options["pattern"]].format(number) if "pattern" in column.options else f"T{number:05d}"

    return {column.name: sound(column) for column in extract.columns}


def moved(extract: Extract, name: str, by: timedelta) -> dict[str, str]:
    """A date, and those that a row rule ties to it, so many days on."""
    tied = {name} | {
        w for r in extract.rules if re.search(rf"\b{name}\b", r.fails_when) for w in re.findall(r"\w+", r.fails_when)
    }
    dates = [c for c in extract.columns if c.type == "date" and c.name in tied]
    return {c.name: written(c, day_of(extract, c) + by) for c in dates}


def of_column(extract: Extract, column: Column) -> list[Defect]:
    """A defect or more for every check of a column."""
    name, options, found = column.name, column.options, []

    def plant(reason: str, what: str, text: str, **more: str) -> None:
        found.append(Defect(name, reason, what, tuple(({name: text} | more).items())))

    if column.is_required:
        plant("required", "blank", " ")
    if column.type == "date":
        low, high = (date.fromisoformat(str(options[k])) for k in ("minimum", "maximum"))
        plant("bad_date", "30 February", written(column, date(2011, 3, 28)).replace("28", "30").replace("03", "02"))
        plant("bad_date", "a year of two digits", written(column, date(2011, 2, 1)).replace("2011", "11"))
        plant("bad_date", "in another form", "1 February 2011")
        plant("bad_date", "before the first day allowed", written(column, low - SHORT))
        plant("bad_date", "after the last day allowed", written(column, high + SHORT))
        if column.latest_days is not None:
            late = DAY + timedelta(days=column.latest_days + 1)
            later = moved(extract, name, late - day_of(extract, column))
            columns = [c for c in extract.columns if c.name in later]
            columns = columns[columns.index(column) + 1 :]
            # what may be blank is, for it might be too late itself
            changes = {c.name: later[c.name] if c.is_required else "" for c in columns}
            plant("future_date", "after the extract date", written(column, late), **changes)
    if column.type == "integer":
        plant("bad_number", "letters", "three")
        plant("bad_number", "a thousands separator", "1 000")
        plant("bad_number", "a fraction", "1.5")
        for key, step, what in (("minimum", -1, "below the least"), ("maximum", 1, "above the most")):
            if key in options:
                plant("bad_number", what, str(int(options[key]) + step))
    if column.type == "boolean":
        plant("bad_boolean", "yes for Y", "yes")
    if "pattern" in options:
        plant("pattern", "another form", "?")
    if column.max_chars:
        plant("too_long", "one character too many", "x" * (column.max_chars + 1))
    if column.is_any_text and not column.is_free_text:
        plant("line_break", "two lines", "one\nother")
        plant("control_character", "a bell", "one\aother")
    if column.code_list:
        periods = CONTRACTS.code_periods(column.code_list)
        plant("unknown_code", "a code of no list", "NO-SUCH-CODE")
        for code in [c.swapcase() for c in sorted(periods) if c.swapcase().lower() == c.lower() and c.swapcase() not in periods][
            :1
        ]:
            plant("code_case", "in the other case", code)
        for code in [c for c in sorted(periods) if ("", "") not in periods[c]][: 1 if column.code_valid_on else 0]:
            ended = max(date.fromisoformat(end) for _, end in periods[code])
            day = next(c for c in extract.columns if c.name == column.code_valid_on)
            plant("retired_code", f"{code} after its time", code, **moved(extract, day.name, ended - day_of(extract, day)))
    return found


def of_rules(extract: Extract) -> list[Defect]:
    """A defect for every row rule. A rule of another shape needs a line here."""
    found = []
    columns = {c.name: c for c in extract.columns}
    for rule in extract.rules:
        if match := re.fullmatch(r"(\w+) is not null and (\w+) is null", rule.fails_when):
            changes = {match[2]: ""}
        else:
            left, sign, right = re.fullmatch(r"(\w+) (<|<=|>) (\w+)", rule.fails_when).groups()
            if columns[left].type == "date":
                changes = {left: written(columns[left], day_of(extract, columns[right]) - (SHORT if sign == "<" else 0 * SHORT))}
                if columns[right].is_key:
                    changes[right] = written(columns[right], day_of(extract, columns[right]))
            else:
                changes = {left: str(int(columns[right].options.get("minimum", 0)) + 1)}
        found.append(Defect(rule.column, "row_rule", rule.name, tuple(changes.items())))
    return found


def defects(extract: Extract) -> list[Defect]:
    twice = Defect(
        extract.key[0], "duplicate_key", "the key of the first row", tuple((k, sound_row(extract, 0)[k]) for k in extract.key)
    )
    return [*(d for c in extract.columns for d in of_column(extract, c)), *of_rules(extract), twice]


def findings(extract: Extract, rows: list[dict[str, str]], path: Path) -> list[tuple[int, str, str]]:
    """(row, column, reason) of all that is found in rows, written and read as a delivery is."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [c.name for c in extract.columns], delimiter=extract.delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding=extract.encoding)
    with duckdb.connect() as con:
        sent = reading.lay_out(con, path, extract, reading.scan(path, extract))
        assert (sent.read_count, sent.bad_records, sent.notes) == (len(rows), 0, [])
        checks.find(con, extract, CONTRACTS, DAY)
        return con.execute("select _row_number - 1, column_name, reason from findings order by all").fetchall()


def named(extract: Extract) -> str:
    return f"{extract.agency}/{extract.name}"


each = pytest.mark.parametrize("extract", CONTRACTS.extracts, ids=named)


@each
def test_every_check_finds_what_is_planted_for_it_and_no_other_does(extract, tmp_path):
    planted = defects(extract)
    rows = [sound_row(extract, n) for n in range(len(planted) + 1)]
    for number, defect in enumerate(planted, 1):
        rows[number] |= dict(defect.changes)
    expected = [(number, d.column, d.reason) for number, d in enumerate(planted, 1)]
    assert findings(extract, rows, tmp_path / "dirty.csv") == expected


@each
def test_sound_rows_raise_no_false_alarm(extract, tmp_path):
    assert findings(extract, [sound_row(extract, n) for n in range(200)], tmp_path / "sound.csv") == []


@each
def test_something_is_planted_for_every_check_and_rule(extract):
    asked = {(c.column, c.reason) for c in checks.checks_of(extract, CONTRACTS, DAY)}
    asked |= {(r.column, "row_rule") for r in extract.rules} | {(extract.key[0], "duplicate_key")}
    # digits have no other case
    cased = {c.name for c in extract.columns if c.code_list and all(x.lower() == x.upper() for x in CONTRACTS.codes(c.code_list))}
    assert {(d.column, d.reason) for d in defects(extract)} == asked - {(name, "code_case") for name in cased}


@each
def test_every_missing_column_is_named(extract):
    names = [c.name for c in extract.columns]
    assert reading.match_header(names, extract)[1] == []
    for name in names:
        with pytest.raises(FileRefused) as error:
            reading.match_header([n for n in names if n != name], extract)
        assert error.value.column == name


@each
def test_limits_of_quarantine_hold_to_the_row(extract):
    def status(read: int, bad: int) -> str:
        return examine.verdict(extract, read, bad)[0]

    tolerated, most = extract.tolerated_rows, max(extract.max_rows, extract.tolerated_rows)
    assert (status(most * 1000, 0), status(tolerated + 1, tolerated)) == (intake.ACCEPTED, intake.WITH_QUARANTINE)
    if extract.max_percent and tolerated < extract.max_rows:
        read = int(100 * (tolerated + 1) / extract.max_percent)  # tolerated + 1 rows are the percentage, or just above
        assert (status(read + 1, tolerated + 1), status(read - 1, tolerated + 1)) == (intake.WITH_QUARANTINE, intake.REFUSED)
        assert status(most * 1000, most) == intake.WITH_QUARANTINE
    assert status(most * 1000, most + 1) == intake.REFUSED
    assert status(0, 0) == (intake.REFUSED if extract.mode == "full" else intake.ACCEPTED)
    assert status(5, 5) == intake.REFUSED


def refusal(extract: Extract, rows: int, earlier_rows: int, text: str = "this", sequence: int = 1, day: date = DAY) -> str:
    """What comparing says of a delivery of so many rows after one of 31 May; nothing if nothing is wrong."""
    report = Report(Path("this.csv"), extract, intake.ACCEPTED, read_count=rows, extract_date=day, sequence=sequence)
    report.rows_hash, report.content_hash, report.received_at = text, "0" * 64, datetime(2021, 7, 5)
    with duckdb.connect() as con:
        con.execute(REGISTER)
        con.execute(
            "insert into intake.deliveries "
            "(delivery_id, agency, extract, file_name, extract_date, sequence, received_at, row_count, status, rows_hash) "
            "values ('1', ?, ?, 'earlier.csv', date '2021-05-31', 1, timestamp '2021-06-05', ?, 'accepted', 'that')",
            [extract.agency, extract.name, earlier_rows],
        )
        try:
            plausibility.compare(con, CONTRACTS, report)
        except FileRefused as error:
            return error.says
    return ""


@each
def test_delivery_of_another_size_is_refused_at_the_contracts_limits(extract):
    if extract.smallest_percent is None:
        assert not refusal(extract, 1, 10**6) and not refusal(extract, 10**6, 1)
        return
    rows = max(extract.compared_from, 1)
    least, most = int(rows * extract.smallest_percent / 100), int(rows * extract.largest_percent / 100)
    assert not refusal(extract, least, rows) and not refusal(extract, most, rows)
    assert "far smaller" in refusal(extract, least - 1, rows) and "far larger" in refusal(extract, most + 1, rows)
    assert not refusal(extract, 1, rows - 1)


@each
def test_rows_of_the_month_before_are_refused_unless_the_contract_lets_them_be(extract):
    assert ("same rows" in refusal(extract, 9, 9, text="that")) is not extract.may_repeat
    assert not refusal(extract, 9, 9, text="that", sequence=2, day=date(2021, 5, 31))


def test_parents_are_looked_up_for_every_reference(tmp_path):
    for extract in CONTRACTS.extracts:
        for column in (c for c in extract.columns if c.parent):
            parent, key = column.parent.split(".")
            report = Report(tmp_path / "this.csv", extract, intake.ACCEPTED)
            with duckdb.connect() as con:
                con.execute(f"create schema raw; create table raw.{extract.agency}__{parent} as select 'T00000' as {key}")
                con.execute("create table findings (_row_number bigint)")
                rows = ", ".join(f"({n + 1}, {n}, {', '.join(repr(v) for v in sound_row(extract, 0).values())})" for n in (1, 2))
                con.execute(
                    f"create table sent as from (values {rows}) t(_line, _row_number, {', '.join(sound_row(extract, 0))})"
                )
                con.execute(f"update sent set {column.name} = case _row_number when 1 then 'T00000' else 'X' end")
                plausibility.find_orphans(con, CONTRACTS, report)
                assert con.execute(f"select _line, column_name from orphans where column_name = '{column.name}'").fetchall() == [
                    (3, column.name)
                ]


def page() -> str:
    """What was planted, as Markdown."""
    count = sum(len(defects(e)) for e in CONTRACTS.extracts)
    text = [
        "# Checks proved: contracts",
        "",
        f"For every rule of every contract something is planted that it alone should find: {count} defects, one row each, beside",
        "sound rows. Detection rate 100 %, false alarms 0. Made by `python tests/test_contract_mutations.py`; a test holds it.",
        "Missing columns, limits of quarantine, repeats, sizes and parents are proved there too, for every extract.",
    ]
    for extract in CONTRACTS.extracts:
        text += ["", f"## {named(extract)}", "", "| column | planted | found |", "|---|---|---|"]
        text += [f"| {d.column} | {d.what} | {d.reason.replace('_', ' ')} |" for d in defects(extract)]
    return "\n".join(text) + "\n"


def test_page_of_checks_proved_is_what_was_planted():
    assert PAGE.read_text(encoding="utf-8") == page(), "python tests/test_contract_mutations.py writes it anew"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(HERE.parent)}: {sum(len(defects(e)) for e in CONTRACTS.extracts)} defects")
