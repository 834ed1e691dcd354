"""
The seven dimensions: both sides of each sign, ties, missing and stale scales, and the level table, as the
modalities fact sheet 1.1 gives them (transcribed here by hand).
"""

from datetime import date
from decimal import Decimal

import pytest

from openkap.assess.fhir import response
from openkap.assess.formulation import formulate, formulation_rules, level
from openkap.assess.score_chart import scored
from openkap.chart.types import Chart, Patient, Reading, Response
from openkap.chart.view import View
from openkap.kernel.clock import When
from tests.fhir_cases import INSTRUMENT, SUBJECT, observation, read

ON = date(2026, 11, 25)
DIMENSIONS = ["cognitive", "somatic", "avoidance", "past-event", "imagery", "parts", "social"]


def judged(forms: dict[str, list] | None = None, day: str = "2026-11-20", totals=None, **facts):
    """Formulate from answers by instrument, recorded totals, and facts such as sign_cognitive=1."""
    responses = tuple(
        Response(
            response(name, answers, authored=day, subject="Patient/p"),
            f"QuestionnaireResponse/{name}",
            When.parse(day),
            False,
        )
        for name, answers in (forms or {}).items()
    )
    values = {k.replace("_", "-"): Decimal(v) if type(v) is int else v for k, v in facts.items()}
    readings = tuple(Reading(k, v, When.parse(day), f"Observation/{k}") for k, v in values.items())
    readings += tuple(
        Reading(k, Decimal(v), When.parse(day), f"Observation/{k}", "{score}") for k, v in (totals or {}).items()
    )
    after, records = scored(Chart(Patient("Patient/p"), responses=responses).with_readings(readings), ON)
    return formulate(View(after, ON), records)


def levels(*args, **kwargs) -> dict[str, int | None]:
    return {name: finding.level for name, finding in judged(*args, **kwargs).items()}


def spread(total: int, items: int, highest: int, low: int = 0) -> list[int]:
    """Answers that sum to a total."""
    answers, rest = [low] * items, total - low * items
    for k in range(items):
        step = min(rest, highest - low)
        answers[k] += step
        rest -= step
    assert rest == 0
    return answers


def asi3(physical: int, cognitive: int, social: int) -> list[int]:
    """ASI-3 answers with these subscale sums; items by subscale as the instruments fact sheet numbers them."""
    answers = [0] * 18
    places = {"physical": (3, 4, 7, 8, 12, 15), "cognitive": (2, 5, 10, 14, 16, 18), "social": (1, 6, 9, 11, 13, 17)}
    for name, total in {"physical": physical, "cognitive": cognitive, "social": social}.items():
        for place, answer in zip(places[name], spread(total, 6, 4), strict=True):
            answers[place - 1] = answer
    return answers


def ham_a(psychic: int, somatic: int) -> list[int]:
    """HAM-A answers: psychic 1-6 and 14, somatic 7-13."""
    mind, body = spread(psychic, 7, 4), spread(somatic, 7, 4)
    return [*mind[:6], *body, mind[6]]


def lsas(fear: int, avoidance: int) -> list[int]:
    return spread(fear, 24, 3) + spread(avoidance, 24, 3)


def fq(agoraphobia: int, social: int = 0) -> list[int]:
    answers = [0] * 16
    for places, total in (((5, 6, 8, 12, 15), agoraphobia), ((3, 7, 9, 11, 14), social)):
        for place, answer in zip(places, spread(total, 5, 8), strict=True):
            answers[place - 1] = answer
    return answers


def pswq(total: int) -> list[int]:
    """PSWQ answers whose total, with items 1, 3, 8, 10 and 11 turned, is the one given."""
    turned = spread(total, 16, 5, low=1)
    return [6 - a if k in (1, 3, 8, 10, 11) else a for k, a in enumerate(turned, start=1)]


def pcl5(b: int = 0, c: int = 0, d: int = 0, e: int = 0, at: int = 2) -> list[int]:
    """PCL-5 answers with so many items of each cluster present at `at`."""
    return [at if k < n else 0 for n, size in ((b, 5), (c, 2), (d, 7), (e, 6)) for k in range(size)]


def item(number: int, answer: int, items: int) -> list[int]:
    return [answer if k == number else 0 for k in range(1, items + 1)]


def test_there_are_seven_dimensions_with_the_choices_of_the_sheet():
    rows = {row.id: row for row in formulation_rules().dimension}
    assert list(rows) == DIMENSIONS
    assert {name: row.first for name, row in rows.items()} == {
        "cognitive": ("cbt",),
        "somatic": ("interoceptive-exposure",),
        "avoidance": ("exposure",),
        "past-event": ("emdr",),
        "imagery": ("imagery-rescripting",),
        "parts": ("ifs",),
        "social": ("individual-cbt-sad",),
    }
    assert {name: row.gates for name, row in rows.items() if row.gates} == {
        "past-event": ("dissociation-screen",),
        "imagery": ("no-active-psychosis",),
        "parts": ("des-ii-below-30-or-assessed",),
    }
    assert {row.evidence for row in rows.values()} == {"NONE"}


def test_nothing_known_gives_null_everywhere_and_says_what_was_not_measured():
    found = judged()
    assert {name: f.level for name, f in found.items()} == dict.fromkeys(DIMENSIONS)
    assert "PSWQ" in " ".join(found["cognitive"].because)
    assert {gap.fact for gap in found["cognitive"].gaps} == {"pswq", "asi-3", "ham-a", "sign-cognitive"}


# dimension, instrument, answers with the sign, answers without it, id of the sign
SIGNS = [
    ("cognitive", "pswq", pswq(62), pswq(61), "FORM-COG-PSWQ"),
    ("cognitive", "asi-3", asi3(5, 7, 5), asi3(7, 5, 5), "FORM-COG-ASI3"),
    ("cognitive", "asi-3", asi3(5, 7, 5), asi3(5, 6, 5), "FORM-COG-ASI3"),
    ("cognitive", "ham-a", ham_a(5, 4), ham_a(4, 4), "FORM-COG-HAMA"),
    ("cognitive", "ham-a", ham_a(5, 3), ham_a(4, 3), "FORM-COG-HAMA"),
    ("somatic", "asi-3", asi3(7, 5, 5), asi3(5, 7, 5), "FORM-SOM-ASI3"),
    ("somatic", "asi-3", asi3(7, 5, 5), asi3(6, 5, 5), "FORM-SOM-ASI3"),
    ("somatic", "ham-a", ham_a(4, 4), ham_a(5, 4), "FORM-SOM-HAMA"),
    ("somatic", "ham-a", ham_a(4, 4), ham_a(3, 4), "FORM-SOM-HAMA"),
    ("somatic", "pdss", item(5, 2, 7), item(5, 1, 7), "FORM-SOM-PDSS"),
    ("somatic", "pdss-sr", item(5, 2, 7), item(5, 1, 7), "FORM-SOM-PDSS"),
    ("avoidance", "oasis", item(3, 2, 5), item(3, 1, 5), "FORM-AVO-OASIS"),
    ("avoidance", "fq", fq(11), fq(10, social=40), "FORM-AVO-FQ"),
    ("avoidance", "lsas-sr", lsas(15, 15), lsas(16, 15), "FORM-AVO-LSAS"),
    ("avoidance", "lsas-sr", lsas(15, 15), lsas(14, 15), "FORM-AVO-LSAS"),
    ("avoidance", "lsas-ca", lsas(15, 15), lsas(16, 15), "FORM-AVO-LSAS"),
    ("past-event", "pcl-5", pcl5(b=5, c=2, d=1, e=3, at=3), pcl5(b=5, c=2, d=1, e=2, at=3), "FORM-PAST-PCL5"),
    ("past-event", "pcl-5", pcl5(b=1, c=1, d=2, e=2), pcl5(b=1, c=1, d=2, e=1), "FORM-PAST-PCL5"),
    ("social", "lsas-sr", lsas(30, 0), lsas(29, 0), "FORM-SOC-LSAS"),
    ("social", "spin", spread(19, 17, 4), spread(18, 17, 4), "FORM-SOC-SPIN"),
    ("social", "asi-3", asi3(5, 5, 7), asi3(7, 5, 5), "FORM-SOC-ASI3"),
    ("social", "asi-3", asi3(5, 5, 7), asi3(5, 5, 6), "FORM-SOC-ASI3"),
]


@pytest.mark.parametrize(("dimension", "name", "present", "absent", "sign"), SIGNS)
def test_each_sign_is_seen_on_its_line_and_not_beside_it(dimension, name, present, absent, sign):
    seen = judged({name: present})[dimension]
    assert seen.level == 1
    (line,) = seen.because
    assert sign in line
    assert "2026-11-20" in line
    assert f"QuestionnaireResponse/{name}" in line
    assert judged({name: absent})[dimension].level == 0


def test_every_questionnaire_sign_of_the_content_is_tried_on_both_sides():
    assert {row[-1] for row in SIGNS} == {sign.id for sign in formulation_rules().sign}


def test_the_total_of_the_cluster_example_stays_below_its_own_cut_off():
    assert sum(pcl5(b=1, c=1, d=2, e=2)) < 33
    assert sum(pcl5(b=5, c=2, d=1, e=3, at=3)) == 33


def test_equal_maxima_of_the_sensitivity_scale_list_both_dimensions():
    found = levels({"asi-3": asi3(7, 7, 3)})
    assert (found["somatic"], found["cognitive"], found["social"]) == (1, 1, 0)
    assert levels({"asi-3": asi3(6, 6, 6)}) == {
        "cognitive": 1,
        "somatic": 1,
        "social": 1,
        "avoidance": None,
        "past-event": None,
        "imagery": None,
        "parts": None,
    }


def test_the_social_scale_of_the_fear_questionnaire_is_not_counted():
    assert levels({"fq": fq(0, social=40)})["avoidance"] == 0
    assert levels({"fq": fq(0, social=40)})["social"] is None


def test_a_total_without_answers_counts_for_signs_on_the_total_only():
    found = judged(totals={"pswq": 70, "oasis": 12, "asi-3": 16, "ham-a": 20})
    assert found["cognitive"].level == 1
    assert found["avoidance"].level is None
    assert found["social"].level == 0
    assert levels(totals={"asi-3": 17})["social"] is None


def test_a_post_traumatic_total_below_the_line_without_answers_leaves_the_cluster_rule_open():
    assert levels(totals={"pcl-5": 32})["past-event"] is None
    assert levels(totals={"pcl-5": 33})["past-event"] == 1


def test_a_stale_score_does_not_count():
    fresh_enough = levels({"spin": spread(19, 17, 4)}, day="2026-10-26")
    too_old = levels({"spin": spread(19, 17, 4)}, day="2026-10-25")
    assert (fresh_enough["social"], too_old["social"]) == (1, None)
    assert levels({"pdss": item(5, 4, 7)}, day="2026-10-25")["somatic"] is None


def test_a_conflict_about_a_total_is_not_a_sign():
    found = judged({"spin": spread(40, 17, 4)}, totals={"spin": 10})
    assert found["social"].level is None
    assert any(gap.reason == "conflict" for gap in found["social"].gaps)
    assert judged({"asi-3": asi3(7, 5, 5)}, totals={"asi-3": 3})["somatic"].level is None


@pytest.mark.parametrize("name", DIMENSIONS)
def test_interview_signs_count_one_or_several_and_zero_is_measured(name):
    fact = "sign_" + name.replace("-", "_")
    assert levels(**{fact: 0})[name] == 0
    assert levels(**{fact: 1})[name] == 1
    assert levels(**{fact: 2})[name] == 2
    assert levels(**{fact: 9})[name] == 2


@pytest.mark.parametrize(
    ("fact", "name"), [("index_event", "past-event"), ("recurrent_image", "imagery"), ("parts_language", "parts")]
)
def test_event_image_and_parts_language_count_one_interview_sign_each(fact, name):
    assert levels(**{fact: True})[name] == 1
    assert levels(**{fact: False})[name] == 0
    sign = "sign_" + name.replace("-", "_")
    assert levels(**{fact: True, sign: 1})[name] == 2
    assert levels(**{fact: True, sign: 0})[name] == 1
    assert sum(v is not None for v in levels(**{fact: True}).values()) == 1


def test_signs_of_both_kinds_give_three_and_several_of_one_kind_give_two():
    assert levels({"pswq": pswq(70)}, sign_cognitive=1)["cognitive"] == 3
    assert levels({"pswq": pswq(70)}, sign_cognitive=0)["cognitive"] == 1
    assert levels({"pswq": pswq(70), "ham-a": ham_a(10, 5)})["cognitive"] == 2
    assert levels({"pcl-5": pcl5(5, 2, 7, 6)}, index_event=True)["past-event"] == 3
    assert levels({"pswq": pswq(30)}, sign_cognitive=1)["cognitive"] == 1


@pytest.mark.parametrize(
    ("questionnaire", "interview", "measured", "expected"),
    [
        (0, 0, False, None),
        (0, 0, True, 0),
        (1, 0, True, 1),
        (0, 1, True, 1),
        (2, 0, True, 2),
        (0, 2, True, 2),
        (3, 0, True, 2),
        (1, 1, True, 3),
        (3, 4, True, 3),
    ],
)
def test_the_level_table(questionnaire, interview, measured, expected):
    assert level(questionnaire, interview, measured, several=formulation_rules().counting.several) == expected


@pytest.mark.hazard("HAZ-28", "C2")
def test_a_dimension_shows_what_it_supports_with_its_evidence_and_what_to_take_care_of():
    document = judged({"pcl-5": pcl5(5, 2, 7, 6)})["past-event"].document()
    assert document["first"] == ["emdr"]
    assert document["next"] == ["art", "imagery-rescripting"]
    assert document["gates"] == ["dissociation-screen"]
    assert document["evidence"] == "NONE"
    assert document["verified"] is False
    assert document["level_words"] == "one sign"
    assert [s["present"] for s in document["signs"]] == [True, None, None]


# -- one item as an observation ----------------------------------------------------------------------


def avoidance(value, *, code="oasis.3", answers=None, day="2026-11-20"):
    """Level of avoidance, and what was not used, from one item of the OASIS beside or without a whole form."""
    alone = observation(INSTRUMENT, code, valueInteger=value, effectiveDateTime=day)
    form = {
        "resourceType": "QuestionnaireResponse",
        "id": "oasis",
        "status": "completed",
        "questionnaire": "https://openkap.example/fhir/Questionnaire/oasis",
        "subject": SUBJECT,
        "authored": "2026-11-20",
        "item": [{"linkId": str(k), "answer": [{"valueInteger": a}]} for k, a in enumerate(answers or (), 1)],
    }
    chart, records = scored(read(alone, *([form] if answers else [])), ON)
    return formulate(View(chart, ON), records)["avoidance"].level, [u.reason for u in chart.unmapped]


@pytest.mark.parametrize(("value", "level"), [(2, 1), (1, 0)])
def test_one_item_as_an_observation_is_a_sign(value, level):
    assert avoidance(value) == (level, [])


def test_the_newer_of_an_item_and_a_form_is_the_sign():
    assert avoidance(4, answers=[1, 1, 0, 1, 1])[0] == 0
    assert avoidance(4, answers=[1, 1, 0, 1, 1], day="2026-11-22")[0] == 1


@pytest.mark.parametrize(
    ("code", "value", "reason"),
    [
        ("oasis.6", 2, "oasis has 5 items: correct the number of the item"),
        ("oasis.3", 5, "5 is no answer of item 3 of oasis: give 0 to 4"),
        ("audit.3", 2, "audit is known by its total only: give the total"),
    ],
)
def test_an_item_that_no_form_has_is_listed_with_the_remedy(code, value, reason):
    assert avoidance(value, code=code) == (None, [reason])
