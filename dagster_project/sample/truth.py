"""What was planted, for tests only: who is who, the causal effect, the defects, the window. The pipeline never reads it."""

from __future__ import annotations

from pathlib import Path

import duckdb

from .parameters import PARAMETERS

# table → select over one batch; put by before the batch's tables are replaced
PARTS = {
    "person_refs": """
        select c.p as true_person, 'probation' as agency, r.ref as person_ref
        from identity_card as c join person as p using (p), (select unnest([c.crn, c.second_crn]) as ref) as r
        where p.is_offender and r.ref is not null
        union all
        select c.p, 'prisons', c.noms_number from identity_card as c where c.p in (select p from stay)
        union all
        select c.p, 'dwp', customer_of(c.p) from identity_card as c where c.p in (select p from benefit_spell)
        union all
        select p, 'hmrc', ref('P', id, 15486013) from p45
        union all
        select c.p, 'police', c.pnc_id from identity_card as c where c.p in (select p from offence)
        union all
        select distinct p, 'housing', 'HC' || lpad(cast(scramble(p, 67867967, 31, 900000011) as varchar), 9, '0')
        from supervision where u(o, 'is placed') < 0.06
        union all
        select distinct p, 'ete', 'EC' || lpad(cast(scramble(p, 41161739, 77, 900000011) as varchar), 9, '0')
        from supervision where u(o, 'found a job') < 0.05
    """,
    "people": """
        select p.p as true_person, p.is_offender, p.is_leaver, p.area_code, c.first_name, c.last_name, c.new_last_name, c.dob, c.sex, c.ni_number,
            c.noms_number, c.pnc_id, p.twin_of, p.ni_shared_with, p.crns
        from person as p join identity_card as c using (p)
    """,
    "release_effects": """
        select s.p as true_person, s.k as stay_n, c.noms_number, s.release_day, s.band, s.is_short, s.prior_n_raw, s.age, s.had_benefit,
            s.work_propensity, s.risk, s.effect, s.works, s.would_reoffend_without_work, s.would_reoffend_with_work, s.reoffends, s.reoffence_day
        from stay as s join identity_card as c using (p)
        where s.is_released
    """,
    "window": """
        select ref('R', o.o, 15485867) as order_id, p.area_code, case when o.n = 1 then p.status_one else p.status_two end as status, o.term_day
        from supervision as o join person as p using (p)
        where o.kind = 'window'
    """,
    "late_news": """
        select 'probation' as agency, extract, record_id as record_key,
            case when is_late then 'late' when is_corrected then 'corrected' else 'withdrawn' end as news
        from record_to_send where is_late or is_corrected
        union all
        select distinct 'probation', extract, record_id, 'withdrawn' from record_delivered where is_deleted
    """,
}


def put_by(con: duckdb.DuckDBPyConnection) -> None:
    """Append the batch's part of the truth to the store."""
    for name, select in PARTS.items():
        con.execute(f"create table if not exists planted.{name} as {select} limit 0")
        con.execute(f"insert into planted.{name} {select}")


def write(con: duckdb.DuckDBPyConnection, truth_dir: Path) -> None:
    """Write the truth as Parquet files, one per table."""
    truth_dir.mkdir(parents=True, exist_ok=True)
    con.execute("create or replace temp table effects (name varchar, value double, source varchar)")
    con.executemany("insert into effects values (?, ?, ?)", [(name, value, source) for name, (value, source) in PARAMETERS.items()])
    for name, relation in {**{n: f"planted.{n}" for n in PARTS}, "defects": "planted_defect", "effects": "effects"}.items():
        con.execute(f"copy (select * from {relation} order by all) to '{truth_dir / name}.parquet' (format parquet)")
