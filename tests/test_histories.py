"""Random histories of deliveries through the real intake and the compiled SQL of staging, against an oracle without SQL.

The default run takes some of the seeds, ``make drills`` the rest: 600 histories and 138 orders of arrival in all.
"""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from history_lab import START, Lab, Staging, differences
from history_oracle import File, Row
from history_worlds import EXTRACTS, MONTHS, Writer, history, kinds_of, oracle_of

from dagster_project import intake, retention, warehouse
from dagster_project.contracts import Contracts, load_contracts
from dagster_project.settings import PROJECT_DIR, load_settings

BATCHES, DRILL_BATCHES, ORDERED, DRILL_ORDERED = 10, 90, 3, 20  # of six histories each


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project of the contracts that the histories are of, and their code lists: little, as each landing looks it through."""
    folder, agreed = tmp_path_factory.mktemp("project"), PROJECT_DIR / "expectations" / "contracts"
    contracts, lists = load_contracts(agreed, PROJECT_DIR / "seeds"), set()
    for of in EXTRACTS:
        lists |= {c.code_list.split(".")[0] for c in contracts.find(*of).columns if c.code_list}
    kept = {f"{agency}.odcs.yaml" for agency, _ in EXTRACTS} | {f"{name}.csv" for name in lists}
    for source in (*agreed.iterdir(), *(PROJECT_DIR / "seeds").rglob("*.csv")):
        if source.name in kept:
            place = folder / source.relative_to(PROJECT_DIR)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)
    return folder


@pytest.fixture(scope="module")
def contracts(project) -> Contracts:
    return load_contracts(project / "expectations" / "contracts", project / "seeds")


@pytest.fixture(scope="module")
def staging(tmp_path_factory, contracts) -> Staging:
    """Compiled once; no model is built."""
    settings = load_settings(home=tmp_path_factory.mktemp("compiled"))
    intake.open_restricted(settings, warehouse.prepare(settings)).close()
    result = warehouse.run_dbt(settings, "compile", "--select", "path:models/staging")
    assert result.success, result.exception
    return Staging(settings, contracts)


@pytest.fixture
def lab(tmp_path, project, staging) -> Lab:
    return Lab(tmp_path, project, staging)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_any_history_of_deliveries_gives_the_tables_of_the_oracle(lab, seed):
    assert not (said := lab.faults(seed)), "\n".join(said)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(BATCHES, BATCHES + DRILL_BATCHES))
def test_any_of_many_histories_gives_the_tables_of_the_oracle(lab, seed):
    assert not (said := lab.faults(seed)), "\n".join(said)


@pytest.mark.parametrize("seed", range(ORDERED))
def test_any_order_of_arrival_gives_the_tables_of_the_clean_order(lab, seed):
    assert not (said := lab.order_matters(seed)), "\n".join(said)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(ORDERED, ORDERED + DRILL_ORDERED))
def test_any_of_many_orders_of_arrival_gives_the_tables_of_the_clean_order(lab, seed):
    assert not (said := lab.order_matters(seed)), "\n".join(said)


def test_retention_takes_nothing_of_what_is_in_force_nor_of_when_it_was_first_sent(lab):
    of, went = ("prisons", "people"), 0
    for seed in range(6):
        oracle, files = oracle_of(lab.staging.contracts, *of), history(seed, lab.staging.contracts, *of)
        with lab.home() as home:
            for file in files:
                home.land(of[0], file, START)
                oracle.receive(file)
            home.con.close()
            contracts, later = home.contracts, START + timedelta(days=60)
            found = retention.find(home.settings, contracts, retention.Terms(30, 30, 2), later)
            retention.remove(home.settings, contracts, found, later)
            home.con = intake.open_restricted(home.settings, contracts)
            assert not (said := differences(home, *of, oracle)), "\n".join(said)
        went += sum(item.why.startswith("superseded") for item in found)
    assert went > 5


def test_rows_of_last_month_written_otherwise_are_still_last_months(lab):
    of = EXTRACTS[0]
    writer = Writer(random.Random(1), lab.staging.contracts, lab.staging.contracts.find(*of))
    row = Row({name: text.replace("\n", " ") for name, text in writer.sound_row().items()})
    data = "\n".join(",".join(f'"{text}"' for text in line) for line in (row.texts, row.texts.values())).encode() + b"\n"
    first, second = (File(writer.name(month, 1, False), month, 1, data, (row,)) for month in MONTHS[:2])
    assert lab.alone(0, of, [first, second]) == []  # the very bytes are refused, as they should be
    otherwise = replace(second, data=data.replace(b"\n", b"\r\n"))
    if said := lab.alone(0, of, [first, otherwise]):
        pytest.fail(said[0])


WRONG = {
    "the order of arrival": (r"order by extract_date desc, sequence desc, received_at desc", "order by received_at desc"),
    "no sequence": (r"extract_date desc, sequence desc,", "extract_date desc,"),
    "no order among files of one name": (r"sequence desc, received_at desc", "sequence desc"),
    "the first correction stays": (r"sequence desc, received_at desc", "sequence desc, received_at"),
    "blanks make another key": (r"nullif\(trim\((raw|sent)\.(\w+)\), ''\)( as key_1| = seen)", r"\1.\2\3"),
    "a correction overlooked": (r"nth < deliveries\.delivery_count", "nth < deliveries.delivery_count - 1"),
    "the withdrawn stay": (r" and coalesce\(upper\(trim\(sent\.\w+\)\), 'N'\) <> 'Y'", ""),
    "everything ever sent": (r"\(seen\.latest_nth is null or deliveries\.nth = seen\.latest_nth\)|deliveries\.nth = 1", "true"),
    "last seen": (r"min\((raw\.extract_date|first_seen_date)\)", r"max(\1)"),
    "first seen in what is in force": (r"least\(deliveries\.extract_date, .*?\) as", "deliveries.extract_date as"),
    "text as sent": (r"nullif\(trim\(sent\.first_name\), ''\)", "sent.first_name"),
}


def test_the_histories_tell_wrong_rules_from_the_right_one(lab):
    missed = set(WRONG)
    for seed in range(1, 4):
        with lab.home() as home:
            for of, files in lab.histories(seed).items():
                oracle = oracle_of(lab.staging.contracts, *of)
                for file in files:
                    home.land(of[0], file, START)
                    oracle.receive(file)
                for rule in sorted(missed):
                    sql, count = re.subn(*WRONG[rule], lab.staging.in_force[of])
                    if count and differences(home, *of, oracle, sql=sql):
                        missed.discard(rule)
    assert not missed


def test_the_histories_show_everything_that_happens_to_deliveries(contracts):
    shown = Counter()
    for seed in range(BATCHES + DRILL_BATCHES):
        for of in EXTRACTS:
            shown += kinds_of(history(seed, contracts, *of), oracle_of(contracts, *of))
    print(dict(shown))
    rare = {"old files under a new name", "sent again after its correction", "same bytes under another number", "put back"}
    assert len(shown) == 16 and all(count >= (5 if what in rare else 100) for what, count in shown.items()), shown
