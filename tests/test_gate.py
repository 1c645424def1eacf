"""Every release rule catches the damage that it is there for, and the gate never passes by accident."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import time
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import pytest
import yaml
from damages import DAMAGES, KEY, ONE
from gate_world import clean_files, count_sql, damaged, open_gate, suite_of
from small_release import build_world

from dagster_project import gate, gate_engine
from dagster_project.suites import ROW_COUNT, GateError, load_suites, read_suite
from dagster_project.waivers import Waiver

INDICATORS = "release.main.indicators"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build_world(tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def files(world) -> dict[str, Path]:
    return clean_files(world)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """One open engine on a world that may be damaged."""
    with open_gate(tmp_path_factory.mktemp("damaged")) as engine:
        yield engine


@pytest.fixture(scope="module")
def suites(world):
    return load_suites(world.suites_dir)


@pytest.fixture
def suite_file(world, tmp_path):
    """Write the suites into a folder of their own with one of them changed; returns settings that use them."""

    def change(name: str, edit):
        folder = tmp_path / "project"
        shutil.copytree(world.project_dir, folder)
        path = folder / "expectations" / "releases" / f"{name}.yml"
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        edit(node)
        path.write_text(yaml.safe_dump(node, sort_keys=False), encoding="utf-8")
        return dataclasses.replace(world, project_dir=folder)

    return change


def _run(settings, files, previous: bool = True) -> gate.Verdict:
    return gate.run(files["release"], settings, files["previous"] if previous else None, files["warehouse"])


def test_every_rule_has_its_damage(world):
    written = {rule.id for suite in load_suites(world.suites_dir) for rule in suite.rules}
    assert written == set(DAMAGES)


@pytest.mark.parametrize("rule_id", list(DAMAGES))
def test_damage_is_caught_by_its_rule(engine, suites, rule_id):
    suite = suite_of(suites, rule_id)
    rule = next(r for r in suite.rules if r.id == rule_id)
    with damaged(engine, DAMAGES[rule_id]):
        (result,) = gate.judge(engine, suite, {rule_id})
        assert result.numerator == engine.count(count_sql(suite, rule))  # test_gate_proved relies on it
    assert result.outcome == ("failed" if result.severity == "block" else "warned")
    assert result.numerator > result.limit_count


def test_a_share_of_nothing_is_not_published(engine, suites):
    """Which agencies decided few events, and which none, is not to be told."""
    rule_id = "evidence_shares_are_rounded"
    with damaged(engine, "update release.main.evidence_mix set share_pct = 0 where agency = 'prisons'"):
        (result,) = gate.judge(engine, suite_of(suites, rule_id), {rule_id})
    assert result.outcome == "failed"


def test_the_mix_of_a_figure_of_few_events_is_not_published(engine, suites):
    """Of some hundred events a rounded share may give a small count away, though the unknowns are shown."""
    rule_id, key = "evidence_belongs_to_a_visible_figure", f"{KEY}, definition_version"
    with damaged(
        engine,
        f"insert into release.main.evidence_mix by name select {key}, 'probation' as agency, 50 as share_pct "
        f"from release.main.indicators where {ONE} and status = 'available' and unknown_count is not null and denominator < 200",
    ):
        (result,) = gate.judge(engine, suite_of(suites, rule_id), {rule_id})
    assert (result.outcome, result.numerator) == ("failed", 1)


def of_empty_tables(world, files) -> set[str]:
    """The rules of tables that may be empty, and are in the clean release."""
    may = [suite for suite in load_suites(world.suites_dir) if suite.may_be_empty]
    with duckdb.connect(str(files["release"]), read_only=True) as con:
        empty = [s for s in may if not con.execute(f"select count(*) from {s.table}").fetchone()[0]]
    return {rule.id for suite in empty for rule in suite.rules}


def test_a_clean_release_passes_every_rule_and_leaves_its_files_free(world, files):
    verdict = _run(world, files)
    assert verdict.is_passed and verdict.counts["failed"] == verdict.counts["warned"] == verdict.counts["waived"] == 0
    assert {r.rule_id for r in verdict.results if r.outcome == "not_applicable"} == of_empty_tables(world, files)
    assert len(verdict.results) == len(DAMAGES)
    with duckdb.connect(str(files["release"])) as con:  # would fail if the gate still held it
        con.execute("checkpoint")


def test_without_a_previous_release_its_rules_do_not_apply_and_say_so(world, files):
    verdict = _run(world, files, previous=False)
    skipped = [r for r in verdict.results if r.outcome == "not_applicable"]
    needs = {rule.id for suite in load_suites(world.suites_dir) for rule in suite.rules if rule.needs}
    assert {r.rule_id for r in skipped} == needs | of_empty_tables(world, files)
    assert all("no previous" in r.note for r in skipped if r.rule_id in needs)
    assert verdict.is_passed


def test_an_empty_table_never_passes_unless_it_may_be_empty(engine, suites):
    for suite in suites:
        with damaged(engine, f"delete from {suite.database}.{'' if '.' in suite.table else 'main.'}{suite.table}"):
            results = gate.judge(engine, suite)
        if suite.may_be_empty:
            assert {r.outcome for r in results} == {"not_applicable"}, suite.name
            continue
        assert not gate.Verdict(tuple(results)).is_passed, suite.name
        assert [r.outcome for r in results].count("failed") == 1 and "passed" not in {r.outcome for r in results}


def test_a_misspelt_expectation_is_an_error(suite_file, files):
    settings = suite_file("employment_agreement", lambda s: s["rules"][2].update(type="expect_colum_values_to_be_in_set"))
    with pytest.raises(GateError, match="agreement_status_is_known.*expect_colum_values_to_be_in_set"):
        _run(settings, files)


def test_a_misspelt_argument_or_column_is_an_error(suite_file, files):
    settings = suite_file("employment_agreement", lambda s: s["rules"][2]["kwargs"].update(colunm="status"))
    with pytest.raises(GateError, match="employment_agreement.yml.*colunm"):
        _run(settings, files)


def test_a_rule_about_a_column_that_is_not_there_is_an_error(suite_file, files):
    settings = suite_file("employment_agreement", lambda s: s["rules"][2]["kwargs"].update(column="statsu"))
    with pytest.raises(GateError, match="agreement_status_is_known.*could not be evaluated"):
        _run(settings, files)


def test_a_rule_written_twice_is_an_error(suite_file, files):
    settings = suite_file("linkage_rates", lambda s: s["rules"].append(s["rules"][1]))
    with pytest.raises(GateError, match="written twice: linkage_agency_is_unique"):
        _run(settings, files)


def test_a_suite_that_an_empty_table_would_pass_is_an_error(suite_file, files):
    settings = suite_file("linkage_rates", lambda s: s["rules"].pop(0))
    with pytest.raises(GateError, match="no blocking expect_table_row_count"):
        _run(settings, files)


def test_a_table_that_may_be_empty_needs_no_rows_and_its_rules_then_do_not_apply(suite_file, files, tmp_path):
    def edit(suite):
        suite["rules"].pop(0)
        suite["may_be_empty"] = True

    settings = suite_file("linkage_rates", edit)
    assert _run(settings, files).is_passed
    empty = Path(shutil.copy(files["release"], tmp_path / "empty.duckdb"))
    with duckdb.connect(str(empty)) as con:
        con.execute("delete from linkage_rates")
    verdict = _run(settings, {**files, "release": empty})
    assert verdict.is_passed
    assert {r.outcome for r in verdict.results if r.table == "linkage_rates"} == {"not_applicable"}


def test_a_flag_that_is_not_true_or_false_is_an_error(suite_file, files):
    for edit in (lambda s: s.update(may_be_empty="no"), lambda s: s["rules"][1].update(waivable="never")):
        settings = suite_file("linkage_rates", edit)
        with pytest.raises(GateError, match="linkage_rates.yml.*not true or false"):
            _run(settings, files)
        shutil.rmtree(settings.project_dir)


def test_rules_that_protect_people_and_rules_that_ask_for_rows_cannot_be_waived(suites):
    protective = ("small_count", "is_hidden", "contracts.identifiers", "seeds.disclosure_rules")
    for rule in (r for s in suites for r in s.rules):
        protects = any(word in str(rule.kwargs) for word in protective) or any(w in rule.id for w in ("hidden", "suppressed"))
        if protects or rule.type == ROW_COUNT:
            assert not rule.is_waivable, rule.id
    assert any(r.is_waivable for s in suites for r in s.rules)


def test_an_unknown_key_or_severity_is_an_error(tmp_path):
    path = tmp_path / "x.yml"
    path.write_text(
        "table: x\ndatabase: release\nrules:\n- {id: a, type: t, severity: blok, endangers: all, says: s, remedy: r}\n"
    )
    with pytest.raises(GateError, match="severity is 'blok'"):
        read_suite(path)
    path.write_text(
        "table: x\ndatabase: release\nrules:\n- {id: a, type: t, severity: block, endangers: all, says: s, remdy: r}\n"
    )
    with pytest.raises(GateError, match="remdy"):
        read_suite(path)


def test_a_table_without_rules_is_an_error(world, files, tmp_path):
    extra = Path(shutil.copy(files["release"], tmp_path / "extra.duckdb"))
    with duckdb.connect(str(extra)) as con:
        con.execute("create table surprise as select 1 as a")
    with pytest.raises(GateError, match="No release rules exist for: surprise"):
        _run(world, {**files, "release": extra})


def test_a_missing_table_is_an_error(world, files, tmp_path):
    less = Path(shutil.copy(files["release"], tmp_path / "less.duckdb"))
    with duckdb.connect(str(less)) as con:
        con.execute("drop table linkage_rates")
    with pytest.raises(GateError, match="linkage_rates"):
        _run(world, {**files, "release": less})


def test_both_limits_must_be_exceeded_and_warnings_do_not_block(engine, suites):
    rule_id = "comparison_figures_are_reproduced"
    suite = suite_of(suites, rule_id)
    rule = next(r for r in suite.rules if r.id == rule_id)
    outcomes = []
    with damaged(engine, DAMAGES[rule_id]):  # one of four
        for percent, count in ((30, 0), (0, 1), (20, 0)):
            changed = dataclasses.replace(rule, limit_percent=percent, limit_count=count)
            (result,) = gate.judge(engine, dataclasses.replace(suite, rules=(changed,)))
            outcomes.append(result.outcome)
            assert gate.Verdict((result,)).is_passed
    assert outcomes == ["passed", "passed", "warned"]


def test_a_verdict_holds_counts_and_never_a_row(engine, suites):
    with damaged(
        engine, f"update {INDICATORS} set geography_name = 'SECRETSHIRE', status = 'SECRET' where geography_code = 'A3'"
    ):
        verdict = gate.Verdict(tuple(gate.judge(engine, suite_of(suites, "indicators_has_rows"))))
    assert not verdict.is_passed and "SECRET" not in json.dumps(verdict.to_dict())


def test_a_rule_asks_how_many_rows_it_finds_once_and_fetches_none(engine, suites, monkeypatch):
    suite, rule = next((s, r) for s in suites for r in s.rules if r.type == gate_engine.FOUND_ROWS and r.needs is None)
    asked, executing = [], engine.source.get_execution_engine()
    ask = executing.execute_query
    monkeypatch.setattr(executing, "execute_query", lambda query: asked.append(str(query)) or ask(query))
    gate.judge(engine, suite, only={rule.id})
    opening = rule.kwargs["unexpected_rows_query"].split("{batch}")[0].strip()
    (query,) = [q for q in asked if opening in q]
    assert query.lower().startswith("select count(*)")


def test_a_helper_view_that_rules_read_twice_is_worked_out_once_but_for_a_waiver(engine, suites):
    whole = next(s for s in suites if s.name == "indicators")
    suite = dataclasses.replace(whole, views={"rates": 'select sum(denominator) as total from "indicators"'})
    twice = dataclasses.replace(suite.rules[0], kwargs={"unexpected_rows_query": "from rates"}, denominator="from rates")
    engine.open_suites([suite])
    total, waived = "select total from rates", Waiver("W1", "", None, None, None, "", "", "", date(2013, 1, 1), date(2013, 2, 1))
    change, before = f"update {INDICATORS} set denominator = 2 * denominator", engine.count(total)
    with engine.holding(suite, [twice]), damaged(engine, change):
        assert engine.count(total) == before > 0
        with engine.without(suite, [waived]):
            assert engine.count(total) == 0
        assert engine.count(total) == 2 * before
    once = dataclasses.replace(twice, denominator=None)
    for rules, is_held in (([twice], True), ([once], False), ([once, once], True)):
        with engine.holding(suite, rules), damaged(engine, change):
            assert engine.count(total) == before * (1 if is_held else 2)


def test_the_gate_does_not_start_spark(engine):
    from great_expectations.compatibility import pyspark

    assert not pyspark.pyspark and sys.modules.get(gate_engine.SPARK, "free to import") is not None


def test_the_gate_may_be_made_ready_beside_other_work_and_is_made_once(monkeypatch):
    made = []
    monkeypatch.setattr(gate_engine, "_make_datasource_class", cache(lambda: made.append(1) or time.sleep(0.05) or dict))
    gate_engine.make_ready()
    assert gate_engine._datasource_class() is dict
    assert gate_engine._datasource_class() is dict and made == [1]
