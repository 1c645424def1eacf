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
        select p, 'hmrc', ref('P', id, 15486013) || 'W' from p45 where u(id, 'p45 withdrawn') < v('withdrawn_share')
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
        select p.p as true_person, p.is_offender, p.is_leaver, p.area_code, c.first_name, c.last_name, c.new_last_name, c.dob,
            c.sex, c.ni_number, c.noms_number, c.pnc_id, p.twin_of, p.ni_shared_with, p.crns
        from person as p join identity_card as c using (p)
    """,
    "release_effects": """
        select s.p as true_person, s.k as stay_n, c.noms_number, s.release_day, s.band, s.is_short, s.prior_n_raw, s.age,
            s.had_benefit, s.work_propensity, s.risk, s.effect, s.works, s.would_reoffend_without_work,
            s.would_reoffend_with_work, s.reoffends, s.reoffence_day
        from stay as s join identity_card as c using (p)
        where s.is_released
    """,
    "window": """
        select ref('R', o.o, 15485867) as order_id, p.area_code, o.term_day,
            case when o.n = 1 then p.status_one else p.status_two end as status
        from supervision as o join person as p using (p)
        where o.kind = 'window'
    """,
    "late_news": """
        select 'probation' as agency, extract, record_id as record_key,
            case when is_late then 'late' when is_corrected then 'corrected' else 'withdrawn' end as news
        from record_to_send where is_late or is_corrected
        union all
        select distinct 'probation', extract, record_id, 'withdrawn' from record_delivered where is_deleted
        union all
        select 'hmrc', 'employment_spells', ref('P', id, 15486013),
            case when start_day > v('first_day') or u(id, 'p45 late') < v('late_share') then 'late' else 'corrected' end
        from p45
        where start_day > v('first_day') or u(id, 'p45 late') < v('late_share')
            or (end_day > start_day + 20 and u(id, 'p45 corrected') < v('corrected_share'))
        union all
        select 'police', 'offences', ref('N', id, 15486041),
            case when disposal_day > v('first_day') or u(id, 'offence late') < v('late_share') then 'late' else 'corrected' end
        from offence
        where disposal_day > v('first_day') or u(id, 'offence late') < v('late_share')
            or (u(id, 'offence corrected') < v('corrected_share') and offence_group <> 'OTHER')
    """,
}


def put_by(con: duckdb.DuckDBPyConnection, work: Path, parts: dict[str, str] = PARTS) -> None:
    """Keep the batch's part of the truth in the folder of the run."""
    batch = con.execute("select getvariable('batch')").fetchone()[0]
    for name, select in parts.items():
        con.execute(f"copy ({select}) to '{work / f'truth-{name}-{batch}.parquet'}' (format parquet)")


def write(con: duckdb.DuckDBPyConnection, work: Path, truth_dir: Path) -> None:
    """Join the parts to one Parquet file per table, sorted, and add the parameters."""
    truth_dir.mkdir(parents=True, exist_ok=True)
    for name in [*PARTS, "defects"]:
        parts = work / f"truth-{name}-*.parquet"
        con.execute(f"copy (select * from read_parquet('{parts}') order by all) to '{truth_dir / name}.parquet' (format parquet)")
    con.execute("create or replace temp table effects (name varchar, value double, source varchar)")
    con.executemany("insert into effects values (?, ?, ?)", [(name, *given) for name, given in PARAMETERS.items()])
    con.execute(f"copy (select * from effects order by all) to '{truth_dir / 'effects.parquet'}' (format parquet)")
