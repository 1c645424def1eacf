"""Text → records of fields, each with the line on which it starts; what cannot be read costs one record, not the file."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator

MAX_RECORD_CHARS = 1 << 20  # beyond it a record is taken for an accident
MAX_SHOWN_CHARS = 1000  # of a record that could not be laid out
UNCLOSED = "opens a quote that is not closed"


class _TooLong(Exception):
    """A line, or a record over several lines, is longer than MAX_RECORD_CHARS."""


class _Lines:
    """The lines of a text one by one; those of the record in hand are kept, so that all but its first can be read again."""

    def __init__(self, text: io.TextIOBase):
        self.text, self.number, self.waiting = text, 0, deque()
        self.start_record()

    def start_record(self) -> None:
        self.record, self.chars = [], 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.waiting.popleft() if self.waiting else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.record.append(line)
        self.chars += len(line)
        if self.chars > MAX_RECORD_CHARS:
            raise _TooLong
        return line

    def _read(self) -> str:
        """The next line; of one that is too long only so much that it is still seen to be so."""
        line = self.text.readline(MAX_RECORD_CHARS)
        if len(line) < MAX_RECORD_CHARS or line[-1] in "\r\n":
            return line
        while (rest := self.text.readline(MAX_RECORD_CHARS)) and rest[-1] not in "\r\n":
            pass
        return line + "\n"

    def give_up(self) -> str:
        """The first line of the record in hand; the lines after it will be read again."""
        first, *rest = self.record
        self.waiting.extendleft(reversed(rest))
        self.number -= len(rest)
        return first


def records(text: io.TextIOBase, delimiter: str) -> Iterator[tuple[int, list[str], str | None]]:
    """(line, fields, what is wrong) of every record after the header; blank lines are none.

    A quote that is opened and not closed costs the line on which it stands, not what follows.
    """
    csv.field_size_limit(2 * MAX_RECORD_CHARS)  # ours comes first
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    is_header = True
    while True:
        lines.start_record()
        line, wrong = lines.number + 1, None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            wrong = UNCLOSED if str(error) == "unexpected end of data" else f"cannot be read ({error})"
            fields = [lines.give_up().rstrip("\r\n")]
        except _TooLong:
            fields, wrong = [lines.give_up()[:MAX_SHOWN_CHARS]], f"is longer than {MAX_RECORD_CHARS:,} characters"
        if not is_header and fields:
            yield line, fields, wrong
        is_header = False
