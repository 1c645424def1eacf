"""How right linkage is said to be: counted pair by pair, with intervals that cover, and on data of another form."""

import random
import subprocess
import sys
import zipfile
from collections import Counter
from itertools import combinations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.bench import febrl, linkage_missed
from dagster_project.bench.linkage import MANY, Way, shown, told
from dagster_project.linkage import accuracy
from dagster_project.linkage.accuracy import AGENCY_PAIR, ALL, Share, counts, share, table
from dagster_project.settings import PROJECT_DIR

REFERENCES = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 5), st.sampled_from(["north", "east", "south"]), st.sampled_from(["a", "b", None])
    ),
    min_size=1,
    max_size=25,
)


@pytest.mark.drill
def test_the_bench_links_a_small_world_of_whom_some_have_moved_in_its_own_way_and_in_plain_splinks():
    asked = ["--people", "400", "--moved", "20", "--ways", "tiers,current,plain"]
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "dagster_project.bench.linkage", *asked],
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    assert (
        "exact tiers" in told.stdout
        and "without former names" in told.stdout
        and "plain Splink" in told.stdout
        and "| dwp × probation |" in told.stdout
    )


@pytest.fixture(scope="module")
def con():
    with duckdb.connect(config={"threads": 1}) as con:
        yield con


def put(con, references):
    """``references``: (linked person, true person, agency, subgroup) of each."""
    con.execute("create or replace table linked (reference_id bigint, person_id bigint)")
    con.execute("create or replace table truth (reference_id bigint, true_person bigint, agency varchar, subgroup varchar)")
    person, true, agency, subgroup = zip(*references, strict=True)
    numbers = list(range(len(references)))
    con.execute("insert into linked select unnest(?), unnest(?)", [numbers, list(person)])
    columns = [numbers, list(true), list(agency), list(subgroup)]
    con.execute("insert into truth select unnest(?), unnest(?), unnest(?), unnest(?::varchar[])", columns)


def by_hand(references):
    """dimension and group → true, linked and right pairs, by looking at each pair."""
    found = Counter()
    for one, other in combinations(references, 2):
        ends = [(ALL, ALL), (ALL, ALL), *(("subgroup", r[3] or "not known") for r in (one, other))]
        pair = (AGENCY_PAIR, " × ".join(sorted((one[2], other[2]))))
        for group, weight in [*((end, 0.5) for end in ends), (pair, 1)]:
            found[group, "true"] += weight * (one[1] == other[1])
            found[group, "linked"] += weight * (one[0] == other[0])
            found[group, "right"] += weight * (one[:2] == other[:2])
    return found


@settings(max_examples=30, deadline=None)
@given(references=REFERENCES)
def test_counts_of_pairs_equal_those_of_looking_at_each_pair(con, references):
    put(con, references)
    expected = by_hand(references)
    seen = set()
    for row in table(con, "linked", "truth", [ALL, AGENCY_PAIR, "subgroup"]):
        group = (row.dimension, row.group)
        true, linked, right = (expected[group, which] for which in ("true", "linked", "right"))
        assert (row.true_pairs, row.linked_pairs) == (true, linked)
        assert (row.wrong_pairs, row.missed_pairs) == (linked - right, true - right)
        assert row.precision.value == (pytest.approx(right / linked) if linked else None)
        assert row.recall.value == (pytest.approx(right / true) if true else None)
        if true and linked:
            assert row.f1.value == pytest.approx(2 * right / (true + linked))
        for measure in (row.precision, row.recall, row.f1):
            assert measure.value is None or 0 <= measure.low <= measure.value + 1e-12 <= measure.high + 2e-12 <= 1 + 3e-12
        seen.add(group)
    assert {group for (group, _), n in expected.items() if n} <= seen


def test_one_false_link_lowers_precision_by_exactly_its_pairs(con):
    people = [(p, p, agency, "a") for p in range(10) for agency in ("north", "east", "south")]
    put(con, people)
    (before,) = table(con, "linked", "truth")
    assert (before.precision.value, before.recall.value, before.f1.value) == (1, 1, 1)
    put(con, [(0, *r[1:]) if r[0] == 1 else r for r in people])  # the second person is taken for the first
    (after,) = table(con, "linked", "truth")
    assert (after.linked_pairs, after.wrong_pairs, after.missed_pairs) == (30 + 9, 9, 0)
    assert after.precision.value == pytest.approx(30 / 39)
    assert after.recall.value == 1
    assert counts(con, "linked", "truth") == {
        "records": 30,
        "linked_records": 30,
        "true_people": 10,
        "people": 9,
        "whole_people": 10,
        "people_in_parts": 0,
        "mixed_people": 1,
    }


def test_references_that_only_one_side_knows_are_left_out(con):
    put(con, [(0, 0, "north", "a"), (0, 0, "east", "a"), (0, 0, "south", "a")])
    con.execute("delete from truth where agency = 'south'")
    (row,) = table(con, "linked", "truth")
    assert (row.true_pairs, row.linked_pairs) == (1, 1)


def _sample(chance, error, fate):
    """People of one to six pairs each; every pair wrong with a probability, and with ``fate`` all of a person's at once."""
    sums = [0.0] * 5
    for _ in range(400):
        d = chance.randint(1, 6)
        w = d * (chance.random() < error) if chance.random() < fate else sum(chance.random() < error for _ in range(d))
        sums = [a + b for a, b in zip(sums, (w, d, w * w, w * d, d * d), strict=True)]
    return sums


@pytest.mark.parametrize("fate", [0, 1])
@pytest.mark.parametrize("error", [0.02, 0.3])
def test_intervals_cover_the_true_share_about_95_times_in_100_also_when_pairs_hang_together(fate, error):
    chance, times = random.Random(2009), 400
    found = [share(*_sample(chance, error, fate)) for _ in range(times)]
    covered = sum(one.low <= 1 - error <= one.high for one in found) / times
    assert 0.925 <= covered <= 0.985


def test_an_interval_that_took_pairs_for_independent_would_cover_too_seldom():
    chance, times = random.Random(2009), 300
    samples = [_sample(chance, 0.3, 1) for _ in range(times)]
    naive = [share(w, d, w, w, d) for w, d, *_ in samples]  # as if each pair were a person
    assert sum(one.low <= 0.7 <= one.high for one in naive) / times < 0.9


def test_no_error_seen_is_no_proof_that_there_is_none():
    few, many = share(0, 20, 0, 0, 20), share(0, 20_000, 0, 0, 20_000)
    assert few.value == many.value == few.high == 1
    assert few.low < 0.85 < 0.999 < many.low
    assert share(0, 20_000, 0, 0, 200_000).low < many.low  # fewer people behind as many pairs
    assert share(0, 0, 0, 0, 0) == Share(None, None, None)


def test_f1_lies_within_the_ends_of_precision_and_recall(con):
    put(con, [(p // 3, p // 2, "north", "a") for p in range(60)])
    (row,) = table(con, "linked", "truth")
    assert (
        min(row.precision.low, row.recall.low)
        <= row.f1.low
        < row.f1.value
        < row.f1.high
        <= max(row.precision.high, row.recall.high)
    )


def test_rows_are_told_with_counts_and_intervals(con):
    put(con, [(0, 0, "north", "a"), (0, 0, "east", None), (1, 0, "east", "a")])
    text = accuracy.told(table(con, "linked", "truth", [ALL, "subgroup"]))
    assert "| all | 3 | 2 | 0.33333 (" in text
    assert "| subgroup not known | 1 | 0.5 | 0.50000 (" in text
    assert "3 records of 1 people; 2 records are linked to another." in accuracy.told_counts(counts(con, "linked", "truth"))


def test_a_way_is_told_beside_the_first_and_steps_in_brackets_do_not_count(tmp_path):
    ours = Way("tiers", {"exact": (1.0, 2.0), "(people, high)": (50.0, 50.0)}, 2_000_000_000, tmp_path)
    text = told([ours, Way("plain", {"predict": (3.0, 4.0), "cluster": (1.0, 4.0)}, 4_000_000_000, tmp_path)], "medium")
    assert "| 1.0 | 2.0 | 2.00 | 1.00, 1.00 | exact 1.0 |" in text
    assert "| 4.0 | 8.0 | 4.00 | 0.25, 0.25 | predict 3.0; cluster 1.0 |" in text


def test_each_missed_pair_has_its_reason():
    pairs = {  # reference, its agency, other, its agency, weight, probability, verdict
        "not compared": (1, 1, 2, 2, None, None, None),
        "too little": (3, 1, 4, 2, 1.0, 0.667, "below"),
        "rival": (5, 1, 6, 2, 10.0, 0.5, "below"),
        "agency twice": (7, 1, 8, 1, None, None, None),
        "conflict": (9, 1, 10, 2, 10.0, 0.999, "conflict"),
        "found": (11, 1, 12, 2, 10.0, 0.999, "joined"),
    }
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as restricted; create schema restricted.identity")
        room = "restricted.identity.int_people"
        con.execute(f"create table {room}_clusters_split (reference_id bigint, cluster_id bigint, agencies bigint)")
        con.execute(f"create table {room}_scores (reference_a bigint, reference_b bigint, match_weight double)")
        con.execute(
            f"create table {room}_joins (cluster_a bigint, cluster_b bigint, match_weight double, probability double, "
            "verdict varchar)"
        )
        con.execute("create table truth (reference_id bigint, true_person bigint)")
        for true, (one, bit, other, other_bit, weight, probability, verdict) in enumerate(pairs.values()):
            con.execute(
                f"insert into {room}_clusters_split values (?, ?, ?), (?, ?, ?)", [one, one, bit, other, other, other_bit]
            )
            con.execute("insert into truth values (?, ?), (?, ?)", [one, true, other, true])
            if weight:
                con.execute(f"insert into {room}_scores values (?, ?, ?)", [one, other, weight])
                con.execute(f"insert into {room}_joins values (?, ?, ?, ?, ?)", [one, other, weight, probability, verdict])
        linkage_missed.people_at(con, 0.9)
        found = linkage_missed.why(con, 0.9)
    assert dict(found) == {name: 1 for name in pairs if name != "found"}
    assert set(linkage_missed.WHY) == set(pairs) - {"found"}
    assert linkage_missed.told(found).count("| 20 % |") == 5


def test_of_many_subgroups_those_at_the_ends_are_shown():
    def row(dimension, group, recall):
        return accuracy.Row(dimension, group, 10, 10, 0, 0, Share(1, 1, 1), Share(recall, 0, 1), Share(1, 1, 1))

    areas = [row("area", str(n), n / 100) for n in range(MANY + 1)]
    rows = [row(ALL, ALL, 0.5), *(row(AGENCY_PAIR, str(n), 1) for n in range(MANY + 1)), *areas]
    kept = shown([*rows, accuracy.Row("area", "empty", 0, 0, 0, 0, *[Share(None, None, None)] * 3)])
    assert [r.group for r in kept if r.dimension == "area"] == ["0", "1", str(MANY - 1), str(MANY)]
    assert len([r for r in kept if r.dimension != "area"]) == MANY + 2


HEADER = "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id"
FIRST = ["velda", "orrin", "tamsel", "jorek", "minna", "casteln", "wilmot", "perrin", "agathe", "lunete", "hadrin", "sorrel"]
LAST = ["quillgate", "marrowby", "fenstock", "ashdrop", "tolliver", "breck", "ondine", "harrowell", "stipple", "wexmoor"]


def _febrl_like(path, people):
    """A wheel with the four sets in Febrl's layout: people of our own making, each twice, the second time with a fault."""
    chance, lines = random.Random(4), {"org": [], "dup-0": []}
    for n in range(people):
        name, surname = chance.choice(FIRST), chance.choice(LAST)
        born = f"19{chance.randint(20, 99)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
        rest = [
            str(chance.randint(1, 99)),
            f"{chance.choice(LAST)} street",
            "",
            chance.choice(FIRST),
            str(chance.randint(1000, 9999)),
        ]
        number = str(chance.randint(1_000_000, 9_999_999))
        faults = [(name[1] + name[0] + name[2:], surname, born, number), ("", surname, born, number), (name, "", born, number)]
        faults += [(name, surname, born[:-2] + born[:-3:-1], number), (name, surname, born, number[:-1])]
        for kind, (g, s, b, i) in [("org", (name, surname, born, number)), ("dup-0", faults[n % len(faults)])]:
            lines[kind].append(", ".join([f"rec-{n}-{kind}", g, s, *rest, "wa", b, i]))
    texts = {"dataset4a.csv": lines["org"], "dataset4b.csv": lines["dup-0"]}
    texts |= {f"dataset{n}.csv": lines["org"] + lines["dup-0"] for n in (1, 2, 3)}
    with zipfile.ZipFile(path, "w") as wheel:
        for name, rows in texts.items():
            wheel.writestr(febrl.mapping()["folder"] + name, "\n".join([HEADER, *rows]) + "\n")
    return path


def test_febrl_files_are_read_with_blanks_as_nothing_and_two_files_as_two_agencies(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(f"{HEADER}\nrec-7-org, , breck, , tolliver street, , minna, 4011, wa, 19081209, 0069880\n")
    with duckdb.connect() as con:
        febrl.read(con, [file], febrl.mapping())
        (row,) = con.execute("select first_name, last_name, born, soc_sec_id, house, agencies from records").fetchall()
        assert row == (None, "BRECK", "19081209", "0069880", None, 0)
        assert con.execute("select true_person from truth").fetchall() == [("7",)]
    with duckdb.connect() as con:
        febrl.read(con, [file, file], febrl.mapping())
        assert con.execute("select agencies from records order by 1").fetchall() == [(1,), (2,)]


def test_the_same_code_links_records_of_febrl_s_layout(tmp_path):
    chosen = febrl.mapping()
    chosen["sets"] = {"febrl4": chosen["sets"]["febrl4"]}
    chosen["plan"] |= {"pairs_for_u": 5e3}
    (result,) = febrl.measure(_febrl_like(tmp_path / "made-up.whl", 100), [("sure", 0.9)], chosen)
    assert (result.name, result.records, result.row.true_pairs) == ("febrl4", 200, 100)
    assert result.row.f1.value > 0.95
    assert "| febrl4 | 200 |" in febrl.told([result])
