"""Who is one person: links, decisions of reviewers, and an id that stays. Small worlds, landed and built by the product.

One home is built on the first delivery, again when a second has come, and once more under another key. A second home gets
the same deliveries in the other order, under the first home's key, with a project whose reviewers have decided on pairs.
"""

from __future__ import annotations

import csv
import hmac
import shutil
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from dagster_project import intake, warehouse
from dagster_project.settings import PROJECT_DIR, Settings, load_settings

FIRST, SECOND = "2013-05-31", "2013-06-30"


def person(ref: str, last_name: str, born: str, **numbers) -> dict:
    return {"crn": ref, "first_name": "Invented", "last_name": last_name, "date_of_birth": born, **numbers}


def chain(length: int, at: int) -> list[dict]:
    """Case records of one person in which only neighbours share a number: prison, then police, written in two ways."""
    return [
        person(
            f"X200{at + n:03}",
            "Chained",
            "1970-05-05",
            noms_number=f"A{at:03}{(n + 1) // 2}ZZ",
            pnc_id=f"{'2001/00' if n % 2 else '01/'}{at:03}{n // 2:02}A",
        )
        for n in range(length)
    ]


def bridged(at: int) -> tuple[list[dict], dict]:
    """Two whom only a prison record that is wrong holds together: their numbers, names and birthdays are others."""
    noms_number, pnc_id = f"A2{at:03}ZZ", f"2001/0002{at:03}A"
    one = person(f"X200{at:03}", "Bridgeone", "1974-04-04", noms_number=noms_number, ni_number=f"QQ200{at:03}A")
    other = person(f"X200{at + 1:03}", "Bridgetwo", "1976-06-06", pnc_id=pnc_id, ni_number=f"QQ200{at + 1:03}A")
    name = {"first_name": "Invented", "last_name": "Bridgeone", "date_of_birth": "1976-06-06"}
    return [one, other], {"noms_number": noms_number, "pnc_id": pnc_id, **name}


def crowd(count: int) -> list[dict]:
    """Case records of as many people of one name who were all given one dummy number; the first two and only they are one."""
    born = ["1958-08-08", *(f"19{58 + n % 14}-08-{8 + n // 14:02}" for n in range(count - 1))]  # none could be another's child
    return [
        person(f"X2100{n:02}", "Crowded", day, ni_number="QQ210000A", postcode="QX20 1AA" if n < 2 else "")
        for n, day in enumerate(born)
    ]


PROBATION = [
    person("X200001", "Alone", "1980-01-01", ni_number="QQ200001A"),
    person("X200002", "Twice", "1981-01-01", noms_number="A2002ZZ"),
    person("X200003", "Twice", "1981-01-01", noms_number="A2002ZZ"),
    person("X200004", "Owner", "1982-01-01", ni_number="QQ200004A"),
    person("X200005", "Borrower", "1983-02-02", ni_number="QQ200004A"),
    person("X200006", "Joined", "1984-01-01", ni_number="QQ200006A", noms_number="A2006ZZ"),
    # on these reviewers decide: nothing in common, the same number, only through a third record, and all three of each other
    person("X200010", "Unlike", "1985-01-01"),
    person("X200011", "Different", "1985-11-11"),
    person("X200012", "Samenumber", "1986-01-01", noms_number="A2012ZZ"),
    person("X200013", "Samenumber", "1986-01-01", noms_number="A2012ZZ"),
    person("X200014", "Between", "1987-01-01", noms_number="A2014ZZ"),
    person("X200015", "Between", "1987-01-01", pnc_id="2001/0002014A"),
    person("X200016", "Nolonger", "1988-01-01"),
    person("X200017", "Expired", "1988-11-11"),
    person("X200018", "Forgotten", "1989-01-01", noms_number="A2018ZZ"),
    person("X200019", "Forgotten", "1989-01-01", noms_number="A2018ZZ"),
    person("X200020", "Threesome", "1990-01-01", noms_number="A2020ZZ"),
    person("X200021", "Threesome", "1990-01-01", noms_number="A2020ZZ"),
    person("X200022", "Threesome", "1990-01-01", noms_number="A2020ZZ"),
    person("X200023", "Faraway", "1990-11-11"),
    *chain(7, at=40),
    *crowd(40),
    *bridged(60)[0],
    # no number in common with a later customer whose birthday has a digit wrong
    person("X200062", "Evidential", "1983-07-15", postcode="QX62 2AB", sex="M"),
    # reviewers decide: the first and the third are one and the second is neither; all three are one, and the ends are not
    *(person(f"X20007{n}", "Surrounded", "1971-01-01", noms_number="A2070ZZ") for n in (0, 2)),
    person("X200071", "Surrounded", "1971-01-01", pnc_id="2001/0002070A"),
    *(person(f"X20007{n}", "Contrary", "1972-02-02", noms_number="A2075ZZ") for n in range(5, 8)),
    # of the first of two whom their agency tells apart reviewers decided something else
    *bridged(80)[0],
    person("X200082", "Elsewhere", "1991-11-11"),
    # a father's number on his son's record
    person("X200084", "Generation", "1951-03-03", ni_number="QQ200084A"),
    person("X200085", "Generation", "1979-09-09", ni_number="QQ200084A"),
    # of a long chain reviewers decide that it ends with another person
    *chain(12, at=90),
]
PRISONS = [
    bridged(60)[1],
    bridged(80)[1],
    {
        "noms_number": "A2070ZZ",
        "pnc_id": "2001/0002070A",
        "first_name": "Invented",
        "last_name": "Surrounded",
        "date_of_birth": "1971-01-01",
    },
    {
        "noms_number": "A2014ZZ",
        "pnc_id": "2001/0002014A",
        "first_name": "Invented",
        "last_name": "Between",
        "date_of_birth": "1987-01-01",
    },
]
HMRC = [
    {"spell_id": "S1", "ni_number": "QQ200001A", "first_name": "Invented", "last_name": "Alone", "date_of_birth": "1980-01-01",
     "employer_ref": "E1", "start_date": "2009-01-01"},
    {"spell_id": "S2", "ni_number": "QQ200004A", "first_name": "Invented", "last_name": "Owner", "date_of_birth": "1982-01-01",
     "employer_ref": "E1", "start_date": "2009-01-01"},
]  # fmt: skip
LATER_PROBATION = [
    person("X100000", "Joined", "1984-01-01", noms_number="A2006ZZ"),  # smaller than the reference it joins
    person("X200050", "Newcomer", "1991-01-01"),
]
# equal bytes are one delivery whatever their file is called, so the second file of the prisons says more than the first
LATER_PRISONS = [{"noms_number": "A2051ZZ", "first_name": "Invented", "last_name": "Lateral", "date_of_birth": "1992-01-01"}]
LATER_DWP = [
    {
        "customer_ref": "A1",
        "ni_number": "QQ200006A",
        "first_name": "Invented",
        "last_name": "Joined",
        "date_of_birth": "1984-01-01",
    },
    {
        "customer_ref": "A2",
        "ni_number": "QQ200001A",
        "first_name": "Invented",
        "last_name": "Alone",
        "date_of_birth": "1980-01-01",
    },
]
LATER_DWP.append(
    {
        "customer_ref": "A3",
        "first_name": "Invented",
        "last_name": "Evidential",
        "date_of_birth": "1983-07-16",
        "sex": "M",
        "postcode": "QX62 2AB",
    }
)
DELIVERIES = {
    FIRST: {"probation/people": PROBATION, "prisons/people": PRISONS, "hmrc/employment_spells": HMRC},
    SECOND: {
        "probation/people": LATER_PROBATION + PROBATION,
        "prisons/people": PRISONS + LATER_PRISONS,
        "dwp/customers": LATER_DWP,
    },
}
PROB = "probation"
DECISIONS = [  # decision, reference, reference, end
    ("must_link", "X200010", "X200011", "2999-01-01"),
    ("must_not_link", "X200013", "X200012", "2999-01-01"),
    ("must_not_link", "X200014", "X200015", "2999-01-01"),
    ("must_link", "X200016", "X200017", "2013-06-01"),
    ("must_not_link", "X200018", "X200019", "2013-06-01"),
    ("must_not_link", "X200020", "X200021", "2999-01-01"),
    ("must_link", "X200021", "X200022", "2999-01-01"),
    ("must_link", "X200022", "X200023", "2999-01-01"),
    ("must_link", "X210010", "X210011", "2999-01-01"),
    ("must_link", "X200070", "X200072", "2999-01-01"),
    ("must_not_link", "X200070", "X200071", "2999-01-01"),
    ("must_not_link", "X200071", "X200072", "2999-01-01"),
    ("must_link", "X200075", "X200076", "2999-01-01"),
    ("must_link", "X200076", "X200077", "2999-01-01"),
    ("must_not_link", "X200075", "X200077", "2999-01-01"),
    ("must_link", "X200080", "X200082", "2999-01-01"),
    ("must_not_link", "X200099", "X200101", "2999-01-01"),
]


@dataclass
class Identified:
    """What the warehouse made of the people of one home."""

    settings: Settings
    ids: dict[tuple[str, str], int]
    rows: list[tuple]
    links: list[tuple]
    broken: set[tuple[int, int]]
    clusters: dict[int, int]

    def of(self, *refs: str) -> list[int]:
        """person_id of case references of probation."""
        return [self.ids[PROB, ref] for ref in refs]


def land(settings: Settings, on: str) -> None:
    """Write the files of one delivery day as the contracts want them, and take them in."""
    contracts = warehouse.prepare(settings)
    for name, rows in DELIVERIES[on].items():
        agency, extract = name.split("/")
        columns = contracts.find(agency, extract).columns
        with open(settings.landing_dir / agency / f"{extract}_{on}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=contracts.find(agency, extract).delimiter)
            writer.writerow([c.name for c in columns])
            for row in rows:
                assert set(row) <= {c.name for c in columns}
                dates = {
                    c.name: date.fromisoformat(row[c.name]).strftime(c.date_format)
                    for c in columns
                    if c.type == "date" and row.get(c.name)
                }
                writer.writerow([dates.get(c.name, row.get(c.name, "")) for c in columns])
    for report in intake.land_all(settings, contracts, say=lambda _: None):
        assert report.status in (intake.ACCEPTED, intake.REPLAY), report.messages


def identify(settings: Settings, *arguments: str) -> Identified:
    """Build the people of a home."""
    result = warehouse.run_dbt(settings, *(arguments or ("build", "--select", "+int_people", "int_people_clusters_split")))
    assert result.success, [f"{r.node.name}: {r.message}" for r in result.result.results if r.status not in ("success", "pass")]
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        rows = con.execute(
            "select agency, person_ref, person_id, reference_id, reference_count, linked_by from identity.int_people"
        ).fetchall()
        links = con.execute("select reference_a, reference_b, pass from identity.int_people_links").fetchall()
        broken = set(con.execute("select reference_a, reference_b from identity.int_people_links_broken").fetchall())
        clusters = dict(con.execute("select reference_id, cluster_id from identity.int_people_clusters").fetchall())
    return Identified(settings, {(r[0], r[1]): r[2] for r in rows}, rows, links, broken, clusters)


@dataclass
class Homes:
    """The first home after one delivery, after two and under another key; the second home with decisions, in the other order."""

    first: Identified
    second: Identified
    other_key: Identified
    decided: Identified
    key: bytes


def read_key(path: Path) -> bytes:
    """The key itself, from the padded half that the file holds."""
    inner = bytes.fromhex(path.read_text().splitlines()[1].split(",")[0])
    return bytes(b ^ 0x36 for b in inner)


@pytest.fixture(scope="module")
def homes(tmp_path_factory) -> Homes:
    settings = load_settings(home=tmp_path_factory.mktemp("identity"))
    land(settings, FIRST)
    first = identify(settings)
    land(settings, SECOND)
    second = identify(settings)
    kept = settings.person_key_file.read_text()
    settings.person_key_file.unlink()
    warehouse.ensure_person_key(settings.person_key_file)
    other_key = identify(settings, "run", "--select", "int_people")
    settings.person_key_file.write_text(kept)

    project = tmp_path_factory.mktemp("project_of_reviewers")
    for folder in ("dbt", "seeds", "expectations"):
        shutil.copytree(PROJECT_DIR / folder, project / folder, ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    shutil.copy(PROJECT_DIR / "pyproject.toml", project)
    with open(project / "seeds" / "linkage_overrides.csv", "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for decision, a, b, end in DECISIONS:
            writer.writerow([decision, PROB, a, PROB, b, "Reviewed for this test", "A reviewer", "2013-05-01", end])
    reviewed = load_settings(home=tmp_path_factory.mktemp("identity_reviewed"), project_dir=project)
    reviewed.person_key_file.parent.mkdir(parents=True)
    reviewed.person_key_file.write_text(kept)
    land(reviewed, SECOND)
    land(reviewed, FIRST)
    return Homes(first, second, other_key, identify(reviewed), read_key(settings.person_key_file))


def keyed(key: bytes, agency: str, ref: str) -> int:
    return int(hmac.new(key, f"{agency}/{ref}".encode(), sha256).hexdigest()[:15], 16)


def test_every_reference_that_was_sent_is_one_row(homes):
    assert len(homes.first.ids) == len(homes.first.rows) == len(PROBATION) + len(PRISONS) + len(HMRC)
    assert (
        len(homes.second.ids)
        == len(homes.second.rows)
        == len(homes.first.rows) + len(LATER_PROBATION + LATER_PRISONS + LATER_DWP)
    )
    for _, _, person_id, _, count, _ in homes.second.rows:
        assert count == sum(1 for r in homes.second.rows if r[2] == person_id)


def test_records_with_one_prison_number_and_one_birth_date_are_one_person(homes):
    assert len(set(homes.first.of("X200002", "X200003"))) == 1
    assert len(set(homes.first.of("X200014", "X200015"))) == 1, "through the prison's record"


def test_a_shared_national_insurance_number_does_not_join_different_people(homes):
    for home in (homes.first, homes.second, homes.decided):
        owner, borrower = home.of("X200004", "X200005")
        assert owner != borrower
        assert [r[2] for r in home.rows if r[0] == "hmrc"].count(owner) == 1, "the job is the owner's"


def test_a_number_and_a_name_do_not_join_two_who_were_born_a_generation_apart(homes):
    for home in (homes.first, homes.second, homes.decided):
        assert len(set(home.of("X200084", "X200085"))) == 2


def test_six_steps_of_neighbours_are_one_person(homes):
    assert len(set(homes.first.of(*(f"X20004{n}" for n in range(7))))) == 1


def test_the_id_is_the_keyed_hash_of_the_reference_seen_first(homes):
    assert homes.first.of("X200005") == [keyed(homes.key, PROB, "X200005")]
    for home in (homes.first, homes.second, homes.decided):
        members = defaultdict(list)
        for agency, ref, person_id, *_ in home.rows:
            is_later = (agency, ref) not in homes.first.ids
            members[person_id].append((is_later, agency, ref))
        for person_id, references in members.items():
            _, agency, ref = min(references)
            assert person_id == keyed(homes.key, agency, ref), references


def test_an_id_stays_when_new_records_and_a_smaller_reference_join(homes):
    joined = homes.second.of("X100000", "X200006") + [homes.second.ids["dwp", "A1"]]
    assert set(joined) == set(homes.first.of("X200006"))
    assert homes.second.ids["dwp", "A2"] == homes.first.of("X200001")[0]
    assert {ref: homes.second.ids[ref] for ref in homes.first.ids} == homes.first.ids


def test_the_order_of_arrival_changes_no_id(homes):
    decided_on = {(PROB, ref) for _, a, b, _ in DECISIONS for ref in (a, b)}
    decided_on |= {("prisons", "A2014ZZ"), ("prisons", "A2070ZZ"), (PROB, "X200100")}  # between those they decided on
    assert {r: i for r, i in homes.decided.ids.items() if r not in decided_on} == {
        r: i for r, i in homes.second.ids.items() if r not in decided_on
    }


def test_another_key_gives_other_ids_to_the_same_people(homes):
    assert not set(homes.other_key.ids.values()) & set(homes.second.ids.values())
    pairs = {(homes.second.ids[r], homes.other_key.ids[r]) for r in homes.second.ids}
    assert len(pairs) == len(set(homes.second.ids.values())) == len(set(homes.other_key.ids.values()))


def test_a_must_link_joins_what_nothing_else_does(homes):
    assert len(set(homes.second.of("X200010", "X200011"))) == 2
    assert len(set(homes.decided.of("X200010", "X200011"))) == 1


def test_a_must_not_link_parts_what_a_number_joins(homes):
    assert len(set(homes.second.of("X200012", "X200013"))) == 1
    assert len(set(homes.decided.of("X200012", "X200013"))) == 2


def test_a_must_not_link_keeps_two_apart_that_a_third_record_would_join(homes):
    one, other = homes.decided.of("X200014", "X200015")
    assert one != other
    assert homes.decided.ids["prisons", "A2014ZZ"] in (one, other), "the third stays with one of them"


def test_a_decision_past_its_end_does_nothing(homes):
    assert len(set(homes.decided.of("X200016", "X200017"))) == 2
    assert len(set(homes.decided.of("X200018", "X200019"))) == 1


def test_a_must_link_holds_where_a_must_not_link_takes_a_person_apart(homes):
    assert len(set(homes.second.of("X200020", "X200021", "X200022"))) == 1
    one, other, with_other, far = homes.decided.of("X200020", "X200021", "X200022", "X200023")
    assert one != other and with_other == far == other


def test_two_who_must_be_linked_go_together_where_neither_may_be_linked_to_a_third(homes):
    assert len(set(homes.second.of("X200070", "X200071", "X200072"))) == 1
    one, neither, other = homes.decided.of("X200070", "X200071", "X200072")
    assert one == other != neither


def test_where_decisions_contradict_each_other_must_not_link_holds(homes):
    assert len(set(homes.second.of("X200075", "X200076", "X200077"))) == 1
    one, other = homes.decided.of("X200075", "X200077")
    assert one != other


def test_a_decision_about_somebody_else_joins_nobody_whom_an_agency_tells_apart(homes):
    assert len(set(homes.second.of("X200080", "X200081", "X200082"))) == 3
    one, other, decided = homes.decided.of("X200080", "X200081", "X200082")
    assert one == decided != other


def test_records_however_far_from_where_a_person_is_taken_apart_go_with_the_nearest(homes):
    whole = [f"X200{90 + n:03}" for n in range(12)]
    assert len(set(homes.second.of(*whole))) == 1
    *others, between, last = homes.decided.of(*whole)
    assert len(set(others)) == 1 and last not in others and between in (others[0], last)


def test_a_bridge_does_not_join_two_whom_their_agency_tells_apart(homes):
    for home in (homes.first, homes.second, homes.decided):
        one, other = home.of("X200060", "X200061")
        assert one != other and home.ids["prisons", "A2060ZZ"] in (one, other), "the bridge stays with one of them"


def test_a_link_that_was_cut_links_nobody(homes):
    for home in (homes.first, homes.second, homes.decided):
        linked_by = {row[1]: row[5] for row in home.rows}
        goes_with_other = home.ids["prisons", "A2060ZZ"] == home.ids[PROB, "X200061"]
        assert [linked_by["X200060"], linked_by["X200061"]] == ([None, "pnc"] if goes_with_other else ["noms", None])
        assert {linked_by[f"X2100{n:02}"] for n in range(2, 40)} - {"override"} == {None}


def test_a_number_given_to_forty_people_does_not_make_them_one_and_the_links_that_go_are_listed(homes):
    for home in (homes.first, homes.second, homes.decided):
        (one, twin, *others), number = home.of(*(f"X2100{n:02}" for n in range(40))), {r[1]: r[3] for r in home.rows}
        assert one == twin, "they agree on birthday and home as well"
        crowd = {number[f"X2100{n:02}"] for n in range(40)}
        stays = {tuple(sorted((number["X210000"], number["X210001"])))}
        if home is homes.decided:
            stays.add(tuple(sorted((number["X210010"], number["X210011"]))))
            assert others.pop(8) == others[8], "a decision is never broken"
        assert len({one, *others}) == len(others) + 1
        assert home.broken == {link[:2] for link in home.links if crowd & set(link[:2])} - stays and len(home.broken) > 700


def test_weighed_evidence_joins_a_record_without_a_number_and_the_id_stays(homes):
    for home in (homes.second, homes.decided):
        assert home.ids["dwp", "A3"] == home.of("X200062")[0] == homes.first.of("X200062")[0]
        assert {r[5] for r in home.rows if r[1] in ("A3", "X200062")} == {"evidence"}


def test_no_link_runs_between_two_clusters(homes):
    for home in (homes.first, homes.second, homes.decided):
        assert home.links
        assert [link for link in home.links if home.clusters[link[0]] != home.clusters[link[1]]] == []


def test_a_link_says_by_which_pass_it_was_made(homes):
    linked_by = {(r[0], r[1]): r[5] for r in homes.decided.rows}
    assert linked_by[PROB, "X200010"] == "override" and linked_by[PROB, "X200002"] == "noms" and linked_by["dwp", "A1"] == "ni"
    assert linked_by[PROB, "X200050"] is None
