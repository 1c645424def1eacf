"""What was known then can be made again: a release and its rebuild are equal byte for byte, and every change has its records.

The nights take minutes and are drills; test_whole_job rebuilds one release by the command.
"""

from __future__ import annotations

import csv
import random
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from dagster_project import difference, intake, reader, rebuild, release, restore, warehouse
from dagster_project.archive import Archive
from dagster_project.settings import PROJECT_DIR, Settings, load_settings

HERE = Path(__file__).parent
WAIVER = "W1,national_unknown_share_is_too_high,,,,The hand-made world has few people,Ann Smith,Bob Jones,2013-07-10,2013-07-20\n"


@dataclass
class Past:
    """Two nights of the hand-made world: in the second a record of accommodation and the meaning of a code were corrected."""

    settings: Settings
    first: Path
    second: Path


def copy_project(folder: Path) -> Path:
    """What decides how figures are made, in a folder of its own, with a waiver without which the hand-made world cannot leave."""
    for name in ("dbt", "expectations", "seeds"):
        shutil.copytree(PROJECT_DIR / name, folder / name, ignore=shutil.ignore_patterns("target", "logs", "docs"))
    shutil.copy(PROJECT_DIR / "pyproject.toml", folder)
    with open(folder / "seeds" / "waivers.csv", "a", encoding="utf-8") as seed:
        seed.write(WAIVER)
    return folder


def job(settings: Settings) -> release.Outcome:
    """The job of a night without Dagster."""
    contracts = warehouse.prepare(settings)
    reports = intake.land_all(settings, contracts, say=lambda _: None)
    assert intake.REFUSED not in [r.status for r in reports], [r.messages for r in reports]
    assert warehouse.build(settings, release.day_of(settings, Archive(settings.archive_dir).latest_instant())).success
    return release.publish(settings, log=lambda _: None)


def night(settings: Settings) -> Path:
    """The job of a night that publishes; the release's folder."""
    outcome = job(settings)
    assert outcome.is_published and not outcome.is_unchanged, [r.rule_id for r in outcome.verdict.failed]
    return outcome.folder


@pytest.fixture(scope="module")
def past(tmp_path_factory) -> Past:
    project = copy_project(tmp_path_factory.mktemp("project"))
    settings = load_settings(tmp_path_factory.mktemp("home"), project)
    shutil.copytree(HERE / "hand_world" / "landing", settings.landing_dir)
    first = night(settings)
    probation = settings.landing_dir / "probation"
    header = (probation / "accommodation_2013-06-30.csv").read_text().splitlines()[0]
    correction = f"{header}\nACC0101,X100001,A08,2009-04-15,,Y,2009-04-15,N\n"  # was A01C: P01 was not settled after all
    (probation / "accommodation_2013-06-30_2.csv").write_text(correction)
    mapping = project / "seeds" / "mappings" / "settled.csv"
    mapping.write_text(mapping.read_text().replace("policy,accommodation_codes,A07B,yes", "policy,accommodation_codes,A07B,no"))
    return Past(settings, first, night(settings))


@pytest.mark.drill
def test_a_release_and_its_rebuild_are_equal_byte_for_byte(past):
    again = rebuild.rebuild(past.settings, rebuild.find_instant(past.settings, past.first.name), log=lambda _: None)
    assert again.original == past.first and again.differing_files == []
    assert {"outcomes.duckdb", "manifest.json", "verdict.json"} < {p.name for p in again.outcome.folder.iterdir()}
    assert release.current_release(past.settings) == past.second  # what readers see is not touched


@pytest.mark.drill
def test_every_changed_figure_names_the_delivery_and_the_record_that_changed_it(past):
    found = difference.compare(past.settings, past.first.name, past.second.name)
    assert [d["file_name"] for d in found.came] == ["accommodation_2013-06-30_2.csv"] and found.went == []
    assert found.changed_sources == ["seeds/mappings/settled.csv"]
    year = next(
        f
        for f in found.figures
        if (f["indicator_id"], f["view_id"], f["geography_type"], str(f["period_start"]), f["period_type"])
        == ("NI143", "policy", "nation", "2009-04-01", "financial_year")
    )
    assert year["numerator"][0] - year["numerator"][1] == 2  # P01 by a record, P07 by a definition
    found = difference.with_records(past.settings, found, log=lambda _: None)
    with open(found.folder / "records.csv", newline="", encoding="utf-8") as file:
        causes = [r for r in csv.DictReader(file) if all(r[k] == str(year[k]) for k in difference.KEY)]
    by_event = {r["event_key"]: r for r in causes}
    assert by_event.keys() == {"ORD101", "ORD108"}
    cause = by_event["ORD101"]
    assert (cause["old_status"], cause["new_status"], cause["what"], cause["record_key"]) == ("yes", "no", "changed", "ACC0101")
    assert (cause["old_file"], cause["new_file"]) == ("accommodation_2013-05-31.csv", "accommodation_2013-06-30_2.csv")
    assert by_event["ORD108"]["what"] == "definition, linkage or another record"
    assert found.folder.stat().st_mode & 0o077 == 0 and (found.folder / "records.csv").stat().st_mode & 0o077 == 0
    said = difference.report(found)
    assert "accommodation_2013-06-30_2.csv" in said and "seeds/mappings/settled.csv" in said


@pytest.mark.drill
def test_todays_definitions_on_deliveries_of_then_change_only_what_the_definition_changes(past):
    at = rebuild.find_instant(past.settings, past.first.name)
    again = rebuild.rebuild(past.settings, at, with_todays=True, log=lambda _: None)
    first, mixed = (national(folder) for folder in (past.first, again.outcome.folder))
    assert first - mixed == 1  # P07 only


def national(folder: Path) -> int:
    with reader.connect(folder) as con:
        return con.execute(
            "select numerator from indicators where indicator_id = 'NI143' and view_id = 'policy' and geography_type = 'nation' "
            "and period_type = 'financial_year' and period_start = date '2009-04-01'"
        ).fetchone()[0]


@pytest.mark.drill
def test_everything_comes_back_from_the_archive_alone(past, tmp_path):
    settings = replace(past.settings, home=tmp_path / "home")
    backup = tmp_path / "backup"
    for name in ("archive", "keys"):
        shutil.copytree(past.settings.data_dir / name, backup / name)
    restore.take_over(settings, backup)
    assert restore.restore(settings, say=lambda _: None) == [past.first.name, past.second.name]
    for folder in (past.first, past.second):
        assert rebuild.read_files(settings.published_dir / folder.name) == rebuild.read_files(folder)
    assert release.current_release(settings).name == past.second.name
    assert job(settings).is_unchanged  # the night after has nothing to take and nothing to publish


def send(landing: Path, extract: str, number: int, rng: random.Random) -> None:
    """Another file of probation: of a delta, records withdrawn, returned or reopened, perhaps late; of a full one, a row gone."""
    with open(landing / f"{extract}_2013-06-30.csv", newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    day = "2013-06-30"
    if "is_deleted" in header:
        day = rng.choice(["2013-05-31", "2013-06-30"])
        with open(landing / f"{extract}_2013-05-31.csv", newline="", encoding="utf-8") as file:
            rows = rng.sample(list(csv.reader(file))[1:], 4)
        for row in rows:
            row[header.index("is_deleted")] = rng.choice("YN")
            row[header.index("end_date")] = rng.choice(["", row[header.index("end_date")]])
    else:
        rows.remove(rng.choice(rows))
    with open(landing / f"{extract}_{day}_{number}.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(1))
def test_every_release_of_a_random_history_equals_its_rebuild(tmp_path, seed):
    rng = random.Random(seed)
    settings = load_settings(tmp_path / "home", copy_project(tmp_path))
    shutil.copytree(HERE / "hand_world" / "landing", settings.landing_dir)
    outcomes = [job(settings)]
    for number in range(2, 4):
        send(settings.landing_dir / "probation", rng.choice(["accommodation", "employment", "orders"]), number, rng)
        outcomes.append(job(settings))
    published = {o.folder for o in outcomes if o.folder and not o.is_unchanged}
    assert len(published) >= 2
    for folder in published:
        again = rebuild.rebuild(settings, rebuild.find_instant(settings, folder.name), log=lambda _: None)
        assert again.original == folder and again.differing_files == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2013-07-15T02:00:00", "2013-07-15 02:00:00"),
        ("2013-07-15T02:00:00+01:00", "2013-07-15 01:00:00"),
        ("2013-07-15", "2013-07-15 22:59:59.999999"),  # the day ends in London, in summer time
        ("2013-12-15", "2013-12-15 23:59:59.999999"),
    ],
)
def test_an_instant_may_be_written_in_utc_with_an_offset_or_as_a_day(tmp_path, text, at):
    assert str(rebuild.find_instant(load_settings(tmp_path), text)) == at


@pytest.mark.parametrize("text", ["yesterday", "20130715T020000Z-12345678", "2013-02-30", ""])
def test_what_is_no_instant_is_refused_with_the_ways_to_write_one(tmp_path, text):
    with pytest.raises(rebuild.CannotRebuild, match="Write 2013-07-15T02:00:00, 2013-07-15 or a release's id"):
        rebuild.find_instant(load_settings(tmp_path), text)


def test_an_instant_before_the_first_night_has_no_definitions(tmp_path):
    with pytest.raises(rebuild.CannotRebuild, match="definitions are not known"):
        rebuild.rebuild(load_settings(tmp_path), datetime(2001, 1, 1), log=lambda _: None)
