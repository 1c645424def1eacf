"""Worlds that tests share. Each is built once, by the product itself, in a folder of its own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from dagster_project import intake, warehouse
from dagster_project.settings import Settings, load_settings

HERE = Path(__file__).parent


@dataclass
class World:
    """A built warehouse. ``query`` sees it without disclosure control; ``restricted`` sees the room of identifiers."""

    settings: Settings

    def _rows(self, con: duckdb.DuckDBPyConnection, sql: str) -> list[dict]:
        cursor = con.execute(sql)
        names = [d[0] for d in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def query(self, sql: str) -> list[dict]:
        """Rows of the warehouse; events carry ``event_ref``, the agency's own reference, looked up in the restricted room."""
        with duckdb.connect() as con:
            con.execute(f"attach '{self.settings.warehouse_db}' as warehouse (read_only)")
            con.execute(f"attach '{self.settings.restricted_db}' as restricted (read_only)")
            con.execute(
                "create schema marts; create schema indicators; "
                "create view indicators.indicators as from warehouse.indicators.indicators"
            )
            for mart, raw, key in (
                ("minimum_outcomes", "probation__orders", "order_id"),
                ("release_outcomes", "prisons__custody", "booking_id"),
                ("disposal_outcomes", "probation__orders", "order_id"),
            ):
                con.execute(
                    f"create view marts.{mart} as select m.*, r.{key} as event_ref from warehouse.marts.{mart} as m "
                    f"inner join restricted.raw.{raw} as r using (_delivery_id, _row_number)"
                )
            return self._rows(con, sql)

    def restricted(self, sql: str) -> list[dict]:
        """Rows of the restricted database."""
        with duckdb.connect(str(self.settings.restricted_db), read_only=True) as con:
            return self._rows(con, sql)


def build_world(home: Path, landing: Path, project_dir: Path | None = None) -> World:
    """Land every file of a folder and build the warehouse from it, as a night does, without Dagster and without release."""
    settings = load_settings(home=home, project_dir=project_dir)
    shutil.copytree(landing, settings.landing_dir)
    contracts = warehouse.prepare(settings)
    intake.land_all(settings, contracts, say=lambda _: None)
    result = warehouse.build(settings)
    assert result.success, [f"{r.node.name}: {r.message}" for r in result.result.results if r.status not in ("success", "pass")]
    return World(settings)


@pytest.fixture(scope="session")
def hand_world(tmp_path_factory) -> World:
    """The hand-computed world of tests/hand_world."""
    return build_world(tmp_path_factory.mktemp("hand_world"), HERE / "hand_world" / "landing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole job takes minutes: begun first, it runs beside everything else."""
    items.sort(key=lambda item: "test_whole_job" not in item.nodeid)
