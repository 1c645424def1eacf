"""Style and script of the review page. The script keeps decisions by reader, in this browser, and writes them to a CSV file."""

from __future__ import annotations

STYLE = """
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 Arial, Helvetica, sans-serif; color: #0b0c0c; background: #fff; overflow-wrap: break-word; }
header, main, footer { max-width: 66rem; margin: 0 auto; padding: 0 1rem; }
header { border-bottom: 4px solid #12436d; padding-bottom: 1rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1.5rem 0 1rem; }
h2 { font-size: 1.375rem; margin: 1.5rem 0 .5rem; }
h3 { font-size: 1.125rem; margin: 1.5rem 0 .25rem; }
table { border-collapse: collapse; width: 100%; }
.fields { table-layout: fixed; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid #b1b4b6; }
thead th { border-bottom: 2px solid #0b0c0c; }
tbody th { font-weight: normal; color: #383f43; }
tr.differs td { background: #fff7d6; }
tr.differs .how { font-weight: bold; }
mark { background: #fd0; color: #0b0c0c; font-weight: bold; }
.number { text-align: right; white-space: nowrap; }
.note { border-left: .6rem solid #12436d; background: #eef3f8; padding: .5rem 1rem; margin: .75rem 0; }
.error { border-left: .6rem solid #a6120d; background: #fbeeed; padding: .5rem 1rem; }
label { font-weight: bold; }
input[type=text] { font: inherit; width: 8rem; padding: .3rem; border: 2px solid #0b0c0c; text-transform: uppercase; }
button { font: inherit; padding: .45rem .8rem; border: 2px solid #0b0c0c; background: #fff; color: #0b0c0c; cursor: pointer; }
button[aria-pressed=true] { background: #12436d; color: #fff; border-color: #12436d; }
button:focus-visible, input:focus-visible, summary:focus-visible, h2:focus-visible, a:focus-visible {
  outline: 3px solid #0b0c0c; outline-offset: 2px; box-shadow: 0 0 0 6px #fd0; }
kbd { font: inherit; border: 1px solid currentColor; border-radius: 3px; padding: 0 .3rem; margin-left: .3rem; }
.bar { position: sticky; bottom: 0; background: #fff; border-top: 2px solid #0b0c0c; padding: .5rem 0; display: flex;
  flex-wrap: wrap; gap: .4rem; }
svg { width: 100%; max-width: 32rem; height: auto; display: block; }
summary { cursor: pointer; color: #1d4f91; text-decoration: underline; }
[hidden] { display: none !important; }
footer { border-top: 4px solid #12436d; margin-top: 2rem; padding-bottom: 2rem; }
@media (max-width: 40rem) {
  body { font-size: 1rem; }
  button { padding: .35rem .5rem; }
  kbd { display: none; }
  .fields thead { position: absolute; left: -999rem; }
  .fields tr { display: block; border-bottom: 2px solid #6f777b; padding: .4rem 0; }
  .fields th, .fields td { display: block; border: 0; padding: .1rem 0; }
  .fields tbody th { font-weight: bold; }
  .fields td[data-label]::before { content: attr(data-label) ": "; color: #383f43; }
}
"""

SCRIPT = """
"use strict";
(() => {
  const queue = JSON.parse(document.getElementById("queue").textContent);
  const at = (id) => document.getElementById(id);
  const pairs = [...document.querySelectorAll("article")];
  const buttons = [...document.querySelectorAll("button[data-decision]")];
  let reader = "", decided = {}, saves = {}, unsaved = 0, now = 0, keeps = true;

  function kept(key, value) {
    try {
      if (value === undefined) return JSON.parse(localStorage.getItem(key));
      localStorage.setItem(key, JSON.stringify(value));
    } catch (error) { keeps = false; }
    return null;
  }
  const place = (name) => "outcomes-review/" + queue.month + "/" + reader + "/" + name;
  const id = (index) => queue.pairs[index].id;
  function say(text) { at("said").textContent = text; }
  function today() {
    const day = new Date();
    const two = (n) => String(n).padStart(2, "0");
    return queue.day || day.getFullYear() + "-" + two(day.getMonth() + 1) + "-" + two(day.getDate());
  }

  function progress() {
    const done = queue.pairs.filter((pair) => decided[pair.id]).length;
    at("progress").textContent = "Pair " + (now + 1) + " of " + pairs.length + ". Decided: " + done
      + (unsaved ? ". Not saved in a file yet: " + unsaved : "") + ".";
    const own = decided[id(now)];
    buttons.forEach((b) => b.setAttribute("aria-pressed", String(!!own && own.decision === b.dataset.decision)));
  }
  function show(index, focus) {
    now = Math.min(Math.max(index, 0), pairs.length - 1);
    pairs.forEach((pair, n) => { pair.hidden = n !== now; });
    progress();
    if (focus) { pairs[now].querySelector("h2").focus({ preventScroll: true }); window.scrollTo(0, pairs[now].offsetTop - 8); }
  }
  function begin(initials) {
    const text = initials.trim().toUpperCase();
    at("wrong").hidden = /^[A-Z0-9]{2,10}$/.test(text);
    if (!at("wrong").hidden) { at("initials").focus(); return; }
    reader = text;
    kept("outcomes-review/reader", reader);
    decided = kept(place("decided")) || {};
    saves = kept(place("saves")) || {};
    unsaved = kept(place("unsaved")) || 0;
    at("who").textContent = "Reader: " + reader;
    at("enter").hidden = true; at("entered").hidden = false; at("work").hidden = false;
    const open = queue.pairs.findIndex((pair) => !decided[pair.id]);
    show(open < 0 ? 0 : open, true);
    say(keeps ? "" : "This browser does not keep decisions: save them before you close the page.");
  }
  function leave() {
    reader = ""; decided = {};
    kept("outcomes-review/reader", "");
    at("initials").value = "";
    at("enter").hidden = false; at("entered").hidden = true; at("work").hidden = true;
    at("initials").focus();
  }
  function decide(decision) {
    const own = decided[id(now)];
    if (!own || own.decision !== decision) {
      decided[id(now)] = { decision: decision, day: today() };
      unsaved += 1;
    }
    kept(place("decided"), decided); kept(place("unsaved"), unsaved);
    const text = buttons.find((b) => b.dataset.decision === decision).dataset.label;
    const from = now + 1;
    show(from, from < pairs.length);
    say("Pair " + from + ": " + text + "." + (from === pairs.length ? " That was the last pair: save your decisions." : ""));
  }
  function quoted(text) { return /[",\\r\\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text; }
  function save() {
    const rows = queue.pairs.filter((pair) => decided[pair.id]).map((pair) => queue.columns.map((name) => quoted(String({
      reader: reader, decision: decided[pair.id].decision, decided_date: decided[pair.id].day, queue_month: queue.month,
    }[name] ?? pair.row[name] ?? ""))).join(","));
    if (!rows.length) { say("Nothing is decided yet."); return; }
    // files of one day must not share a name: a place for each reader, and a number for each save
    const slot = [...reader].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 99, 7) + 1;
    saves[today()] = Math.min((saves[today()] ?? -1) + 1, 9);
    const name = queue.extract + "_" + today() + "_" + (slot * 10 + saves[today()]) + ".csv";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([[queue.columns.join(","), ...rows, ""].join("\\n")], { type: "text/csv" }));
    link.download = name;
    document.body.append(link); link.click(); link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    unsaved = 0;
    kept(place("saves"), saves); kept(place("unsaved"), unsaved);
    progress();
    say("Saved " + rows.length + " decisions as " + name + ". The file belongs in " + queue.folder + ".");
  }

  buttons.forEach((b) => b.addEventListener("click", () => decide(b.dataset.decision)));
  at("next").addEventListener("click", () => show(now + 1, true));
  at("previous").addEventListener("click", () => show(now - 1, true));
  at("save").addEventListener("click", save);
  at("leave").addEventListener("click", leave);
  at("enter").addEventListener("submit", (event) => { event.preventDefault(); begin(at("initials").value); });
  document.addEventListener("keydown", (event) => {
    if (!reader || !at("keys").checked || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input[type=text]")) return;
    const own = buttons.find((b) => b.dataset.key === event.key.toLowerCase());
    const other = { ArrowRight: () => show(now + 1, true), j: () => show(now + 1, true), ArrowLeft: () => show(now - 1, true),
      k: () => show(now - 1, true), s: save }[event.key];
    if (own) decide(own.dataset.decision); else if (other) other(); else return;
    event.preventDefault();
  });
  at("enter").hidden = false;
  pairs.forEach((pair) => { pair.hidden = true; });
  at("work").hidden = true;
  if (!pairs.length) say("There is no pair to decide.");
  else if (kept("outcomes-review/reader")) begin(kept("outcomes-review/reader"));
})();
"""
