"""Sessions, gate, order and dose as pages: from the booking to the end of the drug."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from openkap.chart import services as chart
from openkap.chart.fhir.statement import Author, statement
from openkap.dose import events as e
from openkap.dose import orders, services_book, services_ledger, store
from openkap.dose.models import DosingSession, Given
from openkap.dose.selectors import chairs
from openkap.dose.selectors_ledger import Held, day_at, held
from openkap.dose.tests.ward import Ward, at_another_hour
from openkap.dose.types import DoseDay, Hold
from openkap.kernel.quantity import DoseMgPerKg
from openkap.kernel.site import Site
from openkap.people.models import User
from openkap.people.types import Role
from openkap.plan import services as plan_services
from openkap.plan.choices import Preferences
from openkap.plan.models import Signature
from openkap.schedule.models import Appointment
from openkap.web.dose import acts
from openkap.web.dose.gate import views as gate_views
from openkap.web.judge import propose, weight_of
from openkap.web.words import day as words_day
from tests.database import Clinic


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic)


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


class Pages:
    """The pages of a ward's session for one person."""

    def __init__(self, ward: Ward, who: Role | User):
        self.ward = ward
        self.client: Client = ward.clinic.client(who)

    def url(self, page: str) -> str:
        return f"/p/{self.ward.patient.pk}/dose/{self.ward.row.pk}/{page}/"

    def get(self, page: str) -> str:
        response = self.client.get(self.url(page))
        assert response.status_code == 200, (page, response.status_code)
        return text_of(response)

    def post(self, page: str, act: str = "", **fields: Any) -> Any:
        return self.client.post(self.url(page), {"idempotency_key": str(uuid4()), "act": act, **fields})


def test_a_session_is_booked_and_the_patient_received(clinic: Clinic):
    at = at_another_hour(Ward(clinic).row)
    DosingSession.objects.all().delete()
    client = clinic.client(Role.COORDINATOR)
    page = f"/p/{clinic.ida.pk}/dose/"
    assert "No session is booked" in text_of(client.get(page))
    chair = chairs(clinic.site.pk)[0]
    sent = {
        "idempotency_key": str(uuid4()),
        "day": timezone.localdate().isoformat(),
        "at": at.isoformat("minutes"),
        "given": "DOS-IV",
        "kind": "course",
        "chair": str(chair.pk),
    }
    assert client.post(f"{page}book/", sent).status_code == 302
    row = DosingSession.objects.get()
    assert (row.route, row.drug, row.maintenance) == ("iv", "ketamine", False)
    words = text_of(client.get(page))
    assert "ketamine" not in words  # who arranges sees no drug
    assert "I watch" not in words
    nurse = clinic.client(Role.NURSE)
    assert "I watch" in text_of(nurse.get(page))
    reply = nurse.post(page, {"idempotency_key": str(uuid4()), "session": str(row.pk), "act": "arrive"})
    assert reply.status_code == 302 and reply.url.endswith("/gate/")
    row.refresh_from_db()
    assert row.phase == "arrived" and row.observer_id == clinic.users[Role.NURSE].pk


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"day": "2020-01-01"}, "day: this day is past"),
        ({"given": ""}, "This field is required"),
        ({"day": "soon"}, "Enter a valid date"),
        ({"at": "noon"}, "Enter a valid time"),
    ],
)
def test_a_booking_with_a_fault_says_which_and_books_nothing(clinic: Clinic, changed: dict[str, str], words: str):
    sent = {"idempotency_key": str(uuid4()), "day": timezone.localdate().isoformat(), "at": "12:00", "given": "DOS-IV"}
    sent |= changed
    reply = clinic.client(Role.COORDINATOR).post(f"/p/{clinic.ida.pk}/dose/book/", sent)
    assert reply.status_code == 422
    assert words in text_of(reply)
    assert not DosingSession.objects.exists()


def test_a_session_is_cancelled_with_a_reason_alone(ward: Ward):
    client = ward.clinic.client(Role.NURSE)
    page = f"/p/{ward.patient.pk}/dose/"
    sent = {"session": str(ward.row.pk), "act": "cancel"}
    assert client.post(page, {"idempotency_key": str(uuid4()), **sent}).status_code == 422
    assert ward.session.phase == "booked"
    reply = client.post(page, {"idempotency_key": str(uuid4()), **sent, "reason": "ill at home"})
    assert reply.status_code == 302
    assert ward.session.phase == "cancelled"


@pytest.mark.hazard("HAZ-01", "C1")
def test_the_gate_names_what_keeps_it_shut_and_takes_answers_one_by_one(ward: Ward):
    ward.do(e.Arrive)
    nurse = Pages(ward, Role.NURSE)
    words = nurse.get("gate")
    assert "keep the gate shut" in words and "Who is it?" in words
    wrong = nurse.post("gate", "person", name="Ida Example", born="1988-04-03")
    assert wrong.status_code == 422 and "are not those of this session" in text_of(wrong)
    assert nurse.post("gate", "person", name="Ida Example", born="1988-04-02").status_code == 302
    assert nurse.post("gate", "open").status_code == 302
    assert ward.session.phase == "gate"
    assert nurse.post("gate", "answer", item="room-air", truth="true").status_code == 302
    assert nurse.post("gate", "answer", item="fear-asked", truth="true", number="11").status_code == 422
    assert nurse.post("gate", "answer", item="fear-asked", truth="true", number="3").status_code == 302
    assert ward.session.fear == 3
    assert [check.name for check in ward.session.checks] == ["room-air", "fear-asked"]
    assert nurse.post("gate", "answer", item="sound-tested", truth="false").status_code == 302
    lines = re.findall(r'<li class="gate-line" data-s="(\w+)">(?:(?!</li>).)*?<p>([^<]*)</p>', nurse.get("gate"))
    shapes = {words: shape for shape, words in lines}
    assert shapes["The saturation before the dose was read on room air."] == "ok"
    assert (
        shapes["The screen of whoever watches was tried: what it is sent was seen, and heard where the site has sound."]
        == "stop"
    )
    assert shapes["The alert limits in force were read back."] == "miss"
    shut = nurse.post("gate", "pass")
    assert shut.status_code == 422 and "The gate is shut" in text_of(shut)


def test_facts_asked_at_the_gate_are_facts_of_the_chart_and_readings_too(ward: Ward):
    ward.arrive()
    nurse = Pages(ward, Role.NURSE)
    words = nurse.get("gate")
    assert "How many hours since the last solid food?" in words
    none = nurse.post("gate", "facts")
    assert none.status_code == 422 and "Nothing is answered" in text_of(none)
    assert (
        nurse.post("gate", "facts", **{"solids-h": "9", "fluids-h": "3", "equipment-ready": "yes"}).status_code == 302
    )
    words = nurse.get("gate")
    assert "How many hours since the last solid food?" not in words
    assert ward.session.judged is not None and ward.session.judged.verdict == "insufficient"
    ward.read(systolic=124, diastolic=78)
    assert nurse.post("gate", "judge").status_code == 302
    rows = [f.row for f in ward.session.judged.blocking]
    assert "PRE-2" not in rows and "BPG-3" not in rows
    ward.do(e.Correct, reading=ward.session.readings[0].id, reason="wrong cuff")
    assert nurse.post("gate", "judge").status_code == 302
    assert "BPG-3" in [f.row for f in ward.session.judged.blocking]


@pytest.fixture
def calm(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> Ward:
    """A screening that finds nothing: what is tried here is the dose."""
    monkeypatch.setattr(acts, "dose_day", ward.judge_of)
    monkeypatch.setattr(gate_views, "dose_day", ward.judge_of)
    return ward


def weigh(ward: Ward, kg: str = "82", days_ago: int = 0) -> None:
    principal = ward.clinic.principal(Role.NURSE)
    on, author = ward.row.day - timedelta(days=days_ago), Author(str(principal.user_id), "Nurse")
    said = statement(str(ward.patient.pk), "weight", Decimal(kg), on, author, unit="kg")
    chart.add_records(principal, ward.patient, [said], by="staff")


def weighed(doctor: Pages) -> str:
    """The weight that the order page was shown with."""
    return re.findall(r'name="weighed" value="([^"]*)"', doctor.get("order"))[0]


@pytest.mark.hazard("HAZ-08", "C2")
@pytest.mark.hazard("HAZ-09", "C1")
def test_an_order_is_signed_with_the_birth_date_and_typed_amounts_twice(calm: Ward):
    ward = calm
    ward.arrive()
    doctor = Pages(ward, Role.PRESCRIBER)
    assert "not known" in doctor.get("order")
    sent = {"amount": "other", "typed": "0.5", "typed_again": "0.5", "duration": "40", "born": "1988-04-02"}
    sent["weighed"] = weighed(doctor)
    unweighed = doctor.post("order", "form", **sent)
    assert unweighed.status_code == 422 and "weigh the person" in text_of(unweighed)
    weigh(ward)
    assert "82 kg, scale" in doctor.get("order") and "0 days old" in doctor.get("order")
    sent["weighed"] = weighed(doctor)
    once = doctor.post("order", "form", **{**sent, "typed_again": "5"})
    assert once.status_code == 422 and "The two amounts differ" in text_of(once)
    other = doctor.post("order", "form", **{**sent, "born": "1988-04-03"})
    assert other.status_code == 422 and "birth date is not this person" in text_of(other)
    high = doctor.post("order", "form", **{**sent, "typed": "50", "typed_again": "50"})
    assert high.status_code == 422
    assert ward.session.order is None
    assert doctor.post("order", "form", **sent).status_code == 302
    order = ward.session.order
    assert order is not None and str(order.mg) == "41 mg" and order.typed and order.signature is not None
    assert "82 kg, scale" in Pages(ward, Role.NURSE).get("give")
    assert Pages(ward, Role.NURSE).client.get(doctor.url("order")).status_code == 404


@pytest.mark.hazard("HAZ-11", "C1")
@pytest.mark.hazard("HAZ-01", "C1")
def test_a_dose_is_drawn_checked_given_and_ended_and_the_ledger_has_it(calm: Ward):
    ward = calm
    weigh(ward)
    ward.to_gate()
    nurse, second = Pages(ward, Role.NURSE), Pages(ward, ward.second)
    assert nurse.post("gate", "pass").status_code == 302
    words = nurse.get("give")
    assert "LOT-7" in words and "50 mg/mL" in words
    assert nurse.post("give", "draw", lot="LOT-7", step_ml="0.01").status_code == 302
    assert "a second person opens this page" in nurse.get("give")
    assert nurse.post("give/proved", "check", per_ml="50").status_code == 422
    assert "50 mg/mL" not in re.sub(r"of 50 mg/mL", "", second.get("give").partition("2. Second check")[2])
    assert second.post("give/proved", "check", per_ml="10").status_code == 422
    assert second.post("give/proved", "check", per_ml="50").status_code == 302
    assert nurse.post("give", "person", name="Ida Example", born="1988-04-02").status_code == 302
    order = ward.session.order
    assert order is not None
    begun = nurse.post("start", order=order.id, version=order.version, step=order.step)
    assert begun.status_code == 302
    assert ward.session.phase == "dosing"
    assert nurse.post("give", "pause", reason="asks for a pause").status_code == 302
    assert nurse.post("give/proved", "resume").status_code == 302
    too_much = nurse.post("give", "stop", given_mg="90", reason="restless")
    assert too_much.status_code == 422
    assert nurse.post("give", "stop", given_mg="20", reason="restless").status_code == 302
    assert ward.session.phase == "stopped"
    dose = Given.objects.get()
    assert dose.given_mg == 20
    lot = lot_of(ward)
    assert lot.drawn == ((str(ward.row.pk), 21_000),)
    assert lot.vials  # what was not drawn is in the vial


def lot_of(ward: Ward) -> Held:
    return held(ward.clinic.site.pk, day_at(ward.clinic.site.pk), label="LOT-7")[0]


def test_a_draw_that_the_ledger_has_not_is_no_draw(calm: Ward):
    ward = calm
    weigh(ward)
    ward.to_gate()
    nurse = Pages(ward, Role.NURSE)
    assert nurse.post("gate", "pass").status_code == 302
    services_ledger.recall(ward.clinic.principal(Role.NURSE), "LOT-7", notice="maker's letter 3")
    assert "No vial of this drug is open" in nurse.get("give")
    reply = nurse.post("give", "draw", lot="LOT-9", step_ml="0.01")
    assert reply.status_code == 422
    assert ward.session.draw is None


@pytest.mark.hazard("HAZ-08", "C2")
def test_a_number_with_several_units_is_entered_where_its_unit_is_chosen(ward: Ward):
    ward.arrive()
    nurse = Pages(ward, Role.NURSE)
    words = nurse.get("gate")
    enter = f"/p/{ward.patient.pk}/facts/enter"
    for fact in ("weight", "height"):
        assert f'href="{enter}/{fact}/?next={nurse.url("gate")}"' in words
        assert f'name="{fact}"' not in words
    assert "How many hours since the last solid food? (h)" in words
    assert 'name="solids-h"' in words and 'name="equipment-ready"' in words
    assert nurse.post("gate", "facts", **{"weight": "180", "equipment-ready": "yes"}).status_code == 302
    assert f"{enter}/weight/?next=" in nurse.get("gate")  # it is still asked: nothing of it was kept
    assert nurse.client.get(f"{enter}/weight/?next={nurse.url('gate')}").status_code == 200


@pytest.mark.hazard("HAZ-08", "C2")
def test_an_order_shown_at_another_weight_is_not_signed(calm: Ward):
    ward = calm
    ward.arrive()
    weigh(ward, days_ago=1)
    doctor = Pages(ward, Role.PRESCRIBER)
    sent = {"amount": "other", "typed": "0.5", "typed_again": "0.5", "duration": "40", "born": "1988-04-02"}
    shown = weighed(doctor)
    assert shown.startswith("82 kg")
    weigh(ward, "74")
    for old in (shown, ""):
        moved = doctor.post("order", "form", **sent, weighed=old)
        assert moved.status_code == 422
        day = words_day(ward.row.day)
        assert f"The weight is now 74 kg ({day}): look at the amounts again." in text_of(moved)
        assert ward.session.order is None
    now = re.findall(r'name="weighed" value="([^"]*)"', moved.content.decode())[0]
    assert doctor.post("order", "form", **sent, weighed=now).status_code == 302
    order = ward.session.order
    assert order is not None and str(order.mg) == "37 mg"


@pytest.mark.hazard("HAZ-08", "C2")
@pytest.mark.parametrize(
    ("kg", "words"),
    [
        ("", "The order was written for 82 kg; the chart has no weight for today"),
        ("74", "The order was written for 82 kg; the chart says 74 kg today. The prescriber signs it anew."),
    ],
)
def test_an_order_for_another_weight_passes_no_gate_and_begins_no_dose(
    calm: Ward, kg: str, words: str, monkeypatch: pytest.MonkeyPatch
):
    ward = calm
    ward.to_gate()
    if kg:
        weigh(ward, kg)

    def charted(patient, day):
        return DoseDay(ward.judge_of(patient, day).screening, *weight_of(patient, day))

    monkeypatch.setattr(acts, "dose_day", charted)
    nurse = Pages(ward, Role.NURSE)
    shut = nurse.post("gate", "pass")
    assert shut.status_code == 422 and words in text_of(shut)
    assert ward.session.phase == "gate"
    ward.do(e.PassGate)
    ward.in_hand()
    order = ward.session.order
    assert order is not None
    begun = nurse.post("start", order=order.id, version=order.version, step=order.step)
    assert begun.status_code == 422 and words in text_of(begun)
    assert ward.session.phase == "ready" and not Given.objects.exists()


@pytest.mark.hazard("HAZ-17", "C1")
def test_a_session_of_a_plan_that_no_signature_stands_under_gets_no_dose(calm: Ward):
    ward = calm
    weigh(ward)
    ward.to_gate()
    DosingSession.objects.filter(pk=ward.row.pk).update(plan_session="dose-1")
    Appointment.objects.filter(patient=ward.patient, kind="integration").update(activity="P-integration-1")
    nurse = Pages(ward, Role.NURSE)
    doctor = ward.clinic.principal(Role.PRESCRIBER)
    plan = plan_services.write(
        doctor, ward.patient, propose, expected_version=0, preferences=Preferences(), reason="first", draft=True
    )
    sign: dict[str, Any] = {"programme": plan, "digest": plan.digest, "meaning": "x", "at": timezone.now()}
    sign |= {"by_id": doctor.user_id, "name": doctor.name, "role": "prescriber"}
    unsigned = nurse.post("gate", "pass")
    assert unsigned.status_code == 422 and "replaced by one nobody has signed" in text_of(unsigned)
    signature = Signature.objects.create(**sign)
    assert nurse.post("gate", "pass").status_code == 302
    Signature.objects.create(**sign, withdraws=signature, reason="second thoughts")
    ward.in_hand()
    order = ward.session.order
    assert order is not None
    begun = nurse.post("start", order=order.id, version=order.version, step=order.step)
    assert begun.status_code == 422 and "was taken back" in text_of(begun)
    assert ward.session.phase == "ready"


@pytest.mark.hazard("HAZ-63", "C1")
@pytest.mark.parametrize(
    ("page", "acts_"), [("gate", ("decide", "lift")), ("give", ("check", "device", "rate", "resume"))]
)
def test_acts_that_let_a_dose_go_on_ask_for_a_fresh_proof_and_stopping_does_not(
    calm: Ward, page: str, acts_: tuple[str, ...]
):
    ward = calm
    ward.to_dosing()
    nurse = Pages(ward, Role.NURSE)
    for name in acts_:
        assert nurse.post(page, name).status_code == 404
    session = nurse.client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 0}]
    session.save()
    for name in acts_:
        reply = nurse.post(f"{page}/proved", name)
        assert reply.status_code == 401 and "Prove who you are again" in text_of(reply)
    assert nurse.post("give", "pause", reason="asks for a pause").status_code == 302
    assert nurse.post("give", "stop", given_mg="12.3456", reason="restless").status_code == 422
    assert nurse.post("give", "stop", given_mg="12.345", reason="restless").status_code == 302
    assert ward.session.phase == "stopped"


def test_the_address_of_a_proof_leads_back_to_its_page_and_does_nothing_else(calm: Ward):
    nurse = Pages(calm, Role.NURSE)
    for page in ("gate", "give"):
        reply = nurse.client.get(nurse.url(f"{page}/proved"))
        assert reply.status_code == 302 and reply.url == nurse.url(page)
        assert nurse.post(f"{page}/proved", "person", name="Ida Example", born="1988-04-02").status_code == 404


def test_a_page_offers_what_its_reader_may_do(ward: Ward, monkeypatch: pytest.MonkeyPatch):
    nurse, doctor, therapist = (Pages(ward, role) for role in (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST))
    assert "Who is it?" not in nurse.get("gate")  # nobody has come yet
    ward.arrive()
    held = replace(ward.session, holds=(Hold("h1", "RES-8", "An event waits for a review."),))
    monkeypatch.setattr(store, "load", lambda row: held)
    order, dose = f'href="{nurse.url("order")}"', f'href="{nurse.url("give")}"'
    for page in (nurse, therapist):
        words = page.get("gate")
        assert order not in words and "A prescriber writes the order." in words
        assert "An event waits for a review." in words and "Lift it" not in words
        assert (dose in words) is (page is nurse)
    words = doctor.get("gate")
    assert order in words and dose in words and "Lift it" in words


@pytest.mark.hazard("HAZ-63", "C1")
def test_who_starts_a_dose_has_proved_lately_who_they_are(calm: Ward):
    ward = calm
    weigh(ward)
    ward.to_gate()
    nurse = Pages(ward, Role.NURSE)
    session = nurse.client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 0}]
    session.save()
    reply = nurse.post("start", order="o1", version=1, step=1)
    assert reply.status_code == 401 and "Prove who you are again" in text_of(reply)


@pytest.mark.hazard("HAZ-01", "C3")
@pytest.mark.parametrize("page", ["gate", "order", "give", "place"])
def test_a_session_of_somebody_else_is_not_there(ward: Ward, page: str):
    other = services_book.book(
        ward.clinic.principal(Role.COORDINATOR), ward.clinic.noah, Site(), day=ward.row.day, at=time(12), route="iv",
        drug="ketamine",
    )  # fmt: skip
    client = ward.clinic.client(Role.PRESCRIBER)
    assert client.get(f"/p/{ward.patient.pk}/dose/{other.pk}/{page}/").status_code == 404


def _changed(ward: Ward) -> None:
    """The prescriber changes the order that was signed."""
    first = ward.session.order
    assert first is not None and first.weight is not None
    per_kg = DoseMgPerKg(Decimal("0.4"))
    mg = per_kg.times(first.weight.quantity)
    made = replace(first, version=2, mg_per_kg=per_kg, mg=mg, planned_mg=mg, signature=None)
    ward.do(e.SignOrder, Role.PRESCRIBER, order=lambda by, _session, now: orders.signed(made, by, now.at))


@pytest.mark.hazard("HAZ-17", "C2")
def test_a_dose_from_a_sheet_that_was_printed_before_the_order_changed_is_refused_with_both_values(calm: Ward):
    ward = calm
    ward.to_ready()
    nurse, doctor = Pages(ward, Role.NURSE), Pages(ward, Role.PRESCRIBER)
    printed = nurse.get("paper")
    assert re.search(r"<b>version 1, signed \d+ \w+ \d{4}, \d\d:\d\d by Prescriber Person</b>", printed)
    assert re.search(r"printed \w+ \d+ \w+ \d{4}, \d\d:\d\d", printed)
    _changed(ward)
    assert "The order was changed" in nurse.get("give")
    (rings,) = ward.session.open_alerts()
    assert "somebody else says that they have seen it" in doctor.get("give")
    assert doctor.post("give", "seen", alert=rings.id).status_code == 422
    assert nurse.post("give", "seen", alert=rings.id).status_code == 302
    assert "The order was changed" not in nurse.get("give")
    ward.do(e.PassGate)
    ward.in_hand()
    assert "Version on the printed sheet" in nurse.get("give")
    order = ward.session.order
    assert order is not None
    stale = nurse.post("start", order=order.id, version=order.version, step=order.step, printed="1")
    assert stale.status_code == 422
    assert "(version 1, 41 mg)" in text_of(stale) and "(version 2, 32.8 mg)" in text_of(stale)
    nonsense = nurse.post("start", order=order.id, version=order.version, step=order.step, printed="soon")
    assert nonsense.status_code == 422 and "type the number beside the order" in text_of(nonsense)
    assert not Given.objects.exists()
    assert "<b>version 2, signed" in nurse.get("paper")
    begun = nurse.post("start", order=order.id, version=order.version, step=order.step, printed="2")
    assert begun.status_code == 302
    assert Given.objects.get().version == 2


@pytest.mark.hazard("HAZ-17", "C1")
def test_a_changed_order_stands_on_the_open_chair_page_at_once_until_somebody_has_seen_it(calm: Ward):
    ward = calm
    ward.to_ready()
    nurse = Pages(ward, Role.NURSE)
    before = nurse.client.get(nurse.url("state")).json()
    _changed(ward)
    after = nurse.client.get(nurse.url("state"), {"have": before["digest"]}).json()
    assert "Order changed by Prescriber Person: version 2" in after["parts"]["alerts"]
    assert "before it version 1, 41 mg" in after["parts"]["alerts"]
    assert "It is over" not in after["parts"]["alerts"]  # it is seen, not settled
    ward.do(e.Acknowledge, alert=ward.session.open_alerts()[0].id)
    seen = nurse.client.get(nurse.url("state")).json()
    assert "Order changed" not in seen["parts"]["alerts"]
    assert ward.session.alerts[-1].ended[0] == "seen by Nurse Person"  # type: ignore[index]
