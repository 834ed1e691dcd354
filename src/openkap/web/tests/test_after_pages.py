"""What comes after a dose as pages: going home, calls, adverse events, the record and its note."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from openkap.chart.services_private import write_note
from openkap.dose import events as e
from openkap.dose import services_after as after
from openkap.dose.discharge import criteria
from openkap.dose.models import AdverseVersion, DosingSession, SessionEvent, SessionNote, Task
from openkap.dose.selectors import adverse_of
from openkap.dose.tests.ward import Ward
from openkap.dose.types import Phase
from openkap.kernel.quantity import Quantity
from openkap.kernel.r4 import faults
from openkap.people.models import AuditEvent, SiteContact
from openkap.people.types import Role
from openkap.web.dose.tasks.views import due_words
from tests.database import Clinic

BORN = "1988-04-02"


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic)


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


class Pages:
    """Pages of a ward's session for one person."""

    def __init__(self, ward: Ward, who: Role):
        self.ward, self.client = ward, ward.clinic.client(who)

    @property
    def base(self) -> str:
        return f"/p/{self.ward.patient.pk}/dose/{self.ward.row.pk}/"

    def get(self, page: str, status: int = 200) -> str:
        return seen(self.client, self.base + page, status)

    def post(self, page: str, status: int = 302, **fields: Any) -> str:
        return sent(self.client, self.base + page, status, **fields)


def seen(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, (path, response.status_code)
    return text_of(response)


def sent(client: Client, path: str, status: int = 302, **fields: Any) -> str:
    response = client.post(path, {"idempotency_key": str(uuid4()), **fields})
    assert response.status_code == status, (path, response.status_code, text_of(response)[:2000])
    return text_of(response)


def phase(ward: Ward) -> str:
    return DosingSession.objects.get(pk=ward.row.pk).phase


# -- going home ------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-43", "C1")
def test_the_page_says_what_is_missing_and_takes_one_answer_at_a_time(ward: Ward):
    ward.to_recovery()
    nurse = Pages(ward, Role.NURSE)
    page = nurse.get("leave/")
    assert "Not yet: " in page and "60 min of the shortest stay left." in page
    assert "Sign the discharge" not in page and "Aldrete score: no present reading." in page
    before = SessionEvent.objects.filter(kind="Answer").count()
    client = nurse.client
    two = {"idempotency_key": str(uuid4()), "item": ["walks", "oriented"], "truth": "true"}
    assert client.post(nurse.base + "leave/", two).status_code == 422
    for wrong in (
        {"item": "walks"},
        {"item": "walks", "truth": "maybe"},
        {"truth": "true"},
        {"item": "x", "truth": "true"},
    ):
        assert "This was not saved" in nurse.post("leave/", 422, **wrong)
    assert SessionEvent.objects.filter(kind="Answer").count() == before
    nurse.post("leave/", item="walks", truth="true")
    assert SessionEvent.objects.filter(kind="Answer").count() == before + 1
    page = nurse.get("leave/")
    assert 'id="q-walks"' in page and "Nurse Person · just now" in page


@pytest.mark.hazard("HAZ-44", "C1")
def test_who_takes_the_person_home_and_where_the_keys_are_is_written_down(ward: Ward):
    ward.to_recovery()
    nurse = Pages(ward, Role.NURSE)
    assert "Name of the escort" in nurse.get("leave/")
    said = nurse.post("leave/", 422, item="escort-met", truth="true", note=" ")
    assert "Write it down with the answer" in said
    nurse.post("leave/", item="escort-met", truth="true", note="Ana Roe, sister, here")
    page = nurse.get("leave/")
    assert "<dt>Goes with</dt><dd>Ana Roe, sister, here</dd>" in page
    nurse.post("leave/", item="escort-met", truth="false")
    assert "Ana Roe, sister, here</dd>" not in nurse.get("leave/")


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.hazard("HAZ-01", "C1")
def test_a_discharge_is_signed_once_all_is_met_by_who_typed_the_birth_date(ward: Ward):
    ward.to_recovery()
    nurse = Pages(ward, Role.NURSE)
    assert "Cannot be signed" in nurse.get("leave/discharge/")
    assert "Not yet:" in nurse.post("leave/discharge/", 422, birth_date=BORN)
    assert phase(ward) == Phase.RECOVERY.value
    ward.watch(70).read(aldrete=10)
    ward.answer_leaving(escort_met="Ana Roe, by call", car_keys_asked="at home")
    page = nurse.get("leave/")
    assert "Every criterion is met" in page and "Not known · " not in page
    assert page.count('data-s="ok">Met</span>') == len(criteria(ward.session, ward.session.clock))
    page = nurse.get("leave/discharge/")
    assert "Ana Roe, by call" in page and "at home" in page
    assert "birth date is not" in nurse.post("leave/discharge/", 422, birth_date="1980-01-01")
    assert "This field is required" in nurse.post("leave/discharge/", 422, birth_date="")
    assert phase(ward) == Phase.RECOVERY.value
    therapist = Pages(ward, Role.THERAPIST)
    assert "Sign the discharge" not in therapist.get("leave/")
    therapist.post("leave/discharge/", 404, birth_date=BORN)
    nurse.post("leave/discharge/", birth_date=BORN)
    assert phase(ward) == Phase.DISCHARGED.value
    assert Task.objects.get(kind="check-in").patient_id == ward.patient.pk
    assert "Discharged" in nurse.get("leave/")
    assert "This session has ended" in nurse.get("leave/discharge/")
    assert "does not belong" in nurse.post("leave/discharge/", 422, birth_date=BORN)


@pytest.mark.hazard("HAZ-63", "C1")
@pytest.mark.parametrize("where", ["leave/discharge/", "leave/early/", "record/note/", "record/fhir/"])
def test_what_is_signed_or_leaves_asks_who_you_are_again(ward: Ward, where: str):
    ward.arrive()
    nurse = Pages(ward, Role.NURSE)
    session = nurse.client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - 600}]
    session.save()
    response = nurse.client.get(nurse.base + where)
    assert response.status_code == 302 and response.headers["Location"].startswith("/account/prove/")
    assert "Prove who you are again" in nurse.post(where, 401, birth_date=BORN)
    assert phase(ward) == Phase.GATE.value and SessionNote.objects.count() == 0


@pytest.mark.hazard("HAZ-38", "C1")
@pytest.mark.hazard("HAZ-43", "C1")
def test_a_value_that_has_grown_old_meets_no_line_of_the_page(ward: Ward):
    ward.to_leaving()
    nurse = Pages(ward, Role.NURSE)
    assert "Every criterion is met" in nurse.get("leave/")
    ward.later(40 * 60)
    page = nurse.get("leave/")
    assert "Every criterion is met" not in page and "Oxygen saturation: no present reading." in page
    assert "Not yet:" in nurse.post("leave/discharge/", 422, birth_date=BORN)
    assert 'data-aged="300"' in page


@pytest.mark.hazard("HAZ-43", "C2")
def test_an_early_end_wants_reason_and_advice_and_only_a_prescriber_agrees(ward: Ward):
    ward.to_recovery()
    nurse, doctor = Pages(ward, Role.NURSE), Pages(ward, Role.PRESCRIBER)
    given = {"how": "against advice", "reason": "child at home", "advice_given": "on", "birth_date": BORN}
    assert "I, the prescriber, agree" not in nurse.get("leave/early/")
    assert "I, the prescriber, agree" in doctor.get("leave/early/")
    nurse.post("leave/early/", 422, **given | {"how": "prescriber agrees"})
    nurse.post("leave/early/", 422, **given | {"reason": ""})
    without = {name: value for name, value in given.items() if name != "advice_given"}
    assert "Give the written advice first" in nurse.post("leave/early/", 422, **without)
    assert "child at home" in nurse.post("leave/early/", 422, **given | {"birth_date": "1980-01-01"})
    assert phase(ward) == Phase.RECOVERY.value
    nurse.post("leave/early/", **given)
    assert phase(ward) == Phase.LEFT_EARLY.value
    assert Task.objects.filter(kind="call").count() == 2
    assert "Left early" in nurse.get("leave/") and "This session has ended" in nurse.get("leave/early/")


def test_a_hand_over_names_who_takes_over(ward: Ward):
    ward.to_dosing()
    nurse = Pages(ward, Role.NURSE)
    assert "A dose is running" in nurse.get("leave/transfer/")
    ward.do(e.Emergency)
    assert "stop" in nurse.post("leave/transfer/", 422, to="City hospital", reason="chest pain")
    ward.do(e.Stop, reason="chest pain", given_mg=lambda _by, session, _now: session.given[0].mg)
    nurse.post("leave/transfer/", 422, to="", reason="chest pain")
    nurse.post("leave/transfer/", to="City hospital, Dr Roe", reason="chest pain")
    assert phase(ward) == Phase.TRANSFERRED.value
    assert "Handed over" in nurse.get("leave/")


@pytest.mark.hazard("HAZ-43", "C2")
def test_the_sheet_that_goes_home_holds_the_advice_of_content_the_contact_and_the_call(ward: Ward):
    ward.to_leaving()
    nurse = Pages(ward, Role.NURSE)
    page = nurse.get("leave/instructions/")
    for row in ("do not drive", "make no legal decision", "do not look after children alone", "next 24 hours"):
        assert row in page, row
    assert "Your clinic writes its number here." in page
    SiteContact.objects.create(
        site=ward.clinic.site, crisis_name="Dr Varga", crisis_phone="+1 555 0100", at=timezone.now()
    )
    ward.do(e.Discharge)
    page = nurse.get("leave/instructions/")
    assert "+1 555 0100" in page and "Dr Varga" in page and "We call you at about" in page
    assert "988" in page and "82 kg" not in page and "LOT-7" not in page
    assert "no medical director has signed" in page


# -- calls -----------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-64", "C1")
def test_the_list_of_calls_shows_a_coordinator_who_and_when_and_no_value(ward: Ward, clinic: Clinic):
    ward.to_left()
    ward.do(e.Read, measure="systolic", quantity=Quantity(Decimal(200), "mm[Hg]"), taken_s=0)
    task = Task.objects.get(kind="follow up")
    assert "200 mmHg" in task.text
    nurse, desk = clinic.client(Role.NURSE), clinic.client(Role.COORDINATOR)
    page = seen(nurse, "/calls/")
    assert "200 mmHg" in page and "Call after an early end" in page and "Ida Example" in page
    page = seen(desk, "/calls/")
    assert "Call after an early end" in page and "Ida Example" in page and "Follow-up by a clinician" in page
    assert "200 mmHg" not in page and "Systolic" not in page and "Write what came of it" not in page
    Task.objects.filter(pk=task.pk).update(due=timezone.now() - timedelta(hours=3))
    assert "3 h late" in seen(nurse, "/calls/")
    path = f"/p/{ward.patient.pk}/calls/{task.pk}/"
    assert seen(desk, path, 404)
    assert "200 mmHg" in seen(nurse, path)
    sent(nurse, path, 422, outcome="")
    sent(nurse, path, outcome="Spoke to her: well, 130/80.")
    assert "closed this task meanwhile" in sent(nurse, path, 409, outcome="again")
    assert "Spoke to her: well, 130/80." in seen(nurse, "/calls/")
    assert "130/80" not in seen(desk, "/calls/")
    seen(nurse, f"/p/{ward.patient.pk}/calls/{task.pk + 900}/", 404)


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "now"), (35, "in 35 min"), (-35, "35 min late"), (150, "in 2 h"), (-150, "2 h late"), (60 * 72, "in 3 days"),
     (-60 * 50, "2 days late")],
)  # fmt: skip
def test_due_in_words(minutes, said):
    now = timezone.now()
    assert due_words(now + timedelta(minutes=minutes), now) == said


# -- adverse events --------------------------------------------------------------------------------------

FULL = {
    "text": "pressure",
    "term": "AE-BP",
    "grade": "3",
    "onset_min": "10",
    "resolved_min": "30",
    "relation": "probable",
    "action": "rested",
    "serious": "none",
}


@pytest.mark.hazard("HAZ-51", "C1")
def test_an_event_is_filed_at_one_tap_completed_and_reviewed(ward: Ward, clinic: Clinic):
    ward.to_dosing()
    ward.read(nausea=5)
    (alert,) = ward.session.open_alerts()
    nurse, doctor = Pages(ward, Role.NURSE), clinic.client(Role.PRESCRIBER)
    nurse.post("adverse/", alert=alert.id)
    nurse.post("adverse/", alert=alert.id)
    (row,) = AdverseVersion.objects.all()
    path = f"/p/{ward.patient.pk}/adverse/{row.pk}/"
    page = seen(nurse.client, path)
    assert "Before it can be reviewed, enter: term, grade, related to the drug, what was done, serious." in page
    assert "choose one only if it is so" in page and "Nausea, vomiting" in page
    assert "1 event holds the next dose" in seen(doctor, f"/p/{ward.patient.pk}/adverse/")
    assert "Review it" not in seen(doctor, path)
    for wrong in ({"term": "AE-X"}, {"grade": "7"}, {"onset_min": "soon"}, {"resolved_min": "5"}, {"relation": "x"},
                  {"serious": ["none", "life"]}):  # fmt: skip
        sent(nurse.client, path, 422, **FULL | {"version": "1"} | wrong)
    assert AdverseVersion.objects.count() == 1
    sent(nurse.client, path, version="1", **FULL)
    page = seen(doctor, path)
    assert "Review it" in page and "Medical director" in page and "No report outside is due." in page
    said = sent(doctor, path, 409, version="1", **FULL | {"grade": "2"})
    assert "Somebody changed it meanwhile" in said and "Everything you typed is still in the form" in said
    assert sent(nurse.client, path + "review/", 404, version="2", words="seen")
    assert sent(doctor, path + "review/", 409, version="1", words="seen")
    assert sent(doctor, path + "review/", 422, version="2", words="")
    sent(doctor, path + "review/", version="2", words="Transient; a further dose may be given.")
    page = seen(doctor, path)
    assert "Reviewed" in page and "Transient; a further dose may be given." in page
    assert "write why it is changed" in sent(doctor, path, 422, version="3", **FULL | {"grade": "2", "reason": ""})
    sent(doctor, path, version="3", reason="milder than thought", **FULL | {"grade": "2"})
    assert AdverseVersion.objects.count() == 4
    assert "To be reviewed, holds the next dose" in seen(doctor, path)
    seen(doctor, f"/p/{clinic.otto.pk}/adverse/{row.pk}/", 404)
    seen(doctor, f"/p/{ward.patient.pk}/adverse/{row.pk + 900}/", 404)


@pytest.mark.hazard("HAZ-51", "C2")
def test_an_event_by_hand_is_filed_as_it_was_typed_and_words_suggest_only(ward: Ward, clinic: Clinic):
    nurse = clinic.client(Role.NURSE)
    base = f"/p/{ward.patient.pk}/adverse/"
    assert "No adverse event is on record" in seen(nurse, base)
    assert "There was no session yet" in seen(nurse, base + "new/")
    ward.to_left()
    for row in adverse_of(ward.patient):
        assert row.event.startswith("ae-")
    count = AdverseVersion.objects.count()
    blank = {"session": str(ward.row.pk), "relation": "not assessed"}
    assert "write what happened" in sent(nurse, base + "new/", 422, **blank)
    sent(nurse, base + "new/", 422, **blank | {"session": str(uuid4()), "text": "headache"})
    sent(nurse, base + "new/", **blank | {"text": "strong headache since noon"})
    assert AdverseVersion.objects.count() == count + 1
    made = AdverseVersion.objects.order_by("-pk")[0]
    page = seen(nurse, f"{base}{made.pk}/")
    assert "Headache" in page and json.loads(made.document)["term"] is None


# -- the record ------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-78", "C1")
@pytest.mark.hazard("HAZ-39", "C1")
@pytest.mark.hazard("HAZ-37", "C1")
def test_the_record_shows_struck_values_with_reason_who_had_an_alert_and_what_was_given(ward: Ward):
    ward.to_dosing()
    ward.later(600)
    ward.check(systolic=158)
    nurse = Pages(ward, Role.NURSE)
    (alert,) = ward.session.open_alerts()
    ward.do(e.Acknowledge, Role.PRESCRIBER, alert=alert.id)
    wrong = next(r for r in ward.session.readings if r.measure == "spo2" and r.taken_s > 300)
    ward.do(e.Correct, reading=wrong.id, reason="cold finger")
    ward.do(e.Note, Role.THERAPIST, text="A house by the sea; a part that guards the door.")
    ward.do(e.Note, text="moved a little")
    ward.do(e.Stop, reason="enough", given_mg=lambda _by, session, _now: session.given[0].mg)
    page = nurse.get("record/")
    assert re.search(r'<del title="[^"]*cold finger">98</del>', page)
    assert "struck by Nurse Person: cold finger" in page
    assert "taken by Prescriber Person" in page and "Amber: Systolic pressure 158 mmHg" in page
    assert "41 mg" in page and "0.5 mg/kg" in page and "Lot LOT-7" in page
    themes = page[page.index('id="themes"') : page.index("</section>", page.index('id="themes"'))]
    assert "A house by the sea" in themes and "moved a little" not in themes
    assert "kept of the site's own accord" in page and "Strongest dissociation" in page
    assert "Not signed. This is what the record writes." in page and "Correct and sign the note" not in page
    assert "not asked: the sum is a least" not in page
    printed = nurse.get("record/print/")
    assert "the session has not ended" in printed.lower() and "cold finger" in printed and "LOT-7" in printed
    [run] = re.findall(r'<div class="run" aria-hidden="true"><p>(.*?)</p>', printed)
    assert f"Ida Example · born 2 Apr 1988 · record {ward.patient.record_number} · session of" in run
    assert AuditEvent.objects.filter(type="print", patient=ward.patient).count() == 1


def test_times_of_the_record_are_those_of_the_site(ward: Ward):
    ward.clinic.site.zone = "Asia/Tokyo"
    ward.clinic.site.save()
    ward.row = DosingSession.objects.select_related("site", "patient").get(pk=ward.row.pk)
    ward.row.delete()
    ward.row = ward.book()
    ward.to_left()
    begun = ward.session.given[0].started.at
    page = Pages(ward, Role.NURSE).get("record/print/")
    assert f"begun {begun + timedelta(hours=9):%H:%M} JST" in page and "UTC" not in page
    assert "Times are those of Asia/Tokyo." in page


@pytest.mark.hazard("HAZ-78", "C1")
def test_the_note_is_corrected_in_plain_sight_and_signed_in_versions(ward: Ward):
    ward.to_left()
    nurse, therapist = Pages(ward, Role.NURSE), Pages(ward, Role.THERAPIST)
    page = nurse.get("record/note/")
    written = after.written_note(ward.row, ward.session)
    given = {"text": written, "seen": after.digest_of(written), "version": "0", "birth_date": BORN}
    assert "Session of " in page
    assert "birth date is not" in nurse.post("record/note/", 422, **given | {"birth_date": "1980-01-01"})
    mine = written.replace("wants to go", "wanted to see her child") + "\nShe was calm."
    assert "<ins>She was calm.</ins>" in nurse.post("record/note/", 409, **given | {"text": mine, "seen": "0" * 64})
    assert SessionNote.objects.count() == 0
    nurse.post("record/note/", **given | {"text": mine})
    page = nurse.get("record/")
    assert "<ins>She was calm.</ins>" in page and "Version 1, signed by Nurse Person" in page
    again = given | {"text": mine + "\nMother came.", "version": "1"}
    assert "This field is required" in therapist.post("record/note/", 422, **again)
    assert "signed meanwhile" in therapist.post("record/note/", 409, **again | {"version": "0", "reason": "forgotten"})
    therapist.post("record/note/", **again | {"reason": "forgotten"})
    page = nurse.get("record/")
    assert "Version 2, signed by Therapist Person" in page and "Changed because: forgotten" in page
    assert "Version 1, signed by Nurse Person" in page
    ward.do(e.Correct, reading=ward.session.readings[0].id, reason="slip")
    assert "The record has changed since the note was signed." in nurse.get("record/")


def test_a_note_is_not_signed_before_the_end(ward: Ward):
    ward.to_dosing()
    nurse = Pages(ward, Role.NURSE)
    assert "The session has not ended" in nurse.get("record/note/")
    written = after.written_note(ward.row, ward.session)
    given = {"text": "x", "seen": after.digest_of(written), "version": "0", "birth_date": BORN}
    assert "has not ended" in nurse.post("record/note/", 422, **given)


def test_a_therapist_writes_down_what_came_up_and_a_nurse_does_not(ward: Ward):
    ward.to_left()
    therapist, nurse = Pages(ward, Role.THERAPIST), Pages(ward, Role.NURSE)
    assert "Write something down" in therapist.get("record/") and "Write something down" not in nurse.get("record/")
    nurse.post("record/themes/", 404, text="x")
    therapist.post("record/themes/", 422, text=" ")
    therapist.post("record/themes/", text="The lighthouse again.")
    assert "The lighthouse again." in nurse.get("record/")


def test_the_session_leaves_as_fhir_and_the_export_is_on_record(ward: Ward):
    ward.to_left()
    response = Pages(ward, Role.NURSE).client.get(f"/p/{ward.patient.pk}/dose/{ward.row.pk}/record/fhir/")
    assert response["Content-Type"] == "application/fhir+json"
    bundle = json.loads(response.content)
    assert faults(bundle) == []
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert {"Encounter", "MedicationAdministration", "Observation", "AdverseEvent"} <= kinds
    assert AuditEvent.objects.filter(type="export", patient=ward.patient, reason="fhir").count() == 1


@pytest.mark.hazard("HAZ-15", "C2")
def test_the_sum_of_what_a_person_had_names_lines_and_what_was_not_asked(ward: Ward):
    ward.to_left()
    page = Pages(ward, Role.NURSE).get("record/")
    assert "Altogether" in page and "asked on" in page and "Bladder: due" in page
    assert re.search(r"<dt>Ketamine</dt><dd>41 mg</dd>", page) and "11 to the next (DOS-FREQ-5)" in page


@pytest.mark.hazard("HAZ-71", "C1")
@pytest.mark.parametrize(
    "where", ["leave/", "leave/instructions/", "record/", "record/print/", "record/note/", "record/fhir/"]
)
def test_a_session_of_another_person_is_not_there(ward: Ward, clinic: Clinic, where: str):
    ward.arrive()
    other = f"/p/{clinic.otto.pk}/dose/{ward.row.pk}/{where}"
    seen(clinic.client(Role.NURSE), other, 404)
    assert seen(clinic.client(Role.NURSE), f"/p/{ward.patient.pk}/dose/{uuid4()}/{where}", 404)


def test_a_call_that_is_due_stands_on_today_of_who_cares_for_the_person(ward: Ward, clinic: Clinic):
    ward.to_left()
    nurse = clinic.client(Role.NURSE)
    page = seen(nurse, "/today/")
    assert page.count("Call after an early end") >= 2 and "Write what came of it" in page
    for task in Task.objects.all():
        after.close_task(clinic.principal(Role.NURSE), ward.patient, task.pk, outcome="well")
    assert "Call after an early end" not in seen(nurse, "/today/")


@pytest.mark.hazard("HAZ-62", "C2")
def test_what_care_needs_of_a_session_stands_in_its_record_with_or_without_a_private_note(ward: Ward, clinic: Clinic):
    ward.to_dosing().watch(40)
    ward.read(cadss_6=9)
    ward.do(e.Finish)
    ward.do(e.Note, Role.THERAPIST, text="Theme: the sea")
    ward.do(e.Leave, how="against advice", reason="wants to go", advice_given=True)
    ward.row.refresh_from_db()
    pages = {name: Pages(ward, Role.NURSE) for name in ("record/", "record/print/", "record/fhir/")}
    before = {name: page.get(name) for name, page in pages.items()}
    write_note(clinic.principal(Role.THERAPIST), ward.patient, "CANARY: her brother, the summer of 1996")
    after = {name: page.get(name) for name, page in pages.items()}
    assert not [name for name, page in after.items() if "CANARY" in page or "brother" in page]
    for name in ("record/", "record/print/"):
        facts = [page[page.index('id="facts"') :].partition("</section>")[0] for page in (before[name], after[name])]
        assert facts[0] == facts[1]
        for words in ("Came", "First dose begun", "Last dose ended", "Session ended"):  # times
            assert re.search(rf"<dt>{words}</dt><dd>\w+ \d+ \w+ \d{{4}}, \d\d:\d\d</dd>", facts[0]), words
        assert "ketAMINE into a vein (IV), 41 mg" in facts[0]  # drug and how it was given
        assert "Methods of the plan" in facts[0]  # modality
        assert "0 first, 9 last" in facts[0]  # results
        assert "as the record writes it, not signed" in facts[0]  # summary
        assert "Theme: the sea" in after[name]  # what the therapist put into the record stands there
    assert after["record/fhir/"].count("MedicationAdministration") >= 1
