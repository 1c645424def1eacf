"""The night's page from its data: the same blocks as Markdown and as one HTML file that needs no network and no script."""

from __future__ import annotations

import html as escaping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from .fix_lists import MISPLACED, REFUSED_FILE

SHOWN_FIXES, SHOWN_FIGURES, SHOWN_MOVES = 8, 30, 2
TITLES = {
    "published": "published",
    "unchanged": "nothing changed",
    "refused": "refused",
    "failed": "failed",
    "locked": "could not begin",
}

STYLE = """
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 Arial, Helvetica, sans-serif; color: #0b0c0c; background: #fff; overflow-wrap: break-word; }
header, main, footer { max-width: 66rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1.5rem 0 1rem; }
h2 { font-size: 1.375rem; margin: 2.5rem 0 .5rem; border-top: 1px solid #6f777b; padding-top: 1rem; }
h3 { font-size: 1.125rem; margin: 1.75rem 0 .25rem; }
.status { border-left: .6rem solid #12436d; background: #eef3f8; padding: .75rem 1rem; margin: 0; }
.status.bad { border-color: #a6120d; background: #fbeeed; }
.status p { margin: .25rem 0; }
.status p:first-child { font-weight: bold; font-size: 1.1875rem; }
.scroll { overflow-x: auto; margin: .5rem 0 1rem; }
.scroll:focus { outline: 3px solid #0b0c0c; outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid #b1b4b6; }
thead th { border-bottom: 2px solid #0b0c0c; }
tbody th { font-weight: normal; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td small, th small { display: block; color: #383f43; font-size: .9375rem; }
ul { padding-left: 1.25rem; }
a { color: #1d4f91; }
footer { border-top: 4px solid #12436d; margin-top: 3rem; padding-bottom: 2rem; }
@media (max-width: 40rem) {
  body { font-size: 1rem; }
  thead { position: absolute; left: -999rem; }
  tr { display: block; border-bottom: 2px solid #6f777b; padding: .4rem 0; }
  tbody th, td, td.number { display: block; border: 0; padding: .15rem 0; text-align: left; white-space: normal; }
  tbody th { font-weight: bold; }
  tbody th small { font-weight: normal; }
  td::before { content: attr(data-label) ": "; color: #383f43; }
}
@media print { .scroll { overflow: visible; } }
"""


@dataclass
class Table:
    """A table: cells are texts, or (text, smaller text below it). ``numbers`` are the places of columns set to the right."""

    caption: str
    columns: list[str]
    rows: list[list[Any]]
    numbers: tuple[int, ...] = ()


@dataclass
class Section:
    """A heading of a level from 2, with paragraphs (str), lists of lines (list) and tables under it."""

    level: int
    title: str
    blocks: list[str | list[str] | Table] = field(default_factory=list)


# words ---------------------------------------------------------------------------------------------------------------------


def _day(text: str | None) -> str:
    return f"{date.fromisoformat(text):%-d %B %Y}" if text else "–"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def points(value: float) -> str:
    """Points of a percentage, in words."""
    return "less than 0.1 points" if 0 < value < 0.05 else f"{value:.3g} points" if value >= 100 else f"{value:.1f} points"


def _moves(fix: dict[str, Any]) -> str:
    if not fix["moves"]:
        return "no indicator"
    shown = [f"{indicator} {view.replace('_', ' ')} by up to {points(p)}" for indicator, view, p in fix["moves"][:SHOWN_MOVES]]
    more = len(fix["moves"]) - SHOWN_MOVES
    return "; ".join(shown) + (f"; and {_count(more, 'other')}" if more > 0 else "")


def title(data: dict[str, Any]) -> str:
    """The page's heading: the day that the night is of, and what became of it."""
    return f"The night of {datetime.fromisoformat(data['begun_at']):%-d %B %Y}: {TITLES[data['result']]}"


def status_lines(data: dict[str, Any]) -> list[str]:
    """What a reader who reads nothing else must know."""
    lines = [data["headline"], data["readers"]]
    lines += [data["clock_warning"]] if data["clock_warning"] else []
    seconds = data["seconds"]
    took = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
    of_day = f" Reckoned as on {_day(data['today'])}." if data.get("today") else ""
    lines.append(f"Begun {datetime.fromisoformat(data['begun_at']):%-d %B %Y, %H:%M} UTC; it took {took}.{of_day}")
    return [*lines, *data["notes"]]


# sections ------------------------------------------------------------------------------------------------------------------


def sections(data: dict[str, Any]) -> list[Section]:
    """The page, most important first."""
    found = [_failed(data)] if data["failures"] else []
    if data["result"] == "locked":
        return found
    return [*found, _held(data), *_to_fix(data), _late(data), _changed(data), *_linkage(data), _ran(data)]


def _failed(data: dict[str, Any]) -> Section:
    rows = [[f["step"], f["says"], f["remedy"]] for f in data["failures"]]
    return Section(2, "What failed", [Table("Steps that failed", ["Step", "What it says", "What to do"], rows)])


def _held(data: dict[str, Any]) -> Section:
    verdict, blocks = data["verdict"], []
    if data["held"]:
        rows = [[indicator, because] for indicator, because in data["held"].items()]
        blocks.append(Table("Indicators held: their figures are left out", ["Indicator", "For want of"], rows))
    if data["carried"]:
        rows = [[c["delivery"], ", ".join(c["indicators"]) or "none", c["says"]] for c in data["carried"]]
        blocks.append(Table("Deliveries carried forward", ["Delivery", "Indicators that rest on it", "How it stands"], rows))
    for outcome, caption in (
        ("failed", "Rules that failed and keep the release back"),
        ("warned", "Rules that warn"),
        ("waived", "Rules that failed and are waived"),
    ):
        last = "note" if outcome == "waived" else "remedy"
        rows = [
            [(r["rule_id"], r["description"]), f"{r['numerator']:,} of {r['denominator']:,}", r[last]]
            for r in verdict.get(outcome, [])
        ]
        if rows:
            last = "Who waived it, why and until when" if outcome == "waived" else "What to do"
            blocks.append(Table(caption, ["Rule", "Failing", last], rows, numbers=(1,)))
    lines = [w for w in verdict.get("waivers", []) if w["state"] != "used"]
    if lines:
        rows = [[w["state"], w["waiver_id"] or "–", w["says"]] for w in lines]
        blocks.append(Table("Waivers that did nothing tonight", ["State", "Waiver", "Why, and what to do"], rows))
    if not verdict:
        blocks.append("No release was judged, so no rule was asked.")
    elif not blocks:
        blocks.append("Nothing is held, carried forward or waived, and no rule failed or warned.")
    if verdict:
        counts = verdict["counts"]
        blocks.append(
            f"Of the release rules {counts['passed']} passed, {counts['warned']} warned, {counts.get('waived', 0)} were waived, "
            f"{counts['failed']} failed and {counts['not_applicable']} did not apply."
        )
    return Section(2, "What was held, and why", blocks)


def _to_fix(data: dict[str, Any]) -> list[Section]:
    """A section for all agencies, and one for each below it."""
    if not data["agencies"]:
        return [Section(2, "What each agency must fix", ["Nothing."])]
    says = (
        "First what could move an indicator most. Each figure is the most that it could move: the events or rows concerned (one "
        "event for each row) of all that the latest national figure counts. References are the agency's own."
    )
    stale = " No warehouse was built tonight: outcomes are those of the last one." if data["result"] == "failed" else ""
    found = [Section(2, "What each agency must fix", [says + stale])]
    return [*found, *map(_agency, data["agencies"])]


def _agency(agency: dict[str, Any]) -> Section:
    """A table of what could move an indicator and of files refused or not read; what moves none is counted by extract."""
    name = agency["agency"]
    moving = [f for f in agency["fixes"] if f["moves"] or f["kind"] in (REFUSED_FILE, MISPLACED)]
    shown, blocks = moving[:SHOWN_FIXES], []
    if shown:
        rows = [
            [(f["what"], f["remedy"]), f"{f['count']:,}" if f["count"] else "–", ", ".join(f["examples"]) or "–", _moves(f)]
            for f in shown
        ]
        caption = f"{name}: {_count(len(agency['fixes']), 'thing')} to fix" + (
            f", the first {len(rows)}" if len(moving) > len(rows) else ""
        )
        blocks.append(Table(caption, ["What, and what to do", "How many", "The first of them", "Could move"], rows, numbers=(1,)))
    for kind, says in (
        ("rows in quarantine", "In quarantine too, though no indicator rests on it"),
        ("unknown outcome", "Without an outcome too, in years before the latest figures; a record would be of"),
    ):
        still: dict[str, int] = {}
        for fix in (f for f in agency["fixes"] if not f["moves"] and f["kind"] == kind):
            still[fix["extract"]] = still.get(fix["extract"], 0) + fix["count"]
        blocks += [f"{says}: {', '.join(f'{extract} ({n:,})' for extract, n in still.items())}."] if still else []
    says = f"Every record, with what to do, is in fix_{name}.csv."
    if any(fix.get("is_cut") for fix in agency["fixes"]):
        says = f"Of each thing the first records, of events the latest, are in fix_{name}.csv; every one: outcomes fixes {name}"
    return Section(3, name, [*blocks, says])


def _late(data: dict[str, Any]) -> Section:
    if not data["late"]:
        return Section(2, "What is late", ["No delivery is late."])
    rows = [
        [
            f"{d['agency']} {d['extract']}",
            d["status"].replace("_", " "),
            _day(d["due_date"]),
            f"{d['days_late']:,}" if d["days_late"] is not None else "–",
            _day(d["carry_forward_until"]),
            ", ".join(d["held_indicators"]) or "–",
        ]
        for d in data["late"]
    ]
    columns = ["Delivery", "Standing", "Due", "Days late", "Carried forward until", "Held for it"]
    return Section(2, "What is late", [Table("Deliveries that have not come", columns, rows, numbers=(3,))])


def _changed(data: dict[str, Any]) -> Section:
    found = data["changes"]
    if not found or not found["old"]:
        why = {"unchanged": "Nothing: every figure is as it was.", "published": "This is the first release."}
        return Section(2, "What changed", [why.get(data["result"], "Nothing that readers see.")])
    blocks: list[str | list[str] | Table] = []
    if found["count"] is not None:
        differ = _count(found["count"], "figure differs", "figures differ")
        blocks.append(f"{differ} from release {found['old']}. List them: outcomes diff {found['old']} {found['new']}")
    else:
        blocks.append(f"What would have changed, had the gate let it pass; readers keep release {found['old']}.")
    rows = [
        [
            f"{f['indicator_id']} {f['view_id'].replace('_', ' ')}",
            f"{f['geography_name']}, {f['period_type'].replace('_', ' ')} from {_day(f['period_start'])}",
            f["old"],
            f["new"],
            "–" if f["points"] is None else f"{f['points']:+.2f}",
        ]
        for f in found["figures"][:SHOWN_FIGURES]
    ]
    columns = ["Indicator", "Where and when", "Was", "Is" if found["new"] else "Would be", "Points"]
    blocks.append(Table("National figures that changed", columns, rows, numbers=(4,)) if rows else "No national figure changed.")
    return Section(2, "What changed", blocks)


def _linkage(data: dict[str, Any]) -> list[Section]:
    says = "These rest on linking the records of several agencies, which can be right or wrong. Counts behind them are rounded."
    return [Section(2, "How far linking people moves the figures", [says, data["linkage"]])] if data.get("linkage") else []


def _ran(data: dict[str, Any]) -> Section:
    ran, blocks = data["ran"], []
    rows = [[s["name"], s["outcome"], "–" if s["seconds"] is None else f"{s['seconds']:,.1f}"] for s in ran["steps"]]
    blocks += [Table("Steps", ["Step", "Outcome", "Seconds"], rows, numbers=(2,))] if rows else ["No step ran."]
    rows = [[i["agency"], *(f"{i[k]:,}" for k in ("files", "rows", "quarantined", "refused"))] for i in ran["intake"]]
    columns = ["Agency", "Files taken", "Rows taken", "Rows in quarantine", "Files refused"]
    blocks += [Table("Taken in tonight", columns, rows, numbers=(1, 2, 3, 4))] if rows else ["No new file came in."]
    if ran["recovered"]:
        blocks.append(f"{_count(ran['recovered'], 'delivery', 'deliveries')} of earlier runs had to be taken from the archive.")
    blocks += [f"A damaged database was made anew from the archive; it is kept as {name}." for name in ran["damaged"]]
    alert = data["alert"]
    if alert and alert["error"]:
        blocks.append(f"The alert was not delivered and will be tried again the next night. {alert['error']}")
    elif alert:
        sent = f"An alert was sent for {_count(len(alert['new']), 'new problem')}"
        told = sent if alert["new"] else "No alert was sent: nothing is new"
        blocks.append(f"{told}; {alert['standing']:,} stand since earlier nights.")
    return Section(2, "What ran", blocks)


# Markdown ------------------------------------------------------------------------------------------------------------------


def markdown(data: dict[str, Any]) -> str:
    """The page as Markdown."""
    lines = [f"# {_md(title(data))}", "", *(line for text in status_lines(data) for line in (_md(text), ""))]
    for section in sections(data):
        lines += [f"{'#' * section.level} {_md(section.title)}", ""]
        for block in section.blocks:
            lines += [*_md_block(block), ""]
    return "\n".join(lines).rstrip() + "\n"


def _md(text: Any) -> str:
    """Text in which nothing is taken for Markdown or HTML, on one line."""
    text = " ".join(str(text).split())
    for mark in "\\`*[]<>|":
        text = text.replace(mark, "\\" + mark)
    return text


def _md_block(block: str | list[str] | Table) -> list[str]:
    if isinstance(block, str):
        return [_md(block)]
    if isinstance(block, list):
        return [f"- {_md(line)}" for line in block]
    rule = ["---:" if i in block.numbers else "---" for i in range(len(block.columns))]
    rows = [[". ".join(_md(p).rstrip(".") for p in c) + "." if isinstance(c, tuple) else _md(c) for c in r] for r in block.rows]
    return [f"**{_md(block.caption)}**", "", *(f"| {' | '.join(row)} |" for row in [list(map(_md, block.columns)), rule, *rows])]


# HTML ----------------------------------------------------------------------------------------------------------------------


def html(data: dict[str, Any]) -> str:
    """The page as one HTML file."""
    is_bad = data["result"] not in ("published", "unchanged") or data["failures"] or data["clock_warning"]
    status = "".join(f"<p>{_e(line)}</p>" for line in status_lines(data))
    body = "\n".join(f"<h{s.level}>{_e(s.title)}</h{s.level}>\n" + "\n".join(map(_html_block, s.blocks)) for s in sections(data))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_e(title(data))}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{_e(title(data))}</h1>
<div class="status{" bad" if is_bad else ""}">{status}</div>
{body}
</main>
<footer><p>For the owner of the data folder only: this page names agencies' own records.</p></footer>
</body>
</html>
"""


def _e(text: Any) -> str:
    return escaping.escape(" ".join(str(text).split()))


def _html_block(block: str | list[str] | Table) -> str:
    if isinstance(block, str):
        return f"<p>{_e(block)}</p>"
    if isinstance(block, list):
        return f"<ul>{''.join(f'<li>{_e(line)}</li>' for line in block)}</ul>"
    # the roles are said once more, as on a narrow screen the style takes the table apart
    kinds = [' class="number"' if i in block.numbers else "" for i in range(len(block.columns))]
    names = zip(block.columns, kinds, strict=True)
    head = "".join(f'<th scope="col" role="columnheader"{kind}>{_e(name)}</th>' for name, kind in names)
    rows = "\n".join(f'<tr role="row">{_html_row(block, row, kinds)}</tr>' for row in block.rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{_e(block.caption)}">\n'
        f'<table role="table">\n<caption>{_e(block.caption)}</caption>\n'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{rows}\n</tbody>\n</table>\n</div>'
    )


def _html_row(block: Table, row: list[Any], kinds: list[str]) -> str:
    texts = [f"{_e(c[0])}<small>{_e(c[1])}</small>" if isinstance(c, tuple) else _e(c) for c in row]
    cells = [f'<th scope="row" role="rowheader"{kinds[0]}>{texts[0]}</th>']
    for text, kind, column in list(zip(texts, kinds, block.columns, strict=True))[1:]:
        cells.append(f'<td role="cell"{kind} data-label="{_e(column)}">{text}</td>')
    return "".join(cells)
