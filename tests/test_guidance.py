"""The guidance says everything that the contracts say, to every reader, and nothing that they do not."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from dagster_project.contracts import ContractError
from dagster_project.guidance import LONG_LIST, code_labels, write_guidance

PROJECT = Path(__file__).resolve().parent.parent
CONTRACTS, SEEDS = PROJECT / "expectations" / "contracts", PROJECT / "seeds"


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("guidance")
    return {p.name: p.read_text(encoding="utf-8") for p in write_guidance(CONTRACTS, SEEDS, folder)}


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.S)))


def _contracts() -> list[dict]:
    return [yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted(CONTRACTS.glob("*.odcs.yaml"))]


class _Outline(HTMLParser):
    """Headings, open elements and scrolling regions around tables."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.open: list[tuple[str, dict]] = []
        self.bare_tables = 0

    def handle_starttag(self, tag: str, attrs: list) -> None:
        attributes = dict(attrs)
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "table" and not any("scroll" in a.get("class", "") and a.get("tabindex") == "0" for _, a in self.open):
            self.bare_tables += 1
        if tag not in ("meta", "br", "link", "img"):
            self.open.append((tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag, f"</{tag}> closes nothing"


def test_there_is_a_page_per_agency_and_an_index(pages):
    assert set(pages) == {"index.html", *(f"{c['id']}.html" for c in _contracts())}
    for contract in _contracts():
        assert f'href="{contract["id"]}.html"' in pages["index.html"]


def test_every_field_is_there_with_its_meaning_and_why_it_is_asked(pages):
    for contract in _contracts():
        text = _text(pages[f"{contract['id']}.html"])
        for extract in contract["schema"]:
            for column in extract["properties"]:
                why = next(p["value"] for p in column["customProperties"] if p["property"] == "whyAsked")
                for words in (column["name"], column["description"], why):
                    assert re.sub(r"\s+", " ", words) in text


def test_limits_cadence_and_mode_are_those_of_the_contract(pages):
    for contract in _contracts():
        text = _text(pages[f"{contract['id']}.html"])
        for promise in contract["slaProperties"]:
            assert promise["description"] in text
        for extract in contract["schema"]:
            custom = {p["property"]: p["value"] for p in extract["customProperties"]}
            assert f"more than {custom['maxQuarantinedPercent']:g} %" in text
            assert f"more than {custom['maxQuarantinedRows']:,} rows" in text
            assert ("replaces all earlier ones" if custom["deliveryMode"] == "full" else "new or changed (delta)") in text


def test_terms_of_comparison_and_of_time_are_those_of_the_contract(pages):
    for contract in _contracts():
        text = _text(pages[f"{contract['id']}.html"])
        for extract in contract["schema"]:
            custom = {p["property"]: p["value"] for p in extract["customProperties"]}
            assert (
                "may be sent again under another date" if custom.get("mayRepeat") else "the same rows as a file of another date"
            ) in text
            for name, words in (("smallestPercentOfLast", "fewer than"), ("largestPercentOfLast", "more than")):
                assert name not in custom or f"{words} {custom[name]} %" in text
    assert ", in force on start_date" in _text(pages["probation.html"])
    assert "not later than the extract date" in _text(pages["probation.html"])


def test_identifiers_are_marked(pages):
    row = re.search(r"<th scope=\"row\"><code>crn</code>.*?</th>", pages["probation.html"], re.S).group()
    assert "Key" in row and "Identifies a person" in row


def test_codes_have_labels_and_long_lists_fold_away(pages):
    assert "Prison records" in pages["prisons.html"]
    for code, label in code_labels(SEEDS, "sex_codes"):
        assert code in pages["prisons.html"] and html.escape(label) in pages["prisons.html"]
    assert len(code_labels(SEEDS, "establishment_codes")) > LONG_LIST
    assert re.search(r"<details><summary>\d+ codes of establishment_code</summary>", pages["prisons.html"])


def test_a_code_list_of_another_column_is_labelled_by_the_column_after_it():
    assert ("11", "Avon and Somerset") in code_labels(SEEDS, "areas.area_code")
    assert dict(code_labels(SEEDS, "regions.country_code"))["ENG"] == "England"


def test_a_code_that_has_ended_says_until_when():
    assert any("(until 2017-01-01)" in label for _, label in code_labels(SEEDS, "accommodation_codes"))


def test_dates_are_shown_as_the_agency_prints_them(pages):
    assert "dd/MM/yyyy, for example 31/07/2009, from 01/01/1900" in _text(pages["prisons.html"])
    assert "yyyy-MM-dd, for example 2009-07-31" in _text(pages["probation.html"])


def test_pages_stand_alone_without_script_or_network(pages):
    for page in pages.values():
        assert "<script" not in page and "http" not in page and "url(" not in page
        assert page.startswith('<!DOCTYPE html>\n<html lang="en-GB">')


def test_headings_are_in_order_and_tables_scroll(pages):
    for name, page in pages.items():
        outline = _Outline()
        outline.feed(page)
        assert outline.levels[0] == 1 and outline.levels.count(1) == 1, name
        assert all(b - a <= 1 for a, b in zip(outline.levels, outline.levels[1:], strict=False)), name
        assert outline.bare_tables == 0 and not outline.open, name
        ids = re.findall(r'id="([^"]+)"', page)
        assert len(ids) == len(set(ids)), name
        assert set(re.findall(r'aria-labelledby="([^"]+)"', page)) <= set(ids), name


def test_text_from_a_contract_is_never_markup(tmp_path):
    text = (CONTRACTS / "sharing.odcs.yaml").read_text(encoding="utf-8").replace("Agency that gives", "<b>Agency</b> & friends")
    (tmp_path / "sharing.odcs.yaml").write_text(text, encoding="utf-8")
    page = write_guidance(tmp_path, SEEDS, tmp_path / "out")[1].read_text(encoding="utf-8")
    assert "&lt;b&gt;Agency&lt;/b&gt; &amp; friends" in page and "<b>" not in page


def test_a_missing_code_list_is_named(tmp_path):
    with pytest.raises(ContractError, match="no file nothing_codes.csv"):
        code_labels(tmp_path, "nothing_codes")


def test_no_contracts_is_an_error(tmp_path):
    with pytest.raises(ContractError, match="no contract"):
        write_guidance(tmp_path, SEEDS, tmp_path / "out")
