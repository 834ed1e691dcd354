"""The page that a medical director reviews: everything is on it, and nothing can be misread."""

import base64
import hashlib
import html
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from openkap.chart.rule_language import parse
from openkap.cli.content import sign
from openkap.cli.page import content_page
from openkap.kernel.site import Override, Site
from openkap.plan.types import Bound
from openkap.review.catalogue import chapters, readings_of
from openkap.review.page_rows import condition_tree, value_words
from openkap.screen.rulebook import rules

ON = date(2026, 11, 25)


@cache
def page() -> str:
    return content_page(Site(), ON)


def read(text: str) -> str:
    body = re.sub(r"<(style|head)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@cache
def seen() -> str:
    return read(page())


def section(text: str, name: str) -> str:
    return re.search(rf'<section class="panel[^"]*" id="{name}".*?</section>', text, re.DOTALL)[0]


def card(text: str, row: str) -> str:
    return read(re.search(rf'<article class="card" id="row-\w+-{re.escape(row)}".*?</article>', text, re.DOTALL)[0])


def test_the_page_stands_alone_and_a_strict_policy_holds():
    for word in ("<script", "<link", "<img", " style=", "@import", "url("):
        assert word not in page()
    style = re.search(r"<style>(.*?)</style>", page(), re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page()


def test_every_link_leads_to_a_place_on_the_page_and_every_place_has_one_name():
    ids = re.findall(r' id="([^"]+)"', page())
    assert len(ids) == len(set(ids))
    assert {html.unescape(h) for h in re.findall(r'href="#([^"]+)"', page())} <= set(map(html.unescape, ids))


@pytest.mark.hazard("HAZ-24", "C1")
def test_every_row_of_every_room_is_on_the_page():
    ids = set(map(html.unescape, re.findall(r' id="row-([^"]+)"', page())))
    assert ids == {f"{chapter.room}-{row.id}" for chapter in chapters(Site()) for row in chapter.rows}


def test_every_reading_of_every_row_is_listed_for_confirmation():
    listed = read(section(page(), "readings"))
    texts = [text for chapter in chapters(Site()) for row in chapter.rows for text in readings_of(row)]
    assert len(texts) > 50
    assert [text for text in texts if " ".join(text.split()) not in listed] == []


def test_what_needs_a_decision_stands_before_the_rows():
    order = re.findall(r'<section class="panel[^"]*" id="([\w-]+)"', page())
    assert order[:5] == ["readings", "unverified", "retracted", "gaps", "site-max"]
    assert order[5] == "rules-indication"
    assert order[-1] == "works"


def test_unverified_numbers_are_listed_with_the_reason_in_words():
    listed = read(section(page(), "unverified"))
    assert "general knowledge, unverified" in listed
    assert "design default, needs a site protocol" in listed
    assert "SCR-SUD-2" in listed


def test_retractions_and_gaps_are_named():
    assert "Mills 2025" in read(section(page(), "retracted"))
    gaps = read(section(page(), "gaps"))
    assert "TRX-DEF-1" in gaps
    assert [n for n in range(1, 10) if f"GAP-{n}: " not in gaps] == []
    assert "wording does not ship" in gaps


@pytest.mark.parametrize("rule", sorted(rules()))
def test_a_rule_stands_with_its_text_condition_limits_grade_and_fingerprint(rule):
    row, shown = rules()[rule], card(page(), rule)
    for text in (row.title, row.text, row.action, *row.reading):
        assert " ".join(text.split()) in shown
    for arm in row.arm:
        assert " ".join(arm.when.split()) in shown
    assert shown.count("stricter when") == len(row.limits)
    assert "Evidence: " in shown
    assert re.search(r"Fingerprint [0-9a-f]{16}", shown)
    assert "unsigned" in shown


def test_a_condition_in_words_shows_its_brackets_as_nested_lists():
    limits = {"a": Decimal(160)}
    tree = condition_tree(parse("not (gad and (panic or systolic-mean >= $a))"), limits)
    assert tree["head"] == "any of"
    leaf, group = tree["parts"]
    assert leaf == {"text": "no generalized anxiety disorder"}
    assert group["head"] == "all of"
    assert [part["text"] for part in group["parts"]][1] == "mean systolic pressure below 160 mmHg"


@pytest.mark.hazard("HAZ-10", "C2")
def test_no_amount_of_a_dose_limit_stands_without_its_unit():
    part = section(page(), "doselimits-limit")
    for name in (
        "Start", "Low first dose", "Usual range", "Step", "Highest published", "Never above", "Demonstration maximum",
    ):  # fmt: skip
        values = [read(v) for v in re.findall(rf"<dt>{name}</dt><dd>(.*?)</dd>", part)]
        assert values
        for value in values:
            assert all(
                re.fullmatch(r".*\d[ \xa0](mg/kg|mg|min)|the amount.*|.*kg.*", v) for v in re.split(", |; ", value)
            ), value
    assert value_words(Bound(mg=Decimal("50"))) == "50\N{NO-BREAK SPACE}mg"


def test_shipped_content_opens_no_route_at_a_site(tmp_path: Path):
    shown = read(section(content_page(Site.open(tmp_path), ON), "site-max"))
    assert shown.count("none: the route is disabled") == 6
    assert "demonstration" not in shown


def test_a_signature_and_an_override_are_shown_where_they_apply(tmp_path: Path):
    override = Override(
        row="SCR-HTN-1",
        limit="systolic",
        value=Decimal(150),
        reason="older people",
        by="Dr Varga",
        on=date(2026, 11, 1),
    )
    changed = {"SCR-HTN-1": {"systolic": override}}
    sign(replace(Site.open(tmp_path), overrides=changed), ["SCR-HTN-1"], by="Dr Varga", on=ON)
    shown = card(content_page(replace(Site.open(tmp_path), overrides=changed), ON), "SCR-HTN-1")
    assert "Signature: Dr Varga, medical director, 25 November 2026" in shown
    assert "150 mmHg set by Dr Varga on 1 November 2026: older people" in shown
    assert "systolic 160" not in shown


@pytest.mark.hazard("HAZ-80", "C1")
def test_no_date_of_the_page_itself_is_written_in_figures_alone():
    assert "25 November 2026" in seen()
    assert not re.search(r"\bon \d{4}-\d\d-\d\d", seen())


def test_an_instrument_shows_bands_licence_and_whether_its_text_ships():
    assert "0 to 4 minimal; 5 to 9 mild; 10 to 14 moderate; 15 to 21 severe" in card(page(), "gad-7")
    assert "text ships" in card(page(), "gad-7")
    assert "text does not ship" in card(page(), "isi")


def test_a_row_that_is_no_rule_says_its_conditions_ranges_and_code_words_for_a_reader():
    assert "age at or above 65 years [age >= $age]" in read(section(page(), "doselimits-start_low"))
    assert "0.25\N{NO-BREAK SPACE}mg/kg to 0.5\N{NO-BREAK SPACE}mg/kg" in section(page(), "doselimits-limit")
    assert "window: 168 h; most: 3; never: 5" in read(section(page(), "doselimits-statement")).replace("\xa0", " ")
    assert "Offered to recorded responders only" in card(page(), "REG-A2")
    assert "opens where all of (" in card(page(), "emdr")
    assert "Subscales fear: sum of items 1, 2" in card(page(), "lsas-sr")


@pytest.mark.hazard("HAZ-26", "C1")
def test_a_value_that_a_site_set_in_a_row_of_the_plan_is_shown_with_who_when_and_why(tmp_path: Path):
    override = Override(
        row="ALT-SBP", limit="amber", value=Decimal(150), reason="older people", by="Dr Varga", on=date(2026, 11, 1)
    )
    here = replace(Site.open(tmp_path), overrides={"ALT-SBP": {"amber": override}})
    shown = read(section(content_page(here, ON), "monitoring-alert"))
    assert "150 mmHg or more" in shown
    assert "amber: 150 instead of 160, set by Dr Varga on 1 November 2026: older people" in shown
    assert "A site may set: amber, lower" in shown
