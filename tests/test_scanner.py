"""The scan that looks for planted identifiers finds each, however it is written and wherever it is."""

from __future__ import annotations

import gzip
import html
import json
import re
import sqlite3
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
from one_room import Scanner, open_to_others
from planting import DAY, KEY, NAME, NUMBER, ORDER, a_few


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner(a_few())


@pytest.fixture
def home(tmp_path) -> Path:
    """A home with what a night leaves, and nothing planted in it."""
    for folder in ("data/dbt/logs", "data/dagster", "data/nights/1", "data/archive/ab", "published/1"):
        (tmp_path / folder).mkdir(parents=True)
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")) as con:
        con.execute(
            "create schema marts; create table marts.people as select 7 as person_id, 'x' as status, date '1903-01-31' as d"
        )
    (tmp_path / "data" / "dbt" / "logs" / "dbt.log").write_text("1903-02-30 nothing, QZ71 only, 119030231\n")
    return tmp_path


WRITTEN = {
    "as sent": lambda text: text.encode(),
    "in capitals": lambda text: text.upper().encode(),
    "in small letters": lambda text: text.lower().encode(),
    "inside other text": lambda text: f"x{text}x".encode() if not text.startswith("19") else f"born {text}, x".encode(),
    "without blanks and punctuation": lambda text: re.sub(r"[\W_]", "", text).encode(),
    "without accents": lambda text: text.replace("ö", "o").encode(),
    "in Latin-1": lambda text: text.encode("latin-1"),
    "in UTF-16": lambda text: text.encode("utf-16"),
    "in UTF-16, the other way round": lambda text: text.encode("utf-16-be"),
    "for a URL": lambda text: quote(text).encode(),
    "for a URL, every letter": lambda text: "".join(f"%{b:02x}" for b in text.encode()).encode(),
    "for HTML": lambda text: html.escape(text).replace("ö", "&ouml;").encode(),
    "for HTML, every letter": lambda text: "".join(f"&#{ord(c)};" for c in text).encode(),
    "for JSON": lambda text: json.dumps({"a": text}).encode(),
    "for JSON in JSON": lambda text: json.dumps(json.dumps(text)).encode(),
    "for JSON, every letter": lambda text: "".join(f"\\u{ord(c):04x}" for c in text).encode(),
    "for HTML in JSON": lambda text: json.dumps(html.escape(text)).encode(),
}


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("text", [NAME, NUMBER, DAY, KEY])
def test_a_value_is_found_however_it_is_written(scanner, text, written):
    assert [value.text for value in scanner.look(b"before " + WRITTEN[written](text) + b" after")] == [text]


@pytest.mark.parametrize(
    "text", ["31/02/1903", "31.2.1903", "19030231", "31 February 1903", "Feb 31, 1903", "1903-02-31T00:00:00"]
)
def test_a_date_is_found_in_any_order(scanner, text):
    assert [value.text for value in scanner.look(f"born {text};".encode())] == [DAY]


@pytest.mark.parametrize(
    "text",
    ["1903-02-28", "219030231", "12:00:00.3121903", "1903231", "31,2.1903", "1903-2.31", "Zqfab", "QZ713151D", "Q7391004", ""],
)
def test_what_is_only_like_a_value_is_not_found(scanner, text):
    assert scanner.look(text.encode()) == []


def _in_warehouse(home: Path, text: str) -> str:
    with duckdb.connect(str(home / "data" / "warehouse.duckdb")) as con:
        con.execute("create table marts.more as select 'a status' as status union all select ?", [text])
    return "data/warehouse.duckdb"


def _in_log(home: Path, text: str) -> str:
    with open(home / "data" / "dbt" / "logs" / "dbt.log", "a") as log:
        log.write(f"10:21:07 could not convert '{text}' to a date\n")
    return "data/dbt/logs/dbt.log"


def _in_parquet(home: Path, text: str) -> str:
    with duckdb.connect() as con:
        file = home / "published" / "1" / "indicators.parquet"
        con.execute(f"copy (select 'London' as place union all select $text) to '{file}' (compression zstd)", {"text": text})
    return "published/1/indicators.parquet"


def _in_workbook(home: Path, text: str) -> str:
    with zipfile.ZipFile(home / "published" / "1" / "tables.xlsx", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/sharedStrings.xml", f"<si><t>{html.escape(text)}</t></si>")
    return "published/1/tables.xlsx"


def _in_packed_csv(home: Path, text: str) -> str:
    (home / "published" / "1" / "indicators.csv.gz").write_bytes(gzip.compress(f"place\n{text}\n".encode()))
    return "published/1/indicators.csv.gz"


def _in_event_log(home: Path, text: str) -> str:
    with sqlite3.connect(home / "data" / "dagster" / "runs.db") as con:
        con.execute("create table snapshots (body blob)")
        con.execute("insert into snapshots values (?)", [zlib.compress(json.dumps({"a": text}).encode())])
    return "data/dagster/runs.db"


def _in_column_comment(home: Path, text: str) -> str:
    with duckdb.connect(str(home / "data" / "warehouse.duckdb")) as con:
        con.execute("comment on table marts.people is '" + text.replace("'", "''") + "'")
    return "data/warehouse.duckdb"


PLACED = [_in_warehouse, _in_log, _in_parquet, _in_workbook, _in_packed_csv, _in_event_log, _in_column_comment]


@pytest.mark.parametrize("text", [NAME, NUMBER, DAY, KEY])
@pytest.mark.parametrize("place", PLACED)
def test_a_value_is_found_wherever_it_is(scanner, home, place, text):
    assert scanner.scan(home) == []
    file = place(home, text)
    assert {(found.file, found.text) for found in scanner.scan(home)} == {(file, text)}


def test_a_value_that_was_deleted_from_the_warehouse_is_found_while_its_bytes_stand(scanner, home):
    _in_warehouse(home, KEY)
    with duckdb.connect(str(home / "data" / "warehouse.duckdb")) as con:
        con.execute("checkpoint; drop table marts.more")
    assert [found.within for found in scanner.scan(home)] == ["its bytes"]


def test_a_list_of_what_to_fix_holds_the_agencys_own_keys_and_nothing_else(scanner, home):
    folder = home / "data" / "nights" / "1"
    (folder / "fix_probation.csv").write_text(f"{KEY},{ORDER}\n")
    (folder / "fix_dwp.csv").write_text(f"{ORDER}\n")  # an order whose outcome DWP should say
    (folder / "summary.md").write_text(f"- {KEY} (line 7)\n")
    assert scanner.scan(home) == []
    (folder / "fix_dwp.csv").write_text(f"{KEY}\n")
    (folder / "summary.md").write_text(f"- {NAME} (line 7)\n")
    (folder / "alert.json").write_text(json.dumps({"text": KEY}))
    found = {(f.file.split("/")[-1], f.text) for f in scanner.scan(home)}
    assert found == {("fix_dwp.csv", KEY), ("summary.md", NAME), ("alert.json", KEY)}


def test_a_file_in_the_data_folder_that_others_may_read_is_found(home):
    (home / "data").chmod(0o700)
    for path in (home / "data").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    assert open_to_others(home) == []
    (home / "data" / "dbt" / "logs" / "dbt.log").chmod(0o640)
    assert open_to_others(home) == ["data/dbt/logs/dbt.log"]
