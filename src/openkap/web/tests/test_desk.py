"""Staff pages of forms: the work list, chasing, entering, alerts, the rota; scores and formulation."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from openkap.assess import services
from openkap.assess.models import AlertAction, FormRequest, FormulationDecision, OnCall
from openkap.assess.selectors import answers_of, state_of
from openkap.people.models import AuditEvent
from openkap.people.services import Identity, register_patient
from openkap.people.types import Role

CANARY = "8c1f-canary-buses"


def key(**fields):
    return {"idempotency_key": str(uuid4())} | fields


def filled(clinic, patient, form="gad-7", code="2", finish=True):
    request = services.ask_form(None, patient, form)
    for k in range(1, {"gad-7": 7, "phq-9": 9}[form] + 1):
        services.save_answer(None, request, str(k), {"value": [code]}, key=uuid4(), sequence=k)
    if finish:
        services.finish(None, request)
    return request


def overdue(clinic, patient, time_machine, form="gad-7"):
    request = services.ask_form(None, patient, form)
    services.make_link(None, request)
    time_machine.shift(60 * 60 * 24 * 6)
    return request


# --- work list ---------------------------------------------------------------------------------------


def test_the_coordinator_sees_whose_form_is_late_and_how_late(clinic, time_machine):
    time_machine.move_to("2026-11-25T12:00:00+00:00")
    overdue(clinic, clinic.noah, time_machine)
    page = clinic.client(Role.COORDINATOR).get("/forms/?show=overdue").content.decode()
    assert "Noah Example" in page
    assert "3 days late" in page
    assert "New link" in page
    assert "No forms here" in clinic.client(Role.COORDINATOR).get("/forms/?show=done").content.decode()


@pytest.mark.hazard("HAZ-71", "C1")
@pytest.mark.goal("RG-26")
def test_lists_of_forms_hold_only_visible_people_and_no_answer(clinic):
    for patient in (clinic.ida, clinic.noah, clinic.far):
        request = services.ask_form(None, patient, "intake")
        sent = {"value-trigger-label": [CANARY]}
        services.save_answer(None, request, "trigger/1", sent, key=uuid4(), sequence=1)
    seen = clinic.client(Role.COORDINATOR).get("/forms/?show=all").content.decode()
    assert ("Ida" in seen, "Noah" in seen, "Far" in seen, CANARY in seen) == (True, True, False, False)
    seen = clinic.client(Role.THERAPIST).get("/forms/?show=all").content.decode()
    assert ("Ida" in seen, "Noah" in seen, "Far" in seen) == (True, False, False)
    coordinator = clinic.client(Role.COORDINATOR)
    assert CANARY not in coordinator.get(f"/p/{clinic.ida.pk}/forms/").content.decode()
    request = FormRequest.objects.get(patient=clinic.ida)
    assert coordinator.get(f"/p/{clinic.ida.pk}/forms/{request.pk}/enter/").status_code == 404


def test_a_form_of_one_patient_is_not_reached_through_another(clinic):
    request = services.ask_form(None, clinic.noah, "gad-7")
    for tail in ("link", "chase", "withdraw"):
        path = f"/p/{clinic.ida.pk}/forms/{request.pk}/{tail}/"
        assert clinic.client(Role.COORDINATOR).post(path, key(note="x")).status_code == 404


def test_the_work_list_asks_the_database_no_more_for_more_people(clinic):
    def queries() -> int:
        client = clinic.client(Role.COORDINATOR)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get("/forms/")
        return len([q for q in seen if not q["sql"].startswith(("INSERT INTO", "SAVEPOINT", "RELEASE"))])

    services.ask_form(None, clinic.ida, "gad-7")
    few = queries()
    for number in range(12):
        patient = register_patient(None, clinic.site, Identity("Many", f"P{number}", clinic.ida.birth_date))
        services.make_link(None, services.ask_form(None, patient, "gad-7"))
    assert queries() <= few


def test_asking_chasing_and_withdrawing_by_the_pages(clinic):
    client, path = clinic.client(Role.COORDINATOR), f"/p/{clinic.noah.pk}/forms/"
    assert client.post(path + "ask/", key(form="gad-7", why="SCR-GAD-1")).status_code == 302
    request = FormRequest.objects.get()
    page = client.post(f"{path}{request.pk}/link/").content.decode()
    address = re.search(r'value="http://testserver(/f/[^"]+)"', page)[1]
    assert "Hello Noah" in Client().get(address).content.decode()
    assert address not in client.get(path).content.decode()  # shown once
    client.post(f"{path}{request.pk}/chase/", key(note="called, comes tomorrow"))
    assert "called, comes tomorrow" in client.get(path).content.decode()
    assert "The reason is empty" in client.post(f"{path}{request.pk}/withdraw/", key(note=" ")).content.decode()
    client.post(f"{path}{request.pk}/withdraw/", key(note="moved away"))
    assert state_of(request).word == "withdrawn"


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"form": "pcl-5"}, "index event"),
        ({"form": "pdss-sr"}, "wording of pdss-sr"),
        ({"form": "gad-7", "due": "2020-01-01"}, "this day is past"),
        ({"form": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_sentence_and_what_was_typed_is_kept(clinic, sent, sentence):
    reply = clinic.client(Role.COORDINATOR).post(f"/p/{clinic.ida.pk}/forms/ask/", key(why="kept words", **sent))
    assert reply.status_code == 422
    assert sentence in reply.content.decode()
    assert "kept words" in reply.content.decode()
    assert FormRequest.objects.count() == 0


# --- entering ----------------------------------------------------------------------------------------


def test_staff_enter_all_answers_on_one_page_and_come_back_to_what_is_open(clinic):
    client = clinic.client(Role.NURSE)
    request = services.ask_form(None, clinic.ida, "gad-7", by_staff=True)
    path = f"/p/{clinic.ida.pk}/forms/{request.pk}/enter/"
    client.post(path, key(save="1", **{f"q-{k}": "1" for k in range(1, 4)}))
    assert answers_of(request) == {"1": "1", "2": "1", "3": "1"}
    reply = client.post(path, key(finish="1", **{"q-4": "9"}))
    assert "not one of those offered" in reply.content.decode()
    assert client.post(path, key(finish="1", **{"q-4": "1"})).status_code == 422
    assert client.post(path, key(finish="1", **{f"q-{k}": "1" for k in range(1, 8)})).status_code == 302
    assert state_of(FormRequest.objects.get()).word == "done"
    assert "its answers cannot be changed here" in client.get(path).content.decode()


def test_staff_add_entries_to_a_list_take_one_out_and_say_that_it_is_whole(clinic):
    client = clinic.client(Role.NURSE)
    request = services.ask_form(None, clinic.ida, "intake", by_staff=True)
    path = f"/p/{clinic.ida.pk}/forms/{request.pk}/enter/"
    for place, distress in (("Buses", "8"), ("Lifts", "6")):
        typed = {"q-trigger-trigger-label": place, "q-trigger-trigger-distress": distress}
        assert client.post(path, key(save="1", **typed)).status_code == 302
    page = client.get(path).content.decode()
    assert "Buses" in page and "Lifts" in page
    assert client.post(path, key(remove="trigger/1")).status_code == 302
    assert client.post(path, key(save="1", **{"q-trigger": "closed"})).status_code == 302
    answers = answers_of(request)
    assert answers["trigger/2"]["trigger-label"] == "Lifts"
    assert (answers["trigger/1"], answers["trigger"]) == ("removed", "closed")


def test_an_entry_at_fault_is_not_saved_and_what_was_typed_stays(clinic):
    client = clinic.client(Role.NURSE)
    request = services.ask_form(None, clinic.ida, "intake", by_staff=True)
    path = f"/p/{clinic.ida.pk}/forms/{request.pk}/enter/"
    typed = {"q-trigger-trigger-label": "Buses", "q-trigger-trigger-distress": "eleven"}
    reply = client.post(path, key(save="1", **typed))
    assert reply.status_code == 422
    page = reply.content.decode()
    assert "Write a" in page and 'value="Buses"' in page and 'value="eleven"' in page
    assert answers_of(request) == {}


@pytest.mark.hazard("HAZ-48", "C2")
def test_an_interview_that_finds_danger_says_so_on_the_page_and_alerts(clinic):
    client = clinic.client(Role.NURSE)
    request = services.ask_form(None, clinic.ida, "c-ssrs-screen")
    path = f"/p/{clinic.ida.pk}/forms/{request.pk}/enter/"
    client.post(path, key(save="1", **{"q-1": "true", "q-2": "true"}))
    page = client.get(path).content.decode()
    assert "may mean danger" in page
    assert "/alerts/" in page


@pytest.mark.hazard("HAZ-48", "C3")
def test_a_fault_in_another_answer_does_not_undo_the_one_that_alerts(clinic):
    request = services.ask_form(None, clinic.ida, "phq-9", by_staff=True)
    path = f"/p/{clinic.ida.pk}/forms/{request.pk}/enter/"
    reply = clinic.client(Role.NURSE).post(path, {"save": "1", "q-1": "7", "q-9": "3"})
    assert reply.status_code == 422
    assert answers_of(request) == {"9": "3"}
    assert request.alerts.get().notices.exists()


# --- alerts and rota ---------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-48", "C2")
def test_who_has_the_alert_reads_it_and_writes_what_was_done(clinic):
    filled(clinic, clinic.ida, "phq-9", "1", finish=False)
    client = clinic.client(Role.THERAPIST)
    page = client.get("/alerts/").content.decode()
    path = re.search(r'href="(/alerts/[^"]+)"', page)[1]
    assert "Ida Example" in page
    assert "Several days" in client.get(path).content.decode()
    assert AuditEvent.objects.filter(patient=clinic.ida, action="R", entity="duty:alert").exists()
    assert client.post(path, key(outcome="reached")).status_code == 422
    assert client.post(path, key(outcome="reached", what="spoke, safety plan made")).status_code == 302
    assert AlertAction.objects.get().by == clinic.users[Role.THERAPIST]
    assert "spoke, safety plan made" in client.get(path).content.decode()
    assert "No alert is in your hands" in clinic.client(Role.NURSE).get("/alerts/").content.decode()


@pytest.mark.hazard("HAZ-48", "C2")
def test_every_page_of_whoever_has_an_alert_says_so_and_names_nobody(clinic):
    filled(clinic, clinic.ida, "phq-9", "1", finish=False)
    for path in ("/today/", "/forms/?show=done", "/alerts/"):
        assert "1 alert is in your hands" in clinic.client(Role.NURSE).get(path).content.decode()
    assert "in your hands: " not in clinic.client(Role.BILLING).get("/today/").content.decode()


@pytest.mark.hazard("HAZ-71", "C1")
def test_an_alert_that_has_not_reached_someone_does_not_exist_for_them(clinic):
    alert = filled(clinic, clinic.ida, "phq-9", "1", finish=False).alerts.get()
    for role in (Role.BILLING, Role.COORDINATOR, Role.SITE_ADMIN):
        assert clinic.client(role).get(f"/alerts/{alert.pk}/").status_code == 404


@pytest.mark.hazard("HAZ-48", "C2")
def test_a_coordinator_on_call_sees_who_needs_a_call_and_not_what_was_answered(clinic):
    now = timezone.now()
    hour = timedelta(hours=1)
    services.put_on_call(None, clinic.site, clinic.users[Role.COORDINATOR], now - hour, now + hour)
    alert = filled(clinic, clinic.noah, "phq-9", "1", finish=False).alerts.get()
    page = clinic.client(Role.COORDINATOR).get(f"/alerts/{alert.pk}/").content.decode()
    assert "Noah Example" in page
    assert "needs a call now" in page
    assert "Several days" not in page


def test_the_rota_is_entered_in_the_time_of_the_site(clinic):
    clinic.site.zone = "Europe/Vienna"
    clinic.site.save()
    client = clinic.client(Role.SITE_ADMIN)
    assert "Nobody is on call now" in client.get("/on-call/").content.decode()
    nurse = clinic.users[Role.NURSE]
    sent = {"user": str(nurse.pk), "begins": "2027-07-01T20:00", "ends": "2027-07-02T08:00"}
    assert client.post("/on-call/", key(**sent)).status_code == 302
    row = OnCall.objects.get()
    assert row.begins.isoformat() == "2027-07-01T18:00:00+00:00"
    assert "Thu 1 Jul 2027, 20:00" in client.get("/on-call/").content.decode()
    client.post(f"/on-call/{row.pk}/end/", key())
    assert "Nobody is on the rota" in client.get("/on-call/").content.decode()
    wrong = client.post("/on-call/", key(**sent | {"ends": sent["begins"]})).content.decode()
    assert "not after the beginning" in wrong


@pytest.mark.hazard("HAZ-56", "C2")
@pytest.mark.parametrize(
    ("begins", "sentence"),
    [("2027-03-28T02:30", "skip 2027-03-28 02:30"), ("2027-10-31T02:30", "show 2027-10-31 02:30 twice")],
)
def test_a_time_that_the_clocks_of_the_site_skip_or_show_twice_is_not_taken_for_the_rota(clinic, begins, sentence):
    clinic.site.zone = "Europe/Vienna"
    clinic.site.save()
    sent = {"user": str(clinic.users[Role.NURSE].pk), "begins": begins, "ends": begins[:8] + "31T20:00"}
    answer = clinic.client(Role.SITE_ADMIN).post("/on-call/", key(**sent))
    assert answer.status_code == 422
    assert sentence in answer.content.decode() and begins in answer.content.decode()
    assert not OnCall.objects.exists()


# --- scores and formulation --------------------------------------------------------------------------


def test_scores_are_a_picture_with_a_table_and_say_what_changed(clinic, time_machine):
    time_machine.move_to("2026-10-01T10:00:00+00:00")
    filled(clinic, clinic.ida, "gad-7", "3")
    time_machine.move_to("2026-11-20T10:00:00+00:00")
    filled(clinic, clinic.ida, "gad-7", "1")
    page = clinic.client(Role.THERAPIST).get(f"/p/{clinic.ida.pk}/assess/").content.decode()
    assert 'class="chart"' in page
    assert all(f">{score}<" in page for score in ("21", "7"))
    assert "lower by 14" in page
    assert "cut-off" in page


def test_a_finding_is_taken_or_not_with_the_reason_and_stays_readable(clinic):
    filled(clinic, clinic.ida, "gad-7", "3")
    client, path = clinic.client(Role.THERAPIST), f"/p/{clinic.ida.pk}/assess/"
    page = client.get(path).content.decode()
    name = re.search(r'action="[^"]+/formulation/([^/"]+)/"', page)[1]
    reply = client.post(f"{path}formulation/{name}/", key(reject="1", level="1", version="1"))
    assert reply.status_code == 422
    assert "say why you do not take this finding" in reply.content.decode()
    client.post(f"{path}formulation/{name}/", key(reject="1", level="1", version="1", reason="worry is about rent"))
    client.post(f"{path}formulation/{name}/", key(accept="1", level="1", version="1"))
    assert [d.accepted for d in FormulationDecision.objects.order_by("pk")] == [False, True]
    assert client.post(f"{path}formulation/nonsense/", key(accept="1")).status_code == 422


def test_the_page_before_the_first_hour_fits_what_is_known_and_not_known(clinic):
    request = services.ask_form(None, clinic.ida, "intake")
    sent = {"value-trigger-label": ["full buses"], "value-trigger-distress": ["8"]}
    services.save_answer(None, request, "trigger/1", sent, key=uuid4(), sequence=1)
    filled(clinic, clinic.ida, "phq-9", "1")
    page = clinic.client(Role.THERAPIST).get(f"/p/{clinic.ida.pk}/assess/first-hour/").content.decode()
    assert "not followed up yet" in page
    assert "Patient Health Questionnaire" in page
    assert "is asked for, due" in page
    assert "Not known yet" in page
