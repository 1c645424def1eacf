"""Weighing evidence: what is compared, what it weighs, who is joined. On records in memory, by the stored model."""

from __future__ import annotations

import json
import random
import shutil
from math import log2
from pathlib import Path

import duckdb
import pytest

from dagster_project.linkage import candidates, joins, model, night, score
from dagster_project.settings import PROJECT_DIR, load_settings

SEEDS = PROJECT_DIR / "seeds"
FIELDS = ("first_name", "last_name", "date_of_birth", "sex", "postcode", "ni_number", "noms_number", "pnc_id", "crn")
PROBATION, DWP, POLICE, HMRC = 1, 4, 8, 0
MAN = {"first_name": "FENMUND", "last_name": "QUILLHALLOW", "date_of_birth": "1971-03-08", "sex": "M", "postcode": "QX71AB"}
LEVELS = [("strict", 0.99), ("usual", 0.9), ("loose", 0.6)]


@pytest.fixture(scope="module")
def stored() -> model.Model:
    return model.load(SEEDS)


def table(con: duckdb.DuckDBPyConnection, records: list[tuple[int, int, dict]], clusters: dict[int, int] | None = None) -> str:
    """A table of (reference, agency bit, fields); ``clusters``: reference → cluster, where it is not its own."""
    con.execute(
        "create or replace table records (reference_id bigint, agency_bit bigint, cluster_id bigint, first_name varchar, "
        "last_name varchar, date_of_birth date, sex varchar, postcode varchar, ni_number varchar, noms_number varchar, "
        "pnc_id varchar, crn varchar)"
    )
    rows = [[n, bit, (clusters or {}).get(n, n), *(given.get(f) for f in FIELDS)] for n, bit, given in records]
    con.executemany(f"insert into records values ({', '.join('?' * 12)})", rows)
    con.execute(
        "create or replace table records as select r.*, a.agencies from records as r join (select cluster_id, "
        "bit_or(agency_bit) as agencies from records group by cluster_id) as a using (cluster_id)"
    )
    return "records"


def linked(stored, records, clusters=None, must_not=(), levels=None) -> dict[tuple[int, int], tuple]:
    """(cluster, cluster) → (level, verdict, probability) of all that may be one person."""
    with duckdb.connect() as con:
        made = table(con, records, clusters)
        con.execute("create table must_not (reference_a bigint, reference_b bigint)")
        for pair in must_not:
            con.execute("insert into must_not values (?, ?)", pair)
        pairs = candidates.find(con, made, stored)
        found = joins.join(con, made, score.score(con, made, pairs, stored), levels or LEVELS, 0.0, "must_not")
        rows = con.execute(f"select cluster_a, cluster_b, level_id, verdict, probability from {found}").fetchall()
    return {(a, b): (level, verdict, p) for a, b, level, verdict, p in rows}


def joined(found: dict) -> set[tuple[int, int]]:
    return {pair for pair, (_, verdict, _) in found.items() if verdict == "joined"}


OTHERWISE = {  # what the second agency writes of the same man
    "a moved home": {"postcode": "VB201XY"},
    "day and month swapped": {"date_of_birth": "1971-08-03"},
    "a digit of the birthday wrong": {"date_of_birth": "1971-03-09"},
    "only the year of birth": {"date_of_birth": "1971-01-01"},
    "names in the other order": {"first_name": "QUILLHALLOW", "last_name": "FENMUND"},
    "an initial": {"first_name": "F"},
    "letters swapped in the first name": {"first_name": "FEMNUND"},
    "letters swapped in the family name": {"last_name": "QUILLHALOLW"},
    "a double-barrelled name": {"last_name": "QUILLHALLOWQUIOW"},
    "a changed family name": {"last_name": "ZARNTOFT"},
    "another spelling of a foreign letter": {"last_name": "QUILLHAELLOW"},
    "no sex": {"sex": None},
    "nothing but names and birthday": {"sex": None, "postcode": None},
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_a_person_written_otherwise_is_joined(stored, how):
    found = linked(stored, [(1, PROBATION, MAN), (2, DWP, MAN | OTHERWISE[how])])
    assert joined(found) == {(1, 2)} and found[1, 2][0], found


def test_two_first_januaries_weigh_a_year_and_not_a_birthday(stored):
    def weight(born: str) -> float:
        with duckdb.connect() as con:
            record = MAN | {"date_of_birth": born, "postcode": None}
            made = table(con, [(1, PROBATION, record), (2, DWP, record)])
            found = score.score(con, made, candidates.find(con, made, stored), stored)
            return con.execute(f"select match_weight from {found}").fetchone()[0]

    day, first, year = weight("1971-03-08"), weight("1971-01-01"), 6  # bits: one person in some sixty is of the same year
    assert day - first == pytest.approx(day - weight("1990-01-01")) and day - first > 5
    known_year = stored.settings["comparisons"][stored.compared.index("date_of_birth")]["comparison_levels"]
    level = next(x for x in known_year if "both may know no more" in x["label_for_charts"])
    assert log2(level["m_probability"] / level["u_probability"]) == pytest.approx(year, abs=0.5)


@pytest.mark.parametrize("short, full", [("BOB", "ROBERT"), ("LIZ", "ELIZABETH"), ("MUHAMMAD", "MOHAMMED")])
def test_a_short_form_and_another_spelling_count_as_the_name(stored, short, full):
    one = MAN | {"first_name": short, "postcode": None}
    records = ([(1, PROBATION, one), (2, DWP, one | {"first_name": name})] for name in (full, "ZELDA"))
    records = ([(1, PROBATION, one), (2, DWP, one | {"first_name": name})] for name in (full, "ZELDA"))
    nearly, other = (joined(linked(stored, pair)) for pair in records)
    assert nearly and not other


STRANGERS = {
    "a namesake of another age": {"date_of_birth": "1950-11-20", "postcode": "VB201XY"},
    "a twin at home": {"first_name": "HALBRIC"},
    "one born on the same day": {"first_name": "HALBRIC", "last_name": "ZARNTOFT"},
    "a namesake born on the day whose number is another": {"postcode": "VB201XY", "ni_number": "QQ654321B"},
}


@pytest.mark.parametrize("who", STRANGERS)
def test_another_person_is_not_joined(stored, who):
    one, other = MAN | {"ni_number": "QQ123456A"}, MAN | STRANGERS[who]
    assert not joined(linked(stored, [(1, PROBATION, one), (2, DWP, other)]))


def test_a_number_one_character_out_is_evidence_and_another_number_speaks_against(stored):
    one = MAN | {"ni_number": "QQ123456A", "postcode": "VB201XY"}
    weights = []
    for number in ("QQ123456A", "QQ123457A", None, "QQ654321B"):
        found = linked(stored, [(1, PROBATION, one), (2, DWP, MAN | {"ni_number": number})], levels=[("all", 0.0)])
        weights.append(found[1, 2][2] if found else 0)
    assert weights == sorted(weights, reverse=True) and weights[1] > weights[2] > weights[3]


def test_a_rare_name_weighs_more_than_a_common_one(stored):
    common = max((v, k) for k, v in stored.frequencies["last_name"].items() if k != model.ANY_OTHER)[1]
    weights = []
    with duckdb.connect() as con:
        for last_name in (common, "QUILLXANDRIA"):
            made = table(con, [(1, PROBATION, MAN | {"last_name": last_name}), (2, DWP, MAN | {"last_name": last_name})])
            scored = score.score(con, made, candidates.find(con, made, stored), stored)
            weights.append(con.execute(f"select match_weight from {scored}").fetchall()[0][0])
    assert weights[1] > weights[0] + 5


def test_a_weight_depends_on_the_two_records_alone(stored):
    pair = [(1, PROBATION, MAN), (2, DWP, MAN | {"first_name": "FENMUNT"})]
    crowd = [(n, POLICE, MAN | {"last_name": f"QUILL{'ABCDEFGHIJ'[n % 10]}OW", "first_name": "FENMUND"}) for n in range(3, 40)]
    with duckdb.connect() as con:
        seen = set()
        for records in (pair, pair + crowd):
            made = table(con, records)
            scored = score.score(con, made, candidates.find(con, made, stored), stored)
            seen |= set(con.execute(f"select match_weight from {scored} where reference_a = 1 and reference_b = 2").fetchall())
    assert len(seen) == 1


def test_no_pair_is_sought_in_a_cluster_nor_where_an_agency_would_speak_twice(stored):
    records = [(1, PROBATION, MAN), (2, PROBATION, MAN), (3, DWP, MAN), (4, HMRC, MAN), (5, HMRC, MAN)]
    with duckdb.connect() as con:
        made = table(con, records, {3: 1})
        found = candidates.find(con, made, stored)
        assert set(con.execute(f"from {found}").fetchall()) == {(1, 4), (3, 4), (1, 5), (3, 5), (2, 4), (2, 5), (4, 5)}


def people(count: int, rng: random.Random) -> list[tuple[int, int, dict]]:
    """Records of people who share few names and days, so that many are alike."""
    names = [("FENMUND", "QUILLHALLOW"), ("HALBRIC", "ZARNTOFT"), ("FENMUNT", "QUILLHALLOW"), ("BREDAN", "ZARNTOFT")]
    made = []
    for n in range(count):
        first, last = rng.choice(names)
        day = f"197{rng.randrange(3)}-0{rng.randint(1, 3)}-0{rng.randint(1, 3)}"
        postcode = rng.choice(["QX71AB", "QX72CD", None])
        made.append((n, rng.choice([PROBATION, DWP, POLICE, HMRC]), {**MAN, "first_name": first, "last_name": last,
                                                                    "date_of_birth": day, "postcode": postcode}))  # fmt: skip
    return made


@pytest.mark.parametrize("seed", range(3))
def test_pairs_of_touched_records_are_those_of_all_that_they_are_in(stored, seed):
    rng = random.Random(seed)
    records = people(60, rng)
    touched = set(rng.sample(range(60), 7))
    with duckdb.connect() as con:
        made = table(con, records)
        every = set(con.execute(f"from {candidates.find(con, made, stored)}").fetchall())
        con.execute("create table touched as select unnest(?) as reference_id", [list(touched)])
        some = con.execute(f"from {candidates.find(con, made, stored, 'touched')}").fetchall()
    assert len(some) == len(set(some)) and set(some) == {pair for pair in every if touched & set(pair)}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_records_changes_nothing_and_an_agency_never_speaks_twice(stored, seed):
    rng = random.Random(seed)
    records = people(80, rng)
    found = linked(stored, records)
    shuffled = records[:]
    rng.shuffle(shuffled)
    assert found == linked(stored, shuffled) and joined(found)
    for level in ("strict", "usual", "loose"):
        agencies = {}
        for bits in trees(found, {n: bit for n, bit, _ in records}, level).values():
            agencies[len(agencies)] = bits
            assert all(bits.count(bit) < 2 for bit in (PROBATION, DWP, POLICE))


def trees(found: dict, bits: dict[int, int], level: str) -> dict[int, list[int]]:
    """Person → agency bits, of those joined at a level or a stricter one."""
    wanted = {name for name, _ in LEVELS[: [name for name, _ in LEVELS].index(level) + 1]}
    parent: dict[int, int] = {}

    def root(n):
        while n in parent:
            n = parent[n]
        return n

    for (a, b), (at, verdict, _) in found.items():
        if verdict == "joined" and at in wanted:
            assert root(a) != root(b), "a forest"
            parent[root(a)] = root(b)
    made: dict[int, list[int]] = {}
    for n, bit in bits.items():
        made.setdefault(root(n), []).append(bit)
    return made


def test_two_who_are_as_like_share_the_probability_and_neither_is_joined(stored):
    found = linked(stored, [(1, PROBATION, MAN), (2, DWP, MAN), (3, DWP, MAN)])
    assert not joined(found) and all(p == pytest.approx(0.5, abs=1e-3) for _, _, p in found.values())


def test_an_agency_that_may_hold_a_person_twice_has_both_joined(stored):
    assert len(joined(linked(stored, [(1, PROBATION, MAN), (2, HMRC, MAN), (3, HMRC, MAN)]))) == 2


def test_two_whom_a_person_told_apart_are_not_joined_directly_nor_through_others(stored):
    records = [(1, PROBATION, MAN), (2, DWP, MAN), (3, HMRC, MAN)]
    assert len(joined(linked(stored, records))) == 2
    found = linked(stored, records, must_not=[(1, 2)])
    assert (1, 2) not in found and len(joined(found)) == 1
    assert sorted(verdict for _, verdict, _ in found.values()) == ["conflict", "joined"]


def test_the_weakest_edge_gives_way(stored):
    """A record of HMRC lies between two of probation: the surer of the two edges stays."""
    nearly = MAN | {"first_name": "FENMUNT", "postcode": "VB201XY"}
    found = linked(stored, [(1, PROBATION, MAN), (2, PROBATION, nearly), (3, HMRC, MAN)])
    assert joined(found) == {(1, 3)} and found[2, 3][1] in ("conflict", "below")


def test_a_conflict_is_written_down_where_bridges_would_join_two_of_an_agency(stored):
    """Two clusters, each sure of its own, that only a record between them would join."""
    one, other = MAN, MAN | {"date_of_birth": "1971-03-18"}
    between = MAN | {"date_of_birth": "1971-03-08"}
    found = linked(stored, [(1, PROBATION, one), (2, PROBATION, other), (3, HMRC, between), (4, HMRC, other | {"sex": None})])
    bits = {1: PROBATION, 2: PROBATION, 3: HMRC, 4: HMRC}
    assert all(own.count(PROBATION) < 2 for own in trees(found, bits, "loose").values())
    assert "conflict" in {verdict for _, verdict, _ in found.values()}


FAULTS = {
    "no file": lambda folder: (folder / model.FILE).unlink(),
    "half a file": lambda folder: (folder / model.FILE).write_text((folder / model.FILE).read_text()[:500]),
    "a level without u": lambda folder: spoil(folder, "u_probability", None),
    "no row for other values": lambda folder: without(folder, "last_name,*"),
    "a share that is no number": lambda folder: without(folder, "", "last_name,SMITH,many\n"),
}


def spoil(folder: Path, key: str, value) -> None:
    written = json.loads((folder / model.FILE).read_text())
    written["settings"]["comparisons"][0]["comparison_levels"][1][key] = value
    (folder / model.FILE).write_text(json.dumps(written))


def without(folder: Path, start: str, more: str = "") -> None:
    path = folder / model.FREQUENCIES
    lines = [line for line in path.read_text().splitlines(True) if not start or not line.startswith(start)]
    path.write_text("".join(lines) + more)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_cannot_be_used_says_so_and_what_to_do(tmp_path, fault):
    for name in (model.FILE, model.FREQUENCIES):
        shutil.copy(SEEDS / name, tmp_path)
    assert model.load(tmp_path).blocks
    FAULTS[fault](tmp_path)
    with pytest.raises(model.ModelUnsound, match="linkage_") as said:
        model.load(tmp_path)
    assert "train" in str(said.value) or "Add one" in str(said.value)


def test_levels_come_strictest_first_and_one_is_the_default():
    found = model.levels(SEEDS)
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True) and len(found) == 3
    assert model.rule(SEEDS, "review_least_probability") < found[-1][1]
    with pytest.raises(model.ModelUnsound, match="no row nonsense"):
        model.rule(SEEDS, "nonsense")


def test_a_way_of_linking_that_there_is_not_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("OUTCOMES_LINKAGE", "exact")
    assert load_settings().linkage == "exact"
    monkeypatch.setenv("OUTCOMES_LINKAGE", "guess")
    with pytest.raises(ValueError, match="linkage is 'guess'.*evidence or exact"):
        load_settings()


def test_where_exact_links_are_asked_for_nothing_is_weighed(monkeypatch):
    monkeypatch.setenv("OUTCOMES_LINKAGE", "exact")
    with duckdb.connect() as con:
        found = night.scores(con, None, None, None, None)
        assert found.fetchall() == [] and found.columns == ["reference_a", "reference_b", "match_weight"]
