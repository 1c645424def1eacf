"""The review page: one HTML file with every pair of a queue, to be opened from disk. It names people: for reviewers only."""

from __future__ import annotations

import difflib
import html
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from .review_assets import SCRIPT, STYLE
from .review_evidence import PRIOR, TOTAL, Step

WIDE, STEP_HIGH, BAR_HIGH = 360, 52, 14  # of the drawing, in its own units
FOR, AGAINST, SUM = "#12436d", "#a6120d", "#383f43"


@dataclass(frozen=True)
class Shown:
    """One pair on the page. ``fields``: (label, the one value, the other), of which some are ``not_compared``; ``row``: what goes

    back with the decision."""

    name: str
    agencies: tuple[str, str]
    fields: Sequence[tuple[str, str, str]]
    steps: Sequence[Step]
    note: str
    row: Mapping[str, str]
    not_compared: Collection[str] = ()


def render(
    shown: Sequence[Shown],
    month: str,
    columns: Sequence[str],
    codes: Sequence[tuple[str, str, str]],
    labels: Mapping[str, str],
    extract: str = "decisions",
    folder: str = "landing/linkage",
    day: str = "",
) -> str:
    """The page. ``columns``: of the file of decisions; ``codes``: (code, key, label) of each decision; ``labels`` of what is

    compared; ``day``: the day of every decision, where it is not the day of the reader's clock.
    """
    queue = {
        "month": month,
        "day": day,
        "extract": extract,
        "folder": folder,
        "columns": list(columns),
        "pairs": [{"id": pair.name, "row": dict(pair.row)} for pair in shown],
    }
    buttons = "\n".join(
        f'<button type="button" data-decision="{_text(code)}" data-key="{_text(key)}" data-label="{_text(label)}" '
        f'aria-pressed="false">{_text(label)}<kbd>{_text(key)}</kbd></button>'
        for code, key, label in codes
    )
    return PAGE.format(
        style=STYLE,
        script=SCRIPT,
        month=f"{date.fromisoformat(month + '-01'):%B %Y}",
        count=len(shown),
        buttons=buttons,
        folder=_text(folder),
        queue=json.dumps(queue, ensure_ascii=False).replace("<", "\\u003c"),
        pairs="\n".join(_article(number, len(shown), pair, labels) for number, pair in enumerate(shown, start=1)),
    )


def _text(text: str) -> str:
    return html.escape(str(text))


def _article(number: int, count: int, pair: Shown, labels: Mapping[str, str]) -> str:
    one, other = pair.agencies
    blank = [label for label, a, b in pair.fields if not a and not b]
    rows = "\n".join(_field(label, a, b, pair.agencies, pair.not_compared) for label, a, b in pair.fields if a or b)
    note = f'<p class="note">{_text(pair.note)}</p>' if pair.note else ""
    unstated = f"<p>Stated by neither: {_text(', '.join(blank).lower())}.</p>" if blank else ""
    return f"""<article aria-labelledby="pair-{number}">
<h2 id="pair-{number}" tabindex="-1">Pair {number} of {count}: {_text(one)} and {_text(other)}</h2>
{note}
<table class="fields">
<caption>What the two agencies hold</caption>
<thead><tr><th scope="col">Field</th><th scope="col">{_text(one)}</th><th scope="col">{_text(other)}</th>
<th scope="col">Comparison</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
{unstated}
<h3>What the linkage model makes of it</h3>
{_waterfall(number, pair.steps, labels)}
</article>"""


def _field(label: str, a: str, b: str, agencies: tuple[str, str], not_compared: Collection[str]) -> str:
    how = "" if label in not_compared else "the same" if a == b else "differs" if a and b else "stated by one"
    one, other = _marked(a, b) if how == "differs" else (_text(a), _text(b))
    blank = "<em>not stated</em>"
    return (
        f'<tr class="{"differs" if how == "differs" else ""}"><th scope="row">{_text(label)}</th>'
        f'<td data-label="{_text(agencies[0])}">{one or blank}</td><td data-label="{_text(agencies[1])}">{other or blank}</td>'
        + (f'<td class="how" data-label="Comparison">{how}</td></tr>' if how else "<td></td></tr>")
    )


def _marked(a: str, b: str) -> tuple[str, str]:
    """Both texts with the letters marked in which they differ."""
    one, other = [], []
    for what, a0, a1, b0, b1 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        same = what == "equal"
        for into, piece in ((one, a[a0:a1]), (other, b[b0:b1])):
            if piece:
                into.append(_text(piece) if same else f"<mark>{_text(piece)}</mark>")
    return "".join(one), "".join(other)


def _waterfall(number: int, steps: Sequence[Step], labels: Mapping[str, str]) -> str:
    """The weights as a drawing, each bar from where the one before ended, and as a table."""
    if not steps:
        return "<p>The model has no weight for this pair.</p>"
    total = sum(step.weight for step in steps)
    bars = [(labels.get(step.compared, step.compared), step.found, step.weight) for step in steps if abs(step.weight) >= 0.005]
    silent = [labels.get(step.compared, step.compared) for step in steps if abs(step.weight) < 0.005 and step.compared != PRIOR]
    ends, reached = [], 0.0
    for *_, weight in bars:
        ends.append((reached, reached + weight))
        reached += weight
    low, high = min(0.0, *(min(e) for e in ends)), max(0.0, *(max(e) for e in ends))
    scale = (WIDE - 4) / ((high - low) or 1)

    def at(value: float) -> float:
        return round(2 + (value - low) * scale, 1)

    lines = [*((*bar, *end) for bar, end in zip(bars, ends, strict=True)), (TOTAL, "", total, 0.0, total)]
    drawn = [f'<line x1="{at(0)}" x2="{at(0)}" y1="0" y2="{len(lines) * STEP_HIGH}" stroke="#6f777b"/>']
    for n, (text, found, weight, begin, end) in enumerate(lines):
        top, colour = n * STEP_HIGH, SUM if text == TOTAL else FOR if weight > 0 else AGAINST
        drawn.append(
            f'<text x="2" y="{top + 15}" font-size="13">{_text(text)}</text>'
            f'<text x="2" y="{top + 30}" font-size="13" fill="{SUM}">{_text(found)}</text>'
            f'<text x="{WIDE - 2}" y="{top + 15}" font-size="13" text-anchor="end">{weight:+.1f}</text>'
            f'<rect x="{at(min(begin, end))}" y="{top + 34}" width="{max(abs(end - begin) * scale, 1):.1f}" height="{BAR_HIGH}" '
            f'fill="{colour}"/>'
        )
    says = f"Waterfall of {len(bars)} weights that add up to {total:+.1f}; the table below has them."
    rows = "\n".join(
        f'<tr><th scope="row">{_text(f"{text}: {found}" if found else text)}</th>'
        f'<td class="number">{weight:+.2f}</td><td class="number">{end:+.2f}</td></tr>'
        for text, found, weight, _, end in lines
    )
    nothing = f"<p>Says nothing here: {_text(', '.join(silent).lower())}.</p>" if silent else ""
    return f"""<svg viewBox="0 0 {WIDE} {len(lines) * STEP_HIGH}" role="img" font-family="Arial, sans-serif"
aria-label="{_text(says)}">
{"".join(drawn)}
</svg>
{nothing}
<details><summary>The weights of pair {number} as a table</summary>
<table><caption>Weights of pair {number}</caption>
<thead><tr><th scope="col">Evidence</th><th scope="col" class="number">Weight</th>
<th scope="col" class="number">Sum so far</th></tr></thead>
<tbody>
{rows}
</tbody></table></details>"""


PAGE = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Clerical review, {month}: {count} pairs</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Clerical review, {month}: one person or two?</h1>
<p>This page names people. Keep it in the restricted folder, and do not copy from it.</p>
<noscript><p class="error">Decisions need JavaScript, which is off here. The pairs can be read all the same.</p></noscript>
<form id="enter" hidden>
<p><label for="initials">Your initials</label><br>
<input type="text" id="initials" autocomplete="off" spellcheck="false" maxlength="10" aria-describedby="wrong">
<button type="submit">Begin</button></p>
<p id="wrong" class="error" role="alert" hidden>Write two to ten letters or digits.</p>
</form>
<div id="entered" hidden>
<p><span id="who"></span> <button type="button" id="leave">Another reader</button></p>
<p><input type="checkbox" id="keys" checked> <label for="keys">Single keys decide</label></p>
</div>
<details><summary>How to decide</summary>
<p>Decide from what you see, not from the model's sum: it is what is being examined. Say that two records are of one person only
if you would act on it; say that it cannot be told when you would want to see more. Another reader decides the same pairs without
seeing your answers, and only what both of you say is applied.</p>
<p>A weight of 1 doubles the odds that the two are one person, a weight of &minus;1 halves them. The first bar is how rarely any
two records are of one person; the last is the sum.</p>
<p>The buttons name the keys that do the same; the arrow keys move as well. Decisions stay in this browser; the file that you save
belongs in {folder}, and holds all that you have decided in this queue.</p>
</details>
</header>
<main>
<div id="work">
<p id="progress"></p>
{pairs}
<div class="bar" role="group" aria-label="Decide this pair, move, save">
{buttons}
<button type="button" id="previous">Previous<kbd>k</kbd></button>
<button type="button" id="next">Next<kbd>j</kbd></button>
<button type="button" id="save">Save decisions<kbd>s</kbd></button>
</div>
</div>
<p id="said" role="status"></p>
</main>
<footer><p>Made by outcomes linkage review. What happens with decisions: dbt/docs/clerical-review.md.</p></footer>
<script type="application/json" id="queue">{queue}</script>
<script>{script}</script>
</body>
</html>
"""
