"""A seed that is wrong is refused before a build, in words that name its file, line, column and what to do."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from compiled import Compiled

from dagster_project import definition_faults, plausibility, seed_faults, warehouse
from dagster_project.definition_faults import DefinitionError
from dagster_project.settings import load_settings

PROJECT = Path(__file__).resolve().parents[1]
DEFINITIONS, SETTLED = "indicator_definitions.csv", "mappings/settled.csv"
OVERRIDE = "must_link,probation,X900001,prisons,A9001ZZ,Reviewed,A reviewer,2013-05-01,2014-01-01"
CONFIRMED = "north,visits,abc,It is right,Ann Smith,2013-07-01"


@pytest.fixture
def seeds(tmp_path) -> Path:
    return Path(shutil.copytree(PROJECT / "seeds", tmp_path / "seeds"))


def faults(seeds: Path) -> list[str]:
    return list(definition_faults.faults(seeds, PROJECT / "dbt"))


def place(path: Path, **wanted: str) -> int:
    """The line of the first row that has these values."""
    with open(path, newline="", encoding="utf-8") as file:
        return next(n for n, row in enumerate(csv.DictReader(file), 2) if wanted.items() <= row.items())


def change(path: Path, line: int, **values: str) -> None:
    """Give a row other values."""
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    for column, value in values.items():
        rows[line - 2][header.index(column)] = value
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def add(path: Path, *lines: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_the_seeds_that_are_there_are_sound(seeds):
    assert faults(seeds) == []


def test_an_outcome_with_two_follow_ups_is_refused_with_both_rows(seeds):
    path = seeds / DEFINITIONS
    first = place(path, indicator_id="MI014")
    second = place(path, indicator_id="MI014R")
    change(path, second, follow_up_id="six_weeks")
    assert faults(seeds) == [
        f"seeds/{DEFINITIONS}, line {second}, follow_up_id: 'six_weeks', but line {first} has 'first_night' for release "
        "housed_first_night too. Make them agree, or look at another outcome."
    ]


WRONG = {  # column of the definition of MI014: (what it says, words of the message)
    "follow_up_id": (
        "frist_night",
        "'frist_night' is not a row of seeds/follow_up_points.csv. Use one of: at_event, first_night",
    ),
    "unknown_in_denominator": ("no", "'no' is not a value that it may have. Use one of: Y, N."),
    "is_assumption": ("y", "'y' is not a value that it may have. Use one of: Y, N."),
    "order_group": ("licences", "'licences' is not a row of seeds/mappings/order_group.csv. Use one of: community_order"),
    "basis": ("counted", "'counted' is not a value that it may have. Use one of: computed, returned."),
    "valid_to": ("2001-04-01", "'2001-04-01' is not after valid_from, '2001-04-01'."),
    "valid_from": ("1/4/2001", "'1/4/2001' is not a date. Write it as 2009-04-01."),
    "definition_version": ("1.0", "'1.0' is not a whole number."),
    "title": (" ", "is blank. Fill it in."),
    "indicator_id": ("", "is blank. Fill it in."),
    "outcome": ("housed_frist_night", "'housed_frist_night' of population 'release' is not a row of seeds/indicator_needs.csv."),
}


@pytest.mark.parametrize("column", WRONG)
def test_a_value_outside_what_a_definition_may_say_is_refused(seeds, column):
    text, says = WRONG[column]
    line = place(seeds / DEFINITIONS, indicator_id="MI014")
    change(seeds / DEFINITIONS, line, **{column: text})
    found = faults(seeds)
    assert any(fault.startswith(f"seeds/{DEFINITIONS}, line {line}, {column}: {says}") for fault in found), found


def test_a_computed_outcome_that_no_mart_has_is_refused_whatever_its_needs_say(seeds):
    line = place(seeds / DEFINITIONS, indicator_id="MI014")
    change(seeds / DEFINITIONS, line, outcome="housed_frist_night")
    add(seeds / "indicator_needs.csv", "release,housed_frist_night,probation,accommodation,For a test")
    (fault,) = faults(seeds)
    assert (
        f"line {line}, outcome: no mart has 'housed_frist_night' of population 'release'. Use one of: housed_first_night" in fault
    )
    change(seeds / DEFINITIONS, line, population="releases")
    assert any("population: 'releases' is none that figures are computed of. Use one of: termination" in f for f in faults(seeds))


def test_the_outcomes_of_a_population_are_the_status_columns_of_its_mart(hand_world):
    marts = {"termination": "minimum_outcomes", "release": "release_outcomes", "disposal": "disposal_outcomes"}
    for population, outcomes in definition_faults._outcomes(PROJECT / "dbt").items():
        (row, *_) = hand_world.query(f"from warehouse.marts.{marts.pop(population)} limit 1")
        assert outcomes == [name.removesuffix("_status") for name in row if name.endswith("_status")]
    assert not marts


def test_an_outcome_that_is_looked_at_on_two_days_is_still_counted_once(hand_world):
    compiled = Compiled(hand_world.settings)
    tables = {name: hand_world.query(f"from {'.'.join(at)}") for name, at in compiled.inputs("outcome_counts").items()}
    sound = compiled.run("outcome_counts", tables)
    for row in [row for row in tables["indicator_definitions"] if row["indicator_id"] in ("MI014", "NI143")]:
        tables["indicator_definitions"].append(row | {"definition_version": 2, "follow_up_id": "six_weeks"})
    key = ("population", "outcome", "month_start", "area_code", "order_group", "status", "event_count")
    counted, wanted = (
        sorted(tuple(row[name] for name in key) for row in found) for found in (compiled.run("outcome_counts", tables), sound)
    )
    assert counted == wanted and {"termination", "release"} <= {row[0] for row in counted}


def test_a_definition_twice_and_versions_that_overlap_are_refused(seeds):
    path = seeds / DEFINITIONS
    row = path.read_text(encoding="utf-8").splitlines()[place(path, indicator_id="MI014") - 1]
    add(path, row, row.replace("MI014,official,1", "MI014,official,2"))
    found, last = faults(seeds), len(path.read_text(encoding="utf-8").splitlines())
    assert f"line {last - 1}, indicator_id, view_id, definition_version: 'MI014 official 1' stands in line 6 too" in found[0]
    assert f"line {last}, valid_from: 'MI014 official' is in force in line" in "\n".join(found)


@pytest.mark.parametrize(
    ("seed", "row"), [("waivers", "W1,some_rule,NI143"), ("linkage_overrides", f"{OVERRIDE},"), ("delivery_confirmations", "a,b")]
)
def test_a_row_with_too_few_or_too_many_values_is_refused(seeds, seed, row):
    add(seeds / f"{seed}.csv", row)
    (fault,) = faults(seeds)
    values = row.count(",") + 1
    assert fault.startswith(f"seeds/{seed}.csv, line 2: has {values} values and should have ") and "in quotes" in fault


def test_every_seed_is_held_to_the_length_of_its_header(seeds):
    for path in seeds.rglob("*.csv"):
        add(path, "one value")
    found = faults(seeds)
    told = {f.partition(",")[0] for f in found if "has 1 values" in f}
    assert told == {f"seeds/{path.relative_to(seeds)}" for path in seeds.rglob("*.csv")}


@pytest.mark.parametrize(
    ("seed", "row", "column"),
    [
        ("delivery_confirmations", CONFIRMED.replace("2013-07-01", "not-a-date"), "confirmed_date: 'not-a-date' is not a date"),
        ("delivery_confirmations", CONFIRMED.replace("Ann Smith", ""), "confirmed_by: is blank"),
        ("linkage_overrides", OVERRIDE.replace("2014-01-01", "2014-1-1"), "end_date: what it says is not a date"),
        ("linkage_overrides", OVERRIDE.replace("2014-01-01", "2013-05-01"), "end_date: what it says is not after decided_date"),
        ("linkage_overrides", OVERRIDE.replace("must_link", "X900001"), "decision: what it says is not a value that it may have"),
        ("targets", "NI999,policy,nation,EW,2009-04-01,,70,A test", "indicator_id: 'NI999' is not a row of seeds/indicator_defi"),
        (
            "targets",
            "NI143,policy,probation_area,11,2009-06-01,,70,A test",
            "valid_from: 'NI143 policy probation_area 11' is in f",
        ),
        ("follow_up_points", "two_years,two,0,after two years,A test", "months: 'two' is not a whole number"),
        ("areas", "99,Nowhere,NOWHERE,2001-04-01,,A test", "region_code: 'NOWHERE' is not a row of seeds/regions.csv"),
        ("linkage_rules", "some_rule,much,A test", "value: 'much' is not a number"),
        ("linkage_rules", "generation_years,15,A test", "rule_id: 'generation_years' stands in line 4 too"),
        ("spell_rules", "some_spell,1,yes,A test", "is_assumption: 'yes' is neither Y nor N"),
    ],
)
def test_a_wrong_value_of_any_seed_is_refused_with_its_line_and_column(seeds, seed, row, column):
    path = seeds / f"{seed}.csv"
    add(path, row)
    (fault,) = faults(seeds)
    assert fault.startswith(f"seeds/{seed}.csv, line {len(path.read_text(encoding='utf-8').splitlines())}, {column}")
    assert "X900001" not in fault and "A9001ZZ" not in fault


def test_a_wrong_day_of_a_waiver_is_left_to_the_gate_which_tells_it_and_goes_on(seeds):
    add(seeds / "waivers.csv", "W1,some_rule,all,all,all,Some reason,Ann Smith,Bob Jones,soon,2013-07-01")
    assert faults(seeds) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "policy,accommodation_codes,A01A,maybe,1,2000-01-01,2000-02-01,N,A test",
            "status: 'maybe' is not a value that it may have",
        ),
        ("policy,accommodation_codes,ZZZ9,yes,1,,,N,A test", "code: 'ZZZ9' is not a row of seeds/codes/accommodation_codes.csv"),
        ("policy,accomodation_codes,A01A,yes,1,,,N,A test", "code_list: 'accomodation_codes' is not a value that it may have"),
        (
            "policy,accommodation_codes,A01A,no,1,2012-01-01,,N,A test",
            "valid_from: 'policy accommodation_codes A01A' is in force",
        ),
        ("policies,accommodation_codes,A01A,no,1,,,N,A test", "view_id: 'policies' is not a value that it may have"),
    ],
)
def test_a_mapping_that_says_what_it_may_not_is_refused(seeds, line, says):
    add(seeds / SETTLED, line)
    found = faults(seeds)
    assert any(fault.startswith(f"seeds/{SETTLED}, line ") and says in fault for fault in found), found


def test_a_code_that_stands_twice_in_its_list_is_refused(seeds):
    add(seeds / "codes" / "sex_codes.csv", "M,Male,,,A test", "Q,,2010-01-01,2009-01-01,A test")
    assert [f.partition(": ")[0] for f in faults(seeds)] == [
        "seeds/codes/sex_codes.csv, line 5, code",
        "seeds/codes/sex_codes.csv, line 6, label",
        "seeds/codes/sex_codes.csv, line 6, valid_to",
    ]


def test_a_byte_order_mark_is_no_fault_and_is_no_part_of_a_name(seeds):
    for path in seeds.rglob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert faults(seeds) == []
    assert all("\ufeff" not in seed.header[0] for seed in seed_faults.read(seeds).values())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1: the header is missing. Put it back."),
        (b"code,label,valid_from,valid_to,source\nM,\xff,,,A test\n", "is not written in UTF-8. Save it again as CSV UTF-8."),
        (b'code,label,valid_from,valid_to,source\nM,"Male,,,A test\n', "line 2: cannot be read as CSV"),
        (b"code,valid_from,valid_to,source\nM,,,A test\n", "line 1, label: the column is missing. Put it back."),
        (b"code,label,label,valid_from,valid_to,source\n", "line 1: a column has no name or one that is there twice."),
        (b'code,label,valid_from,valid_to,source\nM,"Male\nor so",,,A test\n\nF,,,,A test\n', "line 5, label: is blank."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(seeds, content, says):
    (seeds / "codes" / "sex_codes.csv").write_bytes(content)
    (fault,) = faults(seeds)
    assert fault.startswith("seeds/codes/sex_codes.csv") and says in fault


def test_all_faults_are_listed_up_to_twenty(seeds):
    add(seeds / "codes" / "sex_codes.csv", *["one value"] * 25)
    with pytest.raises(DefinitionError) as error:
        definition_faults.must_be_sound(seeds, PROJECT / "dbt")
    first, *lines = str(error.value).splitlines()
    assert first == "25 faults in seeds/: nothing was built, and what is published stands."
    assert len(lines) == 21 and lines[-1] == "and 5 more" and all(line.startswith("seeds/codes/") for line in lines[:-1])


def test_a_build_of_wrong_seeds_is_refused_before_anything_is_written(seeds):
    (seeds.parent / "dbt").symlink_to(PROJECT / "dbt")
    home = seeds.parent / "home"
    settings = replace(load_settings(), project_dir=seeds.parent, home=home)
    settings.warehouse_db.parent.mkdir(parents=True)
    settings.warehouse_db.write_bytes(b"as it stands")
    add(seeds / "waivers.csv", "too,short")
    with pytest.raises(DefinitionError, match="seeds/waivers.csv, line 2: has 2 values"), warehouse.built_aside(settings, None):
        pytest.fail("the build begins")
    assert [p for p in home.rglob("*") if p.is_file()] == [settings.warehouse_db]
    assert settings.warehouse_db.read_bytes() == b"as it stands"


@pytest.mark.parametrize(
    ("row", "is_confirmed"),
    [
        (CONFIRMED, True),
        (CONFIRMED.replace("2013-07-01", "not-a-date"), False),
        (CONFIRMED.replace("2013-07-01", ""), False),
        (CONFIRMED.rpartition(",")[0], False),
        (CONFIRMED.replace("Ann Smith", " "), False),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_only_a_whole_row_with_a_day_confirms_a_delivery(tmp_path, row, is_confirmed, mark):
    class Report:
        content_hash = "abc"

        class extract:
            agency, name = "north", "visits"

    header = "agency,extract,content_hash,reason,confirmed_by,confirmed_date"
    (tmp_path / plausibility.CONFIRMATIONS).write_bytes(mark + f"{header}\n{row}\n".encode())
    assert plausibility._is_confirmed(tmp_path, Report) is is_confirmed


def test_a_day_is_written_in_one_way():
    assert seed_faults.day("2009-04-01") == date(2009, 4, 1)
    assert [seed_faults.day(text) for text in ("", "2009-4-1", "20090401", "2009-W14-3", "2009-02-30", " 2009-04-01")] == [
        None
    ] * 6
