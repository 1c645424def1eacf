"""``outcomes linkage train``: a model trained anew on what stands, beside the stored one, for people to compare and to adopt."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from math import log2
from pathlib import Path

import duckdb

from ..places import keep_to_owner
from ..register import connect
from ..settings import Settings
from ..standing import TAKEN
from . import candidates, joins, score, train, variants
from .model import Model, ModelUnsound, levels, load

FOLDER = "data/linkage/model"
COMPARISON = "comparison.md"
DELIVERIES = f"""
select agency || ' ' || extract || ', ' || count(*) || ' deliveries to ' || max(extract_date)
from restricted.intake.deliveries
where {TAKEN} and (agency, extract) in (select (unnest(?), unnest(?)))
group by agency, extract order by agency, extract
"""


def retrain(settings: Settings, today: date, say: Callable[[str], None] = print) -> Path:
    """Train on the references of the last build; the folder with the new model, its frequencies and the comparison.

    The stored model in seeds/ stays as it is until somebody copies the new one there. Raises ModelUnsound when nothing is built.
    """
    keep_to_owner()
    old = load(settings.seeds_dir)
    plan = old.provenance["plan"]
    with _records(settings, plan["most_records"]) as (con, trained_on):
        untrained = replace(old, settings=_without_learnt(old.settings))
        new = train.train(con, "sampled", untrained, plan, say)
        made = {"trained_on": trained_on, "trained_at": today.isoformat(), "splink": version("splink")}
        new = replace(new, provenance=old.provenance | made)
        say("Both models weigh the pairs of the whole stock")
        text = compare(con, old, new, levels(settings.seeds_dir))
    folder = settings.home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    train.write(folder, new)
    (folder / COMPARISON).write_text(text, encoding="utf-8")
    return folder


@contextmanager
def _records(settings: Settings, most: int) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection with ``records``, all references with their clusters, and ``sampled``, whole clusters of about so many."""
    with connect(settings) as con:
        if not settings.restricted_db.exists():
            raise ModelUnsound("Nothing is built yet, so there is nothing to train on. Run outcomes run first.")
        con.execute(f"attach '{settings.restricted_db}' as restricted (read_only)")
        built = con.execute("select 1 from duckdb_tables() where table_name = 'int_people_clusters_split'").fetchall()
        if not built:
            raise ModelUnsound("Nobody is linked yet, so there is nothing to train on. Run outcomes run first.")
        con.execute(
            "create view records as select r.*, c.cluster_id, c.agencies from restricted.identity.int_people_references as r "
            "join restricted.identity.int_people_clusters_split as c on r.reference_id = c.reference_id"
        )
        count = con.execute("select count(*) from records").fetchall()[0][0]
        if not count:
            raise ModelUnsound(
                "The last build holds nobody, so there is nothing to train on. Take files in and run outcomes run."
            )
        parts = max(1, -(-count // most))
        con.execute(f"create table sampled as select * exclude (person_ref) from records where hash(cluster_id) % {parts} = 0")
        extracts = [(agency, sends["extract"]) for agency, sends in variants.Models(settings.dbt_dir).sources.items()]
        taken = con.execute(DELIVERIES, [list(names) for names in zip(*extracts, strict=True)]).fetchall()
        share = "all" if parts == 1 else f"the clusters of one in {parts} of"
        yield con, f"{share} {count:,} references of " + "; ".join(taken_of for (taken_of,) in taken)


def _without_learnt(settings: dict) -> dict:
    """The settings as they were before training: only what is chosen has m and u."""
    settings = copy.deepcopy(settings)
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            for which in ("m", "u"):
                if not level.get(f"fix_{which}_probability"):
                    level.pop(f"{which}_probability", None)
    return settings


def compare(con: duckdb.DuckDBPyConnection, old: Model, new: Model, bounds: list[tuple[str, float]]) -> str:
    """What differs between two models over ``records``: weights of levels, and clusters joined at each level of confidence."""
    lines = ["# The linkage model, stored and newly trained", "", f"Trained on {new.provenance['trained_on']}.", ""]
    lines += ["Weights in powers of two: 1 doubles the odds that two records are of one person.", ""]
    lines += ["| what is compared | level | stored | new |", "|---|---|---:|---:|"]
    for was, now in zip(old.settings["comparisons"], new.settings["comparisons"], strict=True):
        for one, other in zip(was["comparison_levels"], now["comparison_levels"], strict=True):
            if not one.get("is_null_level"):
                lines.append(
                    f"| {was['comparison_description']} | {one['label_for_charts']} | {_weight(one)} | {_weight(other)} |"
                )
    joined = {which: _joined(con, chosen, bounds) for which, chosen in (("stored", old), ("new", new))}
    lines += [
        "",
        "| joined at the level | stored | new | by the new one alone | by the stored one alone |",
        "|---|---:|---:|---:|---:|",
    ]
    for level, least in bounds:
        was, now = ({pair for pair, p in joined[which].items() if p >= least} for which in ("stored", "new"))
        lines.append(f"| {level} | {len(was):,} | {len(now):,} | {len(now - was):,} | {len(was - now):,} |")
    lines += ["", "To adopt the new model, copy its two files to seeds/ and commit them; the night after builds everything.", ""]
    return "\n".join(lines)


def _weight(level: dict) -> str:
    return f"{log2(level['m_probability'] / level['u_probability']):.1f}"


def _joined(con: duckdb.DuckDBPyConnection, model: Model, bounds: list[tuple[str, float]]) -> dict[tuple[int, int], float]:
    weighed = score.score(con, "records", candidates.find(con, "records", model), model)
    found = joins.join(con, "records", weighed, bounds)
    rows = con.execute(f"select cluster_a, cluster_b, probability from {found} where verdict = '{joins.JOINED}'").fetchall()
    return {(a, b): p for a, b, p in rows}
