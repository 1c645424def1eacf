"""Clerical review: the month's page and queue in the restricted folder, and what decisions tell once they have come back."""

from __future__ import annotations

import csv
import dataclasses
import hmac
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ..contracts import Contracts, load_contracts
from ..damage import said_of
from ..guidance import code_labels
from ..register import connect
from ..settings import Settings
from ..warehouse import ensure_person_key
from . import model, review_agreement, review_evidence, review_page, review_queue, review_sample
from .review_queue import NOT_LINKED, Row

AGENCY, EXTRACT = "linkage", "decisions"  # the contract that decisions come back under
OTHERWISE = "described_otherwise"
OWN = {"person_ref": "The agency's own reference", "first_seen_date": "First sent", OTHERWISE: review_evidence.OTHERWISE}
NOT_SHOWN = {"reference_id", "agency", "is_described_otherwise"}
NAME_LENGTH = 20


class CannotReview(RuntimeError):
    """There is nothing to review; the message is one plain line with a remedy."""


@dataclasses.dataclass(frozen=True)
class Made:
    """The files of a month, how many pairs the queue holds, and how many of them are settled since."""

    page: Path
    queue: Path
    pairs: int
    settled: int


def folder(settings: Settings) -> Path:
    """Where the pages are: a restricted place (places.py), for its owner only."""
    return settings.data_dir / "linkage" / "review"


@contextmanager
def identities(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with the restricted one attached, to read. Raises CannotReview, or DatabaseHeld during a night."""
    if not settings.restricted_db.exists():
        raise CannotReview("Nothing has been linked yet. Run the night first: outcomes run.")
    con = connect(settings)
    try:
        try:
            place = str(settings.restricted_db).replace("'", "''")
            con.execute(f"attach '{place}' as restricted (read_only)")
        except duckdb.Error as error:
            raise said_of(error, settings.restricted_db) from error
        try:
            yield con
        except duckdb.CatalogException as error:
            raise CannotReview("People are not linked by this version yet. Run the night first: outcomes run --full.") from error
    finally:
        con.close()


def make(settings: Settings, month: date) -> Made:
    """Write the page and the queue of a month (its first day). A queue that is there stays; its page is written anew,

    without the pairs that are settled since. Raises CannotReview, DatabaseHeld or model.ModelUnsound.
    """
    place, name = folder(settings), f"{month:%Y-%m}"
    queue, page = place / f"queue_{name}.csv", place / f"review_{name}.html"
    contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
    with identities(settings) as con:
        rows = _read(queue) if queue.exists() else review_queue.choose(con, settings.seeds_dir, month)
        settled = {p for p, how in review_queue.states(con, settings.seeds_dir).items() if how == review_agreement.SETTLED}
        text = _page(settings, contracts, con, [row for row in rows if row.pair not in settled], name)
    for made in (place.parent, place):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(made, 0o700)
    if not queue.exists():
        _write(queue, _csv(rows))
    _write(page, text)
    return Made(page, queue, len(rows), len([row for row in rows if row.pair in settled]))


def _read(path: Path) -> list[Row]:
    with open(path, newline="", encoding="utf-8") as file:
        return [review_queue.read_row(row) for row in csv.DictReader(file)]


def _csv(rows: Sequence[Row]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, review_queue.COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.as_text() for row in rows)
    return out.getvalue()


def _write(path: Path, text: str) -> None:
    """Whole or not at all, for its owner only."""
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, path)


def _page(settings: Settings, contracts: Contracts, con: duckdb.DuckDBPyConnection, rows: Sequence[Row], month: str) -> str:
    con.execute(
        "create or replace table shown_records as from restricted.identity.int_people_references "
        "semi join (select unnest(?) as agency, unnest(?) as person_ref) using (agency, person_ref)",
        [[end[0] for row in rows for end in row.pair], [end[1] for row in rows for end in row.pair]],
    )
    con.execute(
        "create or replace table shown_descriptions as from restricted.identity.int_people_descriptions "
        "where reference_id in (select reference_id from shown_records)"
    )
    cursor = con.execute(f"select *, {review_evidence.TOLD} as {OTHERWISE} from shown_records as r")
    names = [d[0] for d in cursor.description]
    records = {(r["agency"], r["person_ref"]): r for r in (dict(zip(names, row, strict=True)) for row in cursor.fetchall())}
    rows = [row for row in rows if all(end in records for end in row.pair)]  # a reference may have been withdrawn since
    ids = [tuple(sorted(records[end]["reference_id"] for end in row.pair)) for row in rows]
    steps = review_evidence.explain(con, "shown_records", "shown_descriptions", ids, model.load(settings.seeds_dir))
    labels, known = _labels(contracts, names), _known_codes(contracts, settings.seeds_dir, names)
    agencies = dict(code_labels(settings.seeds_dir, "agency_codes"))
    key = ensure_person_key(settings.person_key_file).read_bytes()
    extract = contracts.find(AGENCY, EXTRACT)
    shown = [
        review_page.Shown(
            name=hmac.new(key, repr(row.pair).encode(), "sha256").hexdigest()[:NAME_LENGTH],  # it stays in a reader's browser
            agencies=(agencies.get(row.agency_a, row.agency_a), agencies.get(row.agency_b, row.agency_b)),
            fields=[
                (labels[n], *(_value(records[end][n], known.get(n, {})) for end in row.pair)) for n in names if n not in NOT_SHOWN
            ],
            steps=steps.get(pair, []),
            note=_note(row.why),
            not_compared=OWN.values(),
            row={c.name: text for c in extract.columns if (text := row.as_text().get(c.name))},
        )
        for row, pair in zip(rows, ids, strict=True)
    ]
    return review_page.render(
        shown,
        month,
        columns=[c.name for c in extract.columns],
        codes=[(code.code, code.key, code.label) for code in review_queue.codes(settings.seeds_dir)],
        labels=labels,
        extract=EXTRACT,
        folder=f"{settings.landing_dir.name}/{AGENCY}",
        day=settings.today,
    )


def _note(why: str) -> str:
    if why == review_queue.DRAWN:
        return ""
    if why.startswith(review_queue.WAITING):
        return "This pair was read before, and is not settled. Decide from what you see."
    return f"Why it is here: {why}."


def _labels(contracts: Contracts, names: Sequence[str]) -> dict[str, str]:
    """Column → what contracts call it."""
    said = {c.name: c.description for e in reversed(contracts.extracts) for c in reversed(e.columns)}
    return {name: OWN.get(name) or said.get(name) or name.replace("_", " ").capitalize() for name in names}


def _known_codes(contracts: Contracts, seeds_dir: Path, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Column → code → label, of columns that hold codes by their contracts."""
    lists = {c.name: c.code_list for e in contracts.extracts for c in e.columns if c.code_list and c.name in names}
    return {name: dict(code_labels(seeds_dir, code_list)) for name, code_list in lists.items()}


def _value(value: Any, labels: Mapping[str, str]) -> str:
    if value is None:
        return ""
    return f"{value:%d/%m/%Y}" if isinstance(value, date) else labels.get(str(value), str(value))


@dataclasses.dataclass(frozen=True)
class Told:
    """What decisions tell: how readers agree, how many pairs stand how, how many settled ones do nothing any more, and what the
    sample says: by month, and of all months together by each of review_sample.GROUPS."""

    agreement: review_agreement.Agreement
    states: Mapping[str, int]
    without_effect: int
    estimates: Mapping[str, review_sample.Estimate]
    by_group: Mapping[str, Mapping[str, review_sample.Estimate]]


def tell(settings: Settings) -> Told:
    """Read all decisions in force. Raises CannotReview or DatabaseHeld."""
    with identities(settings) as con:
        rows = review_queue.decisions(con, settings.seeds_dir)
        states = review_queue.states(con, settings.seeds_dir)
        without_effect = review_queue.without_effect(con, states)
    written = {path.stem.removeprefix("queue_"): path for path in folder(settings).glob("queue_*.csv")}
    queues: dict[str, list[dict]] = {}
    for month in sorted({row["queue_month"] for row in rows}):
        if month in written:
            queue = [dataclasses.asdict(row) | {"pair": row.pair} for row in _read(written[month])]
        else:  # the queue is gone: the decisions hold what is needed of the pairs that were decided
            queue = _decided(row for row in rows if row["queue_month"] == month)
        queues[month] = queue
    estimates = {m: review_sample.estimate([r for r in rows if r["queue_month"] == m], queue) for m, queue in queues.items()}
    # each month's sample stands for all there is: together, each for its part
    every = [r | {"sampling_weight": (r["sampling_weight"] or 0) / len(queues)} for q in queues.values() for r in q]
    if len(queues) > 1:
        estimates["all months"] = review_sample.estimate(rows, every)
    by_group = {name: review_sample.estimate_by(group, rows, every) for name, group in review_sample.GROUPS.items()}
    counts = {how: sum(s == how for s in states.values()) for how in sorted(set(states.values()))}
    agreement = review_agreement.kappa(review_agreement.answers(review_agreement.by_pair(rows)))
    return Told(agreement, counts, without_effect, estimates, by_group)


def _decided(rows: Iterable[dict]) -> list[dict]:
    """A queue of the pairs that were decided, as the decisions tell of it."""
    found = {}
    for row in rows:
        try:
            weight = float(row["sampling_weight"] or 0)
        except ValueError:  # edited by hand
            weight = 0.0
        if row["stratum"] and weight > 0:
            found[row["pair"]] = row | {"is_linked": not row["stratum"].endswith(NOT_LINKED), "sampling_weight": weight}
    return list(found.values())
