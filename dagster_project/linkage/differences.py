"""What would be counted otherwise if people were joined otherwise: at other levels, or in draws that decide doubts anew."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from . import resample, variants

ROOM = "linkage_room"  # a database in memory: references of people are in it, and it ends with the call
# an agency that gives a person one reference does not speak of one person twice
SPOKEN = """
create table {room}.spoken as
select cluster_id, cast(bit_or(1::bigint << bits.nth) as bigint) as agencies
from ({int_people}) as people
inner join (select agency, row_number() over (order by agency) as nth from (select unnest(?) as agency)) as bits using (agency)
where cluster_id in (select cluster_a from ({int_people_joins}) union all select cluster_b from ({int_people_joins}))
group by cluster_id
"""
APART = """
create table {room}.apart as
select distinct least(a.cluster_id, b.cluster_id) as cluster_a, greatest(a.cluster_id, b.cluster_id) as cluster_b
from ({int_people_overrides}) as decisions
inner join ({int_people}) as a on decisions.reference_a = a.reference_id
inner join ({int_people}) as b on decisions.reference_b = b.reference_id
where decisions.decision = 'must_not_link'
"""
# most joins share no cluster with another
JOINS = """
create table {room}.joins as
with ends as (
    select unnest([cluster_a, cluster_b]) as cluster_id from ({int_people_joins})
),
several as (
    select cluster_id from ends group by cluster_id having count(*) > 1
)
select cluster_a, cluster_b, cast(probability as double) as probability, levels.rank,
    cluster_a not in (from several) and cluster_b not in (from several) as is_alone
from ({int_people_joins}) as joins left join ({linkage_levels}) as levels on joins.level_id = levels.level_id
    and joins.verdict = 'joined'
"""
ALONE = """
select joins.cluster_a, joins.cluster_b, joins.probability, coalesce(joins.rank, 0) as rank,
    coalesce((a.agencies & b.agencies) <> 0, false) or apart.cluster_a is not null as is_apart
from {room}.joins as joins
left join {room}.spoken as a on joins.cluster_a = a.cluster_id
left join {room}.spoken as b on joins.cluster_b = b.cluster_id
left join {room}.apart as apart on least(joins.cluster_a, joins.cluster_b) = apart.cluster_a
    and greatest(joins.cluster_a, joins.cluster_b) = apart.cluster_b
where joins.is_alone and joins.probability < {sure}
"""
TOGETHER = "select cluster_a, cluster_b, probability, rank from {room}.joins where not is_alone"
SPOKEN_TOGETHER = """
select spoken.* from {room}.spoken as spoken
where cluster_id in (select unnest([cluster_a, cluster_b]) from {room}.joins where not is_alone)
"""
PEOPLE = """
create table {room}.int_people as
select people.* replace (members.person as person_id)
from ({int_people}) as people inner join {room}.members as members on people.cluster_id = members.cluster_id
"""
EVENTS = """
select '{population}' as population, person_id, event_date, area_code, order_group, is_in_scope, outcome[:-8] as outcome, status
from (unpivot (select person_id, event_date, area_code, order_group, is_in_scope, columns('.*_status$') from {room}."{mart}")
    on columns('.*_status$') into name outcome value status)
"""
# what each change comes to, and only then every level and draw in which it holds
COUNTED = """
with counted as (
    select events.person_id, events.population, events.outcome,
        cast(date_trunc('month', events.event_date) as date) as month_start,
        coalesce(areas.area_code, '{no_area}') as area_code, events.order_group,
        case when events.is_in_scope then events.status else 'out_of_scope' end as status, count(*) as event_count
    from ({events}) as events
    left join ({areas}) as areas on events.area_code = areas.area_code
        and events.event_date >= areas.valid_from and (areas.valid_to is null or events.event_date < areas.valid_to)
    group by all
),
changed as (
    select changes.change, counted.* exclude (person_id, event_count), sum(changes.sign * counted.event_count) as event_count
    from {room}.changes as changes inner join counted on changes.person = counted.person_id
    group by all having sum(changes.sign * counted.event_count) <> 0
)
select levels.level_id, nullif(holds.draw, 0) as draw, changed.population, changed.outcome, changed.month_start,
    changed.area_code, changed.order_group, changed.status, cast(sum(changed.event_count) as bigint) as event_count
from {room}.holds as holds
inner join changed on holds.change = changed.change
left join ({linkage_levels}) as levels on holds.rank = levels.rank
group by all
having sum(changed.event_count) <> 0
order by all
"""
NO_AREA = "ZZ"
SHAPE = pa.schema(
    [("level_id", pa.string()), ("draw", pa.int64()), ("population", pa.string()), ("outcome", pa.string())]
    + [("month_start", pa.date32()), ("area_code", pa.string()), ("order_group", pa.string()), ("status", pa.string())]
    + [("event_count", pa.int64())]
)


def model(session: duckdb.DuckDBPyConnection, **relations: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """``find`` as a dbt model: relations by their names, the project where warehouse.dbt_environment says that it is."""
    with session.cursor() as con:
        tables = {name: relation.sql_query() for name, relation in relations.items()}
        found = find(con, tables, Path(os.environ["DBT_PROJECT_DIR"]))
    return session.from_arrow(found)


def find(con: duckdb.DuckDBPyConnection, tables: Mapping[str, str], folder: Path) -> pa.Table:
    """A row for each level but the default one (level_id) and each draw (draw, from 1), population, outcome, month, area, group
    and status of whose events another number is counted there: event_count more than in the figures, or fewer.

    ``tables``: a SELECT of each table that is read, by name; ``folder``: the dbt project. Leaves nothing on the connection.
    """
    models = variants.Models(folder)
    con.execute(f"attach ':memory:' as {ROOM}")
    try:
        if not _put_otherwise(con, tables, models):
            return SHAPE.empty_table()
        con.execute(PEOPLE.format(room=ROOM, **tables))
        marts = variants.build(con, ROOM, models, tables)
        events = " union all ".join(EVENTS.format(room=ROOM, population=p, mart=mart) for p, mart in marts.items())
        return con.sql(COUNTED.format(room=ROOM, events=events, no_area=NO_AREA, **tables)).to_arrow_table().cast(SHAPE)
    finally:
        con.execute(f"detach {ROOM}")


def _put_otherwise(con: duckdb.DuckDBPyConnection, tables: Mapping[str, str], models: variants.Models) -> bool:
    """Put who would be one person otherwise where SQL reads it, and leave nothing of it in Python's memory; is there anybody?"""
    for part in _otherwise(con, tables, models):
        for name, columns in vars(part).items():
            made = pa.table(columns)  # noqa: F841 (DuckDB reads it)
            con.execute(f"create table if not exists {ROOM}.{name} as from made limit 0")
            con.execute(f"insert into {ROOM}.{name} from made")
    return bool(con.execute(f"select count(*) from {ROOM}.members").fetchall()[0][0])


def _otherwise(
    con: duckdb.DuckDBPyConnection, tables: Mapping[str, str], models: variants.Models
) -> Iterator[resample.Otherwise]:
    rules = dict(con.execute(f"select rule_id, value from ({tables['linkage_rules']})").fetchall())
    levels = con.execute(f"select rank, is_default = 'Y' from ({tables['linkage_levels']})").fetchall()
    ranks, default = [rank for rank, _ in levels], next(rank for rank, is_default in levels if is_default)
    draws = int(rules["resamples"]), int(rules["resample_seed"])
    telling = [agency for agency, source in models.sources.items() if source["tells_apart"]]
    con.execute(SPOKEN.format(room=ROOM, **tables), [telling])
    con.execute(APART.format(room=ROOM, **tables))
    con.execute(JOINS.format(room=ROOM, **tables))
    alone = con.execute(ALONE.format(room=ROOM, sure=resample.SURE)).fetchnumpy()
    yield from resample.otherwise_alone(alone, ranks, default, *draws)
    joins = [resample.Join(*row) for row in con.execute(TOGETHER.format(room=ROOM)).fetchall()]
    agencies = dict(con.execute(SPOKEN_TOGETHER.format(room=ROOM)).fetchall())
    apart = con.execute(f"from {ROOM}.apart").fetchall()
    yield resample.otherwise(resample.groups(joins, agencies, ranks, *draws, apart), default)
