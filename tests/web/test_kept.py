"""A page that is kept says after each act exactly what it would say if nothing were kept."""

import re
from datetime import date, timedelta
from uuid import uuid4

import msgspec
import pytest
import time_machine
from django.utils import timezone

from openkap.assess import services as forms
from openkap.assess.models import SafetyAlert
from openkap.chart import services as chart
from openkap.chart.selectors import kept_records, version_of
from openkap.people import services as people
from openkap.people.models import Patient
from openkap.people.services import Identity
from openkap.people.types import Role
from openkap.plan import services as planning
from openkap.plan.choices import Preferences
from openkap.screen import services as screening
from openkap.screen.decisions import digest_of, ground_of
from openkap.screen.models import Override
from openkap.synthetic.case import Case
from openkap.web import case
from openkap.web.judge import judge, propose
from tests.database import Clinic

pytestmark = pytest.mark.django_db(transaction=True)  # within a test's own transaction nothing is kept
BORN = date(1988, 4, 2)
HIGH = {"systolic": [(171, "mm[Hg]", 3, None), (169, "mm[Hg]", 10, None)]}  # a hold
ENCODER = msgspec.json.Encoder(decimal_format="number")
# What is new in each reply: tokens, keys, times of day.
NEW = re.compile(r'(name="(csrfmiddlewaretoken|idempotency_key)" value=")[^"]+|\d\d:\d\d')


class Walk:
    """Does one act after another, and compares every page before and after each."""

    def __init__(self, clinic: Clinic):
        self.clinic, self.ida = clinic, clinic.ida
        self.readers = {role: clinic.client(role) for role in (Role.PRESCRIBER, Role.NURSE)}
        inside = ("", "facts/", "screen/", "screen/?dose-day")
        self.paths = ("/today/", *(f"/p/{self.ida.pk}/{rest}" for rest in inside))
        self.shown: dict[tuple[Role, str], str] = {}

    def principal(self, role: Role = Role.PRESCRIBER):
        return self.clinic.principal(role)

    def see(self, act: str, *roles: Role) -> set[str]:
        """Look at every page twice, the second time with nothing kept; which pages changed since the last look."""
        changed = set()
        for role in roles or (Role.PRESCRIBER,):
            reader = self.readers[role]
            for path in self.paths:
                kept, anew = self._main(reader, path), self._anew(reader, path)
                assert kept == anew, f"{path} for the {role} after: {act}"
                if self.shown.get((role, path)) != kept:
                    changed.add(path)
                self.shown[role, path] = kept
        return changed

    def _anew(self, reader, path: str) -> str:
        before = case._followed
        case._followed = type(before)(9)
        try:
            return self._main(reader, path)
        finally:
            case._followed = before

    def _main(self, reader, path: str) -> str:
        response = reader.get(path)
        assert response.status_code == 200, path
        return NEW.sub("", response.content.decode().partition("</head>")[2])


def observation(patient: Patient, **said) -> dict:
    return {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": f"Patient/{patient.pk}"},
        "effectiveDateTime": timezone.localdate().isoformat(),
    } | said


def kilograms(value: int) -> dict:
    said = {"value": value, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    return {"code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}, "valueQuantity": said}


@pytest.mark.slow
@pytest.mark.hazard("HAZ-31", "C1")
def test_no_act_leaves_a_page_behind(clinic: Clinic):
    walk = Walk(clinic)
    ida, prescriber = clinic.ida, walk.principal()
    pathway, facts, verdict = (f"/p/{ida.pk}/{rest}" for rest in ("", "facts/", "screen/"))
    walk.see("nothing", *walk.readers)
    assert walk.see("nothing again") == set()

    document = ENCODER.encode(Case(timezone.localdate(), sex="M", born=BORN, measurements=HIGH).bundle())
    received = chart.receive(prescriber, document, source="a referral", patient=ida)
    assert {pathway, facts, "/today/"} <= walk.see("a file arrives")
    chart.take(prescriber, received, ida, reason="compared by hand in this test")
    assert {pathway, facts, verdict, "/today/"} <= walk.see("it is taken")
    chart.review(prescriber, ida, kept_records(ida).records, accept=True)
    assert {pathway, facts, verdict, "/today/"} <= walk.see("it is reviewed", *walk.readers)
    chart.add_records(walk.principal(Role.NURSE), ida, [observation(ida, **kilograms(61))], by="staff")
    assert {pathway, facts} <= walk.see("a weight is entered")  # it stands in the band of each page

    asked = forms.ask_form(prescriber, ida, "phq-9", why="test")
    assert {pathway, "/today/"} <= walk.see("a form is asked for")
    forms.save_answer(prescriber, asked, "9", {"value": "2"}, key=uuid4(), sequence=1)
    alert = SafetyAlert.objects.get(patient=ida)
    assert pathway in walk.see("an answer raised an alert")
    forms.act_on_alert(prescriber, alert, "reached", "spoke by telephone")
    assert pathway in walk.see("the alert is closed")
    forms.withdraw(prescriber, asked, "asked twice")
    assert {pathway, "/today/"} <= walk.see("the form is withdrawn")

    hold = next(f for f in judge(ida).found.findings if f.class_ == "hold")
    letter = {"reason": "in range at home", "document": "Dr Berg", "document_on": timezone.localdate()}
    done = {"kind": "clearance", "rule": hold.rule, "ground": ground_of(hold)}
    screening.decide(prescriber, ida, judge, **done, **letter)
    assert {pathway, verdict, "/today/"} <= walk.see("a hold is cleared")
    assert judge(ida).screening.verdict in ("eligible", "caution")
    screening.sign(prescriber, ida, judge, digest=digest_of(judge(ida).screening), birth_date=BORN)
    assert {pathway, verdict, "/today/"} <= walk.see("the verdict is signed")
    row = planning.write(
        prescriber, ida, propose, expected_version=0, preferences=Preferences(), reason="first", draft=False
    )
    assert {pathway, "/today/"} <= walk.see("a plan is made")
    planning.sign(prescriber, ida, judge, version=row.version, digest=row.digest, birth_date=BORN)
    assert {pathway, "/today/"} <= walk.see("the plan is signed")
    decision = Override.objects.get(patient=ida)
    screening.withdraw_decision(prescriber, ida, judge, decision.pk, reason="it was about somebody else")
    assert {pathway, verdict, "/today/"} <= walk.see("a decision is taken back", *walk.readers)

    forms.decide_dimension(
        prescriber, ida, "imagery", level=None, accepted=False, reason="not seen", chart_version=version_of(ida)
    )
    walk.see("a part of the formulation is refused")
    people.assign_care_team(None, clinic.noah, clinic.users[Role.PRESCRIBER])
    assert "/today/" in walk.see("another comes into care")
    identity = Identity(family="Example", given="Ida Maria", birth_date=BORN)
    people.amend_patient(
        walk.principal(Role.COORDINATOR), ida, identity, expected_version=ida.version, reason="letter of today"
    )
    assert {pathway, facts, verdict} <= walk.see("the name is corrected")
    people.end_assignment(None, clinic.noah, clinic.users[Role.PRESCRIBER], reason="moved")
    assert "/today/" in walk.see("another leaves care")
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=True):
        walk.readers = {role: clinic.client(role) for role in walk.readers}
        assert verdict in walk.see("a day passes")
