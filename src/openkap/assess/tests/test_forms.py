"""Forms in the database: asked for, sent, answered, finished, chased; and the door of a link."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from openkap.assess import services
from openkap.assess.asking import CLOSED, DECLINED
from openkap.assess.models import Answer, FormEvent, FormRequest
from openkap.assess.selectors import answers_of, door, overdue_forms, requests_of, state_of
from openkap.chart.selectors import chart_of
from openkap.kernel.errors import Conflict, Forbidden, UnknownName, UserError
from openkap.people.models import AuditEvent, Patient
from openkap.people.selectors import visible_patients
from openkap.people.types import Purpose, Role
from tests.database import Clinic

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(clinic: Clinic):
    return clinic.principal(Role.COORDINATOR)


def ask(clinic, form="gad-7", **more):
    return services.ask_form(clinic.principal(Role.COORDINATOR), clinic.ida, form, **more)


def say(request, link, *codes, key=None, sequence=1, device=None, principal=None):
    return services.save_answer(
        principal, request, link, {"value": codes}, key=key or uuid4(), sequence=sequence, device=device
    )


def word_of(request):
    return state_of(requests_of(Patient.objects.filter(pk=request.patient_id)).get(pk=request.pk)).word


# --- asking ------------------------------------------------------------------------------------------


def test_a_form_goes_from_assigned_to_sent_to_opened_to_done(clinic, coordinator):
    request = ask(clinic)
    assert word_of(request) == "assigned"
    _, token = services.make_link(coordinator, request)
    assert word_of(request) == "sent"
    services.enter(door(token))
    assert word_of(request) == "opened"
    for k in range(1, 8):
        say(request, str(k), "2")
    done = services.finish(None, request)
    assert word_of(request) == "done"
    assert done.record == f"QuestionnaireResponse/{request.pk}"
    chart = chart_of(clinic.ida)
    assert [r.resource["questionnaire"].partition("|")[0][-5:] for r in chart.responses] == ["gad-7"]


def test_the_same_form_is_not_asked_for_twice(clinic):
    first = ask(clinic, why="SCR-GAD-1")
    assert ask(clinic, why="again").pk == first.pk
    assert FormRequest.objects.count() == 1
    assert first.events.get().kind == "asked-again"


def test_a_therapist_of_another_patient_or_a_biller_asks_for_nothing(clinic):
    with pytest.raises(Forbidden):
        services.ask_form(clinic.principal(Role.BILLING), clinic.ida, "gad-7")


@pytest.mark.parametrize("form", ["gad-8", "GAD-7", "", "intake' --"])
def test_an_unknown_form_is_refused(clinic, form):
    with pytest.raises(UnknownName):
        ask(clinic, form)


def test_a_form_that_needs_something_first_is_not_given_without_it(clinic):
    with pytest.raises(UserError, match="index event"):
        ask(clinic, "pcl-5")
    assert ask(clinic, "pcl-5", requirement_met=True).form == "pcl-5"


def test_a_form_for_trained_people_has_no_link(clinic, coordinator):
    request = ask(clinic, "c-ssrs-screen")
    assert request.by_staff
    with pytest.raises(UserError, match="no link"):
        services.make_link(coordinator, request)


def test_overdue_counts_the_days_of_the_site_and_not_of_the_server(clinic, time_machine):
    clinic.site.zone = "Pacific/Auckland"
    clinic.site.save()
    time_machine.move_to("2026-11-25T10:30:00+00:00", tick=False)  # 23:30 of the 25th there
    request = ask(clinic, due=date(2026, 11, 25))
    patients = visible_patients(clinic.principal(Role.COORDINATOR), Purpose.ADMINISTRATION)
    assert overdue_forms(patients) == []
    time_machine.move_to("2026-11-25T11:30:00+00:00", tick=False)  # past midnight there
    assert [(s.request.pk, s.days_late) for s in overdue_forms(patients)] == [(request.pk, 1)]
    assert overdue_forms(visible_patients(clinic.principal(Role.THERAPIST), Purpose.ADMINISTRATION)) != []
    assert overdue_forms(visible_patients(clinic.principal(Role.BILLING), Purpose.ADMINISTRATION)) == []
    with pytest.raises(UserError, match="past"):
        ask(clinic, "phq-9", due=date(2026, 11, 25))


def test_a_chase_and_a_withdrawal_say_why(clinic, coordinator):
    request = ask(clinic)
    for act in (services.chase, services.withdraw):
        with pytest.raises(UserError, match="empty"):
            act(coordinator, request, "  ")
    services.chase(coordinator, request, "called, no answer")
    services.withdraw(coordinator, request, "not needed")
    assert word_of(request) == "withdrawn"
    with pytest.raises(Conflict):
        services.chase(coordinator, request, "again")


# --- the door ----------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-53", "C1")
def test_only_the_hash_of_a_token_is_kept(clinic, coordinator):
    link, token = services.make_link(coordinator, ask(clinic))
    assert token not in str(vars(link))
    assert door(token).link.pk == link.pk
    assert door(token + "x") is None
    assert door(link.digest) is None


def test_a_new_link_ends_the_old_one(clinic, coordinator):
    request = ask(clinic)
    _, old = services.make_link(coordinator, request)
    _, new = services.make_link(coordinator, request)
    assert door(old).why_shut == "revoked"
    assert door(new).why_shut == ""
    assert [e.kind for e in request.events.order_by("pk")] == ["sent", "chased"]


def test_a_link_ends_with_its_day_and_with_its_form(clinic, coordinator, time_machine):
    request = ask(clinic)
    link, token = services.make_link(coordinator, request)
    time_machine.move_to(link.expires_at)
    assert door(token).why_shut == "expired"
    time_machine.move_to(link.expires_at - timedelta(seconds=1))
    assert door(token).why_shut == ""
    services.withdraw(coordinator, request, "not needed")
    assert door(token).why_shut == "withdrawn"


@pytest.mark.hazard("HAZ-63", "C2")
def test_a_second_device_gives_the_birth_date(clinic, coordinator):
    _, token = services.make_link(coordinator, ask(clinic))
    first = services.enter(door(token))
    assert door(token, first).device is not None
    assert door(token, "made up").device is None
    with pytest.raises(Forbidden, match="another device"):
        services.enter(door(token))
    with pytest.raises(Forbidden, match="does not match"):
        services.enter(door(token), date(1988, 4, 3))
    second = services.enter(door(token), clinic.ida.birth_date)
    assert door(token, second).device.proved
    assert not door(token, first).device.proved
    services.leave(door(token, first))
    assert door(token, first).device is None


@pytest.mark.hazard("HAZ-63", "C2")
def test_a_browser_that_did_nothing_for_long_is_forgotten(clinic, coordinator, time_machine):
    time_machine.move_to("2026-11-25T10:00:00+00:00", tick=False)
    _, token = services.make_link(coordinator, ask(clinic))
    browser = services.enter(door(token))
    time_machine.shift(timedelta(minutes=29))
    services.seen(door(token, browser))
    time_machine.shift(timedelta(minutes=29))
    assert door(token, browser).device
    time_machine.shift(timedelta(minutes=1))
    assert door(token, browser).device is None
    assert door(token, browser).writer  # an answer given in a tunnel still arrives


def test_guessing_the_birth_date_ends_the_link(clinic, coordinator):
    _, token = services.make_link(coordinator, ask(clinic))
    services.enter(door(token))
    for day in range(5, 10):
        with pytest.raises(Forbidden, match="does not match"):
            services.enter(door(token), date(1988, 4, day))
    with pytest.raises(Forbidden, match="too often"):
        services.enter(door(token), clinic.ida.birth_date)
    assert door(token).why_shut == "revoked"
    assert AuditEvent.objects.filter(type="denial", reason="birth date").count() == 6


# --- answering ---------------------------------------------------------------------------------------


@pytest.mark.goal("RG-04")
def test_the_same_answer_sent_again_is_one_answer(clinic):
    request, key = ask(clinic), uuid4()
    first = say(request, "1", "2", key=key)
    again = say(request, "1", "2", key=key)
    assert (again.answer.pk, again.again) == (first.answer.pk, True)
    assert Answer.objects.count() == 1
    with pytest.raises(Conflict):
        say(request, "2", "2", key=key)


def test_a_changed_mind_is_another_row_and_the_last_one_counts(clinic):
    request = ask(clinic)
    say(request, "1", "2")
    say(request, "1", "0")
    assert answers_of(request) == {"1": "0"}
    assert Answer.objects.count() == 2


def test_answers_of_one_device_keep_the_order_in_which_they_were_given(clinic, coordinator):
    request = ask(clinic)
    _, token = services.make_link(coordinator, request)
    device = door(token, services.enter(door(token))).device
    say(request, "1", "3", sequence=20, device=device)
    say(request, "1", "0", sequence=10, device=device)  # arrives late
    assert answers_of(request) == {"1": "3"}


def test_a_refused_answer_writes_nothing(clinic):
    request = ask(clinic)
    with pytest.raises(UserError):
        say(request, "1", "9")
    with pytest.raises(UserError):
        say(request, "1")
    assert Answer.objects.count() == 0


@pytest.mark.hazard("HAZ-27", "C1")
def test_a_blank_or_half_filled_form_is_never_done(clinic):
    request = ask(clinic)
    with pytest.raises(UserError, match="7 questions are open"):
        services.finish(None, request)
    say(request, "1", "2")
    with pytest.raises(UserError, match="6 questions are open"):
        services.finish(None, request)
    assert word_of(request) == "assigned"
    assert chart_of(clinic.ida).responses == ()


def test_a_form_of_which_everything_is_declined_is_declined_and_not_done(clinic):
    request = ask(clinic)
    for k in range(1, 8):
        say(request, str(k), DECLINED)
    services.finish(None, request)
    assert word_of(request) == "declined"
    assert chart_of(clinic.ida).responses == ()


def test_sending_a_form_twice_writes_it_once(clinic):
    request = ask(clinic)
    for k in range(1, 8):
        say(request, str(k), "1")
    assert services.finish(None, request).pk == services.finish(None, request).pk
    assert len(chart_of(clinic.ida).responses) == 1
    with pytest.raises(Conflict, match="done already"):
        say(request, "1", "3")


def test_the_intake_reaches_the_chart_as_facts(clinic):
    request = ask(clinic, "dose-day")
    say(request, "solids-h", "9")
    say(request, "fluids-h", DECLINED)
    for link in ("alcohol-24h", "cannabis-24h", "illicit-stimulant-72h", "interval-change", "driving-agreement"):
        say(request, link, "false")
    services.finish(None, request)
    readings = chart_of(clinic.ida).readings
    assert [r.value for r in readings["solids-h"]] == [9]
    assert readings["alcohol-24h"][0].value is False
    assert all(r.value is None for r in readings.get("fluids-h", ()))


def test_an_entry_of_a_list_can_be_taken_back(clinic):
    request = ask(clinic, "intake")
    for number, words in ((1, "buses"), (2, "a slip")):
        sent = {"value-trigger-label": [words]}
        services.save_answer(None, request, f"trigger/{number}", sent, key=uuid4(), sequence=number)
    say(request, "trigger/2", "removed")
    say(request, "trigger", CLOSED)
    assert answers_of(request)["trigger/2"] == "removed"


def test_staff_enter_a_form_in_their_own_name(clinic):
    nurse = clinic.principal(Role.NURSE)
    request = services.ask_form(nurse, clinic.ida, "gad-7", by_staff=True)
    for k in range(1, 8):
        say(request, str(k), "0", principal=nurse)
    services.finish(nurse, request)
    assert chart_of(clinic.ida).responses[0].resource["author"]["reference"] == f"Practitioner/{nurse.user_id}"
    assert set(Answer.objects.values_list("by", flat=True)) == {nurse.user_id}


# --- what only grows ---------------------------------------------------------------------------------


def test_answers_and_events_cannot_be_changed(clinic):
    request = ask(clinic)
    say(request, "1", "2")
    for change in (
        lambda: Answer.objects.update(value="0"),
        lambda: Answer.objects.all().delete(),
        lambda: FormRequest.objects.update(due=date(2030, 1, 1)),
        lambda: FormEvent.objects.create(request=request, kind="done", at=timezone.now()).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_every_change_has_its_audit_event(clinic, coordinator):
    before = AuditEvent.objects.count()
    request = ask(clinic)
    services.make_link(coordinator, request)
    say(request, "1", "2")
    services.withdraw(coordinator, request, "not needed")
    events = AuditEvent.objects.order_by("sequence")[before:]
    assert [(e.action, e.entity.partition("/")[0]) for e in events] == [
        ("C", "FormRequest"), ("U", "FormRequest"), ("C", "Answer"), ("D", "FormRequest"),
    ]  # fmt: skip
    assert {e.patient_id for e in events} == {clinic.ida.pk}
