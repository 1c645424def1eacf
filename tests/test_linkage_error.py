"""The error of linkage carried into figures: other levels and other draws count what a recount of everybody counts."""

from __future__ import annotations

import json

import duckdb
import pytest
from compiled import Compiled

from dagster_project.linkage import differences, resample, variants

# every link of the hand world as if it were doubtful: each agency's references of a person are a cluster, joined to the next
CLUSTERED = """
select people.* replace (clusters.cluster_id as cluster_id)
from ({int_people}) as people
inner join (select agency, person_id, min(reference_id) as cluster_id from ({int_people}) group by all) as clusters
    using (agency, person_id)
"""
JOINED = """
select least(cluster_id, next_id) as cluster_a, greatest(cluster_id, next_id) as cluster_b, 'joined' as verdict,
    cast(case nth % 3 when 0 then 0.993 when 1 then 0.93 else 0.6 end as double) as probability,
    case nth % 3 when 0 then 'high' when 1 then 'medium' else 'low' end as level_id
from (
    select *, row_number() over (order by cluster_id) as nth from (
        select cluster_id, lead(cluster_id) over (partition by person_id order by agency) as next_id
        from (select distinct cluster_id, person_id, agency from ({int_people})))
    where next_id is not null)
"""
COUNT = """
select population, outcome, cast(date_trunc('month', event_date) as date), coalesce(areas.area_code, 'ZZ'), order_group,
    case when is_in_scope then status else 'out_of_scope' end, count(*)
from ({events}) as events left join ({areas}) as areas on events.area_code = areas.area_code
    and event_date >= areas.valid_from and (areas.valid_to is null or event_date < areas.valid_to)
group by all
"""


@pytest.fixture(scope="module")
def standing(hand_world):
    """(connection, SELECT of each table by name, models) of the hand world."""
    settings = hand_world.settings
    manifest = json.loads((settings.data_dir / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
    tables = {
        node["name"]: f'select * from "{node["database"]}"."{node["schema"]}"."{node["alias"]}"'
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    with duckdb.connect() as con:
        con.execute(f"attach '{settings.warehouse_db}' as warehouse (read_only)")
        con.execute(f"attach '{settings.restricted_db}' as restricted (read_only)")
        yield con, tables, variants.Models(settings.dbt_dir)


@pytest.fixture(scope="module")
def doubted(standing):
    """The same, with every link of a person doubtful, and twenty draws."""
    con, tables, models = standing
    con.execute("attach ':memory:' as doubt")
    con.execute(f"create table doubt.people as {CLUSTERED.format(**tables)}")
    changed = tables | {"int_people": "select * from doubt.people"}
    con.execute(f"create table doubt.joins as {JOINED.format(**changed)}")
    rules = "select 'resamples' as rule_id, 20 as value union all select 'resample_seed', 5"
    changed |= {"int_people_joins": "select * from doubt.joins", "linkage_rules": rules}
    return con, changed, models


def recount(doubted, name: str, person_of: dict[int, int]) -> dict[tuple, int]:
    """What everybody's events come to when each cluster is part of the person given."""
    con, tables, models = doubted
    con.execute(f"attach ':memory:' as {name}")
    con.execute(f"create table {name}.chosen (cluster_id bigint, person bigint)")
    con.executemany(f"insert into {name}.chosen values (?, ?)", list(person_of.items()))
    con.execute(
        f"create table {name}.int_people as select p.* replace (person as person_id) from ({tables['int_people']}) as p "
        f"inner join {name}.chosen as c on p.cluster_id = c.cluster_id"
    )
    marts = variants.build(con, name, models, tables)
    events = " union all ".join(differences.EVENTS.format(room=name, population=p, mart=mart) for p, mart in marts.items())
    counted = {row[:-1]: row[-1] for row in con.execute(COUNT.format(events=events, **tables)).fetchall()}
    con.execute(f"detach {name}")
    return counted


def people_of(doubted, taken) -> dict[int, int]:
    """Cluster → person, when just the joins are taken that ``taken`` says."""
    con, tables, _ = doubted
    person = {c: c for (c,) in con.execute(f"select distinct cluster_id from ({tables['int_people']})").fetchall()}
    for join in con.execute("select cluster_a, cluster_b, probability from doubt.joins order by all").fetchall():
        if taken(*join):
            one, other = person[join[0]], person[join[1]]
            person = {c: one if p == other else p for c, p in person.items()}
    return person


def found(doubted, **changes) -> dict[tuple, dict[tuple, int]]:
    """(level, draw) → what is counted there more than in the figures."""
    con, tables, models = doubted
    rows = differences.find(con, tables | changes, models.folder).to_pylist()
    worlds: dict[tuple, dict[tuple, int]] = {}
    for row in rows:
        *key, count = row.values()
        worlds.setdefault(tuple(key[:2]), {})[tuple(key[2:])] = count
    return worlds


def difference(one: dict[tuple, int], other: dict[tuple, int]) -> dict[tuple, int]:
    both = {key: one.get(key, 0) - other.get(key, 0) for key in {*one, *other}}
    return {key: count for key, count in both.items() if count}


@pytest.fixture(scope="module")
def usual(doubted) -> dict[tuple, int]:
    return recount(doubted, "usual", people_of(doubted, lambda a, b, p: p >= 0.9))


@pytest.mark.parametrize(("level", "least"), [("high", 0.99), ("low", 0.5)])
def test_a_level_counts_what_a_recount_of_everybody_at_that_level_counts(doubted, usual, level, least):
    expected = difference(recount(doubted, level, people_of(doubted, lambda a, b, p: p >= least)), usual)
    assert len(expected) > 5
    assert found(doubted)[level, None] == expected


def test_a_draw_counts_what_a_recount_of_everybody_in_that_draw_counts(doubted, usual):
    worlds = found(doubted)
    for draw in (1, 20):

        def taken(a, b, p, draw=draw):
            return resample._chances([a], [b], 20, 5)[0, draw - 1] < p

        expected = difference(recount(doubted, f"draw_{draw}", people_of(doubted, taken)), usual)
        assert worlds[None, draw] == expected


# of each person all is sure but the link to one agency's reference
PLANTED = """
select least(cluster_id, centre) as cluster_a, greatest(cluster_id, centre) as cluster_b, 'joined' as verdict,
    cast(if(is_doubted, 0.93, 1) as double) as probability, if(is_doubted, 'medium', 'high') as level_id
from (
    select distinct cluster_id, last_value(cluster_id) over (
            partition by person_id order by agency rows between unbounded preceding and unbounded following) as centre,
        agency = '{{agency}}' and person_id in (select person_id from ({int_people}) where person_ref = '{{ref}}') as is_doubted
    from ({int_people}))
where cluster_id <> centre
"""
NATION = "geography_code = 'EW' and period_type = 'financial_year' and period_start = date '2009-04-01'"


@pytest.mark.parametrize(
    ("indicator", "agency", "ref", "area", "month", "without"),
    [
        ("P45_6W", "hmrc", "A0032ZZ", "11", "2009-05-01", "no"),  # the number is known, and no job under it
        ("BENEFIT_1M", "dwp", "A0032ZZ", "11", "2009-05-01", "unknown"),
        ("REOFFENDING_1Y", "police", "A0033ZZ", "57", "2009-06-01", "unknown"),
    ],
)
def test_a_doubtful_link_moves_the_figure_that_rests_on_it_and_gives_it_an_interval(
    hand_world, doubted, indicator, agency, ref, area, month, without
):
    con, tables, models = doubted
    planted = PLANTED.format(**tables).format(agency=agency, ref=ref)
    rules = "select 'resamples' as rule_id, 200 as value union all select 'resample_seed', 5"
    changes = {"int_people_joins": planted, "linkage_rules": rules}
    rows = differences.find(con, tables | changes, models.folder).to_pylist()
    seeds = {name: hand_world.query(f"from warehouse.seeds.{name}") for name in ("indicator_definitions", "indicator_needs")}
    outcome = next(d["outcome"] for d in seeds["indicator_definitions"] if d["indicator_id"] == indicator)
    at_high = {(r["area_code"], f"{r['month_start']}", r["status"]): r["event_count"] for r in rows
               if (r["level_id"], r["outcome"]) == ("high", outcome)}  # fmt: skip
    assert at_high == {(area, month, "yes"): -1, (area, month, without): 1}
    draws = {r["draw"] for r in rows if r["draw"] and r["outcome"] == outcome}
    assert 5 <= len(draws) <= 30, "of 200 draws some 14 leave the link out"

    compiled = Compiled(hand_world.settings)
    places = {name: hand_world.query(f"from warehouse.indicators.{name}") for name in ("area_memberships", "reporting_periods")}
    more = {"linkage_differences": rows, "indicator_definitions": seeds["indicator_definitions"], **places}
    compiled.run("linkage_counts", more, keep=True)
    figures = hand_world.query(f"from warehouse.indicators.indicators where indicator_id = '{indicator}' and {NATION}")
    compiled.put(("warehouse", "indicators", "indicators"), figures)
    compiled.put(("warehouse", "seeds", "indicator_needs"), seeds["indicator_needs"])
    interval_rules = [{"rule_id": "resamples", "value": 200}, {"rule_id": "resample_interval_pct", "value": 95}]
    (interval,) = compiled.run("linkage_intervals", {"linkage_rules": interval_rules})
    yes, known = figures[0]["numerator"], figures[0]["denominator"]
    low = (yes - 1) / (known - (without == "unknown"))
    assert interval["linkage_low_pct"] == pytest.approx(100 * low, abs=1e-4)
    assert interval["linkage_high_pct"] == figures[0]["rate_pct"]


def test_neither_threads_nor_the_order_of_rows_change_a_draw(doubted):
    con, tables, _ = doubted
    expected = found(doubted)
    con.execute("set threads = 1")
    mixed = {
        name: f"select * from ({tables[name]}) order by hash({column})"
        for name, column in (
            ("int_people", "person_ref"),
            ("int_people_joins", "cluster_b"),
            ("int_order_records", "record_id"),
        )
    }
    assert found(doubted, **mixed) == expected
    con.execute("reset threads")


def test_the_models_rendered_here_give_what_dbt_built(standing):
    con, tables, models = standing
    con.execute("attach ':memory:' as again")
    con.execute(f"create table again.int_people as {tables['int_people']}")
    for mart in variants.build(con, "again", models, tables).values():
        left_out = f"select * exclude (event_id) from ({tables[mart]}) where person_id is not null"
        ours = f'select * exclude (event_id) from again."{mart}"'
        assert con.execute(f"select count(*) from ({ours})").fetchall()[0][0] > 5
        assert con.execute(f"(({ours}) except all ({left_out})) union all (({left_out}) except all ({ours}))").fetchall() == []
    con.execute("detach again")


def test_records_given_other_people_are_those_that_the_models_would_make_of_what_was_sent(standing):
    con, tables, models = standing
    con.execute("attach ':memory:' as given; attach ':memory:' as sent")
    # everybody would be another, and whoever has an even number two people at once
    con.execute(
        f"create table sent.int_people as select * replace (person_id + 1 as person_id) from ({tables['int_people']}) "
        f"union all select * replace (person_id + 2 as person_id) from ({tables['int_people']}) where person_id % 2 = 0"
    )
    con.execute("create table given.int_people as from sent.int_people")
    variants.build(con, "given", models, tables)
    for name in models.records:
        for read in set(models.chain[name]) - {"int_people"}:
            con.execute(f'create or replace view sent."{read}" as {tables[read]}')
        sent = f"select * from ({models.sql(name, 'sent')}) where person_id is not null"
        given = f'select * from given."{name}"'
        assert con.execute(f"select count(*) from ({given})").fetchall()[0][0] > 2, name
        assert con.execute(f"(({given}) except all ({sent})) union all (({sent}) except all ({given}))").fetchall() == [], name
    con.execute("detach given; detach sent")


def test_a_table_that_the_outcomes_come_to_need_is_asked_for(standing):
    con, tables, models = standing
    con.execute("attach ':memory:' as lacking")
    few = {name: sql for name, sql in tables.items() if name != "settled"}
    con.execute(f"create table lacking.int_people as {tables['int_people']}")
    with pytest.raises(variants.MissingInput, match="rest on settled: let int_linkage_differences read it"):
        variants.build(con, "lacking", models, few)
    con.execute("detach lacking")


def test_the_model_of_the_differences_reads_whatever_the_outcomes_rest_on(standing, hand_world):
    manifest = json.loads((hand_world.settings.data_dir / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
    read = manifest["nodes"]["model.outcomes.int_linkage_differences"]["depends_on"]["nodes"]
    assert set(standing[2].inputs) <= {name.split(".")[2] for name in read}
