"""Adverse events: at one tap, complete before review, routed by grade, holding the next dose."""

from dataclasses import replace
from decimal import Decimal

import pytest

from openkap.dose import adverse as ae
from openkap.dose import events as e
from openkap.dose.library import shipped
from openkap.dose.tests.sessions import BEGIN, DOCTOR, NURSE, case
from openkap.kernel.errors import UserError
from openkap.plan import library

TERMS = {row.id: row for row in library.adverse_events().event}
CONTENT = shipped()
FULL = {"term": "AE-BP", "grade": 2, "relation": "probable", "action": "rested", "serious": ()}


@pytest.fixture
def event() -> ae.Adverse:
    run = case().to_dosing()
    run.now_s += 600
    run.read(systolic=190)
    return ae.drafted(run.session, run.session.open_alerts()[0], NURSE, BEGIN)


@pytest.mark.hazard("HAZ-51", "C1")
def test_one_tap_makes_an_event_of_an_alert_with_what_the_record_knows_and_no_judgement(event: ae.Adverse):
    assert (event.onset_min, event.red, event.drug, event.session) == (10, True, "ketamine", "s1")
    assert "Systolic pressure 190 mmHg" in event.text
    assert ae.missing(event) == ("term", "grade", "relation", "action", "serious")


def test_before_a_dose_the_onset_is_not_known():
    run = case().arrive()
    run.do(e.SetMark, name="chest")
    assert ae.drafted(run.session, run.session.open_alerts()[0], NURSE, BEGIN).onset_min is None


@pytest.mark.hazard("HAZ-51", "C1")
def test_an_open_event_holds_the_next_dose_until_a_prescriber_has_reviewed_a_complete_one(event: ae.Adverse):
    (hold,) = ae.holds([event])
    assert (hold.id, hold.cause) == (event.id, "RES-8")
    for by, words, made, fault in (
        (NURSE, "seen", event, "only a prescriber"), (DOCTOR, " ", event, "write what was found"),
        (DOCTOR, "seen", event, "enter term, grade, relation, action, serious first"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=fault):
            ae.review(made, by, BEGIN, words)
    full = ae.amended(event, TERMS, CONTENT, **FULL)
    assert ae.holds([full])
    reviewed = ae.review(full, DOCTOR, BEGIN, "transient")
    assert ae.holds([reviewed]) == ()
    assert (full.version, full.id) == (2, event.id)


def test_a_change_after_the_review_opens_it_again(event: ae.Adverse):
    reviewed = ae.review(ae.amended(event, TERMS, CONTENT, **FULL), DOCTOR, BEGIN, "transient")
    again = ae.amended(reviewed, TERMS, CONTENT, grade=3)
    assert again.reviewed is None
    assert ae.holds([again])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [({"term": "AE-NONE"}, "no adverse event of the list"), ({"grade": 6}, "not 1 to 5"), ({"grade": 0}, "not 1 to 5"),
     ({"serious": ("bad",)}, "is none of"), ({"resolved_min": 9}, "ends before it began")],
)  # fmt: skip
def test_what_cannot_be_is_refused(event: ae.Adverse, changes, fault):
    with pytest.raises(UserError, match=fault):
        ae.amended(event, TERMS, CONTENT, **changes)
    assert ae.amended(event, TERMS, CONTENT, resolved_min=10).resolved_min == 10


@pytest.mark.hazard("HAZ-51", "C1")
@pytest.mark.parametrize(
    ("grade", "serious", "red", "director"),
    [(1, (), False, False), (2, (), True, False), (3, (), False, True), (4, (), False, True), (5, (), False, True),
     (1, ("hospital",), False, True), (None, (), False, False), (None, (), True, True), (2, None, True, True),
     (2, None, False, False)],
)  # fmt: skip
def test_severity_goes_to_the_medical_director_and_what_nobody_judged_is_not_taken_for_mild(
    event, grade, serious, red, director
):
    made = replace(event, grade=grade, serious=serious, red=red)
    assert ("medical director" in ae.told(made, CONTENT)) is director
    assert "prescriber" in ae.told(made, CONTENT)


@pytest.mark.parametrize(
    ("drug", "serious", "rows"),
    [("esketamine", ("life",), ["REPORT-REMS"]), ("esketamine", (), []), ("esketamine", None, ["REPORT-REMS"]),
     ("ketamine", ("life",), ["REPORT-MEDWATCH"]), ("ketamine", (), [])],
)  # fmt: skip
def test_reports_go_by_product_and_seriousness_and_unknown_keeps_them_open(event, drug, serious, rows):
    assert [row.id for row in ae.reports(replace(event, drug=drug, serious=serious), CONTENT)] == rows


@pytest.mark.hazard("HAZ-51", "C2")
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("he was vomiting a little", ["AE-NAUS"]),
        ("strong HEADACHES since noon", ["AE-HA"]),
        ("all well, calm session", []),
    ],
)
def test_free_text_suggests_and_files_nothing(text, rows):
    found = ae.suggested(text, TERMS)
    assert set(rows) <= set(found)
    if not rows:
        assert found == ()
    assert Decimal(len(found)) < 5
