"""Every release rule catches the damage that it is there for, and the gate never passes by accident."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest
import yaml
from small_release import KEY, build_world, copy_tables

from dagster_project import gate
from dagster_project.gate_engine import GateEngine
from dagster_project.suites import GateError, load_suites, read_suite

I, W, P = "release.main.indicators", "warehouse.indicators.indicators", "previous.main.indicators"
C, E, L = "release.main.published_comparison", "release.main.evidence_mix", "release.main.linkage_rates"
A, D = "release.main.employment_agreement", "release.main.indicator_definitions"
NATION_YEAR = "geography_type = 'nation' and period_type = 'financial_year' and indicator_id = 'NI143'"
ONE = "geography_code = 'A3' and period_type = 'month' and period_start = '2009-05-01' and indicator_id = 'NI143'"
QUARTER = "geography_code = 'A3' and period_type = 'quarter' and period_start = '2009-04-01' and indicator_id = 'NI143'"

# rule id → one statement that damages a clean release
DAMAGES = {
    "indicators_has_rows": f"delete from {I}",
    "indicators_key_is_unique": f"insert into {I} select * from {I} where {ONE}",
    "indicators_keys_are_filled": f"update {I} set geography_name = null where {ONE}",
    "indicators_cover_the_index": f"delete from {I} where {ONE}",
    "indicators_hold_only_the_index": f"insert into {I} select * replace ('XX' as geography_code) from {I} where {ONE}",
    "indicators_hold_every_definition": f"delete from {I} where indicator_id = 'NI145'",
    "indicators_agree_with_their_definition": f"update {I} set is_assumption = true where {ONE}",
    "indicators_status_is_known": f"update {I} set status = 'fine' where {ONE}",
    "indicators_geography_type_is_known": f"update {I} set geography_type = 'county' where {ONE}",
    "indicators_period_type_is_known": f"update {I} set period_type = 'week' where {ONE}",
    "indicators_statuses_have_reasons": f"update {I} set status_reason = ' ' where status = 'suppressed'",
    "indicators_available_figures_are_there": f"update {I} set numerator = null where {ONE}",
    "indicators_unavailable_rows_show_no_rate": f"update {I} set rate_pct = 50 where status = 'not_available'",
    "indicators_percentages_are_within_0_and_100": f"update {I} set upper_bound_pct = 100.1 where {ONE}",
    "indicators_counts_are_not_negative": f"update {I} set out_of_scope_count = -1 where {ONE}",
    "indicators_numerator_is_within_denominator": f"update {I} set numerator = denominator + 1 where {ONE}",
    "indicators_counts_add_to_denominator": f"update {I} set no_count = no_count + 1 where {ONE}",
    "indicators_rate_follows_from_counts": f"update {I} set rate_pct = rate_pct + 0.01 where {ONE}",
    "indicators_bounds_contain_the_rate": f"update {I} set lower_bound_pct = rate_pct + 1 where {ONE}",
    "indicators_interval_contains_the_rate": f"update {I} set interval_high_pct = rate_pct - 1 where {ONE}",
    "indicators_target_verdict_follows": f"update {I} set is_target_met = not is_target_met where {ONE}",
    "indicators_are_the_computed_figures": f"update {I} set out_of_scope_count = out_of_scope_count + 1 where {ONE}",
    "indicators_show_no_small_count": f"update {I} set unknown_count = 4 where {ONE}",
    "indicators_suppressed_rows_show_nothing": f"update {I} set interval_low_pct = 1 where status = 'suppressed'",
    "indicators_suppressed_fields_are_empty": f"update {I} set suppressed_fields = 'out_of_scope_count' where {ONE}",
    "indicators_hidden_counts_do_not_follow_from_their_row": f"update {I} set no_count = 30 where status = 'available' "
    "and suppressed_fields is not null",
    "indicators_hidden_areas_do_not_follow_from_their_parent": f"update {I} set status = 'suppressed', numerator = null, no_count = null, "
    f"denominator = null, unknown_count = null, out_of_scope_count = null where {ONE}",
    # a hidden total whose parts are all shown is no secret either
    "indicators_hidden_periods_do_not_follow_from_their_parent": f"update {I} set status = 'suppressed', numerator = null, no_count = null, "
    f"denominator = null, unknown_count = null, out_of_scope_count = null where {QUARTER}",
    "views_of_one_indicator_differ_by_few": f"insert into {I} select * replace ('sustainable' as view_id, numerator - 3 as numerator) from {I} where {ONE}",
    "release_has_no_identifiers": f"alter table {L} add column home_postcode varchar",
    "national_volume_changed_much": f"update {P} set denominator = denominator * 1.2 where {NATION_YEAR}",
    "national_volume_changed_a_little": f"update {P} set denominator = denominator * 1.03 where {NATION_YEAR}",
    "small_changes_since_last_release": f"update {P} set numerator = numerator + 2 where {ONE}",
    "national_unknown_share_is_too_high": f"update {I} set unknown_count = numerator where {NATION_YEAR}",
    "national_unknown_share_is_high": f"update {I} set unknown_count = (numerator + no_count) / 4 where {NATION_YEAR}",
    "area_unknown_share_is_high": f"update {I} set unknown_count = numerator + no_count where geography_code = 'A3' and period_type = 'financial_year'",
    "warehouse_indicators_has_rows": f"delete from {W}",
    "warehouse_indicators_key_is_unique": f"insert into {W} select * from {W} where {ONE}",
    "warehouse_rows_are_all_published": f"insert into {W} select * replace ('XX' as geography_code) from {W} where {ONE}",
    "warehouse_counts_add_to_denominator": f"update {W} set no_count = no_count + 1 where {ONE}",
    "areas_add_up_to_regions": f"update {W} set unknown_count = unknown_count + 1 where {ONE}",
    "regions_add_up_to_countries": f"update {W} set denominator = denominator + 1 where {ONE.replace('A3', 'R2')}",
    "countries_add_up_to_the_nation": f"update {W} set numerator = numerator + 1 where {NATION_YEAR}",
    "months_add_up_to_quarters": f"update {W} set no_count = no_count + 1 where {ONE}",
    "months_and_quarters_add_up_to_years": f"update {W} set out_of_scope_count = out_of_scope_count + 1 where {NATION_YEAR}",
    "months_add_up_to_windows": f"update {W} set numerator = numerator - 1 where geography_code = 'A3' and period_type = 'published_window'",
    "definitions_has_rows": f"delete from {D}",
    "definitions_key_is_unique": f"insert into {D} select * from {D} where indicator_id = 'NI143'",
    "definitions_are_the_seed": f"update {D} set definition = 'Other words.' where indicator_id = 'NI143'",
    "definitions_are_complete": f"update {D} set source = '' where indicator_id = 'NI143'",
    "definitions_basis_is_known": f"update {D} set basis = 'guessed' where indicator_id = 'NI143'",
    "definitions_of_one_measure_do_not_overlap": f"insert into {D} select * replace (2 as definition_version) from {D} where indicator_id = 'NI143'",
    "comparison_has_rows": f"delete from {C}",
    "comparison_key_is_unique": f"insert into {C} select * from {C}",
    "comparison_covers_every_printed_figure": f"delete from {C} where geography_code = 'A1'",
    "comparison_quotes_print_correctly": f"update {C} set published_numerator = published_numerator + 1 where geography_code = 'A1'",
    "comparison_agrees_with_the_indicators": f"update {C} set numerator = numerator + 1 where geography_code = 'A1'",
    "comparison_verdict_follows": f"update {C} set published_pct = published_pct + 2 where geography_code = 'A1'",
    "comparison_figures_are_reproduced": f"update {C} set is_reproduced = false where geography_code = 'A1'",
    "evidence_has_rows": f"delete from {E}",
    "evidence_key_is_unique": f"insert into {E} select * from {E}",
    "evidence_agency_is_filled": f"update {E} set agency = null where {ONE}",
    "evidence_shares_are_within_0_and_100": f"update {E} set share_pct = 105 where {ONE}",
    "evidence_shares_are_rounded": f"update {E} set share_pct = 83 where {ONE}",
    "evidence_belongs_to_a_visible_figure": f"insert into {E} select {KEY}, definition_version, 'probation', 50 from {I} where status = 'suppressed'",
    "linkage_has_rows": f"delete from {L}",
    "linkage_agency_is_unique": f"insert into {L} select * from {L}",
    "linkage_covers_prisons_and_dwp": f"delete from {L} where agency = 'dwp'",
    "linkage_counts_and_rate_agree": f"update {L} set linkage_rate_pct = 81 where agency = 'prisons'",
    "linkage_shows_no_small_count": f"update {L} set linked_count = 3 where agency = 'prisons'",
    "linkage_is_too_low": f"update {L} set linkage_rate_pct = 10 where agency = 'prisons'",
    "linkage_is_low": f"update {L} set linkage_rate_pct = 40 where agency = 'dwp'",
    "agreement_has_rows": f"delete from {A}",
    "agreement_key_is_unique": f"insert into {A} select * from {A}",
    "agreement_status_is_known": f"update {A} set status = 'fine' where event_count = 90",
    "agreement_answers_are_known": f"update {A} set record_status = 'maybe' where event_count = 90",
    "agreement_counts_are_not_negative": f"update {A} set event_count = -1 where event_count = 90",
    "agreement_shows_no_small_count": f"update {A} set event_count = 1 where event_count = 90",
    "agreement_suppressed_rows_show_nothing": f"update {A} set event_count = 50 where status = 'suppressed'",
    "agreement_does_not_follow_from_the_indicator": f"update {A} set event_count = 60, status = 'available' where record_status = 'unknown'",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build_world(tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def files(world) -> dict[str, Path]:
    """A clean candidate, the same as previous release, and the warehouse."""
    candidate, previous = world.home / "candidate.duckdb", world.home / "previous.duckdb"
    copy_tables(world.warehouse_db, candidate)
    shutil.copy(candidate, previous)
    return {"release": candidate, "warehouse": world.warehouse_db, "previous": previous}


@pytest.fixture(scope="module")
def engine(world, files, tmp_path_factory):
    """One open engine on copies that may be damaged, and clean copies to mend them from."""
    folder = tmp_path_factory.mktemp("damaged")
    copies = {c + n: Path(shutil.copy(p, folder / f"{c}{n}.duckdb")) for n, p in files.items() for c in ("", "clean_")}
    with GateEngine(world, copies, read_only=False) as engine:
        suites = load_suites(world.suites_dir)
        gate.open_suites(engine, suites)
        for suite in suites:
            assert all(r.outcome == "passed" for r in gate.judge(engine, suite))
        yield engine


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
def test_damage_is_caught_by_its_rule(engine, world, rule_id):
    suite = next(s for s in load_suites(world.suites_dir) if rule_id in {r.id for r in s.rules})
    table = re.search(r"(release|warehouse|previous)\.[\w.]+", DAMAGES[rule_id]).group()
    engine.execute(DAMAGES[rule_id])
    try:
        (result,) = gate.judge(engine, suite, {rule_id})
    finally:
        if DAMAGES[rule_id].startswith("alter"):
            engine.execute(DAMAGES[rule_id].removesuffix(" varchar").replace(" add ", " drop "))
        engine.execute(f"delete from {table}")
        engine.execute(f"insert into {table} select * from clean_{table}")
    assert result.outcome == ("failed" if result.severity == "block" else "warned")
    assert result.numerator > result.limit_count
    assert result.numerator <= result.denominator or result.denominator == 0


def test_a_clean_release_passes_every_rule_and_leaves_its_files_free(world, files):
    verdict = _run(world, files)
    assert verdict.is_passed and verdict.counts["failed"] == verdict.counts["warned"] == verdict.counts["not_applicable"] == 0
    assert len(verdict.results) == len(DAMAGES)
    with duckdb.connect(str(files["release"])) as con:  # would fail if the gate still held it
        con.execute("checkpoint")


def test_without_a_previous_release_its_rules_do_not_apply_and_say_so(world, files):
    verdict = _run(world, files, previous=False)
    skipped = [r for r in verdict.results if r.outcome == "not_applicable"]
    needs = {rule.id for suite in load_suites(world.suites_dir) for rule in suite.rules if rule.needs}
    assert {r.rule_id for r in skipped} == needs and all("no previous" in r.note for r in skipped)
    assert verdict.is_passed


def test_an_empty_table_never_passes(world, files, tmp_path):
    for table in ("indicators", "linkage_rates"):
        damaged = Path(shutil.copy(files["release"], tmp_path / f"{table}.duckdb"))
        with duckdb.connect(str(damaged)) as con:
            con.execute(f"delete from {table}")
        verdict = _run(world, {**files, "release": damaged})
        assert not verdict.is_passed
        assert {r.outcome for r in verdict.results if r.table == table} == {"failed", "not_applicable"}


def test_a_misspelt_expectation_is_an_error(suite_file, files):
    settings = suite_file("linkage_rates", lambda s: s["rules"][1].update(type="expect_colum_values_to_be_unique"))
    with pytest.raises(GateError, match="linkage_agency_is_unique.*expect_colum_values_to_be_unique"):
        _run(settings, files)


def test_a_misspelt_argument_or_column_is_an_error(suite_file, files):
    settings = suite_file("linkage_rates", lambda s: s["rules"][1].update(kwargs={"colunm": "agency"}))
    with pytest.raises(GateError, match="linkage_rates.yml"):
        _run(settings, files)


def test_a_rule_about_a_column_that_is_not_there_is_an_error(suite_file, files):
    settings = suite_file("linkage_rates", lambda s: s["rules"][1].update(kwargs={"column": "agncy"}))
    with pytest.raises(GateError, match="linkage_agency_is_unique.*could not be evaluated"):
        _run(settings, files)


def test_a_rule_written_twice_is_an_error(suite_file, files):
    settings = suite_file("linkage_rates", lambda s: s["rules"].append(s["rules"][1]))
    with pytest.raises(GateError, match="written twice: linkage_agency_is_unique"):
        _run(settings, files)


def test_a_suite_that_an_empty_table_would_pass_is_an_error(suite_file, files):
    settings = suite_file("linkage_rates", lambda s: s["rules"].pop(0))
    with pytest.raises(GateError, match="no blocking expect_table_row_count"):
        _run(settings, files)


def test_an_unknown_key_or_severity_is_an_error(tmp_path):
    path = tmp_path / "x.yml"
    path.write_text("table: x\ndatabase: release\nrules:\n- {id: a, type: t, severity: blok, endangers: all, says: s, remedy: r}\n")
    with pytest.raises(GateError, match="severity is 'blok'"):
        read_suite(path)
    path.write_text("table: x\ndatabase: release\nrules:\n- {id: a, type: t, severity: block, endangers: all, says: s, remdy: r}\n")
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


def test_both_limits_must_be_exceeded_and_warnings_do_not_block(suite_file, files, tmp_path):
    damaged = Path(shutil.copy(files["release"], tmp_path / "d.duckdb"))
    with duckdb.connect(str(damaged)) as con:
        con.execute("update published_comparison set is_reproduced = false where geography_code = 'A1'")  # 1 of 4
    outcomes = []
    for limit in ({"percent": 30}, {"count": 1}, {"percent": 20, "count": 0}):
        settings = suite_file("published_comparison", lambda s, limit=limit: s["rules"][-1].update(limit=limit))
        verdict = _run(settings, {**files, "release": damaged})
        outcomes.append(next(r.outcome for r in verdict.results if r.rule_id == "comparison_figures_are_reproduced"))
        assert verdict.is_passed
        shutil.rmtree(settings.project_dir)
    assert outcomes == ["passed", "passed", "warned"]


def test_a_verdict_holds_counts_and_never_a_row(world, files, tmp_path):
    damaged = Path(shutil.copy(files["release"], tmp_path / "d.duckdb"))
    with duckdb.connect(str(damaged)) as con:
        con.execute("update indicators set geography_name = 'SECRETSHIRE', status = 'SECRETSTATUS' where geography_code = 'A3'")
    text = json.dumps(_run(world, {**files, "release": damaged}).to_dict())
    assert "SECRET" not in text
