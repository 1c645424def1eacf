"""Claims about dirty files: each is checked and taken, with the same verdict, and no row is lost."""

from __future__ import annotations

import gzip

import pytest
from intake_bench import COLUMNS, HEADER, Bench, as_csv, row, sound_rows

from dagster_project import arrival, intake, records
from dagster_project.contracts import ContractError, load_contracts
from dagster_project.settings import load_settings

ACCEPTED, WITH_QUARANTINE, REFUSED = intake.ACCEPTED, intake.WITH_QUARANTINE, intake.REFUSED


@pytest.fixture
def bench(tmp_path) -> Bench:
    bench = Bench(tmp_path)
    bench.agree(percent=90, rows=1000)
    return bench


def lines(*texts: str | bytes) -> bytes:
    return b"\n".join([HEADER.encode(), *(t.encode() if isinstance(t, str) else t for t in texts)]) + b"\n"


def line(number: int, **changes: str) -> str:
    return ",".join(row(number, **changes))


def as_landed(*numbers: int) -> list[tuple]:
    return [tuple(row(n)) for n in numbers]


# header --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["client", "Client", " client ", "PERSON_REF"])
def test_renamed_column_is_taken_by_its_alias_with_a_note(bench, name):
    report = bench.take(as_csv(sound_rows(3), HEADER.replace("person_ref", name)))
    assert report.status == ACCEPTED and bench.rows() == as_landed(1, 2, 3)
    assert report.messages == [f"visits_2013-06-30.csv: Note: column '{name.strip()}' is taken as 'person_ref'."]


@pytest.mark.parametrize("quirk", ["", " \r"], ids=["plain", "by record"])
def test_reordered_columns_land_in_the_right_place(bench, quirk):
    data = as_csv([r[::-1] for r in sound_rows(3)], ",".join(COLUMNS[::-1]))
    report = bench.take(data + (f"{quirk}\n".encode() if quirk else b""))
    assert bench.rows() == as_landed(1, 2, 3) and report.read_count == 3 + bool(quirk)


@pytest.mark.parametrize("quirk", ["x", '"x, y"'], ids=["plain", "by record"])
def test_extra_column_is_left_out_with_a_note(bench, quirk):
    data = "\n".join(["surplus," + HEADER, *(f"{quirk},{line(n)}" for n in (1, 2, 3))]).encode()
    report = bench.take(data)
    assert report.status == ACCEPTED and bench.rows() == as_landed(1, 2, 3)
    assert "column 'surplus' is not in the contract and is left out" in report.messages[0]


def test_agreed_delimiter_is_the_contracts(bench):
    bench.agree(delimiter="|")
    assert bench.take(as_csv([*sound_rows(3), row(4, note="a,b")], delimiter="|")).status == ACCEPTED
    assert bench.take(as_csv(sound_rows(3))).status == REFUSED


def test_quoted_header_even_over_two_lines_is_read(bench):
    header = ",".join(f'"{c}"' for c in COLUMNS)
    assert bench.take(as_csv(sound_rows(2), header)).status == ACCEPTED
    report = bench.take(as_csv([[*r, "x"] for r in [row(3), row(4, hours="x")]], header + ',"sur\nplus"'))
    assert report.accepted_count == 1 and bench.faults()[0][0] == 4


def test_header_with_a_quote_that_is_not_closed_is_refused(bench):
    assert "header that cannot be read" in bench.take(b'"' + as_csv(sound_rows(3))).reason


@pytest.mark.parametrize("data", [b"\n\n\n", b" ", b"\xef\xbb\xbf", b"\0" * 100, b"x" * 100_000, b"\xff\xfe\x00"])
def test_file_without_a_header_is_refused(bench, data):
    assert bench.take(data).status == REFUSED


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n\n"])
def test_header_alone_is_refused_for_a_full_extract_and_taken_for_a_delta(bench, end):
    full, delta = (bench.take(HEADER.encode() + end, f"{name}_2013-06-30.csv") for name in ("visits", "changes"))
    assert (full.status, delta.status) == (REFUSED, ACCEPTED) and "replaces all" in full.messages[0]


# encodings -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [[], [row(3, note="a, b")]], ids=["plain", "by record"])
def test_byte_order_mark_of_utf8_is_taken_off(bench, extra):
    rows = [row(1, note="Zoë Łuk 漢字 🏠"), row(2), *extra]
    assert bench.take(b"\xef\xbb\xbf" + as_csv(rows)).status == ACCEPTED
    assert bench.rows() == [tuple(r) for r in rows]


def test_windows_1252_is_read_where_it_is_agreed(bench):
    bench.agree(encoding="windows-1252")
    rows = [row(1, note="Zoë’s café – 5 €"), row(2)]
    assert bench.take(as_csv(rows).decode().encode("cp1252")).status == ACCEPTED
    assert bench.rows() == [tuple(r) for r in rows]


def test_letters_of_utf8_are_known_where_a_piece_ends_within_one(bench, monkeypatch):
    monkeypatch.setattr(arrival, "CHUNK_BYTES", 1)
    bench.agree(encoding="iso-8859-1")
    assert "is in UTF-8" in bench.take(as_csv([row(1, note="né"), row(2)])).reason
    assert bench.take(as_csv([row(1, note="né"), row(2)]).decode().encode("latin-1")).status == ACCEPTED
    cut_off = as_csv([row(1), row(2, note="Ã")]).decode().encode("latin-1").rstrip(b"\n")  # the first half of a letter
    assert bench.take(cut_off, "visits_2013-07-31.csv").status == ACCEPTED


def test_housing_files_are_read_in_windows_1252(tmp_path):
    settings = load_settings(home=tmp_path)
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    extract = contracts.find("housing", "placements")
    folder = settings.landing_dir / "housing"
    folder.mkdir(parents=True)
    values = dict.fromkeys([c.name for c in extract.columns], "") | {
        "placement_id": "1",
        "client_ref": "2",
        "first_name": "Zoë",
        "last_name": "O’Testa",
        "start_date": "2013-01-01",
        "tenure_code": sorted(contracts.codes("tenure_codes"))[0],
    }
    (folder / "placements_2013-06-30.csv").write_bytes(f"{','.join(values)}\n{','.join(values.values())}\n".encode("cp1252"))
    with intake.open_restricted(settings, contracts) as con:
        assert intake.land(con, settings, contracts, folder / "placements_2013-06-30.csv").status == ACCEPTED
        assert con.execute("select first_name, last_name from raw.housing__placements").fetchall() == [("Zoë", "O’Testa")]


def test_windows_1252_bytes_where_utf8_is_agreed_cost_their_rows_not_the_file(bench):
    report = bench.take(lines(line(1), line(2, note="Zo@").encode().replace(b"@", b"\xeb"), line(3)))
    assert report.status == WITH_QUARANTINE and bench.rows() == as_landed(1, 3)
    assert bench.faults() == [(3, None, "encoding", "V2,P2,HOME,2013-06-01,2013-06-02,3,Y,Zo\\xeb", "V2")]
    assert "utf-8" in bench.quarantine()[0]["remedy"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_refused(bench, encoding):
    assert bench.take(as_csv(sound_rows(3)).decode().encode(encoding)).status == REFUSED


# lines and quotes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "lone CR"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "not ended"])
def test_every_line_end_is_one(bench, end, last):
    data = as_csv([row(1), row(2, hours="x"), row(3)], end=end)
    bench.take(data if last else data[: -len(end)])
    assert bench.rows() == as_landed(1, 3)
    assert [f[:3] for f in bench.faults()] == [(3, "hours", "bad_number")]


def test_mixed_line_ends_are_each_one(bench):
    bench.take(
        b"\r\n".join([HEADER.encode(), line(1).encode()]) + b"\n" + line(2).encode() + b"\r" + line(3, hours="x").encode() + b"\r"
    )
    assert bench.rows() == as_landed(1, 2) and bench.faults()[0][0] == 4


def test_lone_cr_between_two_pieces_is_a_line_end(bench, monkeypatch):
    monkeypatch.setattr(arrival, "CHUNK_BYTES", len(lines(line(1))))
    bench.take(lines(line(1))[:-1] + b"\r" + (line(2) + "\n" + line(3) + "\n").encode())
    assert bench.rows() == as_landed(1, 2, 3)


def test_quoted_delimiters_quotes_and_line_ends_land_as_sent_and_line_numbers_stay_true(bench):
    rows = [
        row(1, note="a, b"),
        row(2, note='she said "no"'),
        row(3, note="two\nlines"),
        row(4, note="three\r\nshort\nlines"),
        row(5, hours="x"),
        row(6, note='"'),
        row(7, kind_code="SHED"),
    ]
    bench.take(as_csv(rows))
    assert bench.rows() == [tuple(r) for r in rows if r[0] not in ("V5", "V7")]
    assert [f[:3] for f in bench.faults()] == [(9, "hours", "bad_number"), (11, "kind_code", "unknown_code")]


def test_quote_that_is_not_closed_costs_its_line_not_the_rest_of_the_file(bench):
    bench.take(lines(line(1), line(2, note='"open'), *(line(n) for n in range(3, 200)), line(200, hours="x")))
    assert len(bench.rows()) == 198
    assert [f[:3] for f in bench.faults()] == [(3, None, "unreadable"), (201, "hours", "bad_number")]


def test_stray_quote_that_the_next_one_closes_is_told_by_its_line_and_nothing_passes_for_a_value(bench):
    broken = [line(2, person_ref='"P2'), *map(line, range(3, 6)), line(6, person_ref='P6"')]
    report = bench.take(lines(line(1), *broken, line(7)))
    assert (report.read_count, report.quarantined_count) == (3, 1) and bench.rows() == as_landed(1, 7)
    swallowed = "\n".join(broken)[len('V2,"') :].split('"')[0]
    assert bench.faults() == [(3, "person_ref", "line_break", swallowed, "V2")]


@pytest.mark.parametrize("quirk", ["fine", '"quoted" , text'], ids=["plain", "by record"])
@pytest.mark.parametrize(
    "reason, text",
    [
        ("too_long", "é" * 201),
        (None, "é" * 200),
        *(("control_character", f"P2{sign}") for sign in "\x1f\t\u200b\u2060\ufeff\xad"),
    ],
)
def test_reference_that_is_none_is_told_whichever_way_the_file_is_read(bench, quirk, reason, text):
    bench.take(as_csv([row(1, note=quirk), row(2, person_ref=text)]))
    assert [f[:3] for f in bench.faults()] == ([(3, "person_ref", reason)] if reason else [])


def test_free_text_may_be_long_and_hold_lines(bench):
    assert bench.take(as_csv([row(1, note="a long line\n" * 100), row(2)])).status == ACCEPTED


def test_length_that_the_contract_states_is_kept(bench):
    path = bench.contracts_dir / "north.odcs.yaml"
    stated = path.read_text().replace('{pattern: "V[0-9]+"}', '{pattern: "V[0-9]+", maxLength: 3}')
    path.write_text(stated)
    bench.contracts = load_contracts(bench.contracts_dir, bench.seeds_dir)
    bench.take(as_csv([row(123), row(99)]))
    assert [f[:4] for f in bench.faults()] == [(2, "visit_id", "too_long", "V123")]
    path.write_text(stated.replace("maxLength: 3", "maxLength: some"))
    with pytest.raises(ContractError, match="column 'visit_id' with maxLength 'some'. Write a whole number"):
        load_contracts(bench.contracts_dir, bench.seeds_dir)


def test_of_a_value_that_is_far_too_long_the_beginning_is_kept(bench):
    bench.take(as_csv([row(1), row(2, person_ref="P" * 100_000)]))
    assert bench.faults() == [(3, "person_ref", "too_long", "P" * records.MAX_SHOWN_CHARS, "V2")]


def test_quote_opened_on_the_first_field_costs_its_line(bench):
    bench.take(lines('"' + line(1), line(2), line(3, note='"quoted, well"'), line(4)))
    assert [r[0] for r in bench.rows()] == ["V2", "V3", "V4"]
    assert [f[:3] for f in bench.faults()] == [(2, None, "unreadable")]


def test_text_after_a_closing_quote_is_not_guessed_at(bench):
    bench.take(lines(line(1), line(2, note='"a" b'), line(3, note='"a"b'), line(4, note='"a" '), line(5, note='a "b" c')))
    assert [r[-1] for r in bench.rows()] == ["fine", 'a "b" c']
    assert [f[0] for f in bench.faults()] == [3, 4, 5]


def test_ragged_rows_cost_themselves(bench):
    bench.take(lines(line(1), "V2,P2", line(3) + ",more", line(4) + ",", line(5), "V6"))
    assert bench.rows() == as_landed(1, 5)
    assert [(f[0], f[2], f[4]) for f in bench.faults()] == [
        (3, "ragged", "V2"),
        (4, "ragged", "V3"),
        (5, "ragged", "V4"),
        (7, "ragged", "V6"),
    ]
    assert "has 2 fields where the header has 8" in bench.quarantine()[0]["remedy"]


def test_blank_lines_are_no_rows(bench):
    report = bench.take(lines(line(1), "", "", line(2), "", line(3, hours="x"), ""))
    assert (report.read_count, report.accepted_count) == (3, 2)
    assert bench.faults()[0][0] == 7


def test_line_of_delimiters_only_is_a_row_without_its_key(bench):
    bench.take(lines(line(1), "," * 7))
    assert [f[:3] for f in bench.faults()] == [(3, "person_ref", "required"), (3, "visit_id", "required")]


def test_nul_bytes_cost_their_rows(bench):
    bench.take(lines(line(1), line(2, note="a\0b"), line(3)))
    assert bench.rows() == as_landed(1, 3)
    assert [(f[0], f[2], f[3][-4:], f[4]) for f in bench.faults()] == [(3, "nul_byte", "a\\0b", "V2")]


def test_of_a_line_that_is_too_long_the_beginning_is_kept(bench, monkeypatch):
    monkeypatch.setattr(records, "MAX_RECORD_CHARS", 2000)
    bench.take(lines(line(1), line(2, note="x" * 9000), line(3), line(4) + ","))
    (long, other) = bench.faults()
    assert bench.rows() == as_landed(1, 3) and other[0] == 5
    assert long[:3] == (3, None, "unreadable") and len(long[3]) == records.MAX_SHOWN_CHARS


def test_record_over_very_many_lines_costs_its_first_line(bench, monkeypatch):
    monkeypatch.setattr(records, "MAX_RECORD_CHARS", 2000)
    bench.take(lines(line(1), line(2, note='"open'), *(line(n) for n in range(3, 300)), line(300, note='clo"se')))
    assert len(bench.rows()) == 299 and [f[:3] for f in bench.faults()] == [(3, None, "unreadable")]


def test_long_line_inside_an_open_quote_loses_no_line_after_it(bench, monkeypatch):
    monkeypatch.setattr(records, "MAX_RECORD_CHARS", 2000)
    bench.take(lines(line(1), line(2, note='"open'), line(3, note="x" * 9000), line(4), line(5)))
    assert bench.rows() == as_landed(1, 4, 5) and [f[0] for f in bench.faults()] == [3, 4]


def test_batches_are_joined_in_order(bench, monkeypatch):
    monkeypatch.setattr("dagster_project.reading.BATCH_ROWS", 7)
    rows = [row(n, note=f"{n}, {n}", end_date="" if n < 20 else "2013-06-02") for n in range(1, 60)]
    bench.take(as_csv(rows))
    assert bench.rows() == [tuple(r) for r in rows]


# values --------------------------------------------------------------------------------------------------------------------

DATES = [
    "2013-02-30",
    "2013-13-01",
    "13-06-30",
    "01/06/2013",
    "06/07/2013",
    "2100-01-01",
    "9999-12-31",
    "1949-12-31",
    "20130601",
    "0000-00-00",
]
DATES += [
    "2013-06-01 10:00",
    "2013-06-01T00:00:00Z",
    "1 June 2013",
    "41426",
    "today",
    "2013-06",
    "-2013-06-01",
    "2013-06-0l",
    "infinity",
]


@pytest.mark.parametrize("text", DATES)
def test_date_not_as_agreed_costs_its_row(bench, text):
    bench.take(as_csv([row(1), row(2, start_date=text, end_date="")]))
    assert bench.faults() == [(3, "start_date", "bad_date", text, "V2")]
    assert "yyyy-MM-dd" in bench.quarantine()[0]["remedy"]


@pytest.mark.parametrize(
    ("text", "is_sound"), [("31/12/2012", 1), ("06/05/2013", 1), ("05/13/2013", 0), ("2013-06-01", 0), ("01/06/13", 0)]
)
def test_ambiguous_date_is_read_as_agreed_and_never_guessed(bench, text, is_sound):
    bench.agree(date_format="dd/MM/yyyy", percent=60)
    dates = {"start_date": "01/06/2013", "end_date": ""}
    assert bench.take(as_csv([row(1, **dates), row(2, **dates | {"start_date": text})])).accepted_count == 1 + is_sound


@pytest.mark.parametrize(
    "text", ["1,000", "1.000,0", "1 000", "1.5", "1e3", "0x10", "1_000", "three", "5001", "-1", "9" * 30, "½", "٣", "3."]
)
def test_number_not_as_agreed_costs_its_row(bench, text):
    bench.take(as_csv([row(1), row(2, hours=text)]))
    assert bench.faults() == [(3, "hours", "bad_number", text, "V2")]


@pytest.mark.parametrize("text", ["0", "5000", " 12 ", "007", "+5", ""])
def test_whole_number_within_its_limits_is_taken(bench, text):
    assert bench.take(as_csv([row(1, hours=text)])).status == ACCEPTED


@pytest.mark.parametrize(("text", "is_sound"), [("y", 1), ("N", 1), ("", 1), ("yes", 0), ("1", 0), ("true", 0)])
def test_yes_and_no_are_y_and_n(bench, text, is_sound):
    assert bench.take(as_csv([row(1), row(2, is_home=text)])).accepted_count == 1 + is_sound


@pytest.mark.parametrize(
    "text", ["'; drop table raw.north__visits; --", "=1+1", "<script>", "NULL", "null", "\\N", "#REF!", "--", "${x}", "%s ?"]
)
def test_text_is_only_text(bench, text):
    bench.take(as_csv([row(1, note=text), row(2, kind_code=text)]))
    assert bench.rows()[0][-1] == text and bench.faults() == [(3, "kind_code", "unknown_code", text, "V2")]


def test_value_padded_with_blanks_is_judged_without_them_and_kept_as_sent(bench):
    assert bench.take(as_csv([row(1, kind_code=" HOME ", start_date=" 2013-06-01", visit_id="V1  ")])).status == ACCEPTED
    assert bench.rows()[0][:4] == ("V1  ", "P1", " HOME ", " 2013-06-01")


# packing -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["visits_2013-06-30.csv.gz", "visits_2013-06-30.csv"])
def test_gz_is_known_by_its_bytes_and_may_have_several_members(bench, name):
    data = as_csv(sound_rows(3))
    assert bench.take(gzip.compress(data[:70]) + gzip.compress(data[70:]), name).status == ACCEPTED
    assert bench.rows() == as_landed(1, 2, 3)


def test_file_called_gz_that_is_not_is_read_as_it_is(bench):
    assert bench.take(as_csv(sound_rows(3)), "visits_2013-06-30.csv.gz").status == ACCEPTED


def test_gz_that_needs_the_record_path_is_read(bench):
    bench.take(gzip.compress(lines(line(1), "V2", line(3))), "visits_2013-06-30.csv.gz")
    assert bench.rows() == as_landed(1, 3)


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 40])
def test_truncated_gz_is_refused(bench, cut):
    report = bench.take(gzip.compress(as_csv(sound_rows(30)))[:-cut], "visits_2013-06-30.csv.gz")
    assert report.status == REFUSED and "cut off on the way" in report.messages[0]


# files made by other means -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7\n\x00\x01", b"<html><body>404</body></html>", b"\xd0\xcf\x11\xe0" * 50, b'{"a": 1}\n', bytes(range(256))]
)
def test_file_that_is_no_csv_is_refused(bench, data):
    assert bench.take(data).status == REFUSED
