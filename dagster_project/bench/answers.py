"""How long a reader waits: the worked questions of dbt/docs/queries.md and traces of national figures, on a release."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from ..reader import ask, connect
from ..settings import PROJECT_DIR
from ..trace import period_names, trace

QUESTIONS = PROJECT_DIR / "dbt" / "docs" / "queries.md"
TIMES, TRACED = 5, 5


def timings(release: Path) -> dict[str, float]:
    """Seconds, medians of several: of the typical and the slowest question, opening the release included, and of a trace."""
    questions = re.findall(r"```sql\n(.*?)```", QUESTIONS.read_text(encoding="utf-8"), re.DOTALL)
    asked = [_median(lambda sql=sql: _ask(release, sql)) for sql in questions]
    traced = [_median(lambda figure=figure: trace(release, *figure)) for figure in _figures(release)]
    return {"query": median(asked), "slowest_query": max(asked), "trace": median(traced), "slowest_trace": max(traced)}


def _ask(release: Path, sql: str) -> None:
    with connect(release) as con:
        ask(con, sql)


def _median(work: Callable[[], object]) -> float:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return median(took)


def _figures(release: Path) -> list[tuple[str, str, str]]:
    """(indicator, place, period) of the figures that count most events."""
    with connect(release) as con:
        rows = con.execute(
            "select indicator_id, geography_code, period_type, period_start, period_end from indicators "
            "where status = 'available' and period_type = 'financial_year' order by denominator desc, 1, 2, 4 limit ?",
            [TRACED],
        ).fetchall()
    return [(indicator, place, period_names(*period)[0]) for indicator, place, *period in rows]
