"""A release appears whole or not at all, is what it says it is, and a refused one changes nothing for readers."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from small_release import build_world

from dagster_project import gate, reader, release, release_tables
from dagster_project.manifest import code_state, sha256
from dagster_project.report import print_headline

NOW = datetime(2013, 6, 30, 2, 0, tzinfo=UTC)
RULE = {
    "table": "indicators",
    "description": "Rates lie between 0 and 100.",
    "numerator": 7,
    "denominator": 578,
    "limit_percent": 0.0,
    "limit_count": 0,
    "endangers": ("NI143", "NI144"),
    "remedy": "Look at the numerator.",
}
PASSED = gate.Verdict((gate.RuleResult(rule_id="rates", severity="block", outcome="passed", **{**RULE, "numerator": 0}),))
FAILED = gate.Verdict((gate.RuleResult(rule_id="rates", severity="block", outcome="failed", **RULE),))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_world(tmp_path_factory.mktemp("release"))


@pytest.fixture
def world(built, tmp_path, monkeypatch):
    """A fresh copy of the small world whose gate lets everything pass; test_gate holds the gate itself to its word."""
    monkeypatch.setattr(gate, "run", lambda *_: PASSED)
    shutil.copytree(built.project_dir.parent, tmp_path / "world")
    settings = type(built)(tmp_path / "world" / "project", tmp_path / "world" / "home", built.memory_limit, built.threads)
    return settings


def _publish(world, days: int = 0, **kwargs) -> release.Outcome:
    return release.publish(world, NOW + timedelta(days=days), log=lambda _: None, **kwargs)


def _change(world, sql: str = "update publish.linkage_rates set linked_count = linked_count + 1") -> None:
    with duckdb.connect(str(world.warehouse_db)) as con:
        con.execute(sql)


def _bytes(folder: Path) -> dict[str, str]:
    return {p.name: sha256(p) for p in sorted(folder.resolve().iterdir())}


def test_the_real_gate_lets_the_small_world_pass_and_stops_a_damaged_one(built, tmp_path):
    first = release.publish(built, NOW, log=lambda _: None)
    assert first.is_published and first.folder and first.folder.name == first.release_id
    before = _bytes(built.published_dir / "current")
    again = release.publish(built, NOW + timedelta(days=1), log=lambda _: None)
    assert again.is_unchanged and again.is_published and again.folder == first.folder
    shutil.copy(built.warehouse_db, tmp_path / "clean.duckdb")
    _change(built, "update publish.indicators set upper_bound_pct = 101 where status = 'available' and geography_type = 'nation'")
    refused = release.publish(built, NOW + timedelta(days=2), log=lambda _: None)
    shutil.copy(tmp_path / "clean.duckdb", built.warehouse_db)
    assert not refused.is_published and refused.folder is None
    assert _bytes(built.published_dir / "current") == before
    page = refused.why.read_text(encoding="utf-8")
    assert "indicators_percentages_are_within_0_and_100" in page and f"Readers still see release {first.release_id}." in page
    for folder in (built.published_dir, built.refused_dir, built.archive_dir):
        shutil.rmtree(folder)


def test_the_id_is_the_time_and_the_start_of_the_content_hash(world):
    outcome = _publish(world)
    manifest = json.loads((outcome.folder / "manifest.json").read_text(encoding="utf-8"))
    assert outcome.release_id == f"20130630T020000Z-{manifest['content_hash'][:8]}"
    assert os.readlink(world.published_dir / "current") == outcome.release_id


def test_the_tables_are_exact_copies_with_their_comments(world):
    folder = _publish(world).folder
    with duckdb.connect() as con:
        con.execute(f"attach '{world.warehouse_db}' as w (read_only); attach '{folder / 'outcomes.duckdb'}' as r (read_only)")
        tables = [t for (t,) in con.execute("select table_name from duckdb_tables() where database_name = 'r'").fetchall()]
        assert {"indicators", "evidence_mix", "linkage_rates", "deliveries_due", "waivers"} < {*tables}
        for table in tables:
            for a, b in (
                (f"w.publish.{table}", f"r.{table}"),
                (f"r.{table}", f"w.publish.{table}"),
                (f"r.{table}", f"read_parquet('{folder / table}.parquet')"),
            ):
                assert con.execute(f"select count(*) from (select * from {a} except all select * from {b})").fetchone() == (0,)
        assert con.execute(
            "select comment from duckdb_tables() where database_name = 'r' and table_name = 'indicators'"
        ).fetchone() == ("One row per indicator, view, place and period.",)
        assert con.execute(
            "select comment from duckdb_columns() where database_name = 'r' and comment is not null"
        ).fetchall() == [("Events with the outcome.",)]


def test_the_manifest_tells_the_truth(world):
    folder = _publish(world).folder
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    on_disk = {p.name for p in folder.iterdir()} - {"manifest.json"}
    assert set(manifest["files"]) == on_disk and "verdict.json" in on_disk
    for name, facts in manifest["files"].items():
        assert facts == {"sha256": sha256(folder / name), "bytes": (folder / name).stat().st_size}
    assert manifest["row_counts"]["linkage_rates"] == 2
    assert [d["agency"] for d in manifest["deliveries"]] == ["prisons", "probation"]  # the refused one is not in force
    assert manifest["previous_release_id"] is None and manifest["created_at"] == "2013-06-30T02:00:00.000000+00:00"
    assert {"indicator_id": "NI143", "view_id": "policy", "definition_version": 1} in manifest["definitions"]
    assert manifest["seeds"]["areas.csv"] == sha256(world.seeds_dir / "areas.csv")
    assert manifest["contracts"]["prisons"]["version"] == "1.0.0" and manifest["code"] == code_state()
    assert manifest["versions"]["duckdb"] == duckdb.__version__


def test_a_later_full_delivery_replaces_the_earlier_in_the_manifest(world):
    with duckdb.connect(str(world.restricted_db)) as con:
        con.execute(
            "insert into intake.deliveries select * replace ('d9' as delivery_id, date '2009-09-01' as extract_date) "
            "from intake.deliveries where agency = 'prisons'"
        )
    manifest = json.loads((_publish(world).folder / "manifest.json").read_text(encoding="utf-8"))
    assert [d["delivery_id"] for d in manifest["deliveries"]] == ["d9", "d0"]


def test_the_same_tables_give_the_same_bytes(world):
    first = _publish(world).folder
    kept = {n: h for n, h in _bytes(first).items() if n.endswith((".csv", ".parquet", ".duckdb"))}
    shutil.rmtree(world.published_dir)
    _change(
        world,
        "create table t as select * from publish.indicators order by random(); delete from publish.indicators; "
        "insert into publish.indicators select * from t; drop table t",
    )
    second = _bytes(_publish(world, 5).folder)
    assert {n: second[n] for n in kept} == kept


def test_the_same_tables_twice_make_no_second_release(world):
    first, second = _publish(world), _publish(world, 1)
    assert second.is_unchanged and second.is_published and second.folder == first.folder
    assert [p.name for p in world.published_dir.iterdir() if p.is_dir() and not p.is_symlink()] == [first.release_id]


def test_a_changed_verdict_makes_a_new_release(world, monkeypatch):
    first = _publish(world)
    warned = gate.Verdict((gate.RuleResult(rule_id="rates", severity="warn", outcome="warned", **RULE),))
    monkeypatch.setattr(gate, "run", lambda *_: warned)
    second = _publish(world, 1)
    assert not second.is_unchanged and second.release_id != first.release_id


def test_a_warning_of_change_since_the_last_release_makes_no_new_release_when_it_is_gone(world, monkeypatch):
    of_change = gate.RuleResult(rule_id="change", severity="warn", outcome="warned", is_of_change=True, **RULE)
    monkeypatch.setattr(gate, "run", lambda *_: gate.Verdict((*PASSED.results, of_change)))
    first = _publish(world)
    monkeypatch.setattr(gate, "run", lambda *_: gate.Verdict((*PASSED.results, replace(of_change, outcome="passed"))))
    assert _publish(world, 1).folder == first.folder


def test_an_id_is_never_used_twice(world, monkeypatch):
    monkeypatch.setattr(release, "_is_unchanged", lambda *_: False)
    first, second, third = _publish(world), _publish(world), _publish(world)
    assert [second.release_id, third.release_id] == [f"{first.release_id}-2", f"{first.release_id}-3"]


def test_a_refused_release_leaves_readers_what_they_have_and_says_why(world, monkeypatch):
    first = _publish(world)
    before = _bytes(world.published_dir / "current")
    _change(world)
    monkeypatch.setattr(gate, "run", lambda *_: FAILED)
    said = []
    outcome = release.publish(world, NOW + timedelta(days=1), log=said.append)
    assert (outcome.is_published, outcome.folder) == (False, None)
    assert _bytes(world.published_dir / "current") == before
    assert sorted(p.name for p in world.published_dir.iterdir()) == [first.release_id, "current"]
    page = outcome.why.read_text(encoding="utf-8")
    for words in (
        "rates",
        "7 failing of 578",
        "NI143, NI144",
        "Look at the numerator.",
        f"Readers still see release {first.release_id}.",
    ):
        assert words in page
    assert json.loads((outcome.why.parent / "verdict.json").read_text(encoding="utf-8"))["is_passed"] is False
    assert str(outcome.why) in said[-1]


def test_a_first_release_that_is_refused_leaves_nothing(world, monkeypatch):
    monkeypatch.setattr(gate, "run", lambda *_: FAILED)
    assert "No release has been published yet" in _publish(world).why.read_text(encoding="utf-8")
    assert list(world.published_dir.iterdir()) == []


def test_text_that_looks_like_a_formula_is_made_harmless_in_csv_only(world):
    _change(world, "update publish.linkage_rates set agency = '=cmd()|calc' where agency = 'dwp'")
    folder = _publish(world).folder
    with open(folder / "linkage_rates.csv", newline="", encoding="utf-8") as file:
        assert "'=cmd()|calc" in {row["agency"] for row in csv.DictReader(file)}
    with reader.connect(folder) as con:
        assert con.execute("select count(*) from linkage_rates where agency = '=cmd()|calc'").fetchone() == (1,)


def test_files_may_be_read_by_everybody_and_written_by_their_owner(world):
    folder = _publish(world).folder
    assert {oct(p.stat().st_mode & 0o777) for p in folder.iterdir()} == {"0o644"}
    assert oct(folder.stat().st_mode & 0o777) == "0o755"


def test_no_room_on_the_disk_is_said_before_anything_is_written(world, monkeypatch):
    monkeypatch.setattr(release.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(release.ReleaseError, match="free the disk; nothing was changed"):
        _publish(world)
    assert list(world.published_dir.iterdir()) == []


def test_nothing_built_yet_is_said_plainly(world):
    world.warehouse_db.unlink()
    with pytest.raises(release.ReleaseError, match="Build the warehouse first"):
        _publish(world)


def test_rules_that_cannot_be_evaluated_publish_nothing(world, monkeypatch):
    def broken(*_):
        raise gate.GateError("indicators.yml, rule 'x': no such expectation")

    monkeypatch.setattr(gate, "run", broken)
    with pytest.raises(gate.GateError):
        _publish(world)
    assert list(world.published_dir.iterdir()) == []


def test_an_older_duckdb_can_open_the_file(world):
    with open(_publish(world).folder / release_tables.DATABASE, "rb") as file:
        head = file.read(64)
    assert head[8:12] == b"DUCK" and int.from_bytes(head[12:20], "little") <= 67  # DuckDB 1.4 writes 67


def test_the_headline_shows_print_beside_the_computed_figures(world):
    _publish(world)
    text = print_headline(world)
    assert "Northshire  227  345  66 %  66 %      75 %    missed     =" in text
    assert "England and Wales: 943 / 1,336 = 71 % (in print 943 / 1,336 = 71 %)" in text
    assert "England: 565 / 812 = 69.6 %" in text and "Wales: 378 / 524 = 72.1 %" in text
    assert "3 of 3 percentages in print are reproduced." in text
