"""Claims about the checks of the build: each finds what it is for, and nothing in sound rows."""

from __future__ import annotations

from datetime import date

import pytest
from compiled import Compiled

STATUSES = "statuses_are_known_minimum_outcomes"
ANSWERS = ("yes", "no", "unknown", "not_applicable")


@pytest.fixture(scope="module")
def compiled(hand_world) -> Compiled:
    return Compiled(hand_world.settings)


def check_of(compiled: Compiled, begins: str) -> str:
    """The name of the one check that begins so; dbt adds its arguments, or a hash of them."""
    (name,) = [name for name in compiled._models if name.startswith(begins)]
    return name


def questions(compiled: Compiled) -> list[str]:
    columns = compiled.manifest["nodes"]["model.outcomes.minimum_outcomes"]["columns"]
    return [name for name in columns if name.endswith("_status")]


def test_every_answer_that_is_known_passes(compiled):
    rows = [dict.fromkeys(questions(compiled), answer) for answer in ANSWERS]
    assert compiled.run(check_of(compiled, STATUSES), {"minimum_outcomes": rows}) == []
    assert compiled.run(check_of(compiled, STATUSES), {"minimum_outcomes": []}) == []


@pytest.mark.parametrize("answer", [None, "", "Yes", "maybe"])
def test_one_answer_that_is_missing_or_unheard_of_is_found_in_whichever_column(compiled, answer):
    asked = questions(compiled)
    assert len(asked) > 5
    for column in asked:
        rows = [dict.fromkeys(asked, "no"), {**dict.fromkeys(asked, "no"), column: answer}]
        (found,) = compiled.run(check_of(compiled, STATUSES), {"minimum_outcomes": rows})
        assert found == {**dict.fromkeys(asked, 0), column: 1, "row_count": 2}


def test_a_key_that_two_rows_have_is_found(compiled):
    check = check_of(compiled, "is_unique_minimum_outcomes")
    assert compiled.run(check, {"minimum_outcomes": [{"event_id": 1}, {"event_id": 2}]}) == []
    assert compiled.run(check, {"minimum_outcomes": [{"event_id": 1}, {"event_id": 2}, {"event_id": 1}]}) == [
        {"event_id": 1, "row_count": 2}
    ]


JANUARY, MARCH, MAY = (date(2013, month, 1) for month in (1, 3, 5))


@pytest.mark.parametrize(
    ("spells", "found"),
    [
        ([(JANUARY, MARCH), (MARCH, MAY), (MAY, None)], 0),
        ([(JANUARY, MARCH), (JANUARY, MAY)], 1),
        ([(None, MARCH), (JANUARY, None)], 1),
        ([(JANUARY, JANUARY)], 1),
        ([(MARCH, JANUARY)], 1),
    ],
)
def test_spells_of_one_person_that_overlap_and_empty_ones_are_found(compiled, spells, found):
    rows = [{"person_id": 7, "start_date": start, "end_date": end} for start, end in spells]
    rows.append({"person_id": 8, "start_date": JANUARY, "end_date": None})  # somebody else's may overlap with them
    check = check_of(compiled, "does_not_overlap_int_custody_spells")
    assert len(compiled.run(check, {"int_custody_spells": rows})) == found


@pytest.mark.parametrize("table", ["int_people", "int_people_clusters", "int_people_clusters_split"])
@pytest.mark.parametrize(
    ("held", "found"),
    [
        ([3, 1, 2], False),
        ([1, 2], True),
        ([1, 2, 3, 3], True),
        ([1, 2, 2], True),
        ([2, 2, 2], True),  # as many rows, of the same sum
        ([1, 2, 4], True),
        ([], True),
    ],
)
def test_a_reference_that_is_lost_or_comes_twice_on_the_way_is_found(compiled, table, held, found):
    tables = {name: [{"reference_id": n} for n in ids] for name, ids in ((table, held), ("int_people_references", [1, 2, 3]))}
    (check,) = (name for name in compiled._models if name.startswith("holds_each_once") and table in compiled.inputs(name))
    assert bool(compiled.run(check, tables)) is found


def test_tables_of_nobody_hold_each_once(compiled):
    check = check_of(compiled, "holds_each_once_int_people_reference_id")
    assert compiled.run(check, {"int_people": [], "int_people_references": []}) == []
