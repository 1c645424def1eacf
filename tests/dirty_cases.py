"""Dirty deliveries, one case each: how the file is made, what becomes of it, and the words that say so.

``python tests/dirty_cases.py`` writes dbt/docs/dirty-deliveries.md from what checking and taking each of them gives.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from unittest import mock

from intake_bench import COLUMNS, HEADER, NOW, Bench, as_csv, row, sha256, sound_rows

from dagster_project import arrival, intake

HERE = Path(__file__).parent
PAGE = HERE.parent / "dbt" / "docs" / "dirty-deliveries.md"
ACCEPTED, WITH_QUARANTINE, REFUSED, REPLAY = intake.ACCEPTED, intake.WITH_QUARANTINE, intake.REFUSED, intake.REPLAY
LEFT = "left"  # not looked at: it is still being written
JUNE, JULY = "visits_2013-06-30.csv", "visits_2013-07-31.csv"
LATER = NOW + timedelta(days=31)


@dataclass(frozen=True, eq=False)
class Case:
    """``says``: words that the messages must hold. ``counts``: records read, taken and in quarantine."""

    item: str
    name: str
    data: bytes | None
    verdict: str
    says: tuple[str, ...] = ()
    counts: tuple[int, int, int] | None = None
    file: str = JUNE
    terms: dict = field(default_factory=dict)
    before: tuple[tuple[str, bytes], ...] = ()
    place: Callable[[Bench, Case], Path] | None = None
    during: Callable[[Path], object] | None = None


def lines(*texts: str | bytes, header: str = HEADER) -> bytes:
    return b"\n".join([header.encode(), *(t.encode() if isinstance(t, str) else t for t in texts)]) + b"\n"


def line(number: int, **changes: str) -> str:
    return ",".join(row(number, **changes))


def one_bad(**changes: str) -> bytes:
    """Two sound rows around one, on line 3, that differs from a sound one in ``changes``."""
    return as_csv([row(1), row(2, **changes), row(3)])


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("visits.csv", data)
    return out.getvalue()


def damaged(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0xFF]) + data[len(data) // 2 + 1 :]


def link_out(bench: Bench, case: Case) -> Path:
    outside = bench.settings.home / "secret.csv"
    outside.write_bytes(as_csv(sound_rows(2)))
    link = bench.put(b"", ".x").parent / case.file
    link.symlink_to(outside)
    return link


def link_within(bench: Bench, case: Case) -> Path:
    link = bench.put(case.data, ".held").parent / case.file
    link.symlink_to(".held")
    return link


def link_nowhere(bench: Bench, case: Case) -> Path:
    link = bench.put(b"", ".x").parent / case.file
    link.symlink_to("nowhere")
    return link


def folder(bench: Bench, case: Case) -> Path:
    path = bench.put(b"", ".x").parent / case.file
    path.mkdir()
    return path


def pipe(bench: Bench, case: Case) -> Path:
    path = bench.put(b"", ".x").parent / case.file
    os.mkfifo(path)
    return path


def name_of_bytes(bench: Bench, case: Case) -> Path:
    path = bench.put(case.data)
    return path.rename(os.fsdecode(os.fsencode(path.parent) + b"/visits_\xff.csv"))


def in_folder_of_another(bench: Bench, case: Case) -> Path:
    bench.agree(agency="south", **case.terms)
    path = bench.contracts_dir / "south.odcs.yaml"
    path.write_text(path.read_text().replace("name: note", "name: remark"))
    bench.contracts = intake_contracts(bench)
    return bench.put(case.data, case.file, "south")


def beside_people(bench: Bench, case: Case) -> Path:
    bench.put(b"person_ref,born\nP1,1980-01-01\nP2,1980-01-01\n", "people_2013-06-30.csv")
    return bench.put(case.data, case.file)


def confirmed(bench: Bench, case: Case) -> Path:
    row = f"north,visits,{sha256(case.data)},quiet month,A. Clerk,2013-07-02"
    (bench.seeds_dir / "delivery_confirmations.csv").write_text(
        f"agency,extract,content_hash,reason,confirmed_by,confirmed_date\n{row}\n"
    )
    return bench.put(case.data, case.file)


def intake_contracts(bench: Bench):
    from dagster_project.contracts import load_contracts

    return load_contracts(bench.contracts_dir, bench.seeds_dir)


def may_not_be_read(_: Path):
    return mock.patch.object(arrival, "fingerprint", side_effect=PermissionError(13, "Permission denied"))


def small_pieces(_: Path):
    return mock.patch.object(arrival, "CHUNK_BYTES", 1 << 12)


def grows(path: Path):
    still = arrival.must_be_unchanged

    def grow_first(read, before):
        with open(path, "ab") as file:
            file.write(b"more")
        still(read, before)

    return mock.patch.object(arrival, "must_be_unchanged", grow_first)


AT_3 = f"{JUNE}: line 3"
SOUND = as_csv(sound_rows(3))
GZ = "visits_2013-06-30.csv.gz"
THAT_OF_JUNE, MANY = ((JUNE, SOUND),), ((JUNE, as_csv(sound_rows(100))),)
FROM_50 = {"compared_from": 50}
PEOPLE = (("people_2013-06-30.csv", b"person_ref,born\nP1,1980-01-01\nP2,1980-01-01\n"),)
FAMILY = {"has_people": True}


def quarantined(item: str, name: str, data: bytes, *says: str, **more) -> Case:
    return Case(item, name, data, WITH_QUARANTINE, says, **{"counts": (3, 2, 1)} | more)


def refused(item: str, name: str, data: bytes | None, *says: str, **more) -> Case:
    return Case(item, name, data, REFUSED, says, **more)


def taken(item: str, name: str, data: bytes, *says: str, **more) -> Case:
    return Case(item, name, data, ACCEPTED, says, **{"counts": (3, 3, 0)} | more)


CASES = [
    # columns
    refused(
        "missing column",
        "a column is missing",
        as_csv([r[:4] + r[5:] for r in sound_rows(3)], HEADER.replace("end_date,", "")),
        f"{JUNE}: line 1, column end_date",
        "no column 'end_date'",
        "Send every column of the contract",
    ),
    refused(
        "renamed column",
        "a column is renamed beyond recognition",
        as_csv(sound_rows(3), HEADER.replace("hours", "duration")),
        "line 1, column hours",
        "The column 'duration' is not in the contract; is it the one?",
    ),
    taken(
        "renamed column",
        "a column has a name that the contract knows as an alias",
        as_csv(sound_rows(3), HEADER.replace("person_ref", "client")),
        f"{JUNE}: Note: column 'client' is taken as 'person_ref'",
    ),
    taken(
        "renamed column",
        "a column name is in capitals",
        as_csv(sound_rows(3), HEADER.replace("note", "NOTE")),
        "Note: column 'NOTE' is taken as 'note'",
    ),
    taken(
        "extra column",
        "there is a column too many",
        as_csv([["x", *r] for r in sound_rows(3)], "surplus," + HEADER),
        "Note: column 'surplus' is not in the contract and is left out",
    ),
    taken(
        "reordered column", "the columns are in another order", as_csv([r[::-1] for r in sound_rows(3)], ",".join(COLUMNS[::-1]))
    ),
    refused(
        "duplicated column",
        "a column is there twice",
        as_csv([[*r, "x"] for r in sound_rows(3)], HEADER + ",hours"),
        f"{JUNE}: line 1, column hours",
        "has the column 'hours' twice",
        "Send each column once",
    ),
    refused(
        "duplicated column",
        "a column is there under its name and under its alias",
        as_csv([[*r, "x"] for r in sound_rows(3)], HEADER + ",client"),
        "line 1, column person_ref",
        "twice",
    ),
    # delimiters
    *(
        refused(
            "other delimiter",
            f"columns are separated by {name}",
            as_csv(sound_rows(3), delimiter=d),
            f"{JUNE}: line 1",
            f"separates its columns with {said}",
            "Separate them with ','",
        )
        for name, d, said in (("semicolons", ";", "';'"), ("bars", "|", "'|'"), ("tabs", "\t", "tab"))
    ),
    taken("other delimiter", "bars, as the contract says", as_csv(sound_rows(3), delimiter="|"), terms={"delimiter": "|"}),
    # encodings
    taken("UTF-8 without BOM", "letters beyond ASCII in UTF-8", as_csv([row(1, note="Zoë Łuk 漢字"), row(2), row(3)])),
    taken("UTF-8 with BOM", "UTF-8 with a byte order mark", b"\xef\xbb\xbf" + as_csv([row(1, note="Zoë"), row(2), row(3)])),
    taken(
        "Windows-1252",
        "Windows-1252, as the contract says",
        as_csv([row(1, note="Zoë’s café"), row(2), row(3)]).decode().encode("cp1252"),
        terms={"encoding": "windows-1252"},
    ),
    quarantined(
        "Windows-1252",
        "a byte that Windows-1252 does not have",
        lines(line(1), line(2).encode() + b"\x81", line(3)),
        AT_3,
        "encoding",
        "Send the whole file in windows-1252",
        terms={"encoding": "windows-1252"},
    ),
    quarantined(
        "mixed encodings",
        "one row of a UTF-8 file is in Windows-1252",
        lines(line(1), line(2).encode() + b"\xeb", line(3)),
        AT_3,
        "encoding",
        "not in utf-8. Send the whole file in utf-8",
    ),
    refused(
        "mixed encodings",
        "UTF-8 with its mark where the contract says Windows-1252",
        b"\xef\xbb\xbf" + SOUND,
        "is in UTF-8",
        "Send it in windows-1252",
        terms={"encoding": "windows-1252"},
    ),
    refused(
        "mixed encodings",
        "UTF-8 without its mark where the contract says Windows-1252",
        as_csv([row(1, note="Zoë’s café"), row(2), row(3)]),
        "is in UTF-8",
        "Send it in windows-1252",
        terms={"encoding": "windows-1252"},
    ),
    taken(
        "mixed encodings",
        "Windows-1252 in which two letters could be one of UTF-8, and another could not",
        as_csv([row(1, note="CAFÃ© is not café"), row(2), row(3)]).decode().encode("cp1252"),
        terms={"encoding": "windows-1252"},
    ),
    refused(
        "mixed encodings",
        "UTF-16 without its mark",
        SOUND.decode().encode("utf-16-le"),
        "looks like UTF-16 (every other byte is NUL)",
        "Send it in utf-8",
    ),
    refused(
        "mixed encodings",
        "UTF-16, as a spreadsheet saves “Unicode text”",
        SOUND.decode().encode("utf-16"),
        "is in UTF-16",
        "Send it in utf-8",
    ),
    # line ends
    taken("CRLF", "lines end with CR LF", as_csv(sound_rows(3), end="\r\n")),
    taken("lone CR", "lines end with CR alone", as_csv(sound_rows(3), end="\r")),
    quarantined(
        "lone CR",
        "line ends are mixed",
        lines(line(1) + "\r", line(2, hours="x") + "\r" + line(3)),
        f"{JUNE}: line 3, column hours",
        "bad number",
    ),
    taken("lone CR", "the last line has no end", SOUND[:-1]),
    # quotes
    taken("embedded quotes", "text holds quotation marks", as_csv([row(1, note='she said "no"'), row(2), row(3)])),
    taken("embedded delimiters", "text holds the delimiter, quoted", as_csv([row(1, note="a, b"), row(2), row(3)])),
    quarantined(
        "embedded delimiters",
        "text holds the delimiter, not quoted",
        lines(line(1), line(2, note="a, b"), line(3)),
        AT_3,
        "ragged",
        "9 fields where the header has 8",
        "Quote text that holds ','",
    ),
    taken("embedded newlines", "text holds line ends, quoted", as_csv([row(1, note="two\nlines"), row(2), row(3)])),
    quarantined(
        "embedded newlines",
        "line numbers stay true after a text of two lines",
        as_csv([row(1, note="two\nlines"), row(2, hours="x"), row(3)]),
        f"{JUNE}: line 4, column hours",
    ),
    quarantined(
        "embedded quotes",
        "a quotation mark is opened and not closed",
        lines(line(1), line(2, note='"open'), line(3)),
        AT_3,
        "unreadable",
        "Check its quotes",
    ),
    quarantined(
        "embedded quotes",
        "text goes on after its closing quotation mark",
        lines(line(1), line(2, note='"a" b'), line(3)),
        AT_3,
        "unreadable",
        "Check its quotes",
    ),
    quarantined(
        "embedded quotes",
        "a quotation mark takes in the records up to the next one",
        lines(line(1), line(2, person_ref='"P2'), *(line(n) for n in range(3, 6)), line(6, person_ref='P6"'), line(7)),
        f"{AT_3}, column person_ref",
        "line break: Holds a line break. Check its quotes: one that is not closed takes in the lines below",
    ),
    quarantined(
        "a value missing or malformed",
        "text is longer than any name or reference",
        one_bad(person_ref="P" * 201),
        f"{AT_3}, column person_ref",
        "too long: Longer than 200 characters. Shorten it, or check the quotes around it",
    ),
    quarantined(
        "a value missing or malformed",
        "a control character in a reference",
        one_bad(person_ref="P\x0b2"),
        f"{AT_3}, column person_ref",
        "control character: Holds a control character. Remove it",
    ),
    # records
    quarantined(
        "ragged rows",
        "a row has too few fields",
        lines(line(1), "V2,P2", line(3)),
        AT_3,
        "2 fields where the header has 8. Send every field, blank ones too",
    ),
    quarantined(
        "ragged rows",
        "a row has too many fields",
        lines(line(1), line(2) + ",more", line(3)),
        AT_3,
        "9 fields where the header has 8",
    ),
    refused(
        "ragged rows",
        "every row has a delimiter too many",
        lines(*(line(n) + "," for n in (1, 2, 3))),
        "none of its 3 rows can be taken",
        f"{JUNE}: line 2",
        counts=(3, 0, 3),
    ),
    quarantined(
        "NUL bytes",
        "a row holds a NUL byte",
        lines(line(1), line(2, note="a\0b"), line(3)),
        AT_3,
        "nul byte",
        "holds a NUL byte. Remove it",
    ),
    quarantined(
        "10 MB line",
        "a line of ten megabytes",
        lines(line(1), line(2, note="x" * 10_000_000), line(3)),
        AT_3,
        "longer than 1,048,576 characters",
    ),
    quarantined(
        "10 MB line",
        "a quoted field of ten megabytes",
        lines(line(1), line(2, note=f'"{"x" * 10_000_000}"'), line(3)),
        AT_3,
        "longer than 1,048,576 characters",
    ),
    refused("empty file", "no bytes at all", b"", f"{JUNE}: The file is empty", "Send at least the header line"),
    refused("empty file", "nothing, packed", gzip.compress(b""), "is empty", file=GZ),
    refused(
        "header only",
        "only a header, of an extract that replaces all before it",
        lines(),
        "a full extract replaces all that was sent before it",
        "Send every row that stands",
        counts=(0, 0, 0),
    ),
    taken("header only", "only a header, of an extract of changes", lines(), file="changes_2013-06-30.csv", counts=(0, 0, 0)),
    refused("header only", "no header", SOUND.split(b"\n", 1)[1], "line 1", "is the header there?"),
    taken("blank lines", "blank lines between and after the rows", lines(line(1), "", "", line(2), "", line(3), "")),
    quarantined(
        "blank lines",
        "a line of delimiters only",
        lines(line(1), "," * 7, line(3)),
        f"{AT_3}, column visit_id",
        "required",
        "Fill it",
    ),
    # keys
    quarantined(
        "duplicate keys within a file",
        "a key is there twice",
        as_csv([row(1), row(1, note="other"), row(3)]),
        f"{AT_3}, column visit_id",
        "duplicate key",
        "the first row is kept. Send each key once",
    ),
    taken(
        "duplicate keys across files",
        "a key of an earlier file of changes comes again: it replaces the row",
        as_csv([row(1, note="corrected"), row(8), row(9)]),
        file="changes_2013-07-31.csv",
        before=(("changes_2013-06-30.csv", SOUND),),
    ),
    taken(
        "duplicate keys across files",
        "a full extract holds the keys of the one before",
        as_csv([*sound_rows(3), row(4)]),
        before=THAT_OF_JUNE,
        file=JULY,
        counts=(4, 4, 0),
    ),
    quarantined(
        "a value missing or malformed",
        "a required value is blank",
        one_bad(person_ref=" "),
        f"{AT_3}, column person_ref",
        "required",
        "Fill it",
    ),
    quarantined(
        "a value missing or malformed",
        "a key is not of the agreed form",
        one_bad(visit_id="2"),
        f"{AT_3}, column visit_id",
        "pattern",
        "V[0-9]+",
    ),
    taken(
        "a key without its parent",
        "the person of a row was never sent",
        SOUND,
        f"{JUNE}: line 4, column person_ref: no parent",
        "not in north/people. Send the row there, or correct the reference",
        terms=FAMILY,
        before=PEOPLE,
    ),
    taken(
        "a key without its parent",
        "the people are in a file beside it, not taken yet",
        SOUND,
        "line 4, column person_ref: no parent",
        terms=FAMILY,
        place=beside_people,
    ),
    taken(
        "a key without its parent",
        "no people are here to look them up",
        SOUND,
        "Note: column 'person_ref' was not looked up, for no north/people is here",
        terms=FAMILY,
    ),
    # codes
    quarantined(
        "unknown codes",
        "a code is not in the list",
        one_bad(kind_code="SHED"),
        f"{AT_3}, column kind_code",
        "unknown code",
        "Not a code of the list visit_codes. Send an agreed code",
    ),
    quarantined(
        "retired codes",
        "a code was no longer in force on the day of the row",
        one_bad(kind_code="HOSTEL"),
        f"{AT_3}, column kind_code",
        "retired code",
        "in force only before 2012-01-01, not on start_date",
    ),
    taken("retired codes", "a retired code on a row of its own time", one_bad(kind_code="HOSTEL", start_date="2011-12-31")),
    quarantined(
        "differently cased codes",
        "a code is in small letters",
        one_bad(kind_code="home"),
        f"{AT_3}, column kind_code",
        "code case",
        "has it as HOME. Send it in that case",
    ),
    # dates
    *(
        quarantined(item, name, one_bad(start_date=text, end_date=""), f"{AT_3}, column start_date", reason, remedy)
        for item, name, text, reason, remedy in (
            ("impossible dates", "30 February", "2013-02-30", "bad date", "Send it as yyyy-MM-dd"),
            ("impossible dates", "a day counted by a spreadsheet", "41426", "bad date", "Send it as yyyy-MM-dd"),
            (
                "ambiguous dates",
                "01/06/2013 where the contract says yyyy-MM-dd",
                "01/06/2013",
                "bad date",
                "Send it as yyyy-MM-dd",
            ),
            ("two-digit-year dates", "a year of two digits", "13-06-01", "bad date", "Send it as yyyy-MM-dd"),
            ("far-future dates", "9999-12-31 for “no end”", "9999-12-31", "bad date", "Not a date from 1950-01-01 to 2099-12-31"),
            (
                "far-future dates",
                "a day after the extract date",
                "2013-07-01",
                "future date",
                "Later than the extract date 2013-06-30",
            ),
            ("far-future dates", "a date before all records", "1849-01-01", "bad date", "Not a date from 1950-01-01"),
        )
    ),
    taken(
        "ambiguous dates",
        "01/06/2013 where the contract says dd/MM/yyyy",
        as_csv([row(n, start_date="01/06/2013", end_date="02/06/2013") for n in (1, 2, 3)]),
        terms={"date_format": "dd/MM/yyyy"},
    ),
    quarantined(
        "ambiguous dates",
        "05/13/2013 where the contract says dd/MM/yyyy",
        as_csv([row(n, start_date=d, end_date="") for n, d in ((1, "01/06/2013"), (2, "05/13/2013"), (3, "01/06/2013"))]),
        f"{AT_3}, column start_date",
        "Send it as dd/MM/yyyy",
        terms={"date_format": "dd/MM/yyyy"},
    ),
    quarantined(
        "end before start",
        "a visit ends before it starts",
        one_bad(end_date="2013-05-31"),
        f"{AT_3}, column end_date",
        "row rule",
        "A visit cannot end before it starts. Correct it",
    ),
    # numbers, text
    *(
        quarantined(
            "numbers with thousands separators",
            name,
            one_bad(hours=text),
            f"{AT_3}, column hours",
            "bad number",
            "Send digits only, without separators",
        )
        for name, text in (
            ("1,000", "1,000"),
            ("1 000", "1 000"),
            ("a fraction where a whole number is agreed", "1.5"),
            ("a number beyond its limits", "5001"),
        )
    ),
    quarantined(
        "a value missing or malformed",
        "yes where Y or N is agreed",
        one_bad(is_home="yes"),
        f"{AT_3}, column is_home",
        "bad boolean",
        "Send Y or N",
    ),
    taken("formulas", "a formula in free text is text and stays text; free text is never published", one_bad(note="=1+1")),
    quarantined(
        "formulas",
        "a formula where a code is due",
        one_bad(kind_code="=cmd|' /C calc'!A0"),
        f"{AT_3}, column kind_code",
        "unknown code",
    ),
    taken("formulas", "a statement of SQL in free text", one_bad(note="'; drop table raw.north__visits; --")),
    # packing
    taken("gz", "packed with gzip", gzip.compress(SOUND), file=GZ),
    taken("gz", "packed with gzip in two parts", gzip.compress(SOUND[:70]) + gzip.compress(SOUND[70:]), file=GZ),
    refused(
        "truncated gz",
        "a gz file is cut off",
        gzip.compress(SOUND)[:-9],
        "ends in the middle of its gzip data",
        "cut off on the way; send it again",
        file=GZ,
    ),
    refused(
        "truncated gz",
        "a gz file is damaged",
        damaged(gzip.compress(SOUND)),
        "is not a whole gzip file",
        "Pack it again and send it again",
        file=GZ,
    ),
    refused("truncated gz", "something follows the gz data", gzip.compress(SOUND) + b"more", "is not a whole gzip file", file=GZ),
    refused(
        "nested gz",
        "a gz file in a gz file",
        gzip.compress(gzip.compress(SOUND)),
        "is packed twice",
        "Pack it once with gzip",
        file=GZ,
    ),
    refused("a zip", "a zip archive", zipped(SOUND), "is a zip archive", "Send the CSV itself, or packed with gzip"),
    refused("a zip", "a spreadsheet under the name of a CSV", zipped(b"<workbook/>"), "is a zip archive"),
    refused(
        "a zip bomb",
        "a gz file that unpacks to thousands of times its size",
        gzip.compress(HEADER.encode() + b"\n" * 5_000_000),
        "unpacks to more than 200 times its size",
        "Send the file as it is, or packed once",
        file=GZ,
        during=small_pieces,
    ),
    refused(
        "a file cut off",
        "the last row is cut off",
        lines(line(1), line(2), line(3)).rstrip(b"\n")[:-20],
        f"{JUNE}: line 4",
        "ends in the middle of a record, on line 4",
        "cut off on the way; send it again",
    ),
    refused(
        "a file cut off",
        "the file is cut off within quotation marks",
        lines(line(1), line(2), line(3, note='"half a '))[:-1],
        f"{JUNE}: line 4",
        "ends in the middle of a record, on line 4",
    ),
    refused(
        "no CSV",
        "a web page that says that the file was not found",
        b"<html><body>404</body></html>\n",
        "has no column",
        "is the header there?",
    ),
    # the file itself
    Case(
        "a file still being written",
        "its name begins with a point: it is left until it is renamed",
        SOUND,
        LEFT,
        file=".visits_2013-06-30.csv",
    ),
    refused(
        "a file still being written",
        "it changes while it is read",
        SOUND,
        "changed while it was read",
        "Write it under another name and rename it when it is whole",
        during=grows,
    ),
    refused(
        "a file still being written",
        "it carries the name of a part",
        SOUND,
        "is not an extract of any contract",
        file=JUNE + ".part",
    ),
    refused(
        "unreadable permissions",
        "nobody lets intake read it",
        SOUND,
        "cannot be read (Permission denied)",
        "Check that it exists and who may read it",
        during=may_not_be_read,
    ),
    refused(
        "unknown extract",
        "no contract knows the name",
        SOUND,
        "parcels_2013-06-30.csv: The file is not an extract of any contract",
        "Known: north/changes, north/visits",
        file="parcels_2013-06-30.csv",
    ),
    refused(
        "another agency's file",
        "it is in the folder of another agency",
        SOUND,
        "line 1, column remark",
        "has no column 'remark'",
        place=in_folder_of_another,
    ),
    refused(
        "last month's file under this month's name",
        "the rows of June as those of July",
        SOUND,
        "holds the same rows as 'visits_2013-06-30.csv' of 2013-06-30, received 2013-08-05 12:00 UTC, under another date",
        "Send the rows of 2013-07-31. If it is right, add to seeds/delivery_confirmations.csv: north,visits," + sha256(SOUND),
        before=THAT_OF_JUNE,
        file=JULY,
        counts=(3, 0, 0),
    ),
    refused(
        "last month's file under this month's name",
        "the rows of June, packed, as those of July",
        gzip.compress(SOUND, mtime=1),
        "holds the same rows as 'visits_2013-06-30.csv'",
        before=THAT_OF_JUNE,
        file=JULY + ".gz",
        counts=(3, 0, 0),
    ),
    taken(
        "last month's file under this month's name",
        "a person has confirmed that nothing changed",
        SOUND,
        "Note: the file holds the same rows as 'visits_2013-06-30.csv'",
        "confirmed in seeds/delivery_confirmations.csv",
        before=THAT_OF_JUNE,
        file=JULY,
        place=confirmed,
    ),
    taken(
        "last month's file under this month's name",
        "the contract says that the extract may stay as it is",
        SOUND,
        before=THAT_OF_JUNE,
        file=JULY,
        terms={"may_repeat": "true"},
    ),
    taken(
        "last month's file under this month's name",
        "an extract of changes has none, two months running",
        lines(),
        before=(("changes_2013-06-30.csv", lines()),),
        file="changes_2013-07-31.csv",
        counts=(0, 0, 0),
    ),
    taken(
        "last month's file under this month's name",
        "other rows under the same name correct the earlier ones",
        as_csv(sound_rows(3, 2)),
        before=((JUNE, SOUND),),
    ),
    Case(
        "last month's file under this month's name",
        "the same bytes under the same name change nothing",
        SOUND,
        REPLAY,
        before=((JUNE, SOUND),),
    ),
    taken(
        "last month's file under this month's name",
        "the bytes that another file of the name replaced are put back",
        SOUND,
        "Note: the same bytes were taken before and replaced on 2013-08-05; they take their place again",
        before=((JUNE, SOUND), (JUNE, as_csv(sound_rows(3, 2)))),
    ),
    refused(
        "a file far smaller than the last",
        "a tenth of the rows of the file of its name that it would replace",
        as_csv(sound_rows(10)),
        "is far smaller than the one it replaces: 10 rows, 10 % of the 100 in 'visits_2013-06-30.csv'",
        before=MANY,
        terms=FROM_50,
        counts=(10, 0, 0),
    ),
    refused(
        "a file far smaller than the last",
        "half the rows of the month before",
        as_csv(sound_rows(50)),
        "is far smaller than the last: 50 rows, 50 % of the 100 in 'visits_2013-06-30.csv'; the contract expects at least 60 %",
        "Send every row that stands. If it is right, add to seeds/delivery_confirmations.csv: north,visits,",
        before=MANY,
        file=JULY,
        terms=FROM_50,
        counts=(50, 0, 0),
    ),
    taken(
        "a file far smaller than the last",
        "a person has confirmed it",
        as_csv(sound_rows(50)),
        "Note: the file is far smaller than the last",
        before=MANY,
        file=JULY,
        terms=FROM_50,
        place=confirmed,
        counts=(50, 50, 0),
    ),
    taken(
        "a file far smaller than the last",
        "the last had too few rows to compare",
        as_csv(sound_rows(50)),
        before=MANY,
        file=JULY,
        counts=(50, 50, 0),
    ),
    refused(
        "a file far larger than the last",
        "more than twice the rows of the month before",
        as_csv(sound_rows(201)),
        "is far larger than the last: 201 rows, 201 % of the 100",
        "Look for rows sent twice",
        before=MANY,
        file=JULY,
        terms=FROM_50,
        counts=(201, 0, 0),
    ),
    refused(
        "a symbolic link out of the folder",
        "a link to a file elsewhere",
        None,
        "is a link to a file outside its folder",
        "Put the file itself there",
        place=link_out,
    ),
    taken("a symbolic link out of the folder", "a link to a file in the same folder", SOUND, place=link_within),
    refused(
        "a symbolic link out of the folder",
        "a link to nothing",
        None,
        "cannot be read (No such file or directory)",
        place=link_nowhere,
    ),
    refused("a symbolic link out of the folder", "a pipe", None, "is not a file that can be read", place=pipe),
    refused(
        "a symbolic link out of the folder",
        "a folder under the name of a file",
        None,
        "is not a file that can be read",
        place=folder,
    ),
    # names
    *(
        refused(
            "names with spaces, quotes and non-ASCII",
            f"a name with {what}",
            SOUND,
            f"{file}: The file is not an extract",
            "Name it <extract>_<YYYY-MM-DD>.csv",
            file=file,
        )
        for what, file in (
            ("blanks and brackets", "visits 2013-06-30 (1).csv"),
            ("quotation marks", "vi\"sits'; drop table.csv"),
            ("letters beyond ASCII", "visites_été_2013-06-30.csv"),
        )
    ),
    refused(
        "names with spaces, quotes and non-ASCII",
        "a name that is no text",
        SOUND,
        r"visits_\xff.csv: The file is not an extract",
        place=name_of_bytes,
    ),
    refused(
        "days in names", "a day that does not exist", SOUND, "date in its name that does not exist", file="visits_2013-06-31.csv"
    ),
    refused(
        "days in names",
        "a day that is yet to come",
        SOUND,
        "named for a day that is yet to come",
        "Name it by the day of the extract",
        file="visits_2999-01-01.csv",
    ),
    # limits
    refused(
        "limits",
        "more rows fail than the contract allows of a hundred",
        as_csv(sound_rows(26) + [row(n, hours="x") for n in (27, 28, 29)]),
        "3 of 29 rows (10.3 %) fail; the contract allows 10 %",
        "Correct the rows below and send it again",
        "line 28, column hours",
        counts=(29, 0, 3),
    ),
    refused(
        "limits",
        "more rows fail than the contract allows in all",
        as_csv(sound_rows(94) + [row(n, hours="x") for n in range(95, 101)]),
        "6 rows fail; the contract allows 5",
        counts=(100, 0, 6),
    ),
]


@dataclass(frozen=True)
class Outcome:
    """What checking (``said``) and taking (``done``) a case gave; ``messages`` are those of taking, which repeat no values."""

    said: intake.Report
    done: intake.Report | None

    @property
    def verdict(self) -> str:
        return self.done.status if self.done else LEFT

    @property
    def messages(self) -> list[str]:
        return self.done.messages if self.done else []

    @property
    def checked_messages(self) -> list[str]:
        """The messages of checking, without the offending values."""
        return [re.sub(r"""(: [a-z ]+:) ("[^"]*"|'[^']*')\. """, r"\1 ", m) for m in self.said.messages]


@contextmanager
def _room() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dirty_") as name:
        yield Path(name)


def run(case: Case, home: Path) -> Outcome:
    """Check a case and take it, in a home of its own; what must always hold is held to. Raises AssertionError if it does not."""
    bench = Bench(home)
    bench.agree(**case.terms)
    with mock.patch.object(os, "fsync"), intake.open_restricted(bench.settings, bench.contracts) as con:
        for name, data in case.before:
            path = bench.put(data, name)
            assert intake.land(con, bench.settings, bench.contracts, path, NOW).status == ACCEPTED
            path.unlink()
    path = case.place(bench, case) if case.place else bench.put(case.data, case.file)
    with case.during(path) if case.during else mock.MagicMock(), mock.patch.object(os, "fsync"):
        said = intake.check(bench.settings, bench.contracts, path)
        if case.verdict == LEFT:
            assert intake.land_all(bench.settings, bench.contracts, say=lambda _: None) == []
            return Outcome(said, None)
        with intake.open_restricted(bench.settings, bench.contracts) as con:
            done = intake.land(con, bench.settings, bench.contracts, path, LATER)
    bench.hold(done)
    return Outcome(said, done)


def page(outcomes: dict[Case, Outcome]) -> str:
    """The table of cases as Markdown."""
    text = [
        "# Dirty deliveries",
        "",
        "What becomes of a file that is not as agreed. Checking it before it is sent (`outcomes check`) and taking it give the",
        "same verdict and the same words, from one implementation. Made by `python tests/dirty_cases.py` from the cases that the",
        f"tests run ({len(outcomes)} of them); a test holds this page to them. Limits here are small: 10 % or 5 rows.",
        "",
        "| what | case | verdict | message |",
        "|---|---|---|---|",
    ]
    verdicts = {ACCEPTED: "accepted", WITH_QUARANTINE: "accepted, rows in quarantine", REFUSED: "**refused**"}
    verdicts |= {REPLAY: "taken before", LEFT: "not looked at"}
    for case, outcome in outcomes.items():
        messages = outcome.messages[:2] or ["Nothing changes." if outcome.verdict == REPLAY else ""]
        said = "<br>".join(_cell(m) for m in messages)
        text.append(f"| {_cell(case.item)} | {_cell(case.name)} | {verdicts[outcome.verdict]} | {said} |")
    return "\n".join(text) + "\n"


def _cell(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{64}\b", "‹its SHA-256›", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")


def outcomes() -> dict[str, Outcome]:
    found = {}
    for case in CASES:
        with _room() as home:
            found[case.name] = run(case, home)
    return found


if __name__ == "__main__":
    made = outcomes()
    PAGE.write_text(page({case: made[case.name] for case in CASES}), encoding="utf-8")
    print(f"{PAGE.relative_to(HERE.parent)}: {len(CASES)} cases")
