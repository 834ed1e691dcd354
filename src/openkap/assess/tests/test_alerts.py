"""A suicidality answer finds somebody at any hour, and stays with people until one writes what was done (RG-15)."""

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction
from django.http import Http404
from django.utils import timezone

from openkap.assess import services
from openkap.assess.crisis import due_at
from openkap.assess.models import AlertNotice, FormRequest, SafetyAlert
from openkap.assess.selectors import alert_or_404, alerts_for, is_closed, members
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people.models import CareTeam, Membership, User
from openkap.people.types import STAFF, Role
from tests.database import Clinic

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def request_of(clinic: Clinic) -> FormRequest:
    return services.ask_form(None, clinic.ida, "phq-9")


def say(request, link="9", code="1"):
    return services.save_answer(None, request, link, {"value": [code]}, key=uuid4(), sequence=1)


def put_on_call(clinic, role, begins, hours=12):
    ends = begins + timedelta(hours=hours)
    return services.put_on_call(None, clinic.site, clinic.users[role], begins, ends)


def told(alert, step=1):
    return {(n.ring, n.user_id) for n in AlertNotice.objects.filter(alert=alert, step=step)}


# --- raised with the answer --------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-48", "C3")
def test_the_alert_is_raised_by_the_answer_and_not_by_the_finished_form(request_of):
    assert say(request_of, code="0").alert is None
    saved = say(request_of, code="1")
    assert saved.told
    assert saved.alert.flags == ["SAFETY_PHQ9_ITEM9_POSITIVE"]
    assert not request_of.events.filter(kind="done").exists()


@pytest.mark.hazard("HAZ-48", "C3")
def test_without_its_alert_the_answer_is_not_saved_either(request_of, monkeypatch):
    def fail(*_args):
        raise DatabaseError("no")

    monkeypatch.setattr(services, "_notify", fail)
    with pytest.raises(DatabaseError), transaction.atomic():
        say(request_of)
    assert not request_of.answers.exists()
    assert not SafetyAlert.objects.exists()


def test_a_changed_mind_leaves_the_alert_open(request_of):
    alert = say(request_of).alert
    assert say(request_of, code="0").alert is None
    assert not is_closed(alert)


def test_the_same_form_raises_one_alert_until_it_says_something_worse(clinic):
    nurse = clinic.principal(Role.NURSE)
    request = services.ask_form(nurse, clinic.ida, "c-ssrs-screen")
    first = say(request, "1", "true").alert
    assert say(request, "2", "true").alert.pk == first.pk
    worse = say(request, "4", "true").alert
    assert worse.pk != first.pk
    assert worse.flags == ["SAFETY_CSSRS_HIGH"]


# --- an owner at any hour ----------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-48", "C2")
def test_who_is_on_call_goes_first(clinic, request_of, time_machine):
    time_machine.move_to(NOON, tick=False)
    put_on_call(clinic, Role.NURSE, NOON - timedelta(hours=1))
    put_on_call(clinic, Role.THERAPIST, NOON + timedelta(hours=1))
    assert told(say(request_of).alert) == {("on-call", clinic.users[Role.NURSE].pk)}


@pytest.mark.hazard("HAZ-48", "C2")
def test_an_empty_rota_falls_to_the_care_team_then_to_all_clinicians_then_to_all_staff(clinic, request_of):
    clinicians = {clinic.users[role].pk for role in (Role.PRESCRIBER, Role.NURSE, Role.THERAPIST)}
    first = say(request_of).alert
    assert told(first) == {("care-team", pk) for pk in clinicians}
    CareTeam.objects.filter(until=None).update(until=timezone.now())
    second = say(services.ask_form(None, clinic.noah, "phq-9")).alert
    assert told(second) == {("clinicians", pk) for pk in clinicians}
    User.objects.filter(pk__in=clinicians).update(is_active=False)
    third = say(services.ask_form(None, clinic.otto, "phq-9")).alert
    staff = {clinic.users[role].pk for role in STAFF if role in clinic.users}
    assert told(third) == {("staff", pk) for pk in staff - clinicians}


def test_someone_on_call_who_left_the_site_is_not_counted_on(clinic, request_of, time_machine):
    time_machine.move_to(NOON, tick=False)
    put_on_call(clinic, Role.NURSE, NOON)
    Membership.objects.filter(user=clinic.users[Role.NURSE]).delete()
    assert {ring for ring, _ in told(say(request_of).alert)} == {"care-team"}


def test_a_rota_is_kept_by_coordinator_or_site_admin_for_people_of_the_site(clinic):
    nurse = clinic.users[Role.NURSE]
    with pytest.raises(Forbidden):
        services.put_on_call(clinic.principal(Role.NURSE), clinic.site, nurse, NOON, NOON + timedelta(hours=1))
    coordinator = clinic.principal(Role.COORDINATOR)
    with pytest.raises(Forbidden):
        services.put_on_call(coordinator, clinic.other, nurse, NOON, NOON + timedelta(hours=1))
    with pytest.raises(UserError, match="no role"):
        services.put_on_call(coordinator, clinic.site, clinic.users[Role.PATIENT], NOON, NOON + timedelta(hours=1))
    with pytest.raises(UserError, match="not after"):
        services.put_on_call(coordinator, clinic.site, nurse, NOON, NOON)
    row = services.put_on_call(coordinator, clinic.site, nurse, NOON, NOON + timedelta(hours=1))
    services.take_off_call(coordinator, row)
    assert members("on-call", clinic.ida, NOON) == []


# --- escalation --------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-48", "C2")
@pytest.mark.goal("RG-14")
def test_each_step_is_written_when_it_is_due_and_not_before(clinic, request_of, time_machine):
    time_machine.move_to(NOON, tick=False)
    put_on_call(clinic, Role.NURSE, NOON)
    alert = say(request_of).alert
    assert services.escalate(NOON + timedelta(minutes=1)) == 0
    for step in (2, 3, 4, 5, 6):
        due = due_at(alert.raised_at, step)
        assert services.escalate(due - timedelta(seconds=1)) == 0
        assert services.escalate(due) > 0
        assert services.escalate(due) == 0  # once
        assert {n.at for n in AlertNotice.objects.filter(alert=alert, step=step)} == {due}
    assert {ring for ring, _ in told(alert, 3)} == {"clinicians"}
    assert {ring for ring, _ in told(alert, 6)} == {"staff"}


@pytest.mark.hazard("HAZ-48", "C2")
def test_the_escalation_does_not_wait_for_the_process_that_writes_it(clinic, request_of, time_machine):
    time_machine.move_to(NOON, tick=False)
    put_on_call(clinic, Role.NURSE, NOON)
    alert = say(request_of).alert
    therapist = clinic.principal(Role.THERAPIST)
    assert alerts_for(therapist, NOON + timedelta(minutes=14)) == []
    assert alerts_for(therapist, NOON + timedelta(minutes=15)) == [alert]  # nothing escalated it in the meantime
    assert alerts_for(clinic.principal(Role.BILLING), NOON + timedelta(minutes=59)) == []
    assert alerts_for(clinic.principal(Role.BILLING), NOON + timedelta(minutes=60)) == [alert]


def test_steps_missed_while_nothing_ran_are_made_up(clinic, request_of, time_machine):
    time_machine.move_to(NOON, tick=False)
    alert = say(request_of).alert
    services.escalate(NOON + timedelta(hours=60))
    assert set(alert.notices.values_list("step", flat=True)) == set(range(1, 64))


@pytest.mark.hazard("HAZ-48", "C2")
def test_only_a_note_of_what_was_done_ends_the_escalation(clinic, request_of, time_machine):
    time_machine.move_to(NOON, tick=False)
    alert, nurse = say(request_of).alert, clinic.principal(Role.NURSE)
    with pytest.raises(UserError, match="empty"):
        services.act_on_alert(nurse, alert, "reached", " ")
    with pytest.raises(UserError, match="choose"):
        services.act_on_alert(nurse, alert, "seen", "I saw it")
    services.act_on_alert(nurse, alert, "not-reached", "rang twice, no answer")
    assert services.escalate(NOON + timedelta(minutes=30)) > 0
    services.act_on_alert(nurse, alert, "reached", "spoke for 20 minutes, safety plan, comes at 15:00")
    assert services.escalate(NOON + timedelta(hours=5)) == 0
    assert alerts_for(nurse) == []
    with pytest.raises(Conflict):
        services.act_on_alert(nurse, alert, "reached", "me too")


@pytest.mark.hazard("HAZ-71", "C1")
def test_an_alert_is_open_only_to_whom_it_has_reached(clinic, request_of, time_machine):
    time_machine.move_to(NOON, tick=False)
    alert = say(request_of).alert
    assert alert_or_404(clinic.principal(Role.NURSE), alert.pk) == alert
    billing = clinic.principal(Role.BILLING)
    with pytest.raises(Http404):
        alert_or_404(billing, alert.pk)
    with pytest.raises(Forbidden):
        services.act_on_alert(billing, alert, "reached", "called")


def test_alerts_notices_and_notes_cannot_be_changed(clinic, request_of):
    alert = say(request_of).alert
    services.act_on_alert(clinic.principal(Role.NURSE), alert, "reached", "called")
    for change in (
        lambda: SafetyAlert.objects.update(flags=[]),
        lambda: alert.notices.all().delete(),
        lambda: alert.actions.update(what="nothing"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


# --- any hour ----------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-48", "C2", "C3")
@pytest.mark.goal("RG-15")
@pytest.mark.seeded
def test_whenever_it_is_said_somebody_owns_it_and_every_step_comes_on_time(clinic, seed, count, time_machine):
    """Nights, holidays, both hours when the clock goes back, an empty or a patchy rota, half-filled forms."""
    rng = random.Random(seed)
    clinic.site.zone = "Europe/Vienna"
    clinic.site.save()
    hard = [
        datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Vienna")).astimezone(UTC) for fold in (0, 1)
    ] + [
        datetime(2026, 12, 24, 23, 59, tzinfo=UTC),
        datetime(2027, 1, 1, 0, 0, tzinfo=UTC),
    ]
    for number in range(count(1000)):
        any_time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(525_600))
        at = hard[number] if number < len(hard) else any_time
        with transaction.atomic():
            time_machine.move_to(at, tick=False)
            patient = rng.choice([clinic.ida, clinic.noah, clinic.otto])
            ring = "care-team" if patient == clinic.ida else "clinicians"
            if rng.random() < 0.5:
                role = rng.choice([Role.NURSE, Role.PRESCRIBER, Role.COORDINATOR])
                put_on_call(clinic, role, at - timedelta(hours=1), 2)
                ring = "on-call"
            request = services.ask_form(None, patient, "phq-9")
            for k in rng.sample(range(1, 9), rng.randint(0, 8)):
                say(request, str(k), str(rng.randint(0, 3)))
            saved = say(request, "9", str(rng.randint(1, 3)))
            assert saved.told
            assert {n.ring for n in AlertNotice.objects.filter(alert=saved.alert, step=1)} == {ring}
            hours = rng.randint(1, 80)
            services.escalate(at + timedelta(hours=hours))
            steps = set(saved.alert.notices.values_list("step", flat=True))
            assert steps == set(range(1, 4 + hours))  # 0, 15 and 30 minutes, one hour, and each hour after it
            transaction.set_rollback(True)
