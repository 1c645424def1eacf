"""How each delivery stands, read from the warehouse: the one place that knows is the model ``marts.delivery_status``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from .settings import Settings

ON_TIME, LATE, OVERDUE, NEVER_CAME = "on_time", "late", "overdue", "never_came"

STANDING = """
select s.agency, s.extract, s.status, s.latest_extract_date, s.latest_received_at, s.period_end, s.due_date,
    s.carry_forward_until, s.days_late, s.today, d.held_indicators
from marts.delivery_status as s
inner join indicators.deliveries_due as d on s.agency = d.agency and s.extract = d.extract
order by s.status = 'on_time', s.status = 'late', s.days_late desc, s.agency, s.extract
"""


@dataclass(frozen=True)
class Delivery:
    """How the next delivery of one extract stands on the day ``today``. Instants are naive UTC.

    ``period_end`` and ``due_date`` are of the delivery that is missing or comes next; dates and days are None when the
    extract never came. ``held_indicators`` are those held because of it.
    """

    agency: str
    extract: str
    status: str  # on_time | late | overdue | never_came
    latest_extract_date: date | None
    latest_received_at: datetime | None
    period_end: date | None
    due_date: date | None
    carry_forward_until: date | None
    days_late: int | None
    today: date | None
    held_indicators: tuple[str, ...]

    @property
    def says(self) -> str:
        """How it stands, in a sentence or two."""
        name = f"{self.agency} {self.extract}"
        held = f" Held: {', '.join(self.held_indicators)}." if self.held_indicators else ""
        if self.status == NEVER_CAME:
            return f"No delivery of {name} has ever come.{held}"
        due = f"{self.due_date:%-d %B %Y}"
        if self.status == ON_TIME:
            return f"The latest delivery of {name} is of {self.latest_extract_date:%-d %B %Y}; the next is due on {due}."
        days = "1 day" if self.days_late == 1 else f"{self.days_late} days"
        until = f"{self.carry_forward_until:%-d %B %Y}"
        last = "is carried forward until" if self.status == LATE else "could be carried forward until"
        return (
            f"The delivery of {name} due on {due} is {days} late; the one of {self.latest_extract_date:%-d %B %Y} {last} {until}."
            + held
        )


def deliveries_due(settings: Settings) -> list[Delivery]:
    """Every extract of the contracts as it stood when the warehouse was built, the worst first; empty before the first build."""
    if not settings.warehouse_db.exists():
        return []
    with duckdb.connect(str(settings.warehouse_db), read_only=True) as con:
        rows = con.execute(STANDING).fetchall()
    return [Delivery(*row[:-1], held_indicators=tuple(row[-1].split(", ")) if row[-1] else ()) for row in rows]
