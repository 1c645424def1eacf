"""Clerical review: what is asked, what it tells, what readers see, and what becomes of what they decide."""

from __future__ import annotations

import csv
import dataclasses
import random
import re
import shutil
import stat
from collections import Counter, defaultdict
from datetime import date, datetime
from hashlib import md5
from pathlib import Path

import duckdb
import pytest
from browser import Browser
from click.testing import CliRunner
from compiled import Compiled
from nights_lab import WITHOUT_TESTS, Agencies

from dagster_project import cli, intake, warehouse
from dagster_project.contracts import FILE_NAME, load_contracts
from dagster_project.linkage import model, review, review_evidence, review_page, review_queue, review_sample
from dagster_project.linkage.review_agreement import DISAGREE, ONE_READER, SETTLED, kappa, state
from dagster_project.linkage.review_evidence import Step
from dagster_project.places import IDENTIFIERS, may_hold
from dagster_project.settings import PROJECT_DIR, Settings, load_settings

SEEDS = PROJECT_DIR / "seeds"
MONTH, NEXT = date(2013, 7, 1), date(2013, 8, 1)
MEANINGS = {code.code: code.is_same for code in review_queue.codes(SEEDS)}
SAME, DIFFERENT, UNTOLD = MEANINGS  # in the order of the seed

# --- how readers agree --------------------------------------------------------------------------------------------------


def test_kappa_is_that_of_the_textbook_example_with_its_interval():
    found = kappa([("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15)
    assert (found.pairs, found.agree) == (50, 35)
    assert [round(x, 4) for x in (found.kappa, found.low, found.high)] == [0.4, 0.1511, 0.6489]


def test_kappa_is_not_known_where_chance_alone_would_make_readers_agree():
    assert kappa([("y", "y")] * 9).kappa is None and kappa([]).kappa is None
    assert kappa([("y", "y"), ("n", "n")]).kappa == 1


@pytest.mark.parametrize(
    ("decided", "stands"),
    [
        ([SAME], ONE_READER),
        ([UNTOLD], ONE_READER),
        ([SAME, SAME], SETTLED),
        ([DIFFERENT, DIFFERENT], SETTLED),
        ([UNTOLD, UNTOLD], SETTLED),
        ([SAME, DIFFERENT], DISAGREE),
        ([SAME, UNTOLD], DISAGREE),
        ([SAME, UNTOLD, SAME], SETTLED),
        ([SAME, DIFFERENT, SAME], DISAGREE),
    ],
)
def test_a_pair_is_settled_when_two_readers_agree_and_none_says_the_contrary(decided, stands):
    assert state(dict(enumerate(decided)), 2, MEANINGS) == stands


# --- the sample ---------------------------------------------------------------------------------------------------------

STRATA = {  # pairs, how many of them are one person, is linked
    "exact, linked": (12000, 0.999, True),
    "high, linked": (3000, 0.99, True),
    "medium, linked": (300, 0.92, True),
    "low, not linked": (300, 0.6, False),
    "below, not linked": (900, 0.1, False),
    "far below, not linked": (5000, 0.004, False),
}


@pytest.fixture(scope="module")
def truth() -> dict[review_sample.Cell, list[tuple[int, bool]]]:
    """Pairs, numbered, of cells, with whether they are one person: more often so for the larger of two groups."""
    dice, cells = random.Random(4), defaultdict(list)
    for stratum, (count, share, _) in STRATA.items():
        for _ in range(count):
            group = dice.choices("abcd", [60, 30, 8, 2])[0]
            cells[stratum, group].append(dice.random() < share * (1 if group == "a" else 0.99))
    numbered = iter(range(10**6))
    return {
        review_sample.Cell(stratum, (group,), len(found), STRATA[stratum][1]): [(next(numbered), one) for one in found]
        for (stratum, group), found in cells.items()
    }


def sample(truth, seed: str, number: int = 200) -> tuple[list[dict], list[dict]]:
    """A queue and its decisions, all right, drawn with a seed."""
    dice, queue, decisions = random.Random(seed), [], []
    for drawn in review_sample.draw(truth, number, seed):
        is_linked = STRATA[drawn.cell.stratum][2]
        for pair, is_same in dice.sample(truth[drawn.cell], drawn.count):
            row = {"pair": pair, "stratum": drawn.cell.stratum, "is_linked": is_linked, "sampling_weight": 1 / drawn.chance}
            row["sex"] = drawn.cell.subgroup[0]
            queue.append(row)
            decisions.append({"pair": pair, "is_same": is_same})
    return queue, decisions


def test_a_sample_is_the_same_for_the_same_seed_has_its_number_and_something_of_every_part(truth):
    once = review_sample.draw(truth, 200, "2013-07")
    assert once == review_sample.draw(dict(reversed(truth.items())), 200, "2013-07") != review_sample.draw(truth, 200, "2013-08")
    assert sum(d.count for d in once) == 200
    parts = Counter()
    for drawn in once:
        parts[drawn.cell.stratum] += drawn.count
        assert 0 < drawn.count <= drawn.cell.count and 0 < drawn.chance <= 1
    assert set(parts) == set(STRATA) and min(parts.values()) >= 200 / len(STRATA) / 2
    rare, common = ({d.cell.subgroup: d.chance for d in once if d.cell.stratum == "exact, linked"}.get((g,), 1) for g in "da")
    assert rare > 2 * common, "small groups are drawn more often than large ones"


def test_a_sample_of_more_than_there_is_is_all_of_it_and_of_nothing_is_nothing():
    cells = [review_sample.Cell("a", ("x",), 3, 0.5), review_sample.Cell("b", ("x",), 1, 1.0)]
    assert [(d.count, d.chance) for d in review_sample.draw(cells, 9, "s")] == [(3, 1.0), (1, 1.0)]
    assert review_sample.draw([], 9, "s") == review_sample.draw(cells, 0, "s") == []


def test_no_part_is_taken_on_the_word_of_the_model():
    unsure, sure = (review_sample.Cell(name, ("x",), 10_000, mean) for name, mean in (("unsure", 0.5), ("sure", 1.0)))
    counts = {drawn.cell.stratum: drawn.count for drawn in review_sample.draw([unsure, sure], 200, "s")}
    assert counts["sure"] >= 50 and counts["unsure"] > 1.5 * counts["sure"], "and yet more are drawn where more is in doubt"


def test_estimates_from_samples_are_right_on_average_and_their_intervals_cover(truth, monkeypatch):
    monkeypatch.setattr(review_sample, "DRAWS", 2000)
    ones = [(one, STRATA[cell.stratum][2]) for cell, found in truth.items() for _, one in found]
    right = sum(one and linked for one, linked in ones)
    linked, same = sum(linked for _, linked in ones), sum(one for one, _ in ones)
    truths = right / linked, right / same, 2 * right / (linked + same)
    found, sizes, times = [], [], 150
    for seed in range(times):
        queue, decisions = sample(truth, str(seed))
        sizes.append(sum(row["sampling_weight"] for row in queue))
        told = review_sample.estimate(decisions, queue)
        assert (told.decided, told.open) == (200, 0)
        found.append((told.precision, told.recall, told.f1))
    assert abs(sum(sizes) / times / len(ones) - 1) < 0.01, "weights add up to what was drawn from"
    for which, is_true in enumerate(truths):
        measures = [both[which] for both in found]
        assert abs(sum(m.value for m in measures) / times - is_true) < 0.002
        assert sum(m.low <= is_true <= m.high for m in measures) / times >= 0.93
        assert sum(m.high - m.low for m in measures) / times < 0.12, "and still tell something"


def test_a_group_has_its_own_estimate_right_on_average_and_covered(truth, monkeypatch):
    monkeypatch.setattr(review_sample, "DRAWS", 2000)
    truths = {}
    for group in "ab":
        own = [(one, STRATA[c.stratum][2]) for c, found in truth.items() if c.subgroup == (group,) for _, one in found]
        right = sum(one and linked for one, linked in own)
        truths[group] = right / sum(linked for _, linked in own), right / sum(one for one, _ in own)
    found, times = defaultdict(list), 150
    for seed in range(times):
        queue, decisions = sample(truth, str(seed), number=400)
        told = review_sample.estimate_by(review_sample.GROUPS["sex"], decisions, queue)
        assert sum(each.decided for each in told.values()) == 400 and {"a", "b"} <= set(told) <= set("abcd")
        for group in truths:
            found[group].append((told[group].precision, told[group].recall))
    for group, both in found.items():
        for which, is_true in enumerate(truths[group]):
            measures = [each[which] for each in both]
            assert abs(sum(m.value for m in measures) / times - is_true) < 0.01
            assert sum(m.low <= is_true <= m.high for m in measures) / times >= 0.93


@pytest.mark.parametrize(
    ("kind", "row", "group"),
    [
        ("agency-pair", {"agency_a": "police", "agency_b": "dwp"}, "dwp and police"),
        ("age-band", {"age_from": "30"}, "from 30"),
        ("age-band", {}, "not known"),
        ("ethnicity", {"ethnicity": ""}, "not known"),
        ("area", {"area": "36"}, "36"),
    ],
)
def test_a_pair_is_in_the_group_that_its_queue_says(kind, row, group):
    assert review_sample.GROUPS[kind](row) == group


@pytest.mark.filterwarnings("error")
def test_a_group_in_which_nothing_is_linked_or_nothing_is_one_person_says_what_is_not_known():
    def of(is_linked: bool, is_same: bool) -> review_sample.Estimate:
        queue = [{"pair": n, "stratum": "s", "is_linked": is_linked, "sampling_weight": 2.0, "sex": "F"} for n in range(5)]
        decisions = [{"pair": n, "is_same": is_same} for n in range(5)]
        return review_sample.estimate_by(review_sample.GROUPS["sex"], decisions, queue)["F"]

    wrong, missed, neither = of(True, False), of(False, True), of(False, False)
    assert (wrong.precision.value, wrong.recall.value, wrong.f1.value) == (0.0, None, 0.0)
    assert (missed.precision.value, missed.recall.value, missed.f1.value) == (None, 0.0, 0.0)
    assert (neither.precision.value, neither.recall.value, neither.f1.value) == (None, None, None)


def test_pairs_that_readers_leave_open_and_pairs_not_drawn_by_chance_do_not_count(truth):
    queue, decisions = sample(truth, "open")
    told = review_sample.estimate(decisions, queue)
    suspicious = {"pair": "s", "stratum": "", "is_linked": "", "sampling_weight": ""}
    contrary = [{"pair": decisions[0]["pair"], "is_same": not decisions[0]["is_same"]}, {"pair": "s", "is_same": False}]
    more = review_sample.estimate([*decisions, *contrary], [*queue, suspicious])
    assert (told.open, more.open, more.decided) == (0, 1, 199)
    assert review_sample.estimate([], queue).precision.value is None
    assert str(review_sample.estimate([], queue).recall) == "not known" and "%" in str(told.recall)


# --- the queue ----------------------------------------------------------------------------------------------------------

SHAPES = """
attach ':memory:' as restricted; create schema restricted.identity; create schema restricted.staging;
create table restricted.identity.int_people (agency varchar, person_ref varchar, reference_id bigint, person_id bigint,
    cluster_id bigint, reference_count bigint, sex varchar, ethnicity varchar, date_of_birth date);
create table restricted.identity.int_order_records (person_id bigint, start_date date, area_code varchar);
create table restricted.identity.int_custody_records (person_id bigint, start_date date, area_code varchar);
create table restricted.identity.int_people_clusters_split (reference_id bigint, agencies bigint);
create table restricted.identity.int_people_links (reference_a bigint, reference_b bigint, pass integer);
create table restricted.identity.int_people_links_broken (cluster_id bigint, reference_a bigint, reference_b bigint, pass integer,
    agreement integer);
create table restricted.identity.int_people_joins (cluster_a bigint, cluster_b bigint, reference_a bigint, reference_b bigint,
    match_weight double, probability double, level_id varchar, verdict varchar);
create table restricted.identity.int_people_scores (reference_a bigint, reference_b bigint, match_weight double);
create table restricted.identity.int_people_overrides (decision varchar, reference_a bigint, reference_b bigint);
create table restricted.staging.stg_linkage__decisions (agency_a varchar, person_ref_a varchar, agency_b varchar,
    person_ref_b varchar, reader varchar, decision varchar, decided_date date, queue_month varchar, stratum varchar,
    sampling_weight varchar, _delivery_id varchar, _row_number bigint);
create view restricted.identity.int_people_references as from restricted.identity.int_people;
"""
BANDS = [(900, 0.999, "high", "joined"), (200, 0.95, "medium", "joined"), (150, 0.6, "low", "joined"), (150, 0.1, None, "below")]


@pytest.fixture(scope="module")
def linked() -> duckdb.DuckDBPyConnection:
    """What a night leaves of people: exact pairs, joins of every level, pairs far below, a conflict and suspicious clusters."""
    dice, con = random.Random(6), duckdb.connect()
    con.execute(SHAPES)
    rows: dict[str, list[tuple]] = defaultdict(list)

    def person(number: int, agency: str, person_id: int, cluster: int, count: int = 2) -> int:
        facts = dice.choices("MF", [9, 1])[0], dice.choices("WBA", [8, 1, 1])[0], date(dice.randint(1950, 1994), 5, 5)
        rows["int_people"].append((agency, f"R{number}", number, person_id, cluster, count, *facts))
        rows["int_people_clusters_split"].append((number, 0))
        return number

    number = 0
    for _ in range(3000):
        number += 2
        a, b = person(number, "dwp", number, number), person(number + 1, "probation", number, number)
        rows["int_people_links"].append((a, b, dice.choice([2, 5])))
    for count, mean, level, verdict in BANDS:
        for _ in range(count):
            number += 2
            is_one = level in ("high", "medium")
            a = person(number, dice.choice(["dwp", "ete"]), number, number)
            b = person(number + 1, "prisons", number if is_one else number + 1, number + 1)
            rows["int_people_joins"].append((a, b, a, b, 9.0, mean, level, verdict))
            rows["int_people_scores"].append((a, b, 9.0))
    for _ in range(800):
        number += 2
        a, b = person(number, "dwp", number, number), person(number + 1, "prisons", number + 1, number + 1)
        rows["int_people_scores"].append((a, b, -6.5))
    rows["int_people_joins"].append((2, 4, 2, 4, 8.0, 0.995, "high", "conflict"))
    twice = [person(90001, "police", 9, 9), person(90002, "dwp", 9, 9), person(90003, "police", 9, 9)]
    rows["int_people_links"] += [(twice[0], twice[1], 3), (twice[1], twice[2], 6)]
    known = [person(90010, "probation", 11, 11), person(90011, "probation", 11, 11)]  # by a number of its own: nothing wrong
    rows["int_people_links"].append((*known, 2))
    many = [person(91000 + n, "hmrc", 91, 91, count=26) for n in range(26)]
    rows["int_people_links"] += [(one, many[-1], 5 if one != many[3] else 6) for one in many[:-1]]
    apart = [person(92000 + n, "ete", 92000 + n, 92000 + n, count=1) for n in range(3)]
    rows["int_people_links_broken"] = [(92000, *apart[:2], 5, 1), (92000, *apart[1:], 5, 2), (92000, apart[0], apart[2], 6, 3)]
    rows["int_people_links"] += [row[1:4] for row in rows["int_people_links_broken"]]
    bridge = person(93000, "dwp", 93, 93), person(93001, "police", 93, 93), person(93002, "police", 94, 94)  # told apart
    rows["int_people_links"] += [(bridge[0], bridge[1], 3), (bridge[0], bridge[2], 5)]
    for reference, person_id in [(row[2], row[3]) for row in rows["int_people"] if row[0] == "prisons"]:
        rows["int_order_records"].append((person_id, date(2010, 1, 1), "02"))
        rows["int_custody_records"] += [
            (person_id, date(2012, 1, 1), "36" if reference % 3 else "20"),
            (person_id, date(2013, 1, 1), None),
        ]
    for table, found in rows.items():
        marks = ", ".join("unnest(?)" for _ in found[0])
        con.execute(
            f"insert into restricted.identity.{table} select {marks}", [list(column) for column in zip(*found, strict=True)]
        )
    return con


def decide(con: duckdb.DuckDBPyConnection, *rows: tuple) -> None:
    """Readers' decisions in place of those there were: (reference, reference, reader, decision)."""
    con.execute("delete from restricted.staging.stg_linkage__decisions")
    of = dict(con.execute("select reference_id, (agency, person_ref) from restricted.identity.int_people").fetchall())
    for n, (a, b, reader, decision) in enumerate(rows):
        values = [*of[a], *of[b], reader, decision, date(2013, 7, 3), "2013-07", None, None, "D", n]
        con.execute("insert into restricted.staging.stg_linkage__decisions values (?,?,?,?,?,?,?,?,?,?,?,?)", values)


def test_the_queue_of_a_month_is_always_the_same_and_that_of_another_month_another(linked):
    decide(linked)
    once, again, later = (review_queue.choose(linked, SEEDS, month) for month in (MONTH, MONTH, NEXT))
    assert once == again and 195 <= len(once) <= 200 and len(once) == len({row.pair for row in once})
    assert len({row.pair for row in once} & {row.pair for row in later}) < 60
    assert all(row.pair[0] < row.pair[1] for row in once) and [row.number for row in once] == list(range(1, len(once) + 1))
    assert [review_queue.read_row(row.as_text()) for row in once] == once


def test_the_queue_has_pairs_far_below_near_and_above_the_threshold_and_of_every_subgroup(linked):
    decide(linked)
    drawn = [row for row in review_queue.choose(linked, SEEDS, MONTH) if row.sampling_weight]
    parts = Counter(row.stratum for row in drawn)
    assert set(parts) == {
        *("exact, linked", "exact, not linked", "high, linked", "high, not linked", "medium, linked"),
        *("low, not linked", "below, not linked", "far below, not linked"),
    }
    assert min(n for stratum, n in parts.items() if stratum not in ("high, not linked", "exact, not linked")) >= 12
    for name, values in {"sex": "MF", "ethnicity": "WBA"}.items():
        counts = Counter(getattr(row, name) for row in drawn)
        assert min(counts[v] for v in values) > 0.1 * len(drawn), f"{name}: {counts}"
    assert {row.agencies for row in drawn} >= {"dwp and probation", "dwp and prisons", "ete and prisons"}
    for stratum, size in linked.execute("select stratum, sum(pairs) from review_frame group by stratum").fetchall():
        assert sum(row.sampling_weight for row in drawn if row.stratum == stratum) == pytest.approx(size, abs=0.01)


def test_a_pair_of_the_queue_has_the_area_where_its_person_was_last_supervised_or_held(linked):
    decide(linked)
    drawn = [row for row in review_queue.choose(linked, SEEDS, MONTH) if row.sampling_weight]
    assert {row.area for row in drawn if "prisons" in row.agencies} == {"36", "20"}
    assert {row.area for row in drawn if row.agencies == "dwp and probation"} == {""}


def test_suspicious_clusters_are_in_the_queue_by_their_weakest_edge(linked):
    decide(linked)
    found = {row.pair: row.why for row in review_queue.choose(linked, SEEDS, MONTH) if row.why != review_queue.DRAWN}
    assert {pair: why.split(" ")[-1] for pair, why in found.items()} == {
        (("dwp", "R2"), ("dwp", "R4")): "person",
        (("dwp", "R90002"), ("police", "R90003")): "twice",
        (("hmrc", "R91003"), ("hmrc", "R91025")): "records",
        (("ete", "R92001"), ("ete", "R92002")): "records",
        (("dwp", "R93000"), ("police", "R93002")): "linked",
    }
    decide(linked, *((92001, 92002, reader, DIFFERENT) for reader in ("AB", "CD")))
    assert (("ete", "R92000"), ("ete", "R92001")) in {row.pair for row in review_queue.choose(linked, SEEDS, MONTH)}, "the next"


def test_settled_pairs_of_a_reference_that_is_gone_are_counted(linked):
    decide(linked, *((a, b, reader, SAME) for a, b in ((2, 4), (6, 8)) for reader in ("AB", "CD")), (10, 12, "AB", SAME))
    assert review_queue.without_effect(linked, review_queue.states(linked, SEEDS)) == 0
    linked.execute(
        "update restricted.staging.stg_linkage__decisions set person_ref_b = 'gone' where person_ref_a in ('R6', 'R10')"
    )
    assert review_queue.without_effect(linked, review_queue.states(linked, SEEDS)) == 1


def test_pairs_that_were_decided_are_not_asked_again_and_those_that_wait_come_first(linked):
    decide(linked)
    first = [row for row in review_queue.choose(linked, SEEDS, MONTH) if row.stratum == "medium, linked"][:4]
    ids = [tuple(int(ref[1:]) for _, ref in row.pair) for row in first]
    agreed, untold, one, split = ids
    decide(
        linked,
        *((*agreed, reader, SAME) for reader in ("AB", "CD")),
        *((*untold, reader, UNTOLD) for reader in ("AB", "CD")),
        (*one, "AB", SAME),
        *((*split, reader, decision) for reader, decision in (("AB", SAME), ("CD", DIFFERENT))),
    )
    for month in (MONTH, NEXT):
        queue = {row.pair: row.why for row in review_queue.choose(linked, SEEDS, month)}
        assert not {first[0].pair, first[1].pair} & set(queue)
        assert (queue[first[2].pair], queue[first[3].pair]) == (f"read before: {ONE_READER}", f"read before: {DISAGREE}")
    left = [linked.execute("select count(*) from review_frame").fetchone()[0]]
    linked.execute("insert into restricted.identity.int_people_overrides values ('must_link', ?, ?)", sorted(one))
    review_queue.choose(linked, SEEDS, MONTH)
    left.append(linked.execute("select count(*) from review_frame").fetchone()[0])
    linked.execute("delete from restricted.identity.int_people_overrides")
    assert left[0] - left[1] == 1, "nor is a pair of linkage_overrides"


# --- the page, and what becomes of decisions ------------------------------------------------------------------------------

PROB, CUSTOMERS = "probation", ("dwp", "customers")
JOINED, PARTED, ALONE = "D9001", "X100124", "D9003"
ALIKE = {  # customers who are like a person of probation, and not enough for a link
    JOINED: ("X100016", {"first_name": "Curfew", "last_name": "Newname", "date_of_birth": "1986-05-26", "sex": "M"}),
    ALONE: ("X100017", {"first_name": "Openorder", "last_name": "Newname", "date_of_birth": "1987-06-27", "sex": "F"}),
}


@dataclasses.dataclass
class Home:
    """A copy of the hand-computed world whose pairs are reviewed."""

    settings: Settings

    def build(self) -> None:
        """Take what has come, and link people again."""
        contracts = load_contracts(self.settings.contracts_dir, self.settings.seeds_dir)
        refused = [
            r.headline for r in intake.land_all(self.settings, contracts, say=lambda _: None) if r.status == intake.REFUSED
        ]
        assert not refused
        result = warehouse.run_dbt(self.settings, "build", "--select", "+int_people", *WITHOUT_TESTS)
        assert result.success, [f"{r.node.name}: {r.message}" for r in result.result or [] if r.status != "success"]

    def rows(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.settings.restricted_db), read_only=True) as con:
            return con.execute(sql).fetchall()

    def persons(self) -> dict[str, int]:
        return dict(self.rows("select person_ref, person_id from identity.int_people"))

    def outcomes(self, *arguments: str) -> str:
        """What the command says."""
        done = CliRunner().invoke(cli.main, ["--home", str(self.settings.home), *arguments])
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture(scope="module")
def home(hand_world, tmp_path_factory) -> Home:
    folder = tmp_path_factory.mktemp("review") / "home"
    shutil.copytree(hand_world.settings.home, folder, copy_function=shutil.copyfile)
    made = Home(dataclasses.replace(load_settings(home=folder), today="2013-07-15"))
    agencies = Agencies(load_contracts(made.settings.contracts_dir, SEEDS), made.settings.landing_dir)
    for ref, (_, texts) in ALIKE.items():
        agencies.change(CUSTOMERS, ref, **texts)
    agencies.send(made.settings.landing_dir, CUSTOMERS, "2013-07-10")
    made.build()
    return made


def contents(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_the_page_and_its_queue_are_in_the_restricted_folder_for_their_owner_only(home):
    before = contents(home.settings.home)
    said = home.outcomes("linkage", "review", "--month", "2013-07")
    after = contents(home.settings.home)
    made = {name for name in after if after[name] != before.get(name)}
    assert made == {"data/linkage/review/review_2013-07.html", "data/linkage/review/queue_2013-07.csv"}
    assert {may_hold(name) for name in made} == {IDENTIFIERS} and "review_2013-07.html" in said
    for path in [home.settings.home / name for name in made]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    page = (review.folder(home.settings) / "review_2013-07.html").read_text(encoding="utf-8")
    assert "CURFEW" in page and not re.search(r"https?://|[^L]url\(| src=|<link ", page), (
        "names are there, the network is not needed"
    )
    assert home.outcomes("linkage", "review", "--month", "2013-07") == said, "the queue of a month stays"


DECIDED = {(JOINED, "X100016"): "m", (PARTED, "X100024"): "d", (ALONE, "X100017"): "m"}


def read(page: Path, folder: Path, initials: str, own: dict[tuple[str, str], str]) -> Path:
    """A reader at the browser: types initials, goes through the pairs by keys, decides on those of ``own``; the file saved."""
    with Browser(folder) as browser:
        browser.open(page)
        assert browser.eval("document.querySelector('#work').hidden"), "first the initials"
        browser.eval("document.querySelector('#initials').focus()")
        browser.press(*initials, "Enter")
        count = browser.eval("document.querySelectorAll('article').length")
        for number in range(1, count + 1):
            assert browser.text("#progress").startswith(f"Pair {number} of {count}.")
            assert browser.eval("document.querySelectorAll('article:not([hidden])').length") == 1
            shown = browser.text("article:not([hidden])")
            key = next((key for refs, key in own.items() if all(ref in shown for ref in refs)), None)
            browser.press(key or ("j" if number % 2 else "ArrowRight"))
        assert f"Decided: {len(own)}" in browser.text("#progress")
        browser.reload()
        assert f"Decided: {len(own)}" in browser.text("#progress"), "decisions survive a reload"
        kept = browser.eval("JSON.stringify(Object.entries(localStorage))")
        assert initials.upper() in kept and not [ref for refs in own for ref in refs if ref in kept], "and name nobody"
        browser.press("s")
        saved = browser.saved(1)
        assert saved.name in browser.text("#said")
        browser.eval("document.querySelector('#leave').click()")
        browser.eval("document.querySelector('#initials').focus()")
        browser.press("z", "z", "Enter")
        assert "Decided: 0" in browser.text("#progress"), "another reader does not see what this one decided"
    return saved


@pytest.fixture(scope="module")
def page(home) -> Path:
    home.outcomes("linkage", "review")
    return review.folder(home.settings) / "review_2013-07.html"


def test_what_two_readers_decide_in_the_browser_is_applied_and_stays_and_what_one_decides_is_not(home, page, tmp_path):
    before = home.persons()
    assert before[JOINED] != before["X100016"] and before[ALONE] != before["X100017"] and before[PARTED] == before["X100024"]
    inbox = home.settings.landing_dir / "linkage"
    for initials, own in (("ab", DECIDED), ("cd", {refs: key for refs, key in DECIDED.items() if ALONE not in refs})):
        saved = read(page, tmp_path / initials, initials, own)
        assert FILE_NAME.match(saved.name) and saved.name.startswith("decisions_2013-07-15")
        shutil.copy(saved, inbox)
    assert len(list(inbox.iterdir())) == 2, "two readers' files of one day have two names"
    home.build()
    after = home.persons()
    assert after[JOINED] == after["X100016"], "two say that they are one"
    assert after[PARTED] != after["X100024"], "two say that they are two"
    assert after[ALONE] == before[ALONE] != after["X100017"], "one says so: nothing happens"
    ours = {JOINED, PARTED, "X100024", "A0024ZZ", "X100016"}  # the prison's record goes with one of the two
    assert {ref: i for ref, i in after.items() if ref not in ours} == {ref: i for ref, i in before.items() if ref not in ours}
    for path in inbox.iterdir():
        path.unlink()
    home.build()
    assert home.persons() == after, "decisions are in the archive and stay"

    said = home.outcomes("linkage", "review")
    assert "2 of them settled" in said
    left = page.read_text(encoding="utf-8")
    assert JOINED not in left and ALONE in left, "what waits for a second reader is asked again"
    told = home.outcomes("linkage", "agreement")
    assert "Pairs that two readers decided: 2; they agree on 2." in told and "one reader: 1" in told and "settled: 2" in told
    assert "kappa: 1.00" in told and "Of the links made, right:" in told and "F1, the harmonic mean of the two:" in told
    told = home.outcomes("linkage", "agreement", "--by", "agency-pair", "--by", "sex")
    assert "By agency pair, all months together:" in told and "  probation and probation: right " in told
    assert "By sex, all months together:" in told and "1 decided, " in told
    (review.folder(home.settings) / "queue_2013-07.csv").unlink()
    assert "3 pairs of the sample are decided, 0 are not" in home.outcomes("linkage", "agreement"), "decisions tell by themselves"


def test_a_decision_of_linkage_overrides_beats_those_of_readers(compiled_overrides):
    pair = {"agency_a": PROB, "person_ref_a": "X1", "agency_b": PROB, "person_ref_b": "X2"}
    read = [
        pair | {"reader": r, "decision": SAME, "decided_date": MONTH, "_delivery_id": r, "_row_number": 1} for r in ("A", "B")
    ]
    assert compiled_overrides(read) == ["must_link"]
    assert compiled_overrides(read[:1]) == compiled_overrides([read[0], read[0] | {"_delivery_id": "Z"}]) == []
    assert compiled_overrides([*read, read[0] | {"reader": "C", "decision": DIFFERENT}]) == []
    assert compiled_overrides([*read, read[0] | {"reader": "C", "decision": UNTOLD}]) == ["must_link"]
    assert compiled_overrides([*read, read[0] | {"decision": UNTOLD, "decided_date": NEXT}]) == [], (
        "what a reader decided last counts"
    )
    for later, decided in (("Y", []), ("A2", ["must_link"])):  # of two files of one day, both their names being hashes
        again = read[0] | {"decision": UNTOLD, "_delivery_id": later}
        assert compiled_overrides([*read, again]) == decided, "the later file counts, also if it spells the initials otherwise"
    turned = {"person_ref_a": "X2", "person_ref_b": "X1"}
    assert compiled_overrides([read[0], read[1] | turned]) == ["must_link"], "the pair may be named the other way round"
    standing = pair | turned | {"decision": "must_not_link", "end_date": date(2014, 1, 1)}
    assert compiled_overrides(read, [standing]) == ["must_not_link"]
    assert compiled_overrides(read, [standing | {"end_date": MONTH}]) == ["must_link"], "once it has ended, readers count again"


@pytest.fixture
def compiled_overrides(hand_world):
    """The model of overrides in memory: decisions of readers and rows of the seed → what is decided of X1 and X2."""
    model, name = Compiled(hand_world.settings), "int_people_overrides"
    people = [
        {"agency": PROB, "person_ref": ref, "reference_id": int(md5(f"{PROB}/{ref}".encode()).hexdigest()[:15], 16)}
        for ref in ("X1", "X2")
    ]
    seeds = {name: [dict(row) for row in csv.DictReader(open(path, newline=""))] for name, path in SEED_FILES.items()}
    codes = [{"code": r["code"], "override": r["override"] or None} for r in seeds["linkage_decision_codes"]]
    rules = [{"rule_id": r["rule_id"], "value": float(r["value"])} for r in seeds["linkage_rules"]]

    def run(read: list[dict], standing: list[dict] = ()) -> list[str]:
        tables = {
            "linkage_overrides": list(standing),
            "stg_linkage__decisions": read,
            "linkage_decision_codes": codes,
            "linkage_rules": rules,
            "stg_intake__clock": [{"today": date(2013, 7, 15)}],
            "stg_intake__deliveries": [dict(zip(DELIVERY, of, strict=True)) for of in DELIVERIES],
            "int_people_references": people,
        }
        return [row["decision"] for row in model.run(name, tables)]

    return run


DELIVERY = ("delivery_id", "extract_date", "sequence", "received_at")
DELIVERIES = [
    ("A", MONTH, 2, datetime(2013, 7, 1, 9)),
    ("A2", MONTH, 1, datetime(2013, 7, 1, 10)),  # came later, and was the first of the day
    ("B", MONTH, 1, datetime(2013, 7, 1, 9)),
    ("Y", MONTH, 3, datetime(2013, 7, 1, 9)),
    ("Z", MONTH, 1, datetime(2013, 7, 1, 9)),
]
SEED_FILES = {
    "linkage_decision_codes": SEEDS / "codes" / "linkage_decision_codes.csv",
    "linkage_rules": SEEDS / "linkage_rules.csv",
}


def test_the_page_works_at_320_pixels_with_the_mouse_and_says_what_it_does(home, page, tmp_path):
    with Browser(tmp_path, width=320) as browser:
        browser.open(page)
        browser.eval("document.querySelector('#enter button').click()")
        assert "two to ten letters" in browser.text("#wrong"), "without initials nothing begins"
        browser.eval("document.querySelector('#initials').value = 'ef'; document.querySelector('#enter button').click()")
        assert browser.eval("document.documentElement.scrollWidth") <= 320
        assert browser.eval("document.activeElement.tagName") == "H2", "a screen reader is told which pair it is"
        browser.eval("document.querySelector('button[data-key=d]').click()")
        assert "Pair 1: Different people." in browser.text("#said")
        browser.eval("document.querySelector('#previous').click()")
        pressed = "[...document.querySelectorAll('button[aria-pressed=true]')].map(b => b.dataset.key).join()"
        assert browser.eval(pressed) == "d"
        browser.eval("document.querySelector('#keys').click()")
        browser.press("m")
        assert browser.eval(pressed) == "d", "single keys can be switched off"
        assert browser.eval("[...document.querySelectorAll('table')].every(t => t.caption && t.querySelector('th[scope=col]'))")
        assert browser.eval("[...document.querySelectorAll('svg')].every(s => s.getAttribute('aria-label'))")
        assert browser.eval("[...document.querySelectorAll('input')].every(i => i.labels.length)")
        browser.eval("document.querySelector('#save').click()")
        with open(browser.saved(1), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    assert [(row["reader"], row["decision"], row["decided_date"]) for row in rows] == [("EF", DIFFERENT, "2013-07-15")]
    extract = load_contracts(home.settings.contracts_dir, SEEDS).find(review.AGENCY, review.EXTRACT)
    assert list(rows[0]) == [c.name for c in extract.columns]


def test_what_a_record_holds_cannot_become_part_of_the_page():
    evil = "</script><script>alert(1)</script>"
    pair = review_page.Shown(evil, (evil, evil), [("Name", evil, "x")], [Step("name", evil, 2.0)], evil, {"stratum": evil})
    page = review_page.render([pair], "2013-07", ["stratum"], [("same", "m", evil)], {"name": evil})
    assert page.count("<script") == page.count("</script>") == 2 and "alert(1)" in page


def test_the_weights_shown_add_up_to_the_weight_that_linked(home):
    with review.identities(home.settings) as con:
        pairs = con.execute("select reference_a, reference_b, match_weight from restricted.identity.int_people_scores").fetchall()
        con.execute("create table records as from restricted.identity.int_people_references")
        con.execute("create table descriptions as from restricted.identity.int_people_descriptions")
        steps = review_evidence.explain(con, "records", "descriptions", [(b, a) for a, b, _ in pairs], model.load(SEEDS))
    assert pairs
    for a, b, weight in pairs:
        assert sum(step.weight for step in steps[a, b]) == pytest.approx(weight, abs=1e-3)
        assert steps[a, b][0].compared == review_evidence.PRIOR and len({s.compared for s in steps[a, b]}) > 5
