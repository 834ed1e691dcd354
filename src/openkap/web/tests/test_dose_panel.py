"""The panel *what would this dose do*: what it refuses, what it says of what is not known, what it never does."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine

from openkap.chart.vocabulary import members
from openkap.people.types import Role
from openkap.pkpd.library import interactions
from openkap.pkpd.tests.aims import inverse, public
from openkap.plan import services as planning
from openkap.plan.choices import Preferences
from openkap.plan.models import Programme
from openkap.synthetic.case import Case
from openkap.web.judge import propose
from openkap.web.plan.dose_person import ENZYMES
from tests.database import Clinic
from tests.people_in_charts import fill

ON = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
BORN = date(1988, 4, 2)
INFUSION = {"given": "DOS-IV", "amount": "0.5", "unit": "mg/kg", "duration": "40"}


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def well(clinic: Clinic) -> str:
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN))
    return f"/p/{clinic.ida.pk}/plan"


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def ask(clinic: Clinic, path: str, role: Role = Role.PRESCRIBER, **typed: str) -> tuple[int, str]:
    response = clinic.client(role).post(f"{path}/dose/", INFUSION | typed)
    return response.status_code, text(response)


def first_plan(clinic: Clinic) -> Programme:
    prescriber = clinic.principal(Role.PRESCRIBER)
    return planning.write(
        prescriber, clinic.ida, propose, expected_version=0, preferences=Preferences(), reason="first"
    )


def test_a_dose_shows_curve_window_readiness_programme_routes_warnings_and_the_model(clinic, well):
    first_plan(clinic)
    status, page = ask(clinic, well, start="13:00", leave="15:30")
    assert status == 200
    for words in (
        "Typical peak about",
        "Between people",
        "Blood samples",
        "Several sets",
        "Strongest effect",
        "At 15:30, 2 h 30 min after the start:",
        "Over the programme",
        "sessions with this dose",
        "The same amount by each route: exposures",
        "The model: otto-2021-racemic",
        "Secondary: the parameters of otto-2021-racemic",
        "Sampling site of otto-2021-racemic: venous",
        "is extrapolated: it was calibrated on nasal esketamine only",
        "no driving until the next day after sleep",
    ):
        assert words in page
    assert '<svg class="curve"' in page


@pytest.mark.hazard("HAZ-10", "C2")
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"unit": ""}, "Unit: choose mg or mg/kg; a number alone is never a dose."),
        ({"amount": ""}, "Amount: type it."),
        ({"amount": "35 mg"}, "Amount: give a number with a point"),
        ({"amount": "-3"}, "Amount: give more than nought."),
        ({"amount": "0"}, "Amount: give more than nought."),
        ({"amount": "NaN"}, "Amount: give a number with a point"),
        ({"given": ""}, "Drug and route: choose how it is given."),
        ({"given": "DOS-XX"}, "Select a valid choice"),
        ({"duration": "-5"}, "Duration: give from 0 to 1440 minutes."),
        ({"duration": "soon"}, "Duration: give minutes as a number"),
        ({"duration": ""}, "never as a bolus; give the duration of the infusion. Nothing is computed."),
        ({"duration": "0"}, "never as a bolus; give the duration of the infusion. Nothing is computed."),
        ({"amount": "1.2"}, "is never given (limit 1 mg/kg). Nothing is computed."),
        ({"amount": "0.5", "given": "DOS-SL"}, "Duration is for infusions: leave it empty by this route."),
        ({"amount": "30", "unit": "mg", "given": "DOS-IN", "duration": ""}, "give whole devices of 28 mg each"),
        ({"amount": "0.5", "given": "DOS-IN", "duration": ""}, "the nasal spray is dosed in mg; choose mg."),
        ({"amount": "112", "unit": "mg", "given": "DOS-IN", "duration": ""}, "is never given"),
        ({"leave": "15:30"}, "Starts at: give it too"),
        ({"start": "15:00", "leave": "14:00"}, "Hopes to leave at: give a time after the start."),
        ({"given": "DOS-IM", "duration": "", "model": "kamp-2020"}, "Route im is not one of model kamp-2020"),
    ],
)
def test_what_cannot_be_is_one_sentence_that_keeps_what_was_typed_and_computes_nothing(clinic, well, typed, sentence):
    status, page = ask(clinic, well, **typed)
    assert status == 422
    assert sentence in page
    assert page.count("Nothing is computed</h3>") == 1
    assert '<svg class="curve"' not in page
    kept = (INFUSION | typed)["amount"]
    assert f'name="amount" value="{kept}"' in page or kept == ""


@pytest.mark.hazard("HAZ-08", "C1")
def test_without_a_weight_nothing_per_kg_is_computed_and_the_weight_is_asked_for(clinic: Clinic):
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN, measurements={"weight": []}))
    path = f"/p/{clinic.ida.pk}/plan"
    status, page = ask(clinic, path)
    assert status == 422
    assert "Weight is not known, so an amount per kg is none in mg: weigh, or give mg." in page
    assert "What is the weight, measured on a scale" in page
    status, page = ask(clinic, path, amount="35", unit="mg")
    assert status == 422
    assert "by this route an amount is judged per kg: weigh first." in page
    status, page = ask(clinic, path, given="DOS-SL", amount="50", unit="mg", duration="")
    assert (status, "Weight is missing" in page) == (422, True)
    status, page = ask(clinic, path, given="DOS-IN", amount="56", unit="mg", duration="")
    assert (status, "perez-ruixo-2021" in page) == (200, True)  # the one set without weight
    assert "Unknown weight" in page


def test_an_interacting_medicine_of_the_chart_is_applied_and_an_enzyme_inhibitor_without_a_trial_is_named(
    clinic: Clinic,
):
    fill(clinic, clinic.ida, Case(ON, sex="M", born=BORN, medicines=["rifampicin", "fluvoxamine"]))
    page = ask(clinic, f"/p/{clinic.ida.pk}/plan")[1]
    assert "Interaction rifampicin, iv: exposure times 0.86" in page
    assert re.search("Interaction: [Ff]luvoxamine.* acts on the enzymes", page)


def test_another_set_and_options_are_computed_where_they_are_asked_for_and_said(clinic, well):
    page = ask(clinic, well, model="kamp-2020", exponent="on")[1]
    assert "Option: clearances of kamp-2020 scale with weight to the power 0.75" in page
    assert "how well the line is known, by standard errors" in page
    assert "no standard errors of it were seen" not in page
    assert "no standard errors of it were seen" in ask(clinic, well)[1]
    status, page = ask(clinic, well, sex="on")  # the register does not say it
    assert (status, "Count sex needs the birth sex, which is not known" in page) == (422, True)
    clinic.ida.birth_sex = "female"
    clinic.ida.version += 1
    clinic.ida.save()
    assert "Option: clearance is taken 20 % higher in women" in ask(clinic, well, sex="on")[1]


PEOPLE: list[tuple[dict[str, Any], int, str]] = [
    ({"sex": "F", "answers": {"pregnant": True}}, 422, "Pregnancy is recorded, and no set was fitted in pregnancy"),
    ({"sex": "F", "answers": {"pregnant": None, "could-become-pregnant": None}}, 200, "Is the patient pregnant?"),
    ({"answers": {"liver-disease": True, "child-pugh": "C"}}, 422, "Child-Pugh C was not studied"),
    ({"answers": {"liver-disease": True, "child-pugh": "B"}}, 200, "exposure and half-life are higher"),
    ({"answers": {"liver-disease": True}}, 200, "What is the Child-Pugh class?"),
    ({"answers": {"liver-disease": None}}, 200, "Is there liver disease?"),
    ({"answers": {"medication-reconciled-on": None}}, 200, "A medicine that nobody listed is not in the curve."),
    ({"measurements": {"weight": [(61, "kg", 45, None)]}}, 422, "last known 11 Oct 2026, 45 days ago"),
    ({"measurements": {"weight": [(175, "kg", 3, None)]}}, 422, "Weight 175 is outside every set (39 to 170 kg)"),
    ({"measurements": {"weight": [(110, "kg", 3, None)]}}, 200, "no data; mg/kg dosing by actual weight may overshoot"),
    ({"medicines": ["rifampicin", "ticlopidine"]}, 422, "were never studied together"),
]


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize(("changes", "expected", "words"), PEOPLE, ids=[words for _, _, words in PEOPLE])
def test_what_the_chart_says_counts_and_what_it_does_not_say_is_asked_for(
    clinic: Clinic, changes: dict[str, Any], expected: int, words: str
):
    fill(clinic, clinic.ida, Case(ON, **({"sex": "M", "born": BORN} | changes)))
    status, page = ask(clinic, f"/p/{clinic.ida.pk}/plan", amount="0.3")
    assert (status, words in page) == (expected, True)
    assert ('<svg class="curve"' in page) == (expected == 200)


@pytest.mark.hazard("HAZ-13", "C1")
def test_routes_are_compared_for_one_drug_only_and_an_amount_never_given_has_no_numbers(clinic, well):
    page = ask(clinic, well, given="DOS-SL", amount="100", unit="mg", duration="")[1]
    table = page[page.index("The same amount by each route") : page.index("How far this carries")]
    assert "Esketamine" not in table
    assert "Not computed: so much is never given by this route." in table
    page = ask(clinic, well, given="DOS-IN", amount="56", unit="mg", duration="")[1]
    assert "The same amount by each route" not in page


def test_the_peak_of_an_infusion_is_that_of_its_end_on_the_curve_and_among_the_routes(clinic, well):
    page = ask(clinic, well, duration="41")[1]
    curve = re.search(r"<b>(\d+) ng/mL</b> at 40 min", page)  # at 41 min, said to five minutes
    table = page[page.index("The same amount by each route") : page.index("How far this carries")]
    row = re.search(r'into a vein over 40 minutes</th><td class="n">(\d+)<br>', table)
    assert curve and row and curve[1] == row[1]


def test_the_site_s_limit_is_said_and_the_dose_can_still_be_looked_at(clinic, well):
    status, page = ask(clinic, well, amount="0.8")
    assert status == 200
    assert "above the site&#x27;s limit" in page


@pytest.mark.hazard("HAZ-28", "C1")
def test_nobody_is_called_ready_before_the_fixed_stay_of_the_route(clinic, well):
    page = ask(clinic, well, start="13:00", leave="14:00")[1]
    assert "At 14:00, 1 h after the start, the fixed stay is not over: nobody leaves yet." in page
    assert "Never before 14:40: the fixed stay of this route (MON-IV)." in page
    longer = ask(clinic, well, start="13:00", duration="60")[1]  # at least an hour after the end of an infusion
    assert "Never before 15:00: the fixed stay of this route (MON-IV)." in longer
    low = ask(clinic, well, given="DOS-IM", amount="0.0004", unit="mg", duration="")[1]
    assert "<b>0.0004 mg, ketamine into a muscle</b>" in low


def test_a_plan_page_holds_the_form_with_its_own_dose_and_computes_nothing_before_it_is_asked(clinic, well):
    made = first_plan(clinic)
    page = text(clinic.client(Role.NURSE).get(f"{well}/"))
    assert "What would this dose do?" in page and '<svg class="curve"' not in page
    assert 'hx-trigger="load, input' in page
    assert f'name="version" value="{made.version}"' in page
    alone = text(clinic.client(Role.NURSE).get(f"{well}/dose/"))
    assert '<svg class="curve"' in alone  # without script, too


def test_typing_gets_an_answer_without_an_error_of_the_line(clinic, well):
    client = clinic.client(Role.PRESCRIBER)
    typing = client.post(f"{well}/dose/", INFUSION | {"unit": ""}, headers={"HX-Request": "true"})
    assert typing.status_code == 200
    assert "Unit: choose mg or mg/kg" in text(typing)


def test_looking_at_a_dose_writes_no_plan_and_leaves_the_mark_of_a_reading(clinic, well):
    from openkap.people.models import AuditEvent

    before = Programme.objects.count()
    ask(clinic, well)
    assert Programme.objects.count() == before
    assert AuditEvent.objects.order_by("pk").last().entity == "plan:dose"


def test_every_medicine_that_interacts_is_one_that_the_chart_knows():
    named = {name for row in interactions().interaction for name in row.medicines}
    assert len(named) == 10
    assert all(members(name) for name in (*named, *ENZYMES))


@pytest.mark.hazard("HAZ-31", "C1")
def test_nothing_of_the_panel_takes_an_aim_and_returns_an_amount():
    names = [f"openkap.web.plan.{name}" for name in ("dose_person", "dose_form", "dose_answer", "dose_panel")]
    found = dict(public(names))
    assert {"dose_answer.answer", "dose_panel.look", "dose_person.person_of"} <= set(found)
    assert [name for name, function in found.items() if inverse(name, function)] == []
