"""A model trained anew stands beside the stored one, with a comparison; the stored one changes only when people copy it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib.metadata import version

import duckdb
import pytest

from dagster_project.linkage import model, retrain
from dagster_project.settings import load_settings


@pytest.fixture(scope="module")
def trained(hand_world):
    """The small world has too few pairs to learn much from: levels that it does not hold are given the least m."""
    said = []
    before = (hand_world.settings.seeds_dir / model.FILE).read_bytes()
    folder = retrain.retrain(hand_world.settings, date(2013, 7, 15), said.append)
    assert (hand_world.settings.seeds_dir / model.FILE).read_bytes() == before
    return folder, said


def test_the_new_model_can_be_used_and_says_what_it_was_trained_on(trained):
    new = model.load(trained[0])
    told = new.provenance["trained_on"]
    assert told.startswith("all ") and "; probation people, 1 deliveries to 2013-06-30" in told and "orders" not in told
    assert new.provenance["trained_at"] == "2013-07-15" and new.provenance["splink"] == version("splink")
    assert new.provenance["plan"] == model.load(load_settings().seeds_dir).provenance["plan"]


def test_what_is_chosen_and_not_learnt_stays(trained):
    old, new = (chosen.settings["comparisons"] for chosen in (model.load(load_settings().seeds_dir), model.load(trained[0])))
    fixed = [
        (one[which], other[which])
        for was, now in zip(old, new, strict=True)
        for one, other in zip(was["comparison_levels"], now["comparison_levels"], strict=True)
        for which in ("m_probability", "u_probability")
        if one.get(f"fix_{which}")
    ]
    assert fixed and all(one == other for one, other in fixed)
    assert old != new, "nothing was learnt"


def test_the_comparison_shows_weights_and_who_would_be_joined_by_either(trained):
    text = (trained[0] / retrain.COMPARISON).read_text(encoding="utf-8")
    assert "| family name | the same |" in text and "| medium |" in text and "To adopt" in text


def test_values_that_few_have_are_not_listed(trained):
    new = model.load(trained[0])
    assert all(set(shares) == {model.ANY_OTHER} for shares in new.frequencies.values()), "fifty records of one name"


def test_nothing_can_be_trained_before_anything_is_built(tmp_path):
    with pytest.raises(model.ModelUnsound, match="outcomes run"):
        retrain.retrain(replace(load_settings(), home=tmp_path), date(2013, 7, 15), print)


def test_nothing_can_be_trained_on_nobody(tmp_path):
    settings = replace(load_settings(), home=tmp_path)
    settings.restricted_db.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.restricted_db)) as con:
        con.execute("create schema identity; create table identity.int_people_references (reference_id bigint, person_ref text)")
        con.execute("create table identity.int_people_clusters_split (reference_id bigint, cluster_id bigint, agencies bigint)")
    with pytest.raises(model.ModelUnsound, match="holds nobody"):
        retrain.retrain(settings, date(2013, 7, 15), print)
