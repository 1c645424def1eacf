"""What would be counted otherwise if people were joined otherwise: at other levels, or in draws that decide doubts anew."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from . import resample, variants

ROOM = "linkage_room"  # a database in memory: references of people are in it, and it ends with the call
JOINS = """
select joins.cluster_a, joins.cluster_b, cast(joins.probability as double), levels.rank
from ({int_people_joins}) as joins left join ({linkage_levels}) as levels on joins.level_id = levels.level_id
    and joins.verdict = 'joined'
"""
# an agency that gives a person one reference does not speak of one person twice
AGENCIES = """
select cluster_id, cast(bit_or(1::bigint << bits.nth) as bigint) as agencies
from ({int_people}) as people
inner join (select agency, row_number() over (order by agency) as nth from (select unnest(?) as agency)) as bits using (agency)
where cluster_id in (select cluster_a from ({int_people_joins}) union all select cluster_b from ({int_people_joins}))
group by cluster_id
"""
APART = """
select distinct a.cluster_id, b.cluster_id
from ({int_people_overrides}) as decisions
inner join ({int_people}) as a on decisions.reference_a = a.reference_id
inner join ({int_people}) as b on decisions.reference_b = b.reference_id
where decisions.decision = 'must_not_link'
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
    otherwise = _otherwise(con, tables, models)
    _put(con, "members", otherwise.people)
    _put(con, "changes", otherwise.changes)
    _put(con, "holds", otherwise.holds)
    return bool(otherwise.people["person"])


def _otherwise(con: duckdb.DuckDBPyConnection, tables: Mapping[str, str], models: variants.Models) -> resample.Otherwise:
    rules = dict(con.execute(f"select rule_id, value from ({tables['linkage_rules']})").fetchall())
    levels = con.execute(f"select rank, is_default = 'Y' from ({tables['linkage_levels']})").fetchall()
    joins = [resample.Join(*row) for row in con.execute(JOINS.format(**tables)).fetchall()]
    telling = [agency for agency, source in models.sources.items() if source["tells_apart"]]
    agencies = dict(con.execute(AGENCIES.format(**tables), [telling]).fetchall())
    apart = con.execute(APART.format(**tables)).fetchall()
    ranks = [rank for rank, _ in levels]
    found = resample.groups(joins, agencies, ranks, int(rules["resamples"]), int(rules["resample_seed"]), apart)
    return resample.otherwise(found, next(rank for rank, is_default in levels if is_default))


def _put(con: duckdb.DuckDBPyConnection, name: str, columns: Mapping) -> None:
    made = pa.table({column: pa.array(values, pa.int64()) for column, values in columns.items()})  # noqa: F841 (DuckDB reads it)
    con.execute(f"create table {ROOM}.{name} as select * from made")
