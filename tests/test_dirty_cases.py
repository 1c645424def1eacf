"""Every dirty delivery of the list ends in its verdict, in words that say where and what to do, checked or taken alike."""

from __future__ import annotations

import pytest
from dirty_cases import CASES, LEFT, PAGE, Case, Outcome, page, run

from dagster_project import intake

FOUND: dict[str, Outcome] = {}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_dirty_delivery_ends_as_it_should(case: Case, tmp_path):
    outcome = FOUND[case.name] = run(case, tmp_path)
    text = "\n".join(outcome.messages)
    assert outcome.verdict == case.verdict, text
    for words in case.says:
        assert words in text
    if case.verdict == LEFT:
        return
    said, done = outcome.said, outcome.done
    assert (said.status, said.reason) == (done.status, done.reason)
    assert outcome.checked_messages == outcome.messages
    counts = (done.read_count, done.accepted_count, done.quarantined_count)
    assert counts == (said.read_count, said.accepted_count, said.quarantined_count)
    if case.counts:
        assert counts == case.counts
    if done.status not in (intake.REFUSED, intake.REPLAY):
        assert done.accepted_count + done.quarantined_count == done.read_count
    if done.status in (intake.REFUSED, intake.WITH_QUARANTINE):
        assert all(done.file_name in m for m in done.messages)


def test_there_are_at_least_sixty_cases_with_a_name_each():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_page_of_dirty_deliveries_is_what_the_cases_give(tmp_path):
    for case in CASES:
        if case.name not in FOUND:  # run alone
            FOUND[case.name] = run(case, tmp_path / str(len(FOUND)))
    assert PAGE.read_text(encoding="utf-8") == page({c: FOUND[c.name] for c in CASES}), "run python tests/dirty_cases.py"
