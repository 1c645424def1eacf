"""Random histories of deliveries: what an agency sends over some months, with all that goes wrong on the way."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta

from history_oracle import REFUSED, REPLAY, File, Oracle, Row, Terms

from dagster_project.contracts import Column, Contracts, Extract

# two of each kind at least: full and delta, date forms, encodings, delimiters, one key and several
EXTRACTS = (
    ("police", "offences"),
    ("hmrc", "employment_spells"),
    ("prisons", "people"),
    ("housing", "placements"),
    ("departments", "psa16_returns"),
    ("ete", "job_starts"),
)
TEXTS = ("Ann", "O'Brien", "Zoë", 'Bo "Bee" Bay', "Smith, J|r", "NULL", "0", "-", "x" * 40)
SOME_KEYS, SOME_DAYS = 6, 3
MONTHS = [date(2013, month, 1) - timedelta(days=1) for month in range(1, 8)]
FAULTY = 0.12  # of the rows


def terms_of(extract: Extract) -> Terms:
    """What the contract says, for the oracle."""
    kinds = {c.name: c.options.get("format", "yyyy-MM-dd") if c.type == "date" else c.type for c in extract.columns}
    limits = {"max_percent": extract.max_percent, "max_rows": extract.max_rows, "tolerated_rows": extract.tolerated_rows}
    may_repeat = bool(getattr(extract, "may_repeat", False))
    return Terms(extract.mode, extract.key, extract.deleted_flag, kinds, may_repeat, **limits)


def as_text(day: date, form: str) -> str:
    return form.replace("yyyy", f"{day.year:04}").replace("MM", f"{day.month:02}").replace("dd", f"{day.day:02}")


@dataclass
class Writer:
    """Somebody at an agency who writes files of one extract, by the contract and not always well."""

    rng: random.Random
    contracts: Contracts
    extract: Extract

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # rows --------------------------------------------------------------------------------------------------------------

    def _value(self, column: Column, days: list[date], numbers: list[int]) -> str:
        rng = self.rng
        if column.type == "date":  # contracts list what happens first first
            text = as_text(days.pop(0), column.options.get("format", "yyyy-MM-dd"))
        elif column.type == "integer":
            text = str(numbers.pop(0))
            text = rng.choice([text, "+" + text, "00" + text])
        elif column.name == self.extract.deleted_flag:
            text = rng.choice(["Y", "y", "N", "N", "n", ""])
        elif column.type == "boolean":
            text = rng.choice("YyNn")
        elif column.code_list:
            text = rng.choice(sorted(self.contracts.codes(column.code_list))[:2])
        elif column.is_key:
            text = f"K{rng.randrange(SOME_KEYS)}"
        else:
            text = rng.choice(TEXTS)
        is_left_out = not column.is_required and self.chance(0.2)
        return "" if is_left_out else text

    def sound_row(self) -> dict[str, str]:
        """A row that keeps the contract."""
        pool = SOME_DAYS if any(c.is_key and c.type == "date" for c in self.extract.columns) else 2000
        dates = [c for c in self.extract.columns if c.type == "date"]
        days = [date(2001, 1, 1) + timedelta(days=n) for n in sorted(self.rng.sample(range(pool + 1), len(dates)))]
        numbers = sorted(self.rng.randrange(90) for _ in self.extract.columns)
        return {c.name: self._value(c, days, numbers) for c in self.extract.columns}

    def _spoil(self, texts: dict[str, str]) -> Row:
        """The row with one fault that the contract names; of a row that withdraws a record some are none."""
        column, withdraws = self.rng.choice(self.extract.columns), texts.get(self.extract.deleted_flag, "") in ("Y", "y")
        if column.type == "date":
            said = self.rng.choice(["2013-02-30", "31/02/2013", "soon", "1066-10-14", "14/10/1066"])
        elif column.type == "integer":
            said = self.rng.choice(["1.5", "1e3", "-1", "one"])
        elif column.type == "boolean":
            said = "perhaps"
        elif column.code_list:
            said = "no such code"
        elif column.is_required:
            said = self.rng.choice(["", "  "])
            return Row(texts | {column.name: said}, is_sound=withdraws and not column.is_key)
        elif self.chance(0.3):
            said = "two\nlines"
        else:
            return self._spoil_rows_order(texts, column, withdraws)
        return Row(texts | {column.name: said}, is_sound=False)

    def _spoil_rows_order(self, texts: dict[str, str], column: Column, withdraws: bool) -> Row:
        """What is first after what is last, or a field too few."""
        dates = [c for c in self.extract.columns if c.type == "date" and c.name != "date_of_birth"]
        if len(dates) > 1 and self.chance(0.5):
            first, last = (c.options.get("format", "yyyy-MM-dd") for c in (dates[0], dates[-1]))
            late, early = as_text(date(2013, 1, 2), first), as_text(date(2013, 1, 1), last)
            return Row(texts | {dates[0].name: late, dates[-1].name: early}, is_sound=withdraws)
        return Row({name: text for name, text in texts.items() if name != column.name}, is_sound=False)

    def _row(self, before: dict[tuple, Row]) -> Row:
        """A row: as it was sent before, or new."""
        if before and self.chance(0.35):
            return self.rng.choice(sorted(before.values(), key=str))
        texts = self.sound_row()
        if self.chance(FAULTY):
            return self._spoil(texts)
        for name in texts:
            if self.chance(0.2 if name in self.extract.key else 0.05):
                texts[name] = self.rng.choice([" ", "   ", ""]) + texts[name] + self.rng.choice([" ", "  "])
        return Row(texts)

    def _rows(self, before: dict[tuple, Row]) -> tuple[Row, ...]:
        wanted = self.rng.choice([0, 1, 2, 3, 4, 5, 6]) if self.chance(0.9) else 12
        rows, seen = [], set()
        for row in (self._row(before) for _ in range(wanted)):
            key = tuple(row.texts.get(k, "").strip() for k in self.extract.key)
            if key in seen and self.chance(0.8):  # most keys stand in a file once
                continue
            seen.add(key)
            rows.append(row)
            if row.is_sound:
                before[key] = row
        return tuple(rows)

    # files -------------------------------------------------------------------------------------------------------------

    def write(self, rows: tuple[Row, ...], is_readable: bool) -> bytes:
        """The bytes of a file: one of the many ways in which a contract lets the same rows be written."""
        columns = list(self.extract.columns)
        if self.chance(0.25):
            self.rng.shuffle(columns)
        names = [c.aliases[0] if c.aliases and self.chance(0.1) else c.name for c in columns]
        if not is_readable:
            names[0] = "something_else"
        extra = self.chance(0.1)
        out = io.StringIO(newline="")
        quoting = csv.QUOTE_ALL if self.chance(0.15) else csv.QUOTE_MINIMAL
        end = "\r\n" if self.chance(0.2) else "\n"
        table = csv.writer(out, delimiter=self.extract.delimiter, lineterminator=end, quoting=quoting)
        table.writerow(names + ["beside_the_contract"] * extra)
        for row in rows:
            table.writerow([row.texts[c.name] for c in columns if c.name in row.texts] + ["so"] * extra)
        data = out.getvalue().encode(self.extract.encoding)
        if self.extract.encoding == "utf-8" and self.chance(0.1):
            data = b"\xef\xbb\xbf" + data
        return data

    def name(self, day: date, sequence: int, is_packed: bool) -> str:
        """A name that says day and sequence; there are several."""
        said = [""] * 6 + ["_1"] if sequence == 1 else [f"_{sequence}"] * 4 + [f"_{sequence:02}"]
        of = f"{self.extract.agency}_" if self.chance(0.05) else ""
        return f"{of}{self.extract.name}_{day}{self.rng.choice(said)}.csv" + ".gz" * is_packed

    def file(self, day: date, sequence: int, rows: tuple[Row, ...], is_readable: bool = True) -> File:
        data, is_packed = self.write(rows, is_readable), self.chance(0.2)
        data = gzip.compress(data, mtime=0) if is_packed else data
        return File(self.name(day, sequence, is_packed), day, sequence, data, rows, is_readable)

    def history(self) -> list[File]:
        """1 to 12 files over 1 to 6 months, in the order in which they come."""
        rng, before, files = self.rng, {}, []
        days = sorted(rng.sample(MONTHS, rng.randint(1, 6)))
        used: dict[date, int] = {}
        for _ in range(rng.randint(1, rng.choice([3, 6, 12]))):
            old, what = (rng.choice(files) if files else None), rng.random()
            if old and what < 0.12:  # the same file again
                files.append(old)
            elif old and what < 0.17:  # the same rows again under the same name, in other bytes
                files.append(self.file(old.extract_date, old.sequence, old.rows, old.is_readable))
            elif old and what < 0.22:  # the same bytes under the next number
                used[old.extract_date] += 1
                name = self.name(old.extract_date, used[old.extract_date], old.name.endswith(".gz"))
                files.append(replace(old, name=name, sequence=used[old.extract_date]))
            elif old and what < 0.26:  # last month's file under this month's name
                day = rng.choice(days)
                used.setdefault(day, 1)
                name = self.name(day, used[day], old.name.endswith(".gz"))
                files.append(replace(old, name=name, extract_date=day, sequence=used[day]))
            elif old and what < 0.42:  # a correction under the same name
                files.append(self.file(old.extract_date, old.sequence, self._rows(before)))
            else:  # a day's extract, or the next number of that day
                day = rng.choice(days)
                used[day] = used.get(day, 0) + 1
                files.append(self.file(day, used[day], self._rows(before), not self.chance(0.05)))
        return self._as_they_come(without_twins(files))

    def _as_they_come(self, files: list[File]) -> list[File]:
        how = self.rng.random()
        if how < 0.3:
            return files
        if how < 0.5:
            return clean(files)
        if how < 0.7:  # one file comes late
            files = clean(files)
            files.append(files.pop(self.rng.randrange(len(files))))
            return files
        return self.rng.sample(files, len(files))


def _text(file: File) -> bytes:
    return gzip.decompress(file.data) if file.name.endswith(".gz") else file.data


def _in_no_order(file: File) -> list[list[str]]:
    return sorted([text.strip() for text in row.texts.values()] for row in file.rows)


def without_twins(files: list[File]) -> list[File]:
    """The files but for those that hold the rows of another date's file, written in another way or order.

    Whether they are last month's file is a question of its own, with a test of its own.
    """
    kept: list[File] = []
    for file in files:
        others = [other for other in kept if other.extract_date != file.extract_date]
        rows = _in_no_order(file)
        alike = [o for o in others if rows and rows == _in_no_order(o)]
        if all(_text(other) == _text(file) for other in alike):
            kept.append(file)
    return kept


def kinds_of(files: list[File], oracle: Oracle) -> Counter:
    """What a history shows, counted: how often files came late, were corrected, repeated, refused, records went and returned."""
    shown, gone, held = Counter(histories=1), set(), set()
    for file in files:
        earlier = [other for _, other, _ in oracle.taken]
        of_this_name = [f for f in earlier if (f.extract_date, f.sequence) == (file.extract_date, file.sequence)]
        status, _, bad = oracle.receive(file)
        shown[status] += 1
        shown["in quarantine"] += bad
        now = {tuple(values[k] for k in oracle.terms.key) for _, _, values in oracle.in_force()}
        shown["records gone"] += len(held - now)
        shown["records back"] += len(now & gone)
        gone, held = (gone | held) - now, now
        if status == REFUSED:
            shown["old files under a new name"] += file.is_readable and oracle.is_an_old_file(file)
        elif status == REPLAY:
            shown["sent again after its correction"] += of_this_name[-1].identity != file.identity
        else:
            is_late = any((f.extract_date, f.sequence) > (file.extract_date, file.sequence) for f in earlier)
            shown["late"] += is_late
            shown["corrections under one name"] += bool(of_this_name)
            shown["put back"] += any(f.identity == file.identity for f in of_this_name)
            shown["corrections by number"] += any(f.extract_date == file.extract_date for f in earlier) and not of_this_name
            shown["same bytes under another number"] += any(f.data == file.data for f in earlier)
            shown["packed"] += file.data[:2] == b"\x1f\x8b"
    return shown


def clean(files: list[File]) -> list[File]:
    """The order in which they should have come: by date and number; of one name, as they came."""
    return sorted(files, key=lambda f: (f.extract_date, f.sequence))


def oracle_of(contracts: Contracts, agency: str, extract: str) -> Oracle:
    return Oracle(terms_of(contracts.find(agency, extract)))


def history(seed: int, contracts: Contracts, agency: str, extract: str) -> list[File]:
    """The history of a seed for one extract."""
    return Writer(random.Random(f"{seed}/{agency}/{extract}"), contracts, contracts.find(agency, extract)).history()


def told(files: list[File]) -> str:
    """A history in words, for whoever must find the fault."""
    return "\n".join(
        f"{n}. {f.name} ({f.identity[2][:6]}){'' if f.is_readable else ' UNREADABLE'}\n"
        + "\n".join(f"     {'' if r.is_sound else 'UNSOUND '}{r.texts}" for r in f.rows)
        for n, f in enumerate(files, start=1)
    )
