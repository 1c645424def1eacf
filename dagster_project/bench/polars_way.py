"""The indicator counts in polars, lazily and on its streaming engine: scan, drop bad rows, link, look up, count.

Rules: decisions 001 and 003. Files, columns, codes and formats come from the contracts, meanings from the seeds.
"""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from . import reads
from .apart import GENERATION, crowded, take_apart
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

LONG_AGO, OPEN = date(1900, 1, 1), date(9999, 12, 31)
NAME_KEY = ["first_name", "last_name", "date_of_birth", "postcode"]
EVENT = ["population", "person", "event_date", "area_code", "order_group", "is_in_scope", "discharge_code"]


def done(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="streaming")


def seed(name: str) -> pl.LazyFrame:
    frame = pl.scan_csv(reads.SEEDS / f"{name}.csv", infer_schema=False)
    days = {"valid_from", "valid_to", "first_start", "last_end"} & set(frame.collect_schema().names())
    return frame.with_columns(pl.col(day).str.to_date("%Y-%m-%d") for day in days)


def scan(world: reads.World, table: str) -> pl.LazyFrame:
    """The rows of an extract in force: sound ones, the latest of each key, none that was withdrawn."""
    extract = next(e for e in world.contracts.extracts if e.table == table)
    files = [_sound(world, extract, delivery.path) for delivery in world.deliveries(extract)]
    rows, key = files[0], list(extract.key)
    for older in files[1:]:
        rows = pl.concat([rows, older.join(rows.select(key), on=key, how="anti")])
    return rows.filter(pl.col(extract.deleted_flag).fill_null("N") != "Y") if extract.deleted_flag else rows


def _sound(world: reads.World, extract, path: Path) -> pl.LazyFrame:
    schema = {column.name: pl.String for column in extract.columns}
    if extract.encoding == "utf-8":
        sent = pl.scan_csv(path, separator=extract.delimiter, schema=schema)
    else:
        content = path.read_bytes()  # which polars unpacks only if it is UTF-8
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        sent = pl.read_csv(content, separator=extract.delimiter, schema=schema, encoding=extract.encoding).lazy()
    typed, tests = [], []
    withdraws = (pl.col(extract.deleted_flag) == "Y").fill_null(False) if extract.deleted_flag else pl.lit(False)
    for column in extract.columns:
        text = pl.col(column.name)
        if column.is_required:
            tests.append(text.is_not_null() | (pl.lit(False) if column.is_key else withdraws))
        if column.type == "date":
            typed.append(text.str.to_date(column.date_format, strict=False))
            tests.append(text.is_null() | text.str.to_date(column.date_format, strict=False).is_not_null())
        elif column.type == "integer":
            typed.append(text.cast(pl.Int64, strict=False))
            tests.append(text.is_null() | text.cast(pl.Int64, strict=False).is_not_null())
        elif column.type == "boolean":
            tests.append(text.is_null() | text.is_in(["Y", "N"]))
        if column.code_list:
            tests.append(text.is_null() | text.is_in(sorted(world.contracts.codes(column.code_list))))
        if "pattern" in column.options:
            tests.append(text.is_null() | text.str.contains(f"^(?:{column.options['pattern']})$"))
    broken = [pl.sql_expr(rule.fails_when).fill_null(False) for rule in extract.rules]
    rows = sent.filter(*tests).with_columns(typed)
    rows = rows.filter(withdraws | ~pl.any_horizontal(broken)) if broken else rows
    return rows.unique(list(extract.key), keep="any")  # a repeated row is the same row again


# people ------------------------------------------------------------------------------------------------------------------


def std_name(column: str) -> pl.Expr:
    letters = pl.col(column).str.strip_chars().str.to_uppercase().str.normalize("NFKD")
    letters = letters.str.replace_many(reads.WRITTEN_OUT).str.replace_all("[^A-Z]", "")
    return pl.when(letters != "").then(letters).alias(column)


def std_number(column: str) -> pl.Expr:
    signs = pl.col(column).str.strip_chars().str.to_uppercase().str.replace_all("[^A-Z0-9]", "")
    return pl.when(signs != "").then(signs).alias(column)


def references(sent: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row per agency and reference, as numbers and names are compared."""
    frames = []
    for agency, (table, ref, renamed) in PEOPLE.items():
        frame = sent[table].with_columns(agency=pl.lit(agency), ref=pl.col(ref)).rename(renamed)
        has = frame.collect_schema().names()
        missing = [pl.lit(None, dtype=pl.String).alias(name) for name in ("postcode", *NUMBERS) if name not in has]
        frames.append(frame.with_columns(missing).select("agency", "ref", *NAME_KEY, *NUMBERS).unique())
    people = pl.concat(frames).with_columns(
        std_name("first_name"), std_name("last_name"), *(std_number(number) for number in ("postcode", *NUMBERS))
    )
    is_usual = pl.col("ni_number").str.contains("^[A-Z]{2}[0-9]{6}[A-D]$")
    people = people.with_columns(pl.when(is_usual).then("ni_number").alias("ni_number"))
    return done(people.group_by("agency", "ref").agg(pl.all().min()))


def link(people: pl.DataFrame) -> np.ndarray:
    """For each row of ``people`` the number of its person: rows joined by links, directly or through others."""
    rows, pairs = people.lazy().with_row_index("row"), []
    for number in NUMBERS:
        some = rows.filter(pl.col(number).is_not_null()).select("row", number, "first_name", "last_name", "date_of_birth")
        both = some.join(some, on=number, suffix="_b").filter(pl.col("row") < pl.col("row_b"))
        same_birth = pl.col("date_of_birth") == pl.col("date_of_birth_b")
        initials = pl.col("first_name").str.head(1) == pl.col("first_name_b").str.head(1)
        years = (pl.col("date_of_birth").dt.year() - pl.col("date_of_birth_b").dt.year()).abs()
        same_name = (pl.col("last_name") == pl.col("last_name_b")) & initials & (years < GENERATION).fill_null(True)
        pairs.append(both.filter(same_birth.fill_null(False) | same_name.fill_null(False)).select("row", "row_b"))
    single = (
        rows.drop_nulls(NAME_KEY)
        .group_by("agency", *NAME_KEY)
        .agg(pl.len(), pl.col("row").first())
        .filter(pl.col("len") == 1)
        .select("row", *NAME_KEY)
    )
    pairs.append(single.join(single, on=NAME_KEY, suffix="_b").select("row", "row_b"))
    links = done(pl.concat(pairs)).to_numpy()
    ones = np.ones(len(links), dtype=bool)
    graph = coo_array((ones, (links[:, 0], links[:, 1])), shape=(len(people), len(people)))
    persons = connected_components(graph, directed=False)[1]
    rows = crowded(people["agency"].to_numpy(), persons)
    return take_apart(people[rows].to_pandas().set_index(rows), links, persons)


# look-ups ----------------------------------------------------------------------------------------------------------------


def meaning(name: str, view: str, code_list: str) -> pl.LazyFrame:
    rows = seed(f"mappings/{name}").filter(pl.col("view_id") == view, pl.col("code_list") == code_list)
    return rows.select("code", "status", pl.col("valid_from").fill_null(LONG_AGO), pl.col("valid_to").fill_null(OPEN))


def translate(frame: pl.LazyFrame, code: str, day: str, mapping: pl.LazyFrame, into: str) -> pl.LazyFrame:
    """``frame`` with what a code meant on a day as a column; null where nothing says so."""
    asked = frame.select(code, day).unique()
    held = asked.join(mapping, left_on=code, right_on="code").filter(is_on(day, "valid_from", "valid_to"))
    return frame.join(held.select(code, day, pl.col("status").alias(into)), on=[code, day], how="left")


def is_on(day: str, start: str, end: str) -> pl.Expr:
    return (pl.col(start) <= pl.col(day)) & (pl.col(day) < pl.col(end))


def after_last(column: str) -> pl.Expr:
    """The first day no longer in a spell that an agency ended on a last day."""
    return pl.col(column).dt.offset_by("1d").fill_null(OPEN)


def on_day(days: pl.LazyFrame, records: pl.LazyFrame) -> pl.LazyFrame:
    """The records of each person in force on each day."""
    both = days.select("look", "person", "event_date", "on_date").join(records, on="person")
    return both.filter(is_on("on_date", "start_date", "end_date"))


def looks(events: pl.LazyFrame, wanted: dict[str, dict[str, str]], observed: date) -> pl.LazyFrame:
    """One row per event and outcome that is looked at on its day or later."""
    points = {row["follow_up_id"]: row for row in done(seed("follow_up_points")).to_dicts()}
    frames = []
    for population, outcomes in wanted.items():
        for outcome, follow_up in outcomes.items():
            after = {unit: int(points[follow_up][unit]) for unit in ("months", "days")}
            day = pl.col("event_date").dt.offset_by(f"{after['months']}mo").dt.offset_by(f"{after['days']}d")
            frames.append(
                events.filter(pl.col("population") == population).with_columns(
                    outcome=pl.lit(outcome), follow_up=pl.lit(follow_up), is_later=pl.lit(any(after.values())), on_date=day
                )
            )
    return pl.concat(frames).with_columns(is_due=pl.col("on_date") <= observed).with_row_index("look")


# outcomes ----------------------------------------------------------------------------------------------------------------


def compute(folder: Path) -> pl.DataFrame:
    """Indicator counts, one row per indicator, geography and period with any event."""
    world = reads.World(folder)
    sent = {table: scan(world, table) for table in {table for table, *_ in PEOPLE.values()}}
    sent["hmrc__employment_spells"] = sent["hmrc__employment_spells"].with_columns(
        ref=pl.concat_str(
            [
                pl.col("ni_number").fill_null(""),
                pl.col("first_name").str.to_uppercase(),
                pl.col("last_name").str.to_uppercase(),
                pl.col("date_of_birth").cast(pl.String).fill_null(""),
            ],
            separator="|",
        )
    )
    people = references(sent)
    people = people.with_columns(person=pl.Series(link(people)))
    found = people.lazy().filter(pl.col("ni_number").is_not_null() | (pl.col("agency") == "hmrc")).select("person").unique()
    people = people.select("agency", "ref", "person").lazy()

    def with_person(table: str, ref: str, agency: str) -> pl.LazyFrame:
        known = people.filter(pl.col("agency") == agency).select(pl.col("ref").alias(ref), "person")
        return scan(world, table).join(known, on=ref, how="left")

    orders = done(with_person("probation__orders", "crn", "probation")).lazy()
    custody = done(with_person("prisons__custody", "noms_number", "prisons")).lazy()
    homes, jobs = (
        with_person(table, "crn", "probation").with_columns(after_last("end_date"), pl.col("recorded_date").fill_null(LONG_AGO))
        for table in ("probation__accommodation", "probation__employment")
    )
    reached = ("orders", "accommodation", "employment")
    observed = min(day for agency, name, day in world.latest() if agency == "probation" and name in reached)
    absent = absence(custody, orders)
    events = done(pl.concat([terminations(orders), releases(custody), disposals(orders)])).lazy()
    answers = [home_answers(events, homes, absent, supervision(orders), observed), work_answers(events, jobs, absent, observed)]
    known = people.filter(pl.col("agency") == "hmrc").select("ref", "person")
    spells = sent["hmrc__employment_spells"].join(known, on="ref").with_columns(after_last("end_date"))
    answers.append(answered(looks(events, P45_LOOKS, observed), spells, found, absent))
    claims = with_person("dwp__benefit_claims", "customer_ref", "dwp").with_columns(after_last("end_date"))
    claims = meant(claims, "benefit_code", meaning("out_of_work_benefit", "official", "benefit_codes"))
    known_to = {a: people.filter(pl.col("agency") == a).select("person").unique() for a in ("dwp", "police")}
    answers.append(answered(looks(events, BENEFIT_LOOKS, observed), claims, known_to["dwp"], absent))
    offences = with_person("police__offences", "pnc_id", "police")
    answers.append(reoffending_answers(events, offences, known_to["police"], observed))
    return count(done(pl.concat(answers)).lazy())


def terminations(orders: pl.LazyFrame) -> pl.LazyFrame:
    ended = orders.filter(pl.col("termination_date").is_not_null())
    ended = translate(
        ended, "order_type_code", "termination_date", meaning("order_scope", "official", "order_type_codes"), "scope"
    )
    causes = meaning("termination_scope", "official", "termination_reason_codes")
    ended = translate(ended, "termination_reason_code", "termination_date", causes, "cause")
    ended = translate(
        ended, "order_type_code", "termination_date", meaning("order_group", "official", "order_type_codes"), "group"
    )
    is_in_scope = (pl.col("scope") == "yes").fill_null(False) & (pl.col("cause") == "yes").fill_null(False)
    return ended.with_columns(
        population=pl.lit("termination"),
        event_date="termination_date",
        area_code="probation_area_code",
        order_group=pl.col("group").fill_null("other"),
        is_in_scope=is_in_scope,
        discharge_code=pl.lit(None, dtype=pl.String),
    ).select(EVENT)


def disposals(orders: pl.LazyFrame) -> pl.LazyFrame:
    made = translate(orders, "order_type_code", "start_date", meaning("order_scope", "official", "order_type_codes"), "scope")
    made = translate(made, "order_type_code", "start_date", meaning("order_group", "official", "order_type_codes"), "order_group")
    made = made.filter(pl.col("scope") == "yes", pl.col("order_group").is_in(["community_order", "suspended_sentence_order"]))
    return made.with_columns(
        population=pl.lit("disposal"),
        event_date="start_date",
        area_code="probation_area_code",
        is_in_scope=pl.lit(True),
        discharge_code=pl.lit(None, dtype=pl.String),
    ).select(EVENT)


def releases(custody: pl.LazyFrame) -> pl.LazyFrame:
    scope = meaning("release_scope", "official", "release_reason_codes")
    left = translate(custody, "release_reason_code", "release_date", scope, "scope").filter(pl.col("scope") == "yes")
    left = left.with_columns(whose=pl.coalesce(pl.col("person").cast(pl.String), "booking_id"))
    left = left.sort("reception_date", "booking_id").unique(["whose", "release_date"], keep="last")
    nights = left.select("person", "release_date", "whose").join(custody, on="person", suffix="_c")
    end = pl.col("release_date_c").fill_null(OPEN)
    inside = nights.filter(pl.col("reception_date") <= pl.col("release_date"), pl.col("release_date") < end)
    freed = left.join(inside, on=["whose", "release_date"], how="anti")
    return freed.with_columns(
        population=pl.lit("release"),
        event_date="release_date",
        area_code="home_area_code",
        order_group=pl.lit("release"),
        is_in_scope=pl.lit(True),
        discharge_code="discharge_accommodation_code",
    ).select(EVENT)


def supervision(orders: pl.LazyFrame) -> pl.LazyFrame:
    orders = orders.with_columns(end_date=after_last("termination_date"))
    return meant(orders, "order_type_code", meaning("order_scope", "official", "order_type_codes"))


def meant(records: pl.LazyFrame, code: str, mapping: pl.LazyFrame) -> pl.LazyFrame:
    """The records of somebody known, for the time that their code means yes."""
    found = records.join(mapping.filter(pl.col("status") == "yes"), left_on=code, right_on="code")
    start, end = pl.max_horizontal("start_date", "valid_from"), pl.min_horizontal("end_date", "valid_to")
    return found.select("person", start_date=start, end_date=end).drop_nulls("person")


def absence(custody: pl.LazyFrame, orders: pl.LazyFrame) -> pl.LazyFrame:
    """When nobody can observe a person, and for events until which day: in custody, or gone for good since the event."""
    held = custody.select(
        "person", start_date="reception_date", end_date=pl.col("release_date").fill_null(OPEN), of_events_until=pl.lit(OPEN)
    )
    ends = meaning("termination_scope", "follow_up", "termination_reason_codes")
    gone = translate(orders, "termination_reason_code", "termination_date", ends, "can_follow").filter(
        pl.col("can_follow") == "no"
    )
    gone = gone.select(
        "person", start_date=after_last("termination_date"), end_date=pl.lit(OPEN), of_events_until="termination_date"
    )
    return pl.concat([held, gone]).drop_nulls()


def away(days: pl.LazyFrame, absent: pl.LazyFrame) -> pl.LazyFrame:
    """The later looks at somebody who is absent, with a mark."""
    both = on_day(days.filter(pl.col("is_later")), absent).filter(pl.col("event_date") <= pl.col("of_events_until"))
    return both.select("look", inside=pl.lit(True)).unique()


def home_answers(
    events: pl.LazyFrame, homes: pl.LazyFrame, absent: pl.LazyFrame, supervised: pl.LazyFrame, observed: date
) -> pl.LazyFrame:
    days = done(looks(events, HOME_LOOKS, observed)).lazy()
    order = ["start_date", "recorded_date", "record_id"]
    last = on_day(days, homes).group_by("look").agg(pl.col("accommodation_code").sort_by(order).last())
    days = done(days.join(last, on="look", how="left")).lazy()
    parts = []
    for outcome in sorted({outcome for outcomes in HOME_LOOKS.values() for outcome in outcomes}):
        part, mapping = days.filter(pl.col("outcome") == outcome), home_mapping(outcome)
        part = translate(part, "accommodation_code", "on_date", meaning(*mapping, "accommodation_codes"), "said")
        prison = meaning(*mapping, "discharge_accommodation_codes")
        part = translate(part, "discharge_code", "on_date", prison, "said_by_prison")
        is_prisons = pl.col("accommodation_code").is_null() & (pl.col("follow_up") == "first_night")
        said = pl.when(is_prisons).then("said_by_prison").otherwise("said").fill_null("unknown")
        parts.append(part.with_columns(status=said))
    later = days.filter(pl.col("is_later"))
    inside, watched = away(days, absent), on_day(later, supervised).select("look").unique().with_columns(watched=pl.lit(True))
    answers = pl.concat(parts).join(inside, on="look", how="left").join(watched, on="look", how="left")
    is_open = pl.col("is_due") & pl.col("inside").is_null() & pl.col("watched").is_not_null()
    return _answered(answers, ~pl.col("is_later") | is_open)


def work_answers(events: pl.LazyFrame, jobs: pl.LazyFrame, absent: pl.LazyFrame, observed: date) -> pl.LazyFrame:
    days = done(looks(events, WORK_LOOKS, observed)).lazy()
    rank = pl.col("status").replace_strict({"yes": 2, "no": 1}, default=0)
    within = done(on_day(days, jobs)).lazy()
    within = translate(within, "employment_code", "on_date", meaning("employed", "official", "employment_codes"), "status")
    within = within.filter(pl.col("status") != "ignored").with_columns(rank=rank)
    order = ["rank", "start_date", "recorded_date", "record_id"]
    best = within.group_by("look").agg(pl.col("status", "employment_code", "on_date").sort_by(order).last())
    available = meaning("available_for_work", "official", "employment_codes")
    best = translate(best, "employment_code", "on_date", available, "available").select("look", "status", "available")
    answers = days.join(best, on="look", how="left").with_columns(pl.col("status").fill_null("unknown"))
    is_away = (pl.col("outcome") != "employed") & (pl.col("available") == "no") & (pl.col("status") != "yes")
    answers = answers.with_columns(status=pl.when(is_away).then(pl.lit("not_applicable")).otherwise("status"))
    answers = answers.join(away(days, absent), on="look", how="left")
    return _answered(answers, ~pl.col("is_later") | (pl.col("is_due") & pl.col("inside").is_null()))


def answered(days: pl.LazyFrame, spells: pl.LazyFrame, found: pl.LazyFrame, absent: pl.LazyFrame) -> pl.LazyFrame:
    """Yes in a spell, no for whoever is found at all; not applicable later on while away, or beyond what is observed."""
    days = done(days).lazy()
    answers = _said(days, on_day(days, spells).select("look").unique(), found).join(away(days, absent), on="look", how="left")
    return _answered(answers, ~pl.col("is_later") | (pl.col("is_due") & pl.col("inside").is_null()))


def reoffending_answers(events: pl.LazyFrame, offences: pl.LazyFrame, found: pl.LazyFrame, observed: date) -> pl.LazyFrame:
    (year,) = done(seed("follow_up_points").filter(pl.col("follow_up_id") == OFFENDED_WITHIN)).to_dicts()
    days = done(looks(events, REOFFENDING_LOOKS, observed)).lazy()
    until = pl.col("event_date").dt.offset_by(f"{year['months']}mo").dt.offset_by(f"{year['days']}d")
    both = days.select("look", "person", "event_date", "on_date", until=until)
    both = both.join(offences.select("person", "disposal_type", "offence_date", "disposal_date"), on="person")
    again = both.filter(is_on("offence_date", "event_date", "until"), pl.col("disposal_date") < pl.col("on_date"))
    again = translate(again, "disposal_type", "disposal_date", meaning("proven_offence", "official", "disposal_codes"), "said")
    return _answered(_said(days, again.filter(pl.col("said") == "yes").select("look").unique(), found), pl.col("is_due"))


def _said(days: pl.LazyFrame, there: pl.LazyFrame, found: pl.LazyFrame) -> pl.LazyFrame:
    """The looks with their status: yes where ``there`` holds the look, no where ``found`` holds the person, else unknown."""
    answers = days.join(there.with_columns(there=pl.lit(True)), on="look", how="left")
    answers = answers.join(found.with_columns(found=pl.lit(True)), on="person", how="left")
    said = pl.when("there").then(pl.lit("yes")).when("found").then(pl.lit("no")).otherwise(pl.lit("unknown"))
    return answers.with_columns(status=said)


def _answered(answers: pl.LazyFrame, is_applicable: pl.Expr) -> pl.LazyFrame:
    status = pl.when(is_applicable).then("status").otherwise(pl.lit("not_applicable"))
    columns = ["population", "outcome", "event_date", "area_code", "order_group", "is_in_scope", "is_due"]
    return answers.select(*columns, status=status)


# counts ------------------------------------------------------------------------------------------------------------------


def count(answers: pl.LazyFrame) -> pl.DataFrame:
    """Answers per event → counts per indicator, geography and period."""
    areas = seed("areas").select("area_code", "valid_from", pl.col("valid_to").fill_null(OPEN))
    placed = answers.join(areas, on="area_code", how="left").with_columns(
        pl.when(is_on("event_date", "valid_from", "valid_to")).then("area_code").otherwise(pl.lit("ZZ")).alias("area_code"),
        month_start=pl.col("event_date").dt.truncate("1mo"),
        status=pl.when("is_in_scope").then("status").otherwise(pl.lit("not_applicable")),
        is_early=pl.col("is_in_scope") & ~pl.col("is_due"),
    )
    keys = ["population", "outcome", "order_group", "area_code", "month_start"]
    names = {"yes": "yes_count", "no": "no_count", "unknown": "unknown_count", "not_applicable": "out_of_scope_count"}
    by_status = placed.group_by(keys).agg(
        *((pl.col("status") == status).sum().cast(pl.Int64).alias(name) for status, name in names.items()),
        not_due_count=pl.col("is_early").sum().cast(pl.Int64),
    )
    counted = [*names.values(), "not_due_count"]
    asked = ["indicator_id", "view_id", "definition_version"]
    definitions = seed("indicator_definitions").filter(pl.col("basis") == "computed")
    wanted = definitions.select(*asked, "population", "outcome", wanted_group="order_group")
    found = by_status.join(wanted, on=keys[:2])
    found = found.filter(pl.col("wanted_group").is_null() | (pl.col("wanted_group") == pl.col("order_group")))
    found = found.group_by(*asked, "area_code", "month_start").agg(pl.col(counted).sum())
    found = found.join(memberships(), on="area_code").join(periods(), how="cross")
    found = found.filter(is_on("month_start", "period_start", "period_end"))
    cell = [*asked, "geography_type", "geography_code", "period_type", "period_start"]
    return done(found.group_by(cell).agg(pl.col(counted).sum()))


def memberships() -> pl.LazyFrame:
    """Each area beside every geography that it adds up to."""
    both = seed("areas").join(seed("regions"), on="region_code", suffix="_r")
    is_within = pl.col("valid_to").fill_null(OPEN) <= pl.col("valid_to_r").fill_null(OPEN)
    both = both.filter(pl.col("valid_from") >= pl.col("valid_from_r"), is_within)
    levels = {"probation_area": "area_code", "region": "region_code", "country": "country_code", "nation": "nation_code"}
    return pl.concat(
        both.select("area_code", pl.lit(level).alias("geography_type"), pl.col(column).alias("geography_code"))
        for level, column in levels.items()
    )


def periods() -> pl.LazyFrame:
    """Every period that figures are published for, half-open."""
    frames = []
    for row in done(seed("reporting_calendar")).to_dicts():
        step = f"{row['months']}mo"
        starts = pl.date_range(row["first_start"], row["last_end"], step, closed="left", eager=True)
        frame = pl.LazyFrame({"period_type": row["period_type"], "period_start": starts})
        ends = frame.with_columns(period_end=pl.col("period_start").dt.offset_by(step))
        frames.append(ends.filter(pl.col("period_end") <= row["last_end"]))
    return pl.concat(frames)
