"""The indicator counts in pandas, as an analyst would write them: read, drop bad rows, link, look up, count.

Rules: decisions 001 and 003. Files, columns, codes and formats come from the contracts, meanings from the seeds.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from . import reads
from .apart import crowded, of_one_generation, take_apart
from .follow_ups import (
    BENEFIT_LOOKS,
    HOME_LOOKS,
    NUMBERS,
    OFFENDED_WITHIN,
    P45_LOOKS,
    PEOPLE,
    REOFFENDING_LOOKS,
    WORK_LOOKS,
    home_mapping,
)

OPEN = pd.Timestamp("2262-01-01")
TEXT = "string[pyarrow]"
NAME_KEY = ["first_name", "last_name", "date_of_birth", "postcode"]


def seed(name: str) -> pd.DataFrame:
    frame = pd.read_csv(reads.SEEDS / f"{name}.csv", dtype=TEXT, keep_default_na=False, na_values=[""])
    for column in {"valid_from", "valid_to", "first_start", "last_end"} & set(frame.columns):
        frame[column] = pd.to_datetime(frame[column])
    return frame


def read(world: reads.World, table: str) -> pd.DataFrame:
    """The rows of an extract in force: sound ones, the latest of each key, none that was withdrawn."""
    extract = next(e for e in world.contracts.extracts if e.table == table)
    files = [_sound(world, extract, delivery.path) for delivery in reversed(world.deliveries(extract))]
    rows = pd.concat(files, ignore_index=True).drop_duplicates(list(extract.key), keep="last", ignore_index=True)
    return rows[rows[extract.deleted_flag] != "Y"] if extract.deleted_flag else rows


def _sound(world: reads.World, extract, path: Path) -> pd.DataFrame:
    sent = pd.read_csv(path, sep=extract.delimiter, encoding=extract.encoding, dtype=TEXT, engine="pyarrow")
    good = pd.Series(True, index=sent.index)
    withdraws = (sent[extract.deleted_flag] == "Y").fillna(False).astype(bool) if extract.deleted_flag else ~good
    for column in extract.columns:
        text = sent[column.name]
        if column.is_required:
            good &= text.notna() | (withdraws & (not column.is_key))
        if column.type == "date":
            sent[column.name] = pd.to_datetime(text, format=column.date_format, errors="coerce")
            good &= sent[column.name].notna() | text.isna()
        elif column.type == "integer":
            sent[column.name] = pd.to_numeric(text, errors="coerce")
            good &= sent[column.name].notna() | text.isna()
        elif column.type == "boolean":
            good &= text.isin(["Y", "N"]) | text.isna()
        if column.code_list:
            good &= text.isin(list(world.contracts.codes(column.code_list))) | text.isna()
        if "pattern" in column.options:
            good &= text.str.fullmatch(column.options["pattern"]).fillna(True).astype(bool)
    for rule in extract.rules:
        wrong = re.sub(r"(\w+) is not null", r"\1.notna()", rule.fails_when)
        wrong = re.sub(r"(\w+) is null", r"\1.isna()", wrong)
        good &= withdraws | ~sent.eval(wrong, engine="python").fillna(False).astype(bool)
    return sent[good].drop_duplicates(list(extract.key), keep="first")


# people ------------------------------------------------------------------------------------------------------------------


def std_name(names: pd.Series) -> pd.Series:
    letters = names.str.strip().str.upper().str.normalize("NFKD").str.translate(str.maketrans(reads.WRITTEN_OUT))
    letters = letters.str.replace("[^A-Z]", "", regex=True)
    return letters.replace("", pd.NA)


def std_number(numbers: pd.Series) -> pd.Series:
    return numbers.str.strip().str.upper().str.replace("[^A-Z0-9]", "", regex=True).replace("", pd.NA)


def references(sent: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per agency and reference, as numbers and names are compared."""
    frames = []
    for agency, (table, ref, renamed) in PEOPLE.items():
        frame = sent[table].rename(columns=renamed).copy()
        frame["agency"], frame["ref"] = agency, frame[ref]
        for number in NUMBERS:
            frame[number] = frame[number] if number in frame else pd.NA
        frame["postcode"] = frame["postcode"] if "postcode" in frame else pd.NA
        frame = frame[["agency", "ref", *NAME_KEY, *NUMBERS]].drop_duplicates()
        frames.append(frame.astype({name: TEXT for name in ["ref", "postcode", *NUMBERS]}))
    people = pd.concat(frames, ignore_index=True)
    for name in ("first_name", "last_name"):
        people[name] = std_name(people[name])
    for number in ("postcode", *NUMBERS):
        people[number] = std_number(people[number])
    usual = people["ni_number"].str.fullmatch("[A-Z]{2}[0-9]{6}[A-D]").fillna(False).astype(bool)
    people["ni_number"] = people["ni_number"].where(usual)
    is_alone = ~people.duplicated(["agency", "ref"], keep=False)
    several = people[~is_alone].groupby(["agency", "ref"], as_index=False).min()
    return pd.concat([people[is_alone], several], ignore_index=True)


def link(people: pd.DataFrame) -> np.ndarray:
    """For each row of ``people`` the number of its person: rows joined by links, directly or through others."""
    people = people.reset_index(names="row")
    pairs = []
    for number in NUMBERS:
        some = people.loc[people[number].notna(), ["row", number, "first_name", "last_name", "date_of_birth"]]
        both = some.merge(some, on=number, suffixes=("", "_b"))
        both = both[both["row"] < both["row_b"]]
        same_birth = both["date_of_birth"] == both["date_of_birth_b"]
        same_name = both["last_name"] == both["last_name_b"]
        same_name &= both["first_name"].str[:1] == both["first_name_b"].str[:1]
        same_name &= of_one_generation(both["date_of_birth"], both["date_of_birth_b"])
        pairs.append(both[same_birth.fillna(False).astype(bool) | same_name.fillna(False).astype(bool)])
    known = people.dropna(subset=NAME_KEY)
    single = known[~known.duplicated(["agency", *NAME_KEY], keep=False)]
    pairs.append(single[["row", *NAME_KEY]].merge(single[["row", *NAME_KEY]], on=NAME_KEY, suffixes=("", "_b")))
    links = pd.concat([both[["row", "row_b"]] for both in pairs])
    links = links.to_numpy()
    ones = np.ones(len(links), dtype=bool)
    graph = coo_array((ones, (links[:, 0], links[:, 1])), shape=(len(people), len(people)))
    persons = connected_components(graph, directed=False)[1]
    return take_apart(people.iloc[crowded(people["agency"], persons)], links, persons)


# look-ups ----------------------------------------------------------------------------------------------------------------


def meaning(name: str, view: str, code_list: str) -> pd.DataFrame:
    rows = seed(f"mappings/{name}")
    rows = rows[(rows["view_id"] == view) & (rows["code_list"] == code_list)].copy()
    rows["valid_from"] = rows["valid_from"].fillna(pd.Timestamp("1900-01-01"))
    rows["valid_to"] = rows["valid_to"].fillna(OPEN)
    return rows[["code", "status", "valid_from", "valid_to"]]


def translate(codes: pd.Series, days: pd.Series, mapping: pd.DataFrame) -> pd.Series:
    """What codes meant on days; missing where nothing says so."""
    found = pd.DataFrame({"code": codes, "day": days}).reset_index(names="row").merge(mapping, on="code")
    found = found[(found["valid_from"] <= found["day"]) & (found["day"] < found["valid_to"])]
    return found.set_index("row")["status"].reindex(codes.index)


def after_last(days: pd.Series) -> pd.Series:
    """The first day no longer in a spell that an agency ended on a last day."""
    return (days + pd.Timedelta(days=1)).fillna(OPEN)


def on_day(days: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """The records of each person in force on each day."""
    both = days.merge(records, on="person")
    return both[(both["start_date"] <= both["on_date"]) & (both["on_date"] < both["end_date"])]


def looks(events: pd.DataFrame, wanted: dict[str, str], observed: pd.Timestamp) -> pd.DataFrame:
    """One row per event and outcome that is looked at some time after it (outcome → follow-up)."""
    points, frames = seed("follow_up_points").set_index("follow_up_id"), []
    for outcome, follow_up in wanted.items():
        months, days = int(points.loc[follow_up, "months"]), int(points.loc[follow_up, "days"])
        frame = events.assign(outcome=outcome, follow_up=follow_up, is_later=months + days > 0)
        frame["on_date"] = frame["event_date"] + pd.DateOffset(months=months) + pd.Timedelta(days=days)
        frames.append(frame)
    found = pd.concat(frames, ignore_index=True)
    found["is_due"] = found["on_date"] <= observed
    return found.reset_index(names="look")


# outcomes ----------------------------------------------------------------------------------------------------------------


def compute(folder: Path) -> pd.DataFrame:
    """Indicator counts, one row per indicator, geography and period with any event."""
    world = reads.World(folder)
    sent = {table: read(world, table) for table in {table for table, *_ in PEOPLE.values()}}
    spells = sent["hmrc__employment_spells"]
    spells["ref"] = pd.util.hash_pandas_object(
        pd.DataFrame(
            {
                "number": spells["ni_number"].fillna(""),
                "first": spells["first_name"].str.upper(),
                "last": spells["last_name"].str.upper(),
                "born": spells["date_of_birth"],
            }
        ),
        index=False,
    ).astype(str)
    people = references(sent)
    people["person"] = link(people)
    person = {agency: rows.set_index("ref")["person"] for agency, rows in people.groupby("agency")}

    orders, custody = read(world, "probation__orders"), read(world, "prisons__custody")
    orders["person"] = orders["crn"].map(person["probation"])
    custody["person"] = custody["noms_number"].map(person["prisons"])
    homes, jobs = read(world, "probation__accommodation"), read(world, "probation__employment")
    for records in (homes, jobs):
        records["person"] = records["crn"].map(person["probation"])
        records["end_date"] = after_last(records["end_date"])
        records["recorded_date"] = records["recorded_date"].fillna(pd.Timestamp("1900-01-01"))
    observed = min(
        day for agency, name, day in world.latest() if agency == "probation" and name in ("orders", "accommodation", "employment")
    )
    events = [terminations(orders), releases(custody), disposals(orders)]
    absent = absence(custody, orders)
    answers = home_answers(events, homes, absent, supervision(orders), pd.Timestamp(observed))
    answers += work_answers(events, jobs, absent, pd.Timestamp(observed))
    spells = spells.assign(person=spells["ref"].map(person["hmrc"]), end_date=after_last(spells["end_date"]))
    answers += p45_answers(events, spells, absent, people, pd.Timestamp(observed))
    claims, offences = read(world, "dwp__benefit_claims"), sent["police__offences"]
    claims = claims.assign(person=claims["customer_ref"].map(person["dwp"]), end_date=after_last(claims["end_date"]))
    answers += benefit_answers(events, claims, absent, people, pd.Timestamp(observed))
    offences = offences.assign(person=offences["pnc_id"].map(person["police"]))
    answers += reoffending_answers(events, offences, people, pd.Timestamp(observed))
    return count(pd.concat(answers, ignore_index=True))


def terminations(orders: pd.DataFrame) -> pd.DataFrame:
    ended = orders[orders["termination_date"].notna()]
    day = ended["termination_date"]
    scope = translate(ended["order_type_code"], day, meaning("order_scope", "official", "order_type_codes"))
    cause = translate(ended["termination_reason_code"], day, meaning("termination_scope", "official", "termination_reason_codes"))
    group = translate(ended["order_type_code"], day, meaning("order_group", "official", "order_type_codes"))
    return pd.DataFrame(
        {
            "population": "termination",
            "person": ended["person"],
            "event_date": day,
            "area_code": ended["probation_area_code"],
            "order_group": group.fillna("other"),
            "is_in_scope": ((scope == "yes") & (cause == "yes")).fillna(False).astype(bool),
        }
    )


def disposals(orders: pd.DataFrame) -> pd.DataFrame:
    day = orders["start_date"]
    scope = translate(orders["order_type_code"], day, meaning("order_scope", "official", "order_type_codes"))
    group = translate(orders["order_type_code"], day, meaning("order_group", "official", "order_type_codes"))
    found = (scope == "yes") & group.isin(["community_order", "suspended_sentence_order"])
    columns = {"start_date": "event_date", "probation_area_code": "area_code"}
    events = orders.assign(order_group=group, population="disposal", is_in_scope=True).rename(columns=columns)
    return events.loc[found.fillna(False).astype(bool), ["population", "person", *columns.values(), "order_group", "is_in_scope"]]


def releases(custody: pd.DataFrame) -> pd.DataFrame:
    scope = translate(
        custody["release_reason_code"], custody["release_date"], meaning("release_scope", "official", "release_reason_codes")
    )
    left = custody[(scope == "yes").fillna(False).astype(bool)].sort_values(["reception_date", "booking_id"])
    left = left.assign(whose=left["person"].astype(TEXT).fillna(left["booking_id"]))
    left = left.drop_duplicates(["whose", "release_date"], keep="last").reset_index(drop=True)
    nights = left[["person", "release_date"]].reset_index(names="row").merge(custody, on="person", suffixes=("", "_c"))
    inside = (nights["reception_date"] <= nights["release_date"]) & (
        (nights["release_date"] < nights["release_date_c"]) | nights["release_date_c"].isna()
    )
    freed = left.drop(index=nights.loc[inside, "row"].unique())
    columns = {"release_date": "event_date", "home_area_code": "area_code"}
    freed = freed.rename(columns=columns).assign(population="release", order_group="release", is_in_scope=True)
    return freed[
        ["population", "person", "event_date", "area_code", "order_group", "is_in_scope", "discharge_accommodation_code"]
    ]


def supervision(orders: pd.DataFrame) -> pd.DataFrame:
    orders = orders.assign(end_date=after_last(orders["termination_date"]))
    return meant(orders, "order_type_code", meaning("order_scope", "official", "order_type_codes"))


def meant(records: pd.DataFrame, code: str, mapping: pd.DataFrame) -> pd.DataFrame:
    """The records of somebody known, for the time that their code means yes."""
    found = records.merge(mapping[mapping["status"] == "yes"], left_on=code, right_on="code")
    start = found[["start_date", "valid_from"]].max(axis=1)
    end = found[["end_date", "valid_to"]].min(axis=1)
    return pd.DataFrame({"person": found["person"], "start_date": start, "end_date": end}).dropna()


def absence(custody: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """When nobody can observe a person, and for events until which day: in custody, or gone for good since the event."""
    held = custody.rename(columns={"reception_date": "start_date", "release_date": "end_date"})
    held = held.assign(end_date=held["end_date"].fillna(OPEN), of_events_until=OPEN)
    day, ends = orders["termination_date"], meaning("termination_scope", "follow_up", "termination_reason_codes")
    gone = orders.assign(start_date=after_last(day), end_date=OPEN, of_events_until=day)
    gone = gone[(translate(orders["termination_reason_code"], day, ends) == "no").fillna(False).astype(bool)]
    return pd.concat([held, gone])[["person", "start_date", "end_date", "of_events_until"]].dropna()


def is_away(days: pd.DataFrame, absent: pd.DataFrame) -> pd.Series:
    later = days.loc[days["is_later"], ["look", "person", "event_date", "on_date"]]
    both = on_day(later, absent)
    return days["look"].isin(both.loc[both["event_date"] <= both["of_events_until"], "look"])


def home_answers(
    events: list[pd.DataFrame], homes: pd.DataFrame, absent: pd.DataFrame, supervised: pd.DataFrame, observed: pd.Timestamp
) -> list[pd.DataFrame]:
    answers = []
    for event in events:
        days = looks(event, HOME_LOOKS[event["population"].iloc[0]], observed)
        within = on_day(days[["look", "person", "on_date"]], homes)
        last = within.sort_values(["start_date", "recorded_date", "record_id"]).drop_duplicates("look", keep="last")
        code = last.set_index("look")["accommodation_code"].reindex(days["look"]).set_axis(days.index)
        days["status"] = pd.Series(pd.NA, index=days.index, dtype=TEXT)
        for outcome, rows in days.groupby("outcome"):
            mapping, view = home_mapping(outcome)
            status = translate(code[rows.index], rows["on_date"], meaning(mapping, view, "accommodation_codes"))
            if "discharge_accommodation_code" in rows and (rows["follow_up"] == "first_night").all():
                prison = meaning(mapping, view, "discharge_accommodation_codes")
                said = translate(rows["discharge_accommodation_code"], rows["on_date"], prison)
                status = status.where(code[rows.index].notna(), said)
            days.loc[rows.index, "status"] = status
        days["status"] = days["status"].fillna("unknown")
        later = days[days["is_later"]]
        watched = on_day(later[["look", "person", "on_date"]], supervised)["look"]
        out = days["is_later"] & (~days["is_due"] | is_away(days, absent) | ~days["look"].isin(watched))
        answers.append(days.assign(status=days["status"].mask(out, "not_applicable")))
    return answers


def work_answers(
    events: list[pd.DataFrame], jobs: pd.DataFrame, absent: pd.DataFrame, observed: pd.Timestamp
) -> list[pd.DataFrame]:
    rank = {"yes": 2, "no": 1, "unknown": 0}
    answers = []
    for event in events:
        days = looks(event, WORK_LOOKS[event["population"].iloc[0]], observed)
        within = on_day(days[["look", "person", "on_date"]], jobs)
        within["status"] = translate(
            within["employment_code"], within["on_date"], meaning("employed", "official", "employment_codes")
        )
        within = within[within["status"].isin(list(rank))]
        within["rank"] = within["status"].map(rank)
        best = within.sort_values(["rank", "start_date", "recorded_date", "record_id"]).drop_duplicates("look", keep="last")
        available = translate(
            best["employment_code"], best["on_date"], meaning("available_for_work", "official", "employment_codes")
        )
        best["available"] = available.fillna("unknown").mask(best["status"] == "yes", "yes")
        best = best.set_index("look")[["status", "available"]].reindex(days["look"]).fillna("unknown").set_axis(days.index)
        is_free = (days["outcome"] == "employed") | (best["available"] != "no")
        days["status"] = best["status"].where(is_free, "not_applicable")
        out = days["is_later"] & (~days["is_due"] | is_away(days, absent))
        answers.append(days.assign(status=days["status"].mask(out, "not_applicable")))
    return answers


def p45_answers(
    events: list[pd.DataFrame], spells: pd.DataFrame, absent: pd.DataFrame, people: pd.DataFrame, observed: pd.Timestamp
) -> list[pd.DataFrame]:
    found = people.loc[people["ni_number"].notna() | (people["agency"] == "hmrc"), "person"]
    asked = [looks(e, P45_LOOKS[e["population"].iloc[0]], observed) for e in events if e["population"].iloc[0] in P45_LOOKS]
    return [answered(days, spells, found, absent) for days in asked]


def benefit_answers(
    events: list[pd.DataFrame], claims: pd.DataFrame, absent: pd.DataFrame, people: pd.DataFrame, observed: pd.Timestamp
) -> list[pd.DataFrame]:
    claims = meant(claims, "benefit_code", meaning("out_of_work_benefit", "official", "benefit_codes"))
    found = people.loc[people["agency"] == "dwp", "person"]
    (event,) = (e for e in events if e["population"].iloc[0] in BENEFIT_LOOKS)
    return [answered(looks(event, BENEFIT_LOOKS[event["population"].iloc[0]], observed), claims, found, absent)]


def answered(days: pd.DataFrame, spells: pd.DataFrame, found: pd.Series, absent: pd.DataFrame) -> pd.DataFrame:
    """Yes in a spell, no for whoever is found at all; not applicable later on while away, or beyond what is observed."""
    there = days["look"].isin(on_day(days[["look", "person", "on_date"]], spells)["look"])
    out = days["is_later"] & (~days["is_due"] | is_away(days, absent))
    said = [out, there, days["person"].isin(found)]
    return days.assign(status=np.select(said, ["not_applicable", "yes", "no"], "unknown"))


def reoffending_answers(
    events: list[pd.DataFrame], offences: pd.DataFrame, people: pd.DataFrame, observed: pd.Timestamp
) -> list[pd.DataFrame]:
    proven = meaning("proven_offence", "official", "disposal_codes")
    means = translate(offences["disposal_type"], offences["disposal_date"], proven)
    offences = offences.loc[(means == "yes").fillna(False).astype(bool), ["person", "offence_date", "disposal_date"]]
    (event,) = (e for e in events if e["population"].iloc[0] in REOFFENDING_LOOKS)
    days = looks(event, REOFFENDING_LOOKS[event["population"].iloc[0]], observed)
    year = seed("follow_up_points").set_index("follow_up_id").loc[OFFENDED_WITHIN]
    days["until"] = days["event_date"] + pd.DateOffset(months=int(year["months"])) + pd.Timedelta(days=int(year["days"]))
    both = days[["look", "person", "event_date", "until", "on_date"]].merge(offences, on="person")
    again = both[(both["event_date"] <= both["offence_date"]) & (both["offence_date"] < both["until"])]
    there = days["look"].isin(again.loc[again["disposal_date"] < again["on_date"], "look"])
    known = days["person"].isin(people.loc[people["agency"] == "police", "person"])
    status = np.select([~days["is_due"], there, known], ["not_applicable", "yes", "no"], "unknown")
    return [days.assign(status=status)]


# counts ------------------------------------------------------------------------------------------------------------------


def count(answers: pd.DataFrame) -> pd.DataFrame:
    """Answers per event → counts per indicator, geography and period."""
    areas = seed("areas")
    placed = answers.reset_index(names="row").merge(areas[["area_code", "valid_from", "valid_to"]], on="area_code")
    in_time = (placed["valid_from"] <= placed["event_date"]) & (placed["event_date"] < placed["valid_to"].fillna(OPEN))
    known = answers.index.isin(placed.loc[in_time, "row"])
    answers["area_code"] = answers["area_code"].where(known, "ZZ")
    answers["month_start"] = answers["event_date"].dt.to_period("M").dt.to_timestamp()
    answers["status"] = answers["status"].where(answers["is_in_scope"], "not_applicable")
    answers["is_early"] = answers["is_in_scope"] & ~answers["is_due"]
    keys = ["population", "outcome", "order_group", "area_code", "month_start"]
    by_status = answers.groupby([*keys, "status"]).size().unstack("status", fill_value=0)
    by_status = by_status.reindex(columns=["yes", "no", "unknown", "not_applicable"], fill_value=0)
    by_status.columns = ["yes_count", "no_count", "unknown_count", "out_of_scope_count"]
    by_status["not_due_count"] = answers.groupby(keys)["is_early"].sum()
    counted = list(by_status.columns)

    definitions = seed("indicator_definitions").query("basis == 'computed'")
    asked = ["indicator_id", "view_id", "definition_version"]
    found = by_status.reset_index().merge(definitions[[*asked, "population", "outcome", "order_group"]], on=keys[:2])
    found = found[found["order_group_y"].isna() | (found["order_group_x"] == found["order_group_y"])]
    found = found.groupby([*asked, "area_code", "month_start"], as_index=False)[counted].sum()
    found = found.merge(memberships(), on="area_code").merge(months(found["month_start"].unique()), on="month_start")
    cell = [*asked, "geography_type", "geography_code", "period_type", "period_start"]
    return found.groupby(cell, as_index=False)[counted].sum()


def memberships() -> pd.DataFrame:
    """Each area beside every geography that it adds up to."""
    both = seed("areas").merge(seed("regions"), on="region_code", suffixes=("", "_r"))
    both = both[(both["valid_from"] >= both["valid_from_r"])]
    both = both[both["valid_to"].fillna(OPEN) <= both["valid_to_r"].fillna(OPEN)]
    levels = {"probation_area": "area_code", "region": "region_code", "country": "country_code", "nation": "nation_code"}
    frames = [
        pd.DataFrame({"area_code": both["area_code"], "geography_type": level, "geography_code": both[column]})
        for level, column in levels.items()
    ]
    return pd.concat(frames)


def months(found: np.ndarray) -> pd.DataFrame:
    """Each month beside every period that it is in."""
    rows = []
    for row in seed("reporting_calendar").itertuples():
        start = row.first_start
        while (end := start + pd.DateOffset(months=int(row.months))) <= row.last_end:
            rows += [(month, row.period_type, start) for month in pd.to_datetime(found) if start <= month < end]
            start = end
    return pd.DataFrame(rows, columns=["month_start", "period_type", "period_start"])
