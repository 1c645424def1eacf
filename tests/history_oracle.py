"""What the tables must hold after any history of deliveries: the rules of decision 005 in dictionaries, without SQL.

Written from the words of the decision, before the SQL of the product was read. It knows rows, not files: what a writer of
files meant by them (``Row``) is given to it, so that a fault in reading shows too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

ACCEPTED, WITH_QUARANTINE, REFUSED, REPLAY = "accepted", "accepted_with_quarantine", "refused", "replay"


@dataclass(frozen=True)
class Terms:
    """What an agency agreed for one extract. ``kinds``: column → string, integer, boolean, or a date form such as dd/MM/yyyy."""

    mode: str
    key: tuple[str, ...]
    deleted_flag: str | None
    kinds: dict[str, str]
    may_repeat: bool = False
    max_percent: float = 100.0
    max_rows: int = 10**9
    tolerated_rows: int = 0


@dataclass(frozen=True)
class Row:
    """One record as sent: column → text. ``is_sound``: it keeps the contract, but for keys that stand in the file already.

    A record without one of the columns has a field too few, and is not sound.
    """

    texts: dict[str, str]
    is_sound: bool = True


@dataclass(frozen=True)
class File:
    """One file as its writer meant it. ``is_readable``: it is a table with the agreed columns."""

    name: str
    extract_date: date
    sequence: int
    data: bytes
    rows: tuple[Row, ...]
    is_readable: bool = True

    @property
    def identity(self) -> tuple:
        """A delivery is what its name says and its bytes (of one extract)."""
        return self.extract_date, self.sequence, hashlib.sha256(self.data).hexdigest()


def meant(text: str) -> str | None:
    """A text without the blanks around it; nothing but blanks is no value."""
    return text.strip(" ") or None


def _as_date(text: str, form: str) -> date:
    parts = {name: int(text[form.index(name) : form.index(name) + len(name)]) for name in ("yyyy", "MM", "dd")}
    return date(parts["yyyy"], parts["MM"], parts["dd"])


def typed(text: str, kind: str):
    """A text in the type that was agreed."""
    text = meant(text)
    if text is None or kind == "string":
        return text
    if kind == "integer":
        return int(text)
    if kind == "boolean":
        return {"Y": True, "N": False}[text.upper()]
    return _as_date(text, kind)


class Oracle:
    """The deliveries of one extract in the order in which they came, and what was known after each of them."""

    def __init__(self, terms: Terms):
        self.terms = terms
        self.came = 0  # files received so far, whatever became of them: the oracle's clock
        self.taken: list[tuple[int, File, dict[tuple, tuple[int, Row]]]] = []  # (instant, file, key → (row number, row))

    def _key(self, row: Row) -> tuple:
        return tuple(meant(row.texts[column]) for column in self.terms.key)

    def _sound(self, file: File) -> dict[tuple, tuple[int, Row]]:
        """The rows that can be taken: of each key the first sound one."""
        found: dict[tuple, tuple[int, Row]] = {}
        for number, row in enumerate(file.rows, start=1):
            if row.is_sound:
                found.setdefault(self._key(row), (number, row))
        return found

    def _content(self, file: File) -> list:
        return [[meant(row.texts.get(column, "")) for column in self.terms.kinds] for row in file.rows]

    def is_an_old_file(self, file: File) -> bool:
        """Whether it holds the rows of a delivery of another date: last month's file under this month's name."""
        if self.terms.may_repeat or not file.rows:
            return False
        others = [other for _, other, _ in self.taken if other.extract_date != file.extract_date]
        return any(self._content(other) == self._content(file) for other in others)

    def receive(self, file: File) -> tuple[str, int, int]:
        """One file comes: its verdict, and how many rows are taken and how many go to quarantine."""
        self.came += 1
        is_known = any(file.identity == other.identity for _, other, _ in self.taken)
        of_this_name = [other for _, other, _ in self.taken if other.name == file.name]
        if is_known and (not of_this_name or of_this_name[-1].identity == file.identity):
            return REPLAY, 0, 0  # else it was put back under its name, in the place of what replaced it
        if not file.is_readable:
            return REFUSED, 0, 0
        sound, count = self._sound(file), len(file.rows)
        bad = count - len(sound)
        is_too_bad = bad > self.terms.tolerated_rows and (100 * bad > self.terms.max_percent * count or bad > self.terms.max_rows)
        is_empty = not count and self.terms.mode == "full"
        if is_empty or (bad and bad == count) or is_too_bad or self.is_an_old_file(file):
            return REFUSED, 0, bad
        self.taken.append((self.came, file, sound))
        return (WITH_QUARANTINE if bad else ACCEPTED), len(sound), bad

    def in_force(self, instant: int | None = None) -> list[tuple[File, int, dict]]:
        """What holds, as known once ``instant`` files had come (None: all): (file, row number, column → typed value)."""
        known = [t for t in self.taken if instant is None or t[0] <= instant]
        known.sort(key=lambda t: (t[1].extract_date, t[1].sequence, t[0]))
        latest: dict[tuple, tuple[File, int, Row]] = {}
        for _, file, sound in known:
            if self.terms.mode == "full":
                latest = {}  # what a full extract does not hold is gone
            for key, (number, row) in sound.items():
                latest[key] = (file, number, row)
        flag, kinds = self.terms.deleted_flag, self.terms.kinds
        return [
            (file, number, {column: typed(row.texts[column], kind) for column, kind in kinds.items()})
            for file, number, row in latest.values()
            if not (flag and typed(row.texts[flag], "boolean"))
        ]

    def first_seen(self, instant: int | None = None) -> dict[tuple, date]:
        """Key → the earliest extract date of any taken delivery that carried it, as known at an instant."""
        found: dict[tuple, date] = {}
        for came, file, sound in self.taken:
            if instant is None or came <= instant:
                for key in sound:
                    found[key] = min(found.get(key, date.max), file.extract_date)
        return found
