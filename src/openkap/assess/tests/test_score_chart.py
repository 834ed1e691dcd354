"""Forms of a chart become readings: what counts, what only raises, what outranks what."""

from datetime import date
from decimal import Decimal

import pytest

from openkap.assess.fhir import response
from openkap.assess.score_chart import newest, scored
from openkap.chart.types import Chart, Patient, Reading, Response
from openkap.chart.view import View
from openkap.kernel.clock import When

ON = date(2026, 11, 25)
GAD7 = [3, 3, 3, 2, 2, 2, 2]  # worked example EX-01: 17, severe
PHQ9 = [2, 2, 1, 2, 1, 2, 1, 0, 1]  # EX-04: 12, item 9 is 1
PDSS = [3, 3, 2, 2, 1, 2, 2]  # EX-07: 15, moderately ill with agoraphobia
CSSRS_WISH = [True, False, None, None, None, False, None]  # EX-24: low, level 1
CSSRS_HIGH = [True, True, True, True, False, False, None]  # EX-25: high, level 4
CSSRS_NONE = [False, False, None, None, None, False, None]


def form(name: str, answers: list, day: str = "2026-11-20", status: str = "completed", id: str = "r1") -> Response:  # noqa: A002
    resource = response(name, answers, authored=day, subject="Patient/p", status=status) | {"id": id}
    moment = When.parse(day)
    return Response(resource, f"QuestionnaireResponse/{id}", moment, status in ("in-progress", "stopped"))


def chart(*forms: Response, readings: tuple[Reading, ...] = (), patient: Patient | None = None) -> Chart:
    return Chart(patient or Patient("Patient/p"), responses=forms).with_readings(readings)


def recorded(fact: str, value, day: str = "2026-11-20", **more) -> Reading:
    return Reading(fact, value, When.parse(day), "Observation/o", "{score}", **more)


def states(scored_chart: Chart, *names: str, tentative: bool = False):
    view = View(scored_chart, ON, tentative=tentative)
    return [view.state(name) for name in names]


def test_a_finished_form_gives_its_total_with_date_and_record():
    after, (record,) = scored(chart(form("gad-7", GAD7)), ON)
    (total,) = states(after, "gad-7")
    assert (total.value, total.sources, total.when.text) == (Decimal(17), ("QuestionnaireResponse/r1",), "2026-11-20")
    assert record.usable
    assert record.document()["band"] == "severe"
    assert record.document()["on"] == "2026-11-20"
    assert record.document()["source_resource"] == "QuestionnaireResponse/r1"


def test_item_nine_becomes_a_reading_of_its_own():
    after, _ = scored(chart(form("phq-9", PHQ9)), ON)
    assert [s.value for s in states(after, "phq-9", "phq-9.9")] == [Decimal(12), Decimal(1)]


def test_a_finished_screen_gives_its_level_and_its_depth():
    after, _ = scored(chart(form("c-ssrs-screen", CSSRS_HIGH)), ON)
    assert [s.value for s in states(after, "c-ssrs-screen", "c-ssrs-screen.ideation")] == ["high", Decimal(4)]
    after, _ = scored(chart(form("c-ssrs-screen", CSSRS_WISH)), ON)
    assert states(after, "suicide-screen")[0].value == "wish-only"
    after, _ = scored(chart(form("c-ssrs-screen", CSSRS_NONE)), ON)
    assert [s.value for s in states(after, "c-ssrs-screen", "c-ssrs-screen.ideation")] == [
        "none_identified",
        Decimal(0),
    ]


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("status", ["in-progress", "stopped"])
def test_an_unfinished_form_raises_and_never_clears(status):
    forms = form("phq-9", PHQ9, status=status), form("c-ssrs-screen", CSSRS_HIGH, status=status, id="r2")
    after, records = scored(chart(*forms), ON)
    names = ("phq-9", "phq-9.9", "c-ssrs-screen")
    assert [s.status for s in states(after, *names)] == ["unknown"] * 3
    assert [s.value for s in states(after, *names, tentative=True)] == [None, Decimal(1), "high"]
    assert not any(r.usable for r in records)
    clean = form("phq-9", [0] * 9, status=status), form("c-ssrs-screen", CSSRS_NONE, status=status, id="r2")
    after, _ = scored(chart(*clean), ON)
    assert [s.status for s in states(after, *names, tentative=True)] == ["unknown"] * 3


@pytest.mark.hazard("HAZ-27", "C1")
def test_a_half_answered_screen_keeps_the_level_it_already_shows_as_tentative_only():
    half = [True, True, None, None, None, None, None]
    after, (record,) = scored(chart(form("c-ssrs-screen", half)), ON)
    assert record.score.status == "incomplete"
    assert states(after, "c-ssrs-screen")[0].status == "unknown"
    assert states(after, "c-ssrs-screen", tentative=True)[0].value == "low"
    after, _ = scored(chart(form("c-ssrs-screen", [False, None, None, None, None, None, None])), ON)
    assert states(after, "c-ssrs-screen", tentative=True)[0].status == "unknown"


@pytest.mark.hazard("HAZ-27", "C1")
def test_an_incomplete_form_gives_no_total_but_keeps_its_safety_item():
    answers = [None, None, None, 0, 0, 0, 0, 0, 2]
    after, (record,) = scored(chart(form("phq-9", answers)), ON)
    assert record.score.status == "incomplete"
    assert not record.usable
    total, item = states(after, "phq-9", "phq-9.9")
    assert (total.status, item.value) == ("unknown", Decimal(2))


@pytest.mark.hazard("HAZ-27", "C1")
def test_an_invalid_form_gives_no_total_but_keeps_its_safety_item():
    whole = form("phq-9", PHQ9)
    whole.resource["item"].append({"linkId": "colour", "answer": [{"valueInteger": 1}]})
    after, (record,) = scored(chart(whole), ON)
    assert record.score.status == "invalid"
    total, item = states(after, "phq-9", "phq-9.9")
    assert (total.status, item.value) == ("unknown", Decimal(1))


@pytest.mark.parametrize(("answer", "tentative"), [(7, Decimal(7)), (-1, None), ("often", None)])
def test_a_safety_answer_outside_the_form_raises_if_it_is_high_and_never_clears(answer, tentative):
    odd = form("phq-9", PHQ9)
    key = "valueString" if isinstance(answer, str) else "valueInteger"
    odd.resource["item"][8]["answer"] = [{key: answer}]
    after, _ = scored(chart(odd), ON)
    assert states(after, "phq-9.9")[0].status == "unknown"
    assert states(after, "phq-9.9", tentative=True)[0].value == tentative


def test_an_unanswered_safety_item_is_said_to_be_unanswered():
    after, _ = scored(chart(form("phq-9", [*PHQ9[:8], None])), ON)
    total, item = states(after, "phq-9", "phq-9.9")
    assert total.status == "known"
    assert item.status == "unknown"
    assert "not answered" in item.reason


def test_answers_outrank_a_recorded_total_of_the_same_day():
    after, _ = scored(chart(form("gad-7", GAD7), readings=(recorded("gad-7", Decimal(17)),)), ON)
    assert states(after, "gad-7")[0].sources == ("QuestionnaireResponse/r1",)


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize("day", ["2026-11-20", "2026-11-20T18:00:00Z", "2026-11-20T06:00:00Z"])
def test_answers_and_a_recorded_total_of_the_same_day_that_disagree_are_a_conflict(day):
    at_noon = form("gad-7", GAD7, day="2026-11-20T12:00:00Z")
    after, _ = scored(chart(at_noon, readings=(recorded("gad-7", Decimal(9), day),)), ON)
    state = states(after, "gad-7")[0]
    assert state.status == "conflict"
    assert "17" in state.reason
    assert "9" in state.reason


def test_a_recorded_total_of_another_day_stands_by_itself():
    after, _ = scored(chart(form("gad-7", GAD7), readings=(recorded("gad-7", Decimal(9), "2026-11-21"),)), ON)
    assert states(after, "gad-7")[0].value == Decimal(9)


def test_a_preliminary_total_of_the_same_day_is_left_alone():
    early = recorded("gad-7", Decimal(9), standing="tentative")
    after, _ = scored(chart(form("gad-7", GAD7), readings=(early,)), ON)
    assert states(after, "gad-7")[0].value == Decimal(17)
    assert early in after.readings["gad-7"]


@pytest.mark.hazard("HAZ-27", "C1")
def test_a_recorded_screen_level_that_disagrees_with_the_answers_is_a_conflict():
    both = chart(form("c-ssrs-screen", CSSRS_HIGH), readings=(recorded("c-ssrs-screen", "none_identified"),))
    after, _ = scored(both, ON)
    assert states(after, "c-ssrs-screen")[0].status == "conflict"


@pytest.mark.parametrize(
    ("patient", "band", "flags"),
    [
        (Patient("Patient/p", birth_sex="F", gender="male"), "positive", ["SCREEN_POSITIVE"]),
        (Patient("Patient/p", gender="male"), "negative", []),
        (Patient("Patient/p", gender="other"), "positive", ["SCREEN_POSITIVE", "SEX_UNKNOWN_LOWER_CUTOFF_USED"]),
    ],
)
def test_the_drinking_screen_takes_birth_sex_then_gender_then_the_lower_line(patient, band, flags):
    _, (record,) = scored(chart(form("audit-c", [1, 2, 0]), patient=patient), ON)
    assert (record.score.band, list(record.score.flags)) == (band, flags)


@pytest.mark.parametrize(
    ("agoraphobia", "band"), [(True, "moderately_ill"), (False, "markedly_ill_or_worse"), (None, None)]
)
def test_the_panic_band_takes_the_agoraphobia_status_of_the_day(agoraphobia, band):
    known = () if agoraphobia is None else (Reading("agoraphobia", agoraphobia, When.on(ON), "Condition/c"),)
    _, (record,) = scored(chart(form("pdss", PDSS), readings=known), ON)
    assert record.score.band == band


def test_a_form_that_cannot_be_read_is_listed_with_its_reason():
    strange = Response(
        {"resourceType": "QuestionnaireResponse", "questionnaire": "https://example.org/q/1", "status": "completed"},
        "QuestionnaireResponse/x",
        None,
        False,
    )
    after, records = scored(chart(strange), ON)
    assert records == []
    (listed,) = after.unmapped
    assert listed.resource == "QuestionnaireResponse/x"
    assert "names no instrument" in listed.reason


@pytest.mark.parametrize(
    ("day", "usable", "why"),
    [
        ("2026-10-26", True, ""),
        ("2026-10-25", False, "at most 30 days old"),
        ("2026-11-25", True, ""),
        ("2026-11-26", False, "after 2026-11-25"),
    ],
)
def test_a_score_is_usable_inside_its_look_back_and_not_outside(day, usable, why):
    _, (record,) = scored(chart(form("gad-7", GAD7, day)), ON)
    assert record.usable is usable
    assert why in record.why_not


def test_a_form_without_a_date_is_scored_and_not_usable():
    undated = Response(form("gad-7", GAD7).resource, "QuestionnaireResponse/r1", None, False)
    after, (record,) = scored(chart(undated), ON)
    assert not record.usable
    assert states(after, "gad-7")[0].status == "stale"


def test_the_newest_usable_record_of_several_instruments_is_found():
    forms = form("pdss", PDSS, "2026-11-10"), form("pdss-sr", PDSS, "2026-11-12", id="r2"), form("gad-7", GAD7, id="r3")
    _, records = scored(chart(*forms), ON)
    assert newest(records, "pdss", "pdss-sr").source == "QuestionnaireResponse/r2"
    assert newest(records, "pswq") is None
