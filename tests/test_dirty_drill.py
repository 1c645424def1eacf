"""Thousands of files, each a sound one with something done to it: none crashes intake, loses a row or lands by half.

Some hundreds run with every test; OUTCOMES_DRILLS=1 or ``-m drill`` runs ten thousand. The seed of a file makes it again.
"""

from __future__ import annotations

import gzip
import os
import random
import re
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from intake_bench import COLUMNS, HEADER, NOW, Bench, as_csv, row, sha256

from dagster_project import intake

CHUNK, CHUNKS = 250, 40
ENDS = [b"\n", b"\r\n", b"\r"]
PIECES = [
    b",",
    b'"',
    b'""',
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xe9",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"'",
    b";",
]
PIECES += [
    b"V1",
    b"=1+1",
    b"2013-02-30",
    b"9999-12-31",
    b"home",
    b"HOSTEL",
    b"1,000",
    b" ",
    b"\t",
    b"\xff\xfe",
    b"x" * 3000,
    b"\\",
]
WORDS = ["fine", "a, b", 'said "no"', "two\nlines", "Zoë 漢字 🏠", "", "=1+1", " blank ", "café"]


def sound(rng: random.Random) -> bytes:
    """A file that keeps the contract."""
    first = rng.randrange(1, 5)
    rows = [
        row(n, note=rng.choice(WORDS), kind_code=rng.choice(["HOME", "OFFICE", ""]))
        for n in range(first, first + rng.randrange(2, 14))
    ]
    return as_csv(rows, end=rng.choice(["\n", "\n", "\r\n"]))


def flip(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def lose(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, 60) :]


def insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + b"".join(rng.choices(PIECES, k=rng.randrange(1, 4))) + data[at:]


def repeat(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randrange(1, 200)]
    return data[:start] + piece + data[start:]


def other_delimiter(data: bytes, rng: random.Random) -> bytes:
    return data.replace(b",", rng.choice([b";", b"|", b"\t", b",,"]), rng.choice([-1, 7, 9, 30]))


def other_ends(data: bytes, rng: random.Random) -> bytes:
    return b"".join(part if part not in ENDS else rng.choice(ENDS) for part in re.split(rb"(\r\n|\r|\n)", data))


def other_encoding(data: bytes, rng: random.Random) -> bytes:
    to = rng.choice(["cp1252", "utf-16", "utf-16-le", "utf-8-sig", "utf-7"])
    return data.decode("utf-8", "replace").encode(to, "replace")


def columns(data: bytes, rng: random.Random) -> bytes:
    """Columns dropped, doubled, put elsewhere or renamed, in the header, the rows or both."""
    order = list(range(len(COLUMNS)))
    change = rng.randrange(4)
    if change == 0:
        order.remove(rng.choice(order))
    elif change == 1:
        order.insert(rng.randrange(9), rng.choice(order))
    elif change == 2:
        rng.shuffle(order)
    header, *rest = data.split(b"\n")
    parts = [row.split(b",") for row in rest]
    moved = [b",".join(r[i] for i in order if i < len(r)) for r in parts] if rng.random() < 0.7 else rest
    names = [COLUMNS[i].encode() for i in order] if rng.random() < 0.7 else header.split(b",")
    if change == 3:
        names[rng.randrange(len(names))] = rng.choice([b"client", b"VISIT_ID", b"surplus", b"", b'"'])
    return b"\n".join([b",".join(names), *moved])


def shuffle_lines(data: bytes, rng: random.Random) -> bytes:
    found = data.splitlines(keepends=True)
    rng.shuffle(found)
    return b"".join(found)


def any_bytes(_: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"", HEADER.encode() + b"\n"]) + rng.randbytes(rng.randrange(300))


DAMAGES = [
    flip,
    cut,
    lose,
    insert,
    insert,
    repeat,
    other_delimiter,
    other_ends,
    other_encoding,
    columns,
    shuffle_lines,
    any_bytes,
]


def dirty(seed: int) -> tuple[str, bytes]:
    """Name and bytes of a file. One in ten is left sound; one in four is packed, and one in three of those damaged after it."""
    rng = random.Random(seed)
    data = sound(rng)
    for damage in rng.choices(DAMAGES, k=rng.choice([0, 1, 1, 1, 1, 1, 2, 2, 2, 3])):
        head, _, rows = data.partition(b"\n")
        if rng.random() < 0.6 and rows and damage is not columns:
            data = head + b"\n" + damage(rows, rng)  # most of what goes wrong goes wrong below the header
        else:
            data = damage(data, rng) if data else data
    if rng.random() < 0.25:
        data = gzip.compress(data, 1, mtime=0)
        if rng.random() < 0.33:
            data = rng.choice([flip, cut, insert, lambda d, _: gzip.compress(d, 1), lambda d, _: d + d])(data, rng)
    name = f"{rng.choice(['visits', 'changes'])}_2013-0{rng.randrange(5, 8)}-30"
    return f"{name}{rng.choice(['', '_2', '_3'])}.csv{rng.choice(['', '', '.gz'])}", data


def records_of(data: bytes) -> int | None:
    """How many records follow the header, counted without the product; None where quotes or packing leave it open."""
    if data[:2] == b"\x1f\x8b" or b'"' in data:
        return None
    return sum(1 for line in re.split(rb"\r\n|\r|\n", data)[1:] if line)


class Room:
    """A home that takes file after file."""

    def __init__(self, home: Path):
        self.bench = Bench(home)
        self.bench.settings = replace(self.bench.settings, threads=1)  # small files, and other tests beside
        self.bench.agree(percent=60, rows=1000)
        self.con = intake.open_restricted(self.bench.settings, self.bench.contracts)

    def one(self, sql: str, *values) -> tuple:
        return self.con.execute(sql, list(values)).fetchall()[0]

    def take(self, seed: int) -> str:
        """Check a file and take it; the verdict."""
        bench, (name, data) = self.bench, dirty(seed)
        path = bench.put(data, name)
        said = intake.check(bench.settings, bench.contracts, path, con=self.con)
        done = intake.land(self.con, bench.settings, bench.contracts, path, NOW)
        path.unlink()
        counts = ("status", "reason", "read_count", "accepted_count", "quarantined_count")
        assert [getattr(said, c) for c in counts] == [getattr(done, c) for c in counts]
        assert len(said.messages) == len(done.messages)
        if done.status == intake.REPLAY:
            return done.status
        table = done.extract.table
        landed = self.one(
            f"select count(*), count(distinct _row_number) from raw.{table} where _delivery_id = ?", done.delivery_id
        )
        lines = self.one("select count(distinct line) from intake.quarantine where delivery_id = ?", done.delivery_id)[0]
        assert landed == (done.accepted_count, done.accepted_count) and lines == done.quarantined_count
        assert self.one("select count(*) from intake.deliveries where delivery_id = ?", done.delivery_id) == (1,)
        assert (bench.settings.archive_dir / sha256(data)[:2] / sha256(data)).read_bytes() == data
        if done.status == intake.REFUSED:
            assert done.accepted_count == 0 and done.messages
        else:
            assert done.accepted_count + done.quarantined_count == done.read_count
        if done.read_count and (expected := records_of(data)) is not None:
            assert done.read_count == expected
        return done.status

    def close(self) -> None:
        """What holds over all files together."""
        for table in ("north__visits", "north__changes"):
            stray = f"select count(*) from raw.{table} where _delivery_id not in (select delivery_id from intake.deliveries "
            assert self.one(stray + "where status <> 'refused')") == (0,)
        taken = self.one("select sum(accepted_count) from intake.deliveries")
        assert self.one("select (select count(*) from raw.north__visits) + (select count(*) from raw.north__changes)") == taken
        self.con.close()
        assert self.bench.leftovers() == []


def drill(home: Path, seeds: range) -> dict[str, int]:
    """Take a file for every seed; how often each verdict was given. A failure names the seed."""
    verdicts: dict[str, int] = {}
    with mock.patch.object(os, "fsync"):  # durability is proved elsewhere, and costs most of the time here
        room = Room(home)
        for seed in seeds:
            try:
                verdict = room.take(seed)
            except BaseException as error:
                raise AssertionError(f"seed {seed}: {dirty(seed)[0]}: {error!r}") from error
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
        room.close()
    return verdicts


def test_hundreds_of_dirty_files_neither_crash_intake_nor_lose_a_row_nor_land_by_half(tmp_path):
    verdicts = drill(tmp_path, range(-300, 0))
    # the files are worth something only if they end in every way
    assert {intake.ACCEPTED, intake.WITH_QUARANTINE, intake.REFUSED} <= set(verdicts) and min(verdicts.values()) > 5, verdicts


@pytest.mark.drill
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_ten_thousand_dirty_files_neither_crash_intake_nor_lose_a_row_nor_land_by_half(chunk, tmp_path):
    assert CHUNK * CHUNKS >= 10_000
    drill(tmp_path, range(chunk * CHUNK, (chunk + 1) * CHUNK))
