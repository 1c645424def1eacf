"""For every release rule one planted defect that it alone notices, but for companions that are named with their reason.

The list is dbt/docs/gate-proved.md. Write it anew with OUTCOMES_WRITE_DOCS=1.
"""

from __future__ import annotations

import os

import pytest
from damages import COMPANIONS, DAMAGES, waived
from gate_world import QuickEngine, damaged, noticed, open_gate
from small_release import PROJECT

from dagster_project.suites import load_suites

PAGE = PROJECT / "dbt" / "docs" / "gate-proved.md"


@pytest.fixture(scope="module")
def suites():
    return load_suites(PROJECT / "expectations" / "releases")


@pytest.fixture(scope="module")
def caught(suites, tmp_path_factory) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """What is noticed on the clean world, and after each damage."""
    return _measure(suites, tmp_path_factory.mktemp("quick"), QuickEngine)


def _measure(suites, folder, *kind) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    with open_gate(folder, *kind) as engine:
        clean, found = noticed(engine, suites), {}
        with damaged(engine, waived()):  # no damage: a table that may be empty has its false alarms too
            clean |= noticed(engine, suites)
        for rule_id, sql in DAMAGES.items():
            with damaged(engine, sql):
                found[rule_id] = noticed(engine, suites, sql)
        assert noticed(engine, suites) == clean, "a damage was not mended"
    return clean, found


def _page(suites, caught) -> str:
    clean, found = caught
    rules = [(s, r) for s in suites for r in s.rules]
    detected = sum(r.id in found[r.id] for _, r in rules)
    alone = sum(set(found[r.id]) == {r.id} for _, r in rules)
    lines = [
        "# The gate, proved",
        "",
        "Made by `tests/test_gate_proved.py`, which holds it to what happens. Each rule of `expectations/releases` meets a "
        "defect that is planted for it in a small clean release, and every rule of every table is asked what it notices. "
        "What is planted, statement by statement, stands in `tests/damages.py`.",
        "",
        f"- Rules: {len(rules)}. Defects caught by their own rule: {detected} ({100 * detected / len(rules):.0f} %).",
        f"- Caught by that rule alone: {alone}. Of the other {len(rules) - alone} it is said who must notice too, and why.",
        f"- False alarms on the clean release: {len(clean)}.",
        "",
        "| table | rule | the defect breaks this | outcome | also noticed by |",
        "|---|---|---|---|---|",
    ]
    for suite, rule in rules:
        others = COMPANIONS.get(rule.id, {})
        by_reason: dict[str, list[str]] = {}
        for other, why in others.items():
            by_reason.setdefault(why, []).append(f"`{other}`")
        also = "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items()) or "–"
        lines.append(f"| {suite.name} | `{rule.id}` | {rule.says} | {found[rule.id].get(rule.id, 'MISSED')} | {also} |")
    return "\n".join(lines) + "\n"


def test_a_clean_release_raises_no_alarm(caught):
    assert caught[0] == {}


@pytest.mark.parametrize("rule_id", list(DAMAGES))
def test_a_defect_is_noticed_by_its_rule_and_by_no_other_that_is_not_named(caught, rule_id):
    found = caught[1][rule_id]
    assert rule_id in found, "its own rule does not notice"
    others = COMPANIONS.get(rule_id, {})
    assert set(found) - {rule_id} == set(others), "plant a finer damage, or name the companion and the reason in damages.py"
    assert all(why.strip() for why in others.values())


def test_companions_are_of_rules_that_exist():
    assert set(COMPANIONS) <= set(DAMAGES)


def test_the_page_says_what_happens(suites, caught):
    page = _page(suites, caught)
    if os.environ.get("OUTCOMES_WRITE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "OUTCOMES_WRITE_DOCS=1 pytest tests/test_gate_proved.py writes it anew"


@pytest.mark.drill
def test_great_expectations_notices_the_same_in_the_full_cross_product(suites, caught, tmp_path):
    assert _measure(suites, tmp_path) == caught
