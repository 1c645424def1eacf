"""Whatever happens while a release is made, readers see a whole one: the old, then the new."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from small_release import build_world

from dagster_project import gate, reader, release
from dagster_project.manifest import sha256

NOW = datetime(2013, 6, 30, 2, 0, tzinfo=UTC)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The small world, with a gate that lets everything pass."""
    result = gate.RuleResult("rates", "indicators", "", "block", 0, 9, 0.0, 0, "passed", ("all",), "")
    monkeypatch.setattr(gate, "run", lambda *_: gate.Verdict((result,)))
    return build_world(tmp_path)


def _publish(world, days: int = 0) -> release.Outcome:
    return release.publish(world, NOW + timedelta(days=days), log=lambda _: None)


def _change(world) -> None:
    with duckdb.connect(str(world.warehouse_db)) as con:
        con.execute("update publish.linkage_rates set linked_count = linked_count + 1")


def _linked(world) -> int:
    with reader.connect(reader.release_folder(world)) as con:
        return con.execute("select sum(linked_count) from linkage_rates").fetchone()[0]


def _bytes(folder) -> dict[str, str]:
    return {p.name: sha256(p) for p in sorted(folder.resolve().iterdir())}


@pytest.mark.parametrize(
    "step",
    [
        "write_tables",
        "gate.run",
        "build_manifest",
        "_write_json",
        "publish_folder",
        "point_current_to",
        "os.rename",
        "os.replace",
    ],
)
def test_a_crash_at_any_step_leaves_the_current_release_readable(world, monkeypatch, step):
    first = _publish(world)
    before, linked = _bytes(world.published_dir / "current"), _linked(world)
    _change(world)

    def crash(*_args, **_kwargs):
        raise KeyboardInterrupt(step)

    target = {"gate.run": (gate, "run"), "os.rename": (release.os, "rename"), "os.replace": (release.os, "replace")}
    with monkeypatch.context() as patch:
        patch.setattr(*target.get(step, (release, step)), crash)
        patch.setattr(release.shutil, "rmtree", lambda *_, **__: None)  # a killed process does not tidy up
        with pytest.raises(KeyboardInterrupt):
            _publish(world, 1)
    assert reader.release_folder(world).name == first.release_id
    assert _bytes(world.published_dir / "current") == before and _linked(world) == linked
    after = _publish(world, 2)
    assert after.is_published and not after.is_unchanged and _linked(world) == linked + 2
    assert not [p.name for p in world.published_dir.iterdir() if p.name.startswith(".")]


def test_a_reader_sees_the_old_release_then_the_new_one_and_nothing_between(world):
    _publish(world)
    seen, errors, is_done = [], [], threading.Event()

    def read() -> None:
        while not is_done.is_set():
            try:
                seen.append(_linked(world))
            except Exception as error:
                errors.append(error)

    reading = threading.Thread(target=read)
    old = _linked(world)
    reading.start()
    for day in range(1, 4):
        _change(world)
        _publish(world, day)
    is_done.set()
    reading.join()
    assert not errors and seen == sorted(seen)
    assert set(seen) <= {old, old + 2, old + 4, old + 6} and _linked(world) == old + 6
