"""The printed plan on a page: what it must show, what it must never do."""

import base64
import hashlib
import html
import re

import pytest

from openkap.plan.html import css_string, plan_html
from openkap.plan.library import modalities
from openkap.plan.sheet import plan_sheet
from openkap.plan.tests.documents import ON, PEOPLE, document, from_json

NAMES = sorted(PEOPLE)
anybody = pytest.mark.parametrize("name", NAMES)
DOSED = [name for name in NAMES if name != "excluded"]


def read(page: str) -> str:
    """What a reader sees of a page: no markup, one space for every gap."""
    body = re.sub(r"<(style|head)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def section(page: str, name: str) -> str:
    return re.search(rf'<section class="panel[^"]*" id="{name}".*?</section>', page, re.DOTALL)[0]


@anybody
def test_the_page_stands_alone_and_a_strict_policy_holds(name):
    page = plan_html(document(name))
    assert page.count("<style>") == 1
    for word in ("<script", "<link", "<img", "<iframe", " style=", "@import", "url(", " src=", "javascript:"):
        assert word not in page
    assert set(re.findall(r'href="([^"]*)"', page)) == set(re.findall(r'href="(#[^"]*)"', page))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page


@anybody
def test_every_link_inside_the_page_leads_somewhere(name):
    page = plan_html(document(name))
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_a_name_made_to_break_out_breaks_nothing():
    made = document("panic")
    made["patient"]["name"] = '</style><script>alert(1)</script>"} body{display:none'
    page = plan_html(made)
    assert "<script" not in page
    assert page.count("</style>") == 1
    assert "body{display" not in re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert css_string('a"\\\n}') == '"a\\22 \\5c \\a \\7d "'


@anybody
def test_the_same_document_read_back_from_json_gives_the_same_page(name):
    made = document(name)
    assert plan_html(from_json(made)) == plan_html(made)


@pytest.mark.hazard("HAZ-31", "C1")
@anybody
def test_the_page_says_on_top_that_it_is_a_draft_and_no_order(name):
    seen = read(plan_html(document(name)))
    assert "Draft to compare — not an order, not signed" in seen[:900]


@pytest.mark.hazard("HAZ-31", "C1")
@pytest.mark.parametrize("name", DOSED)
def test_no_option_is_marked_and_each_stands_with_reasons_for_and_against(name):
    made = document(name)
    part = section(plan_html(made), "options")
    assert "None is chosen: the prescriber states the choice." in read(part)
    assert not re.search(r"checked|selected|aria-current|data-pick|recommended|preferred", part)
    rows = re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", part)
    assert len(rows) == len(made["options"])
    shapes = {re.sub(r">[^<]*<", "><", re.sub(r"<p.*?</p>", "", row)) for row in rows}
    assert len(shapes) == 1  # one looks like the other
    for row, option in zip(rows, made["options"], strict=True):
        seen = read(row)
        for reason in (*option["for"], *option["against"]):
            assert reason.lower() in seen.lower()


@pytest.mark.hazard("HAZ-31", "C1")
def test_the_drafted_regimen_says_that_it_stands_there_by_order():
    seen = read(section(plan_html(document("panic")), "regimen"))
    assert "First of the options by order" in seen
    assert "That is no choice." in seen
    assert "Named in the preferences." in read(section(plan_html(document("agoraphobia")), "regimen"))


@pytest.mark.hazard("HAZ-28", "C1")
@anybody
def test_every_effect_has_interval_n_population_grade_and_source(name):
    made = document(name)
    part = section(plan_html(made), "alternatives")
    effects = re.findall(r'<div class="effect">.*?</dl></div>', part, re.DOTALL)
    assert len(effects) == sum(len(row["effects"]) for row in made["alternatives"]) > 0
    for found in effects:
        pairs = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", found))
        assert set(pairs) == {"Estimate", "Interval", "n", "Population", "Grade"}
        assert all(pairs.values())
        assert 'href="#work-' in found


@pytest.mark.hazard("HAZ-28", "C1")
def test_evidence_from_another_population_is_labelled_as_borrowed():
    made = document("panic")
    page = plan_html(made)
    borrowed = [o for o in made["options"] if o["borrowed"]]
    assert section(page, "options").count("Borrowed from another population") == len(borrowed) > 0
    effects = [e for row in made["alternatives"] for e in row["effects"] if e["borrowed"]]
    assert section(page, "alternatives").count("Borrowed: studied in another population") == len(effects) > 0


@pytest.mark.hazard("HAZ-28", "C1")
@pytest.mark.parametrize("field", ["interval", "n", "population", "grade", "source"])
def test_an_effect_that_lacks_one_of_its_fields_is_not_shown_without_it(field):
    made = document("panic")
    del made["alternatives"][0]["effects"][0][field]
    with pytest.raises(KeyError, match=field):
        plan_html(made)


@pytest.mark.hazard("HAZ-10", "C2")
@pytest.mark.parametrize("name", DOSED)
def test_every_amount_of_the_dose_table_stands_as_mg_and_as_mg_per_kg_beside_the_weight_and_its_date(name):
    made = document(name)
    dose = made["regimen"]["dose"]
    rows = re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", section(plan_html(made), "regimen"))
    assert len(rows) == len(dose["steps"])
    for row, step in zip(rows, dose["steps"], strict=True):
        seen = read(row)
        if step["mg"] is not None:
            assert re.search(rf"(?<![\d.]){step['mg'].normalize():f} mg(?!/)", seen)
            assert re.search(r"\d kg, \d+ \w+ \d{4}", seen)
        else:
            assert "mg not computed" in seen
        if step["mg_per_kg"] is not None:
            assert re.search(rf"(?<![\d.]){step['mg_per_kg'].normalize():f} mg/kg", seen)


@pytest.mark.hazard("HAZ-10", "C2")
@pytest.mark.parametrize("name", DOSED)
def test_no_number_in_a_column_of_amounts_stands_without_its_unit(name):
    page = plan_html(document(name))
    cells = re.findall(r'<td data-head="(?:Amount|By weight|First dose|Dosing weight)">(.*?)</td>', page)
    assert cells
    for seen in map(read, cells):
        amounts = re.sub(r"\d+ doses?\b|\d{1,2} [A-Z][a-z]+ \d{4}", "", seen)
        assert not re.search(r"\d", re.sub(r"\d[\d.]* (mg/kg|mg|kg)\b", "", amounts)), seen


@pytest.mark.hazard("HAZ-09", "C3")
@anybody
def test_no_amount_has_a_bare_point_or_a_trailing_zero(name):
    seen = read(plan_html(document(name)))
    for amount in re.findall(r"(\S+)[ \xa0](?:mg/kg|mg|kg)\b", seen):
        assert not re.fullmatch(r"\.\d+|\d+\.\d*0", amount.strip("(,;")), amount


@pytest.mark.hazard("HAZ-80", "C1")
@anybody
def test_every_date_that_a_person_reads_has_its_month_in_letters(name):
    assert re.findall(r"\b\d{4}-\d\d-\d\d\b|\b\d\d?/\d\d?/\d{2,4}\b", read(plan_html(document(name)))) == []


@pytest.mark.hazard("HAZ-79", "C1")
def test_a_synthetic_person_is_called_synthetic_on_screen_in_the_title_and_on_every_page_of_paper():
    page = plan_html(document("panic"))
    assert '<span class="synthetic">synthetic</span>' in page
    assert "(synthetic)</title>" in page
    assert re.search(r"@bottom-left \{ content: \"[^\"]*synthetic\"", page)
    assert re.search(r'<div class="run"[^>]*><p>[^<]*synthetic', page)


@pytest.mark.hazard("HAZ-79", "C1")
def test_a_real_person_is_not_called_synthetic():
    made = document("panic")
    made["patient"]["synthetic"] = False
    assert "synthetic" not in read(plan_html(made)).split("Proposed programme")[0]


def test_the_identity_stands_on_every_page_of_paper_with_the_page_number():
    page = plan_html(document("panic"))
    running = re.search(r'<div class="run"[^>]*><p>(.*?)</p>', page)[1].replace("\N{NO-BREAK SPACE}", " ")
    for part in (
        "Marisol Oduya, born 14 June 1988 (38 years)",
        "record SYN-0001",
        "61.4 kg on",
        "allergies: ketamine: none",
    ):
        assert part in running
    assert 'counter(page) " of " counter(pages)' in page
    assert "size: A4" in page


def test_what_is_missing_stands_before_what_is_known():
    made = document("open")
    page = plan_html(made)
    order = re.findall(r'<section class="panel[^"]*" id="([\w-]+)"', page)
    assert order[:2] == ["missing", "verdict"]
    part = read(section(page, "missing"))
    assert "Unknown never counts as no." in part
    for ask in made["missing"]:
        assert " ".join(ask["question"].split()) in part
    decisive = [ask["question"] for ask in made["missing"] if ask["decisive"]]
    assert part.count("Would settle the verdict.") == len(decisive) > 0


@anybody
def test_every_finding_is_shown_and_a_class_without_one_says_so(name):
    made = document(name)
    part = read(section(plan_html(made), "verdict"))
    for finding in made["findings"]:
        assert finding["rule"] in part
    for word in ("Exclude", "Hold", "Caution", "Inform"):
        assert word in part
    empty = {"exclude", "hold", "caution", "inform"} - {f["class"] for f in made["findings"]}
    assert part.count("none found") == len(empty)


def test_a_class_that_is_only_possible_is_counted_as_not_known_and_never_as_found():
    part = read(section(plan_html(document("open")), "verdict"))
    assert "Exclude 1 not known" in part
    assert "Exclude 1 found" in read(section(plan_html(document("excluded")), "verdict"))


def test_status_is_told_by_shape_and_word_and_not_by_colour_alone():
    part = section(plan_html(document("excluded")), "verdict")
    assert 'href="#i-stop"' in part
    assert "Not to be treated here" in read(part)


@anybody
def test_the_two_obligatory_statements_stand_where_modalities_are_suggested_and_first_among_the_limits(name):
    page = plan_html(document(name))
    said = [row.text for row in modalities().statement if row.group == "obligatory"]
    assert len(said) == 2
    ways, limits = read(section(page, "modalities")), read(section(page, "limits"))
    assert all(text in ways for text in said)
    first = limits.index(said[0])
    assert first < limits.index(said[1])
    others = [row["text"] for row in document(name)["limits"]][2:]
    assert all(limits.index(text[:60]) > first for text in others)


def test_a_draft_that_the_verdict_forbids_says_that_it_can_never_be_signed():
    for name in ("open", "excluded"):
        assert "This draft can never be signed" in read(plan_html(document(name)))
    assert "never be signed" not in read(plan_html(document("panic")))


def test_a_draft_for_an_excluded_person_has_no_dose():
    seen = plan_html(document("excluded"))
    assert '<span class="act" data-k="dose">' not in seen
    assert not re.search(r"\d[\xa0 ]mg(?:/kg)?\b", read(section(seen, "regimen")))


@anybody
def test_every_session_stands_in_the_table_and_every_near_one_in_the_calendar(name):
    made = document(name)
    part = section(plan_html(made), "calendar")
    sessions = made["programme"]["sessions"]
    rows = re.findall(r"<tr><th scope=\"row\"><p><strong>Day", part)
    assert len(rows) == len(sessions)
    near = [s for s in sessions if not s["id"].startswith("follow-up")]
    assert len(re.findall(r'<span class="act" data-k="[\w-]+"><span aria-hidden', part)) == len(near)


def test_a_programme_with_a_first_day_has_weekdays():
    assert "Mon 7 Dec 2026" in read(section(plan_html(document("worry")), "calendar")).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_consent_topics_have_boxes_to_tick_and_none_is_ticked():
    made = document("panic")
    part = section(plan_html(made), "consent")
    assert part.count('<span class="box" aria-hidden="true"></span>') == len(made["consent_topics"]) > 0


@anybody
def test_every_citation_has_its_work_with_what_was_read_of_it(name):
    sheet = plan_sheet(document(name))
    works = sheet["sections"][-1]["blocks"][0]["items"]
    assert [w["number"] for w in works] == list(range(1, len(works) + 1))
    assert all(w["text"] and w["read"] for w in works)


def test_a_retracted_work_is_marked_where_it_is_listed():
    page = plan_html(document("panic"))
    assert "Retracted" in read(section(page, "works")) or "Retracted" in read(section(page, "options"))


def test_the_page_names_the_content_version_and_the_day():
    seen = read(plan_html(document("panic") | {"content": "2026.1+feedbeef", "openkap": "9.9"}))
    assert "OpenKAP 9.9, content 2026.1+feedbeef" in seen
    assert f"{ON.day} November 2026" in seen.replace("\N{NO-BREAK SPACE}", " ")
