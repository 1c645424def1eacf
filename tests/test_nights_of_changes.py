"""A night that mends what stands leaves what a whole build would have made: every table, every row (decision 011)."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper
from nights_lab import Agencies, build, copy_home, copy_project, differences, home_of, land, whole_beside

from dagster_project import warehouse
from dagster_project.settings import Settings

LANDING = Path(__file__).parent / "hand_world" / "landing"
FIRST = date(2013, 7, 15)
NIGHTS = [FIRST + timedelta(days=n) for n in (1, 2, 3)]
OVERRIDES = [  # the first two end on the second night, the last begins to matter once its reference is known
    ("must_link", "dwp/D0127", "probation/X100013", NIGHTS[1].isoformat()),
    ("must_not_link", "probation/X100014", "prisons/A0014ZZ", NIGHTS[1].isoformat()),
    ("must_link", "housing/H0004", "probation/X100006", "2014-01-01"),
]
TWO_READ, ONE_READ = "probation/X100017 probation/X100018", "probation/X100024 probation/X100124"  # two people, and one
ORDERS, CUSTODY, PRISONERS = ("probation", "orders"), ("prisons", "custody"), ("prisons", "people")
PEOPLE = ("probation", "people")
HOMES, JOBS, PAYE = ("probation", "accommodation"), ("probation", "employment"), ("hmrc", "employment_spells")
POLICE, CUSTOMERS, PLACES = ("police", "offences"), ("dwp", "customers"), ("housing", "placements")
CLAIMS = ("dwp", "benefit_claims")
DELTAS = (HOMES, JOBS, PAYE, POLICE)
FULL = (PEOPLE, ORDERS, CUSTODY, PRISONERS, CUSTOMERS, PLACES, ("ete", "job_starts"), CLAIMS)
SEEDS = range(3)  # of the drill
RANDOM_NIGHTS = 4


def before(agencies: Agencies, landing: Path) -> None:
    """What is there before the first night: orders are observed further than employment, and a prisoner is not known."""
    order = {"crn": "X100007", "order_type_code": "201", "start_date": "2013-04-05", "probation_area_code": "11"}
    agencies.change(ORDERS, "ORD150", **order)  # three months later comes in sight on the last night
    booking = agencies.held[CUSTODY]["BKG4301",] | {"booking_id": "BKG9100", "noms_number": "A0099ZZ"}
    agencies.change(CUSTODY, "BKG9100", **booking)
    agencies.change(PEOPLE, "X100031", ni_number="")  # nothing says that it is not X100005, when a prisoner comes to join the two
    for of in (ORDERS, CUSTODY, PEOPLE):
        agencies.send(landing, of, "2013-07-10")


def decide(landing: Path, day: str, *decisions: str) -> None:
    """Readers' decisions of a day: a reference, another, the reader and the decision, with blanks between.

    On the first night one reader says that two are one; on the second another does, and two say that one person is two; on the
    third one of them thinks better of it, each time.
    """
    rows = [text.replace("/", " ").replace(" ", ",") + f",{day},2013-07,," for text in decisions]
    names = "agency_a,person_ref_a,agency_b,person_ref_b,reader,decision,decided_date,queue_month,stratum,sampling_weight"
    (landing / "linkage").mkdir(exist_ok=True)
    (landing / "linkage" / f"decisions_{day}.csv").write_text("\n".join([names, *rows, ""]), encoding="utf-8")


def first_night(agencies: Agencies, landing: Path) -> None:
    """A job turns out to be another person's; an offence is of another number; records are corrected and withdrawn."""
    other = {"ni_number": "QQ100007A", "first_name": "Fakename", "last_name": "Friends", "date_of_birth": "1977-08-17"}
    agencies.change(PAYE, "SPL020", **other)
    agencies.change(PAYE, "SPL902", **agencies.held[PAYE]["SPL003",] | {"spell_id": "SPL902", "start_date": "2009-09-01"})
    agencies.drop(PAYE, "SPL041")
    agencies.change(POLICE, "OFF003", pnc_id="2001/0000005A")
    agencies.change(POLICE, "OFF043", disposal_date="2011-05-29")  # in time now to count after a release
    agencies.drop(POLICE, "OFF033")
    agencies.send(landing, PAYE, "2013-07-10")
    agencies.send(landing, POLICE, "2013-07-10")
    decide(landing, "2013-07-10", f"{TWO_READ} AB same")


def second_night(agencies: Agencies, landing: Path) -> None:
    """A prisoner's number joins two people, another becomes known, a third is gone; a customer's name is changed, one is gone;

    a home is of another person; a file of an earlier month comes late, and a decision to link ends.
    """
    agencies.change(PRISONERS, "A0031ZZ", pnc_id="2001/0000005A", date_of_birth="15/06/1975")
    known = {"first_name": "Known", "last_name": "Later", "date_of_birth": "01/02/1970", "sex": "M", "ethnicity": "W"}
    agencies.change(PRISONERS, "A0099ZZ", **known)
    agencies.drop(PRISONERS, "A0040ZZ")
    agencies.change(CUSTOMERS, "D0127", date_of_birth="1977-04-07")
    agencies.change(CUSTOMERS, "D0001", last_name="Otherday")
    agencies.drop(CUSTOMERS, "D0026")
    agencies.change(CLAIMS, "CLM034", benefit_code="C07")
    agencies.drop(CLAIMS, "CLM032")
    alike = {"first_name": "Phony", "last_name": "Dayafter", "date_of_birth": "1974-05-14", "sex": "M", "postcode": "QX4 2AB"}
    agencies.change(CUSTOMERS, "D0200", **alike)  # links by name to a person whom nothing else touches
    nearly = {"first_name": "Mort", "last_name": "Exampleton", "date_of_birth": "1952-01-23", "sex": "M", "postcode": "QX12 2AB"}
    agencies.change(CUSTOMERS, "D0210", **nearly)  # joins X100012 on weighed evidence, a digit of its birthday being wrong
    alike = {"first_name": "Depora", "last_name": "Placeholder", "sex": "M", "postcode": "QX15 2AB"}
    agencies.change(CUSTOMERS, "D0212", **alike, date_of_birth="1985-04-26")  # of two who are as like X100015 neither is joined
    agencies.change(CUSTOMERS, "D0213", **alike, date_of_birth="1985-04-24")
    as_once = {"first_name": "Belated", "last_name": "Formerly", "date_of_birth": "1973-12-03", "sex": "M", "postcode": "QX1 1AA"}
    agencies.change(
        CUSTOMERS, "D0220", **as_once
    )  # no more than a first name and a birthday of X100023, until an older file comes
    agencies.change(PLACES, "PLC002", crn="X100003", first_name="Figment", last_name="Onday", date_of_birth="1973-04-13")
    agencies.change(PLACES, "PLC004", **agencies.held[PLACES]["PLC002",] | {"placement_id": "PLC004", "client_ref": "H0004"})
    agencies.change(HOMES, "ACC0101", crn="X100002")
    agencies.send(landing, HOMES, "2013-07-10")
    agencies.change(HOMES, "ACC0201", accommodation_code="A05")
    agencies.change(HOMES, "ACC2101", accommodation_code="A05")  # and the delivery of June, which holds it too, is the later one
    agencies.send(landing, HOMES, "2013-05-31_2")
    for of in (PRISONERS, CUSTOMERS, PLACES, CLAIMS):
        agencies.send(landing, of, "2013-07-10")
    decide(landing, "2013-07-11", f"{TWO_READ} CD same", f"{ONE_READ} AB different", f"{ONE_READ} CD different")


def third_night(agencies: Agencies, landing: Path) -> None:
    """The two are two again, an older file says that prisoners were seen earlier, another that one had other names;

    a file is corrected under its own name; employment comes and all three are observed to a later day; a customer has a rival.
    """
    agencies.change(PRISONERS, "A0038ZZ", home_postcode="QX1 1AA")
    agencies.send(landing, PRISONERS, "2013-05-31")
    agencies.change(PRISONERS, "A0038ZZ", home_postcode="QX38 2AB")
    agencies.change(PEOPLE, "X100023", last_name="Formerly", postcode="QX1 1AA")
    agencies.send(landing, PEOPLE, "2013-07-05")  # nothing else about X100023 is new
    agencies.change(PEOPLE, "X100023", last_name="Lately", postcode="QX23 2AB")
    agencies.change(PRISONERS, "A0031ZZ", pnc_id="", date_of_birth="08/05/1978")
    agencies.send(landing, PRISONERS, "2013-07-12")
    rival = agencies.held[CUSTOMERS]["D0210",] | {"customer_ref": "D0211", "date_of_birth": "1952-01-21"}
    agencies.change(CUSTOMERS, "D0211", **rival)  # as like X100012 as D0210 is: neither is joined, though D0210 says nothing new
    agencies.drop(CUSTOMERS, "D0213")  # and the other is joined when it is gone, though nothing new is said of the two
    agencies.send(landing, CUSTOMERS, "2013-07-12")
    agencies.change(PAYE, "SPL902", first_name="Another", ni_number="QQ100008A")
    agencies.drop(PAYE, "SPL019")
    agencies.send(landing, PAYE, "2013-07-10")
    agencies.change(JOBS, "EMP0901", crn="X100010")
    agencies.drop(JOBS, "EMP1301")
    agencies.send(landing, JOBS, "2013-07-10")
    one, other = TWO_READ.split()  # the pair may be named the other way round
    decide(landing, "2013-07-12", f"{other} {one} AB different", f"{ONE_READ} CD cannot_tell")


STORY = (first_night, second_night, third_night)


@dataclass
class Start:
    """A home in which everything was built once, and what its agencies hold."""

    settings: Settings
    folder: Path

    def agencies(self) -> Agencies:
        contracts = warehouse.load_contracts(self.settings.contracts_dir, self.settings.seeds_dir)
        return Agencies(contracts, self.settings.landing_dir)

    def copy(self, name: str) -> Settings:
        return copy_home(self.settings, self.folder / name)


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Start:
    """The hand-computed world with some records more, built whole on the first day; a table of a hundred rows is a large one."""
    folder = tmp_path_factory.mktemp("nights")
    project = copy_project(folder / "project", OVERRIDES)
    definition = project / "dbt" / "dbt_project.yml"
    text, count = re.subn(r"(settle_from_rows:) \d+", r"\1 100", definition.read_text(encoding="utf-8"))
    assert count == 1
    definition.write_text(text, encoding="utf-8")
    settings = home_of(folder / "home", project)
    warehouse.shutil.copytree(LANDING, settings.landing_dir)
    contracts = warehouse.prepare(settings)
    before(Agencies(contracts, LANDING), settings.landing_dir)
    assert land(settings)[1] == []
    assert "no build stands" in build(settings, FIRST)
    return Start(settings, folder)


def mended(settings: Settings, today: date, with_tests: bool = False) -> str:
    said = build(settings, today, with_tests=with_tests)
    assert "new deliveries since the last build" in said, said
    return said


def rows(settings: Settings, sql: str) -> list[tuple]:
    with duckdb.connect(str(settings.restricted_db), read_only=True) as con:
        con.execute(f"attach '{settings.warehouse_db}' as warehouse (read_only)")
        return con.execute(sql).fetchall()


def checkpoints(monkeypatch) -> list[str]:
    """The database of each checkpoint that dbt is going to ask for."""
    settled, execute = [], DuckDBCursorWrapper.execute

    def watched(self, sql, *arguments, **more):
        found = execute(self, sql, *arguments, **more)
        if asked := re.search(r"checkpoint (\w+)\s*$", sql):
            settled.append(asked[1])
        return found

    monkeypatch.setattr(DuckDBCursorWrapper, "execute", watched)
    return settled


def test_nights_that_mend_leave_what_a_whole_build_makes(start, monkeypatch):
    settings, agencies, rng, settled = start.copy("story"), start.agencies(), random.Random(11), checkpoints(monkeypatch)
    watched = "'X100017', 'X100018', 'X100024', 'X100124', "
    watched += "'X100005', 'X100031', 'A0099ZZ', 'X100012', 'D0210', 'X100015', 'D0212', 'X100023', 'D0220'"
    seen = f"select person_ref, person_id from identity.int_people where person_ref in ({watched})"
    people, due = [], []
    for today, tell in zip(NIGHTS, STORY, strict=True):
        for of in rng.sample(DELTAS, 2):  # sent with what the story sends, or some night later
            agencies.chance(rng, of, 2)
        tell(agencies, settings.landing_dir)
        assert land(settings)[1] == []
        mended(settings, today, with_tests=today == NIGHTS[-1])
        people.append(dict(rows(settings, seen)))
        due.append(rows(settings, "select count(*) from warehouse.outcomes.int_event_days where is_due")[0][0])
    joined = [found["X100005"] == found["X100031"] for found in people]
    assert joined == [False, True, False] and ["A0099ZZ" in found for found in people] == [False, True, True]
    assert [found["X100012"] == found.get("D0210") for found in people] == [False, True, False], "joined by evidence, then parted"
    assert [found["X100015"] == found.get("D0212") for found in people] == [False, False, True], "joined when its rival is gone"
    assert [found["X100023"] == found.get("D0220") for found in people] == [False, False, True], "joined by a former name"
    for (one, other), are_one in ((("X100017", "X100018"), [False, True, False]), (("X100024", "X100124"), [True, False, True])):
        assert [found[one] == found[other] for found in people] == are_one, "as readers who agree say"
    assert due[2] > due[1], "the last night observes further"
    assert settled.count("restricted") > 3 and settled.count("warehouse") > 3, "large tables are written out when they are mended"
    assert len(settled) < len(NIGHTS) * 30, "and small ones are not"
    settled.clear()
    assert differences(settings, whole_beside(settings, NIGHTS[-1], start.folder / "story_whole")) == {}
    assert settled == [], "a whole build has nothing to settle"


def test_a_table_forgets_only_people_whom_something_that_it_reads_has_touched(start, monkeypatch):
    settings, agencies, forgotten, execute = start.copy("police"), start.agencies(), {}, DuckDBCursorWrapper.execute

    def watched(self, sql, *arguments, **more):
        if told := re.search(r"^\s*delete from \S*?(\w+)\"?\s+where (.*)", sql.split("*/")[-1], flags=re.S):
            forgotten[told[1]] = set(re.findall(r"'(\w+(?:\.\w+)?)'", told[2]))
        return execute(self, sql, *arguments, **more)

    agencies.change(POLICE, "OFF043", disposal_date="2011-05-29")  # in time now to count after a release
    agencies.send(settings.landing_dir, POLICE, "2013-07-10")
    agencies.change(ORDERS, "ORD142", termination_reason_code="DEATH")  # so that nobody is there six months after it began
    agencies.send(settings.landing_dir, ORDERS, "2013-07-10_2")
    gone = "select count(*) from warehouse.outcomes.int_event_days where is_beyond_observation"
    were_gone = rows(settings, gone)[0][0]
    assert land(settings)[1] == []
    with monkeypatch.context() as now:
        now.setattr(DuckDBCursorWrapper, "execute", watched)
        mended(settings, NIGHTS[0])
    assert rows(settings, gone)[0][0] == were_gone + 1
    assert forgotten["int_offence_records"] == {"identity", "police.offences", "prisons.custody"}
    assert forgotten["int_order_records"] == {"identity", "probation.orders"}
    events = {"identity", "observation", "probation.orders", "prisons.custody"}
    assert forgotten["int_event_days"] == events
    assert forgotten["int_employment_on_day"] == events | {"probation.employment", "hmrc.employment_spells"}
    assert forgotten["release_outcomes"] >= forgotten["int_employment_on_day"] | {"police.offences", "dwp.benefit_claims"}
    assert differences(settings, whole_beside(settings, NIGHTS[0], start.folder / "police_whole")) == {}


CHANGES, MACROS = "models/intermediate/changes/", "macros/"
FAULTS = {
    "records as they were are forgotten, of deltas": (
        MACROS + "stated_again.sql",
        r"as again\n        on ",
        r"\g<0>sent._delivery_id in (select delivery_id from {{ ref('stg_intake__new_deliveries') }}) and ",
    ),
    "records as they were are forgotten, of full extracts": (
        MACROS + "stated_again.sql",
        r"(sent\._delivery_id in \(select delivery_id from \{\{ ref\(')stg_intake__deliveries",
        r"\1stg_intake__new_deliveries",
    ),
    "names as they are now are forgotten": (
        CHANGES + "int_touched_links.sql",
        r"on people\.reference_id = named\.reference_id",
        r"\g<0> and false",
    ),
    "those who share a name are left out": (
        CHANGES + "int_touched_links.sql",
        r"and people\.postcode = as_named\.postcode",
        r"\g<0> and false",
    ),
    "decisions that end are forgotten": (CHANGES + "int_touched_links.sql", r"\}\} from overrides", r"\g<0> where false"),
    "what readers decided is forgotten": (CHANGES + "int_touched_links.sql", r"\}\} from decisions", r"\g<0> where false"),
    "those whom links reach are left out": (CHANGES + "int_touched_groups.sql", r"= touched\.reference_id", r"\g<0> and false"),
    "the rest of a group is left out": (CHANGES + "int_touched_groups.sql", r"= held\.cluster_id", r"\g<0> and false"),
    "people as they were are left out": (
        CHANGES + "int_touched_people.sql",
        r"'identity' as because\s+from touched_identities",
        r"\g<0> where false",
    ),
    "people as they are now are left out": (
        CHANGES + "int_touched_people.sql",
        r"= touched_identities\.reference_id",
        r"\g<0> and false",
    ),
    "those whom a record names are left out": (
        CHANGES + "int_touched_people.sql",
        r"on people\.reference_id = named\.reference_id",
        r"\g<0> and false",
    ),
    "what is observed by now is forgotten": (
        CHANGES + "int_touched_people.sql",
        r"where days\.is_due <>",
        "where false and 1 <>",
    ),
    "links stay that led to the reference": (
        "models/intermediate/identity/int_people_links.sql",
        r'~ " or reference_b in .*?"\) ?\}\}',
        ") }}",
    ),
    "links are sought from the lesser side alone": (
        "models/intermediate/identity/int_people_links.sql",
        r"'<>' if is_mending\(\)",
        "'<' if is_mending()",
    ),
    "other joins are forgotten": (
        CHANGES + "int_touched_identities.sql",
        r"where joined_before\.person_cluster_id is distinct from joined\.person_cluster_id",
        r"\g<0> and false",
    ),
    "the rest of a person is left out": (
        CHANGES + "int_touched_identities.sql",
        r"on (before\.person_cluster_id = people\.person|clusters\.cluster_id = clusters_of_people\.)(_?cluster_id)",
        r"\g<0> and false",
    ),
    "those who had evidence with one are forgotten": (
        CHANGES + "int_touched_rivals.sql",
        r"on scores\.reference_(a|b) = touched\.reference_id",
        r"\g<0> and false",
    ),
    "evidence stays that was weighed before": (
        "models/intermediate/identity/int_people_scores.sql",
        r'"reference_a in .*?"\) ?\}\}',
        '"false") }}',
    ),
    "another description is no reason to weigh evidence again": (
        CHANGES + "int_touched_links.sql",
        r"select reference_id from redescribed",
        r"\g<0> where false",
    ),
    "rows of nobody are kept": (
        MACROS + "nights.sql",
        r"\{\{ is_touched\('person_id'\) \}\}",
        r"person_id is not null and \g<0>",
    ),
    "rows of nobody are not built": (
        MACROS + "nights.sql",
        r"\{\{ word \}\} \{\{ is_touched",
        "{{ word }} {{ person_id }} is not null and {{ is_touched",
    ),
    "an extract that is read through other tables is no reason": (
        MACROS + "nights.sql",
        r"if parent not in waiting",
        r"\g<0> and (name == unique_id or parent.startswith('model.'))",
    ),
    "another end of what is observed is no reason": (
        MACROS + "nights.sql",
        r"found\.append\('observation'\)",
        "found.append('')",
    ),
    "another identity is no reason": (MACROS + "nights.sql", r"found, waiting = \['identity'\]", "found, waiting = ['']"),
    "records that new deliveries state are left out": (
        CHANGES + "int_touched_records.sql",
        r"_delivery_id in \(select delivery_id from \{\{ ref\('stg_intake__new_deliveries'\) \}\}\)(\s+\{%- if has_ident)",
        r"false\1",
    ),
    "records of those whose person is made again are left out": (
        CHANGES + "int_touched_records.sql",
        r"limit 1'\)\.rows \| length > 0",
        "limit 1').rows | length < 0",
    ),
    "of a touched record only what is new is read": (
        MACROS + "in_force.sql",
        r"in \(\{\{ of_keys \}\}\)",
        r"\g<0> and _delivery_id in (select delivery_id from {{ standing('stg_intake__new_deliveries') }})",
    ),
    "no table has a reason to be mended": (MACROS + "nights.sql", r"rows \| length > 0", "rows | length < 0"),
    "extracts that came are forgotten": (
        MACROS + "stated_again.sql",
        r"run_query\(found\)\.columns\[0\]\.values\(\) \| list",
        "[]",
    ),
    "records that name a touched reference are left out": (
        MACROS + "stated_again.sql",
        r"where \{\{ reference_in\(agency, extract\) \}\} in",
        r"where {{ reference_in(agency, extract) }} is null and {{ reference_in(agency, extract) }} in",
    ),
    "nobody is forgotten": (MACROS + "materialize.sql", r"\{\{ render\(config\.get\('meta'\)\.forget\) \}\}", "false"),
}


@dataclass
class Waiting:
    """A home in which files were taken and nothing is built of them yet, and the same home with everything built."""

    settings: Settings
    whole: Settings
    today: date


@pytest.fixture(scope="module")
def waiting(start) -> list[Waiting]:
    """The first two nights as one, and the third."""
    settings, agencies, found = start.copy("told"), start.agencies(), []
    for name, stories, today in (("two", STORY[:2], NIGHTS[1]), ("three", STORY[2:], NIGHTS[2])):
        for tell in stories:
            tell(agencies, settings.landing_dir)
            assert land(settings)[1] == []
        as_it_is = copy_home(settings, start.folder / name)
        found.append(Waiting(as_it_is, whole_beside(settings, today, start.folder / f"{name}_whole"), today))
        mended(settings, today)
        assert differences(settings, found[-1].whole) == {}
    return found


@pytest.mark.drill
@pytest.mark.parametrize("fault", FAULTS)
def test_the_nights_tell_wrong_rules_from_the_right_one(start, waiting, fault):
    name, right, wrong = FAULTS[fault]
    path = start.settings.dbt_dir / name
    sound = path.read_text()
    spoilt, count = re.subn(right, wrong, sound, flags=re.S)
    assert count, "the fault is none"
    path.write_text(spoilt)
    found = {}
    try:
        for number, night in enumerate(waiting):
            settings = copy_home(night.settings, start.folder / f"fault {fault} {number}")
            mended(settings, night.today)
            found |= differences(settings, night.whole)
            warehouse.shutil.rmtree(settings.home)
            if found:
                break
    finally:
        path.write_text(sound)
    print(fault, found)
    assert found


@pytest.mark.drill
def test_a_delivery_that_speaks_of_nobody_who_is_known_is_taken_in_all_the_same(tmp_path):
    settings = home_of(tmp_path / "home", copy_project(tmp_path / "project", overrides=[]))  # which touch somebody every night
    warehouse.shutil.copytree(LANDING, settings.landing_dir)
    for path in (settings.landing_dir / "prisons").glob("people_*"):
        path.unlink()
    agencies = Agencies(warehouse.prepare(settings), LANDING)
    land(settings)
    build(settings, FIRST)
    agencies.drop(CUSTODY, sorted(agencies.held[CUSTODY])[0][0])
    agencies.send(settings.landing_dir, CUSTODY, "2013-07-10")
    assert land(settings) == (1, [])
    mended(settings, NIGHTS[0])
    assert rows(settings, "select distinct because from changes.int_touched_people") == []
    assert differences(settings, whole_beside(settings, NIGHTS[0], tmp_path / "whole")) == {}


@pytest.mark.drill
def test_nights_on_which_one_sender_of_people_alone_sends_leave_what_a_whole_build_makes(tmp_path):
    """What the others send is then a column of nothing here and there, of which DuckDB 2.0 stumbled over one."""
    project = copy_project(tmp_path / "project", overrides=[])  # which touch people of all agencies every night
    settings = replace(home_of(tmp_path / "home", project), whole_build_days=30)
    warehouse.shutil.copytree(LANDING, settings.landing_dir)
    agencies = Agencies(warehouse.prepare(settings), LANDING)
    land(settings)
    build(settings, FIRST)
    for night, of in enumerate((PEOPLE, PRISONERS, CUSTOMERS, PAYE, POLICE, PLACES, ("ete", "job_starts")), start=1):
        today = FIRST + timedelta(days=night)
        agencies.drop(of, min(key for (key,) in agencies.held[of] if key))
        agencies.chance(random.Random(night), of, 2)
        agencies.send(settings.landing_dir, of, f"{today}")
        assert land(settings) == (1, []), of
        mended(settings, today)
    assert differences(settings, whole_beside(settings, today, tmp_path / "whole")) == {}


@pytest.mark.drill
@pytest.mark.parametrize("seed", SEEDS)
def test_random_nights_that_mend_leave_what_a_whole_build_makes(start, seed):
    settings, agencies, rng = start.copy(f"seed_{seed}"), start.agencies(), random.Random(seed)
    for night in range(1, RANDOM_NIGHTS + 1):
        today = FIRST + timedelta(days=night)
        for of in (*rng.sample(DELTAS, rng.randint(1, 3)), *rng.sample(FULL, rng.choice([0, 1, 1, 2]))):
            agencies.chance(rng, of, rng.randint(1, 4))
            day = rng.choice([date(2013, 5, 31), date(2013, 6, 30), *[FIRST + timedelta(days=night)] * 4])
            agencies.send(settings.landing_dir, of, f"{day}{rng.choice(['', '', '_2', f'_{night + 2}'])}")
        assert land(settings)[0], "nothing came"
        mended(settings, today, with_tests=night == RANDOM_NIGHTS)
        whole = whole_beside(settings, today, start.folder / f"seed_{seed}_{night}_whole")
        assert differences(settings, whole) == {}, f"seed {seed}, night {night}"


def test_dbt_by_hand_is_followed_by_a_whole_build(start):
    settings = start.copy("by_hand")
    assert warehouse.run_dbt(settings, "run", "--select", "int_people_clusters").success
    assert "no build stands" in build(settings, NIGHTS[0])


def test_a_build_that_broke_between_a_python_models_table_and_its_name_is_followed_by_one_that_goes_through(start, monkeypatch):
    settings, execute = start.copy("broken"), DuckDBCursorWrapper.execute

    def disk_is_full(self, sql, *arguments, **more):
        if re.search(r"rename to int_weighed_pairs\s*$", sql):
            raise duckdb.IOException("IO Error: No space left on device")
        return execute(self, sql, *arguments, **more)

    with monkeypatch.context() as now, pytest.raises(AssertionError, match="No space left"):
        now.setattr(DuckDBCursorWrapper, "execute", disk_is_full)
        build(settings, NIGHTS[0])
    asides = r"select table_name from duckdb_tables() where table_name like '%\_\_aside' escape '\'"
    assert rows(settings, asides) == [], "restricted.duckdb outlives the build"
    build(settings, NIGHTS[0])
