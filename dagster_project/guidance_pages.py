"""The pages of the supplier guidance: self-contained HTML, no script, readable on a narrow screen and by screen readers."""

from __future__ import annotations

BASE = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}{% endblock %}</title>
<style>
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 Arial, Helvetica, sans-serif; color: #0b0c0c; background: #fff; overflow-wrap: break-word; }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 1rem; }
header { border-bottom: 4px solid #12436d; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1rem 0; }
h2 { font-size: 1.375rem; margin: 2.5rem 0 .5rem; border-top: 1px solid #6f777b; padding-top: 1rem; }
h3 { font-size: 1.125rem; margin: 1.5rem 0 .5rem; }
a { color: #1d4f91; }
a:focus, summary:focus, .scroll:focus { outline: 3px solid #0b0c0c; outline-offset: 2px; background-color: #fd0; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 46rem; }
.codes table { min-width: 0; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid #b1b4b6; }
code { font-family: Consolas, Menlo, monospace; font-size: .95em; }
.mark { font-weight: bold; }
summary { cursor: pointer; color: #1d4f91; text-decoration: underline; }
</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>{% block top %}{% endblock %}</header>
<main id="main">
{% block content %}{% endblock %}
</main>
<footer><p>Made from the contracts in expectations/contracts. If this page and your data disagree,
talk to the outcome data team first.</p></footer>
</body>
</html>
"""

INDEX = """{% extends "base.html" %}
{% block title %}Sending data to the outcome warehouse{% endblock %}
{% block top %}<p>Outcome warehouse: guidance for suppliers</p>{% endblock %}
{% block content %}
<h1>Sending data to the outcome warehouse</h1>
<p>One page per agency says what to send, when, in what form, and what happens to rows that do not fit.</p>
<h2>Agencies</h2>
<ul>
{% for agency in agencies %}
<li><a href="{{ agency.id }}.html">{{ agency.name }}</a>: {{ agency.extracts | map(attribute="name") | join(", ") }}</li>
{% endfor %}
</ul>
{% endblock %}
"""

AGENCY = """{% extends "base.html" %}
{% macro codes_table(extract, field) %}
<div class="scroll codes" role="region" tabindex="0" aria-label="Codes of {{ field.name }} in {{ extract.name }}">
<table>
<caption>Codes of {{ field.name }}</caption>
<thead><tr><th scope="col">Code</th><th scope="col">Meaning</th></tr></thead>
<tbody>
{% for code, label in field.codes %}
<tr><th scope="row"><code>{{ code }}</code></th><td>{{ label }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
{% endmacro %}
{% block title %}{{ agency.name }}: what to send{% endblock %}
{% block top %}<p><a href="index.html">Guidance for suppliers</a></p>{% endblock %}
{% block content %}
<h1>{{ agency.name }}: what to send</h1>
<p>{{ agency.description.purpose }}</p>
<p><span class="mark">Used for:</span> {{ agency.description.usage }}</p>
<p><span class="mark">Known limits:</span> {{ agency.description.limitations }}</p>
<p><span class="mark">Contract:</span> {{ agency.id }}, version {{ agency.version }}.
<span class="mark">Owner:</span> {{ agency.team }}.</p>

<h2>When</h2>
<ul>
{% for promise in agency.sla %}
<li>{{ promise.name | capitalize }}: {{ promise.says }}</li>
{% endfor %}
</ul>

<h2>How to send</h2>
<ul>
<li>Put files in <code>{{ agency.folder }}</code>.</li>
<li>Name each file <code>&lt;extract&gt;_&lt;YYYY-MM-DD&gt;.csv</code> or <code>.csv.gz</code>, for example
<code>{{ agency.extracts[0].name }}_2013-06-30.csv</code>. The date is the extract date: the day up to which the data is complete.
To replace a file of the same date, send it again with <code>_2</code>, <code>_3</code> and so on after the date.</li>
<li>Encoding {{ agency.encoding }}; values separated by {{ agency.delimiter }}; the first line holds the field names;
values that hold the separator, a quotation mark or a line break stand in double quotation marks.</li>
<li>Leave a value blank when it is not known. Do not write NULL, N/A or a made-up date.</li>
</ul>

<h2>Check before you send</h2>
<p>Run <code>outcomes check {{ agency.extracts[0].name }}_2013-06-30.csv --agency {{ agency.id }}</code>. It makes
the checks that intake makes and changes nothing. It ends with code 0 when the file would be taken, 1 when some rows would go to
quarantine, and 2 when the file would be refused.</p>

<h2>What happens to rows that do not fit</h2>
<p>A row that breaks a rule is not used. It is kept in quarantine with its line, field and reason, and sent back to you to be
corrected. The rest of the file is used, within the limits that each extract below states. When a file is refused, none of it is
used and your last good file stays in force. If a file is refused because it looks like an earlier one, or is much smaller or
larger, and is right all the same, tell the outcome data team: they confirm it by name, and it is taken.</p>
<p>A file that ends in the middle of a row is refused: it was cut off on the way. While you write a file, let its name begin
with a point, and rename it when it is whole.</p>
<p>A row that refers to a person or record that you have not sent is used, and named to you, so that you can send what is
missing.</p>

{% for extract in agency.extracts %}
<h2 id="{{ extract.name }}">Extract <code>{{ extract.name }}</code></h2>
<p>{{ extract.description }} The key is <code>{{ extract.key }}</code>: no two rows of a file may share it.</p>
{% if extract.is_full %}
<p><span class="mark">Send everything each time (full).</span> The latest file replaces all earlier ones: a row
that is no longer in it no longer counts.</p>
{% else %}
<p><span class="mark">Send what is new or changed (delta).</span> A row replaces the earlier row with the same key;
rows that you do not send again stay as they are. If a file was refused or left out, the next one must hold its changes
too.{% if extract.deleted_flag %}
To withdraw a row, send its key again with <code>{{ extract.deleted_flag }}</code> Y; its other values may be left
empty.{% endif %}</p>
{% endif %}
<p><span class="mark">Limits.</span> A file is refused when rows in quarantine are more than
{{ extract.max_percent }} % of the file and also more than {{ extract.tolerated_rows }} rows;
when they are more than {{ extract.max_rows }} rows; or when no row can be used.
{% if extract.smallest_percent or extract.largest_percent %}
It is refused too when it has{% if extract.smallest_percent %} fewer than {{ extract.smallest_percent }} %{% endif %}
{% if extract.smallest_percent and extract.largest_percent %} or{% endif %}
{% if extract.largest_percent %} more than {{ extract.largest_percent }} %{% endif %} of the rows of the file before it,
if that had {{ extract.compared_from }} or more.
{% endif %}
{% if extract.may_repeat %}
The same rows may be sent again under another date.
{% else %}
It is refused when it holds the same rows as a file of another date{{ "" if extract.is_full else ", unless it has none" }}.
{% endif %}</p>
<h3 id="{{ extract.name }}-fields">Fields of {{ extract.name }}</h3>
<div class="scroll" role="region" tabindex="0" aria-labelledby="{{ extract.name }}-fields">
<table aria-labelledby="{{ extract.name }}-fields">
<thead><tr>
{% for head in ("Field", "Meaning", "Form", "Required", "Why we ask") %}
<th scope="col">{{ head }}</th>
{% endfor %}
</tr></thead>
<tbody>
{% for field in extract.fields %}
<tr>
<th scope="row"><code>{{ field.name }}</code>{% if field.is_key %}<br>Key{% endif %}
{% if field.is_identifier %}<br>Identifies a person{% endif %}</th>
<td>{{ field.meaning }}{% if field.parent %}. Refers to <code>{{ field.parent }}</code>{% endif %}{% if field.aliases %}.
Also taken under the name
{% for alias in field.aliases %}<code>{{ alias }}</code>{{ ", " if not loop.last }}{% endfor %}{% endif %}</td>
<td>{{ field.format }}{% if field.codes %}; one of {{ field.codes | length }} codes, listed below{% endif %}
{% if field.code_valid_on %}, in force on <code>{{ field.code_valid_on }}</code>{% endif %}</td>
<td>{{ "Yes" if field.is_required else "No" }}</td>
<td>{{ field.why }}</td>
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% for field in extract.fields if field.codes %}
{% if field.is_long %}
<details><summary>{{ field.codes | length }} codes of {{ field.name }}</summary>
{{ codes_table(extract, field) }}
</details>
{% else %}
{{ codes_table(extract, field) }}
{% endif %}
{% endfor %}
{% if extract.rules %}
<h3>Rules about a whole row of {{ extract.name }}</h3>
<ul>
{% for rule in extract.rules %}
<li>{{ rule.says }}</li>
{% endfor %}
</ul>
{% endif %}
{% endfor %}
{% endblock %}
"""

TEMPLATES = {"base.html": BASE, "index.html": INDEX, "agency.html": AGENCY}
