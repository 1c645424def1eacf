"""Events without a known outcome, by the extract that should say it.

Of each mart DuckDB makes a narrow table of such events once. Events that agree in all that decides who is asked, and for which
indicators, are of one kind; there are some hundreds of kinds, and only those come to Python.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .checks import value
from .fix_lists import UNKNOWN, Fix, Guarded, Sql, listed, quote_name
from .release_tables import quote

if TYPE_CHECKING:
    from .fixes import Figure, Fixes

SHOWN_KEYS = 3
IS_UNKNOWN, IS_NOT_APPLICABLE, IS_OTHER = 1, 2, 3  # two bits for each status; 0 for none
Wanted = tuple[dict[str, str], "Figure"]  # an indicator and view as the seeds define it, and its latest national figure


def find_unknown(both: Fixes) -> list[Fix]:
    """Events in scope without a known outcome, by the extract that should say it, up to the latest figure's end."""
    found, deliveries = [], {}
    for delivery_id, agency, extract in both.con.execute(
        "select delivery_id, agency, extract from r.intake.deliveries"
    ).fetchall():
        deliveries[delivery_id] = (agency, extract)
    for population, mart in both.con.execute("select population, mart from w.indicators.populations").fetchall():
        mart_of = Mart(both, population, mart, deliveries)
        found += mart_of.fixes() if mart_of.wanted else []
    return found


class Mart:
    """One mart and the indicators that count its events."""

    def __init__(self, both: Fixes, population: str, mart: str, deliveries: dict[str, tuple[str, str]]):
        self.both, self.con, self.population, self.mart, self.deliveries = both, both.con, population, mart, deliveries
        self.columns = [name for name, *_ in self.con.execute(f"describe w.marts.{mart}").fetchall()]
        self.wanted: list[Wanted] = [
            (d, both.figures[d["indicator_id"], d["view_id"]])
            for d in both.definitions
            if d["population"] == population
            and f"{d['outcome']}_status" in self.columns
            and (d["indicator_id"], d["view_id"]) in both.figures
        ]
        self.statuses = sorted({d["outcome"] for d, _ in self.wanted})
        self.days = sorted({day for _, figure in self.wanted for day in (figure.period_start, figure.period_end)})

    # who should say it ------------------------------------------------------------------------------------------------

    def _delivered(self, column: str) -> set[tuple[str, str]]:
        """The extracts of the deliveries that a column names."""
        named = self.con.execute(f"select distinct {quote_name(column)} from w.marts.{self.mart}").fetchall()
        return {self.deliveries[delivery] for (delivery,) in named if delivery in self.deliveries}

    def _deciders(self, may_say: dict[str, set[tuple[str, str]]]) -> dict[str, set[tuple[str, str]]]:
        """Outcome → the extracts whose records decided other events: of the evidence columns, the one filled when it is known.

        Only a column that names an extract which ``may_say`` it is the outcome's own.
        """
        delivered = {c: self._delivered(c) for c in self.columns if c.endswith("_evidence_delivery_id")}
        evidence = list(delivered)
        bits = [f"cast({quote_name(c)} is not null as bigint)" for c in evidence]
        places = [1 << i for i in range(len(bits))]
        for outcome in self.statuses:
            status = quote_name(f"{outcome}_status")
            is_which = f"case {status} when 'unknown' then {IS_UNKNOWN} when 'not_applicable' then {IS_NOT_APPLICABLE}"
            bits.append(f"{is_which} else if({status} is null, 0, {IS_OTHER}) end")
            places.append((1 << len(evidence)) * 4 ** (len(bits) - len(evidence) - 1))
        mask = " + ".join(f"{place} * {bit}" for place, bit in zip(places, bits, strict=True))
        kinds = self.con.execute(f"select {mask}, count(*) from w.marts.{self.mart} where is_in_scope group by 1").fetchall()
        found = {}
        for outcome, place in zip(self.statuses, places[len(evidence) :], strict=True):
            asked = [(mask, count) for mask, count in kinds if mask // place % 4 in (IS_UNKNOWN, IS_OTHER)]
            every, best, name = sum(count for _, count in asked), 0.0, ""
            for i, column in enumerate(evidence):
                alike = sum(n for mask, n in asked if (mask >> i & 1) == (mask // place % 4 != IS_UNKNOWN))
                if every and alike / every > best and delivered[column] & may_say[outcome]:
                    best, name = alike / every, column
            found[outcome] = delivered[name] if name else set()
        return found

    def _senders(self) -> list[set[tuple[tuple[str, str], bool]]]:
        """Of each wanted: (extract that should say it, whether of persons that are known).

        Of whom a person is not known, the agency of the event should send them.
        """
        parents = {(e.agency, c.parent.split(".")[0]) for e in self.both.contracts.extracts for c in e.columns if c.parent}
        owns, found = self._delivered("_delivery_id"), []
        agencies = {agency for agency, _ in owns}
        every = {outcome: self._needs(outcome) for outcome in self.statuses}
        may_say = {outcome: needs - parents - owns for outcome, needs in every.items()}
        deciders = self._deciders(may_say)
        for definition, _ in self.wanted:
            outcome, needs = definition["outcome"], every[definition["outcome"]]
            asked = deciders[outcome] & needs or may_say[outcome]
            senders = {(sender, True) for sender in asked}
            found.append(senders | {(sender, False) for sender in needs & parents if sender[0] in agencies})
        return found

    def _needs(self, outcome: str) -> set[tuple[str, str]]:
        """The extracts that an outcome rests on."""
        of_outcome = [n for n in self.both.needs if (n["population"], n["outcome"]) == (self.population, outcome)]
        return {(n["agency"], n["extract"]) for n in of_outcome}

    # which events -----------------------------------------------------------------------------------------------------

    def _kinds(self) -> list[tuple[int, str, bool, str, int, int, int]]:
        """Make the temporary tables of kinds and of events. Returns: kind, delivery, whether the person is known,
        order group, a bit for each status that is unknown, how many of ``days`` are over, events."""
        unknown = [f"coalesce({quote_name(f'{o}_status')} = 'unknown', false)" for o in self.statuses]
        mask = " + ".join(f"{1 << i} * cast({is_unknown} as bigint)" for i, is_unknown in enumerate(unknown))
        over = " + ".join(f"cast(event_date >= date '{day}' as integer)" for day in self.days)
        events = f"""(
            select
                _delivery_id as delivery_id, person_id is not null as is_known, coalesce(order_group, '') as order_group,
                {mask} as mask, {over} as over, _row_number as row_number, event_date
            from w.marts.{self.mart}
            where is_in_scope and event_date < date '{self.days[-1]}' and ({" or ".join(unknown)}))"""
        by = "delivery_id, is_known, order_group, mask, over"
        self.con.execute(
            "create or replace temp table kinds as select cast(row_number() over () as integer) as kind, * "
            f"from (select {by}, count(*) as events from {events} group by all order by all)"
        )
        kinds = self.con.execute(f"select kind, {by}, events from kinds order by kind").fetchall()
        self.con.execute(
            "create or replace temp table missing as select kind, delivery_id, row_number, event_date "
            f"from {events} as e inner join kinds using ({by})"
        )
        return [row for row in kinds if row[1] in self.deliveries]

    def _keys(self) -> str:
        """SQL of the agency's own key of each row of the deliveries that the events are of."""
        found = ["select null as delivery_id, null as row_number, null as record_key where false"]
        for own in sorted(self._delivered("_delivery_id")):
            extract = self.both.contracts.find(*own)
            key = "concat_ws(' / ', " + ", ".join(value(k) for k in extract.key) + ")"
            named = ", ".join(quote(d) for d in sorted(self.deliveries) if self.deliveries[d] == own)
            rows = f"r.raw.{extract.table} where _delivery_id in ({named})"
            found.append(f"select _delivery_id as delivery_id, _row_number as row_number, {key} as record_key from {rows}")
        return " union all ".join(found)

    # what to fix ------------------------------------------------------------------------------------------------------

    def fixes(self) -> list[Fix]:
        """A fix for each extract that should say something and each extract that the events are of."""
        senders, groups = self._senders(), defaultdict(list)
        for kind, delivery, is_known, order_group, mask, over, count in self._kinds():
            by_sender = defaultdict(list)
            for (definition, figure), asked in zip(self.wanted, senders, strict=True):
                is_unknown = mask >> self.statuses.index(definition["outcome"]) & 1
                is_due = over < bisect_right(self.days, figure.period_end)
                if is_unknown and is_due and definition["order_group"] in ("", None, order_group):
                    is_latest = over >= bisect_right(self.days, figure.period_start)
                    for sender in (s for s, of_known in asked if of_known == is_known):
                        by_sender[sender].append((figure, is_latest))
            for sender, figures in by_sender.items():
                groups[sender, self.deliveries[delivery]].append((kind, count, figures))
        ordered = sorted(groups.items())
        self._list([kinds for _, kinds in ordered])
        return [self._fix(number, *group, kinds) for number, (group, kinds) in enumerate(ordered)]

    def _list(self, groups: list[list[tuple[int, int, list]]]) -> None:
        """Make the temporary table of the events that are listed: the number of their group, event_date, record_key and
        ``which`` indicators they are unknown for. Of a group that is cut those of its latest days: only their keys are sought."""
        asked = [
            (number, kind, ", ".join(sorted({f"{f.indicator_id} {f.view_id}" for f, _ in figures})))
            for number, kinds in enumerate(groups)
            for kind, _, figures in kinds
        ]
        self.con.execute("create or replace temp table asked (number integer, kind integer, which varchar)")
        if asked:
            self.con.execute("insert into asked select unnest(?), unnest(?), unnest(?)", list(zip(*asked, strict=True)))
        most = self.both.most or sys.maxsize
        self.con.execute(f"""create or replace temp table latest as
            with days as (select kind, event_date, count(*) as events from missing group by all),
            counted as (select number, event_date, sum(events) as events from days inner join asked using (kind) group by all),
            summed as (select *, sum(events) over (partition by number order by event_date desc) as so_far from counted)
            select number, min(event_date) as since from summed where so_far - events < {most} group by number""")
        self.con.execute("""create or replace temp table events as
            select asked.number, kind, delivery_id, row_number, event_date, which from missing inner join asked using (kind)
            inner join latest on asked.number = latest.number and event_date >= since""")
        self.con.execute(f"""create or replace temp table {quote_name(f"listed_{self.mart}")} as
            select number, kind, row_number, event_date, record_key, which
            from events left join ({self._keys()}) as k using (delivery_id, row_number)""")

    def _fix(self, number: int, sender: tuple[str, str], own: tuple[str, str], kinds: list[tuple[int, int, list]]) -> Fix:
        (agency, extract), latest = sender, defaultdict(int)
        for _, count, figures in kinds:
            for key in {(f.indicator_id, f.view_id) for f, is_latest in figures if is_latest}:
                latest[key] += count
        moves = self.both.moves(latest)
        every = sum(count for _, count, _ in kinds)
        counted = sum(count for _, count, figures in kinds if any(is_latest for _, is_latest in figures))
        start = min(f.period_start for _, _, figures in kinds for f, _ in figures)
        end = max(f.period_end for _, _, figures in kinds for f, _ in figures)
        until = f"{start:%-d %B %Y} to {end - timedelta(days=1):%-d %B %Y}"
        when = until if counted else f"before {start:%-d %B %Y}"  # the latest figures do not count those, earlier ones do
        keys_of = own[1] if own[0] == agency else " ".join(own)
        what = f"{extract}: no record says the outcome of these {self.population}s (keys of {keys_of}; {when})"
        remedy = f"Send the {extract} record that says it, or correct the one that does not."
        rows = (
            f"(select event_date, record_key, which from {quote_name(f'listed_{self.mart}')} where number = {number} "
            f"order by event_date desc, record_key, kind, row_number{self.both.limit})"
        )
        first = self.con.execute(f"select record_key from {rows} limit {SHOWN_KEYS}").fetchall()
        cells: list[Any] = [UNKNOWN, extract, None, None, " ".join(own), Sql("record_key"), None]
        cells += [Guarded("'unknown on ' || event_date"), remedy, round(moves[0][2], 3) if moves else 0.0, Sql("which")]
        keys = [str(key) for (key,) in first]
        cut = self.both.is_cut(every)
        return Fix(UNKNOWN, agency, extract, what, counted or every, keys, remedy, moves, lists=[listed(cells, rows)], is_cut=cut)
