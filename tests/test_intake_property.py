"""Claims that hold for any bytes and any table."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from pathlib import Path
from unittest import mock

import duckdb
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from intake_bench import COLUMNS, HEADER, NOW, Bench, contract, sha256

from dagster_project import arrival, checks, intake, reading
from dagster_project.contracts import load_contracts

MODERATE = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FOLDER = tempfile.TemporaryDirectory(prefix="intake_property_")
ROOM = Path(FOLDER.name)

# bytes that are nearly a file: pieces of rows, quotes, line ends, bytes of other encodings
PIECES = [
    b",",
    b'"',
    b'""',
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xe9",
    b"\xc3\xa9",
    b" ",
    b"V1",
    b"V2",
    b"V3,P,HOME,2013-06-01,,3,Y,x\n",
]
PIECES += [
    b"V4,P,,,,,,\n",
    b'V5,P,,,,,,"a\nb"\n',
    b"V6,P,SHED,2013-02-30,,x,?,\n",
    b"2013-06-01",
    b"HOME",
    b"\xef\xbb\xbf",
    b"\x1f\x8b",
    b"'",
]
nearly_csv = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)
any_bytes = st.one_of(
    st.binary(max_size=200),
    nearly_csv.map(lambda b: HEADER.encode() + b"\n" + b),
    nearly_csv.map(lambda b: gzip.compress(HEADER.encode() + b"\n" + b)),
    st.binary(max_size=60).map(lambda b: HEADER.encode() + b"\r\n" + b),
    st.tuples(nearly_csv, st.integers(0, 40)).map(lambda t: gzip.compress(HEADER.encode() + t[0])[: -t[1] or None]),
)

# text that a table may hold; of line ends every kind, of letters some that take one to four bytes
text = st.text(
    st.one_of(st.sampled_from("\n\r\t ,|;\"'\\#=ab"), st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    max_size=12,
)


def contracts_of(folder: Path, **terms):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "north.odcs.yaml").write_text(contract(**terms))
    (folder / "visit_codes.csv").write_text("code\nHOME\n")
    return load_contracts(folder, folder)


class Always:
    """One bench for all examples: the register grows."""

    def __init__(self):
        self.bench = Bench(ROOM / "home")
        self.bench.agree(percent=100, rows=10_000)
        self.con = intake.open_restricted(self.bench.settings, self.bench.contracts)

    def one(self, sql: str, *values):
        return self.con.execute(sql, list(values)).fetchone()

    def land(self, data: bytes) -> tuple[intake.Report, intake.Report]:
        """What the check before sending says of a file, and what became of it."""
        path = self.bench.put(data, "changes_2013-06-30.csv")
        said = intake.check(self.bench.settings, self.bench.contracts, path)
        return said, intake.land(self.con, self.bench.settings, self.bench.contracts, path, NOW)


ALWAYS: list[Always] = []


@MODERATE
@given(any_bytes)
@example(HEADER.encode() + b"\nV1,P,,,,,,\r")
@example(HEADER.encode() + b'\n"V1,P,,,,,,\nV2,P,,,,,,\n')
@example(HEADER.encode() + b"\nV1,P,,,,,,,\n")
@example(HEADER.encode() + b"\n\xff\xfe\n")
def test_no_bytes_crash_intake_lose_a_row_or_land_by_half(data):
    if not ALWAYS:
        ALWAYS.append(Always())
    bench, one = ALWAYS[0].bench, ALWAYS[0].one
    said, report = ALWAYS[0].land(data)
    taken, kept, refused = one(
        "select count(*) filter (status <> 'refused'), sum(accepted_count), count(*) filter (status = 'refused') "
        "from intake.deliveries"
    )
    assert one("select count(*), count(distinct _delivery_id) from raw.north__changes")[0] == (kept or 0)
    assert taken + refused == one("select count(distinct delivery_id) from intake.deliveries")[0]
    assert (bench.settings.archive_dir / sha256(data)[:2] / sha256(data)).read_bytes() == data
    assert bench.leftovers() == []
    if report.status == intake.REPLAY:
        return
    assert (said.status, said.reason, said.read_count) == (report.status, report.reason, report.read_count)
    landed = one("select count(*) from raw.north__changes where _delivery_id = ?", report.delivery_id)[0]
    lines = one("select count(distinct line) from intake.quarantine where delivery_id = ?", report.delivery_id)[0]
    assert lines == report.quarantined_count and landed == report.accepted_count
    if report.status != intake.REFUSED:
        assert landed + lines == report.read_count


@MODERATE
@given(
    rows=st.lists(st.tuples(*[text] * len(COLUMNS)), max_size=12),
    order=st.permutations(range(len(COLUMNS))),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    delimiter=st.sampled_from(",|;\t"),
    mark=st.sampled_from(["", "\ufeff"]),
    packed=st.booleans(),
)
def test_table_written_as_csv_is_laid_out_as_it_was(rows, order, quoting, end, delimiter, mark, packed):
    if any(c in value for row in rows for value in row for c in {*"\r\n"} - {*end}):
        quoting = csv.QUOTE_ALL  # Python's writer quotes of the line ends only its own, which no reader can make good
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting, lineterminator=end, delimiter=delimiter)
    writer.writerow([COLUMNS[i] for i in order])
    starts = []
    for row in rows:
        written = out.getvalue()
        starts.append(1 + written.count("\n") + written.count("\r") - written.count("\r\n"))
        writer.writerow([row[i] for i in order])
    data = (mark + out.getvalue()).encode()
    path = ROOM / "visits.csv"
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    extract = contracts_of(ROOM / "terms", delimiter="\\t" if delimiter == "\t" else delimiter).find("north", "visits")
    with duckdb.connect() as con:
        sent = reading.lay_out(con, path, extract, reading.scan(path, extract))
        landed = con.execute("from sent order by _row_number").fetchall()
    assert (sent.read_count, sent.bad_records, sent.notes) == (len(rows), 0, [])
    assert [tuple(v or "" for v in r[2:]) for r in landed] == rows
    assert [r[:2] for r in landed] == [(line, n) for n, line in enumerate(starts, 1)]


field = st.text(st.sampled_from("\t ,\"'\\#=abé漢\u00a0\u2003\u3000"), max_size=6)
IS_TIDY = " and ".join(f"{c} is not distinct from nullif(trim({c}), '')" for c in COLUMNS)


@MODERATE
@given(
    table=st.lists(st.lists(field, min_size=8, max_size=8), max_size=10),
    is_quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    is_ended=st.booleans(),
    piece=st.sampled_from([1, 2, 7, 1 << 22]),
)
def test_both_ways_of_reading_agree_wherever_the_plain_way_applies(table, is_quoted, end, is_ended, piece):
    written = [",".join('"' + f.replace('"', '""') + '"' if is_quoted else f for f in row) for row in [COLUMNS, *table]]
    path = ROOM / "both.csv"
    path.write_bytes((end.join(written) + (end if is_ended else "")).encode())
    extract = contracts_of(ROOM / "both").find("north", "visits")
    with duckdb.connect() as con:
        with mock.patch.object(arrival, "CHUNK_BYTES", piece):
            scanned = reading.scan(path, extract)
        places, _ = reading.match_header(reading.read_header(path, extract), extract)
        if not reading.is_for_plain(scanned, 8):
            return
        count = reading._read_plain(con, path, extract, 8, places)
        if count != scanned.line_count - 1:
            return
        reading._show_plain(con, extract, None)
        plain = con.execute("from sent order by _row_number").fetchall()
        assert not scanned.is_tidy or con.execute(f"select count(*) from sent where not ({IS_TIDY})").fetchall() == [(0,)]
        con.execute("create temp table none as from sent limit 0; drop view sent; alter table none rename to sent")
        con.execute(f"create or replace temp table broken ({reading.BROKEN})")
        assert reading._read_by_record(con, path, extract, 8, places) == (count, 0, None)
        assert con.execute("from sent order by _row_number").fetchall() == plain


NEAR = [
    "",
    " ",
    "\u00a0",
    "V1",
    " V1",
    "V2 ",
    "v1",
    "HOME",
    " HOME",
    "SHED",
    "2013-06-01",
    " 2013-06-01 ",
    "2013-6-1",
    "13-06-01",
    "2013-02-30",
]
NEAR += ["5", " 5", "1.5", "1,0", "-1", "Y", " n ", "yes", "\t", "é", "~", "!"]


@MODERATE
@example(
    [
        ["V1", "P1", "HOME", "2013-06-01", "2013-05-31", "5", "Y", ""],
        ["V1", "P1", "HOME", " 2013-06-01", "2013-05-31", "", "", ""],
    ]
)
@given(st.lists(st.lists(st.sampled_from(NEAR), min_size=8, max_size=8), min_size=1, max_size=6))
def test_quick_first_look_misses_no_failing_row(table):
    contracts = contracts_of(ROOM / "quick")
    extract = contracts.find("north", "visits")
    with duckdb.connect() as con:
        con.execute("create table sent (_line bigint, _row_number bigint, " + ", ".join(f"{c} varchar" for c in COLUMNS) + ")")
        for number, values in enumerate(table, 1):
            con.execute(f"insert into sent values (?, ?{', ?' * 8})", [number + 1, number, *(v or None for v in values)])
        is_tidy = con.execute(f"select count(*) from sent where not ({IS_TIDY})").fetchall() == [(0,)]
        checks.find(con, extract, contracts, is_tidy=is_tidy)
        types = ", ".join(f'{checks._sound(c, extract, contracts)} as "{c.name}"' for c in extract.columns)
        for rule in extract.rules:
            failing = con.execute(
                f"select _row_number from (select _row_number, {types} from sent) where {rule.fails_when} order by 1"
            ).fetchall()
            found = con.execute("select _row_number from findings where says = ? order by 1", [rule.says]).fetchall()
            assert found == failing
        for check in checks.checks_of(extract, contracts):
            failing = con.execute(f"select _row_number from sent where {check.fails} order by 1").fetchall()
            found = con.execute(
                "select _row_number from findings where column_name = ? and reason = ? order by 1", [check.column, check.reason]
            ).fetchall()
            assert found == failing
