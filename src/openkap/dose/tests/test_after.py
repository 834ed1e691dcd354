"""What comes after a session: tasks closed with an outcome, the note signed and amended, adverse events reviewed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from openkap.dose import events as e
from openkap.dose import services_adverse as sa
from openkap.dose import services_after as after
from openkap.dose import store
from openkap.dose.known import adverse_events, read
from openkap.dose.models import AdverseVersion, DosingSession, SessionNote, Task
from openkap.dose.selectors import adverse_of, adverse_or_404, closed_tasks, notes_of, open_tasks, tasks_of
from openkap.dose.tests.ward import Ward
from openkap.dose.types import Phase
from openkap.kernel.errors import Conflict, Forbidden, UnknownName, UserError
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from tests.database import Clinic

FULL = {"term": "AE-BP", "grade": 2, "relation": "probable", "action": "rested", "serious": (), "onset_min": 0}
GONE = {"how": "against advice", "reason": "wants to go", "advice_given": True}


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic)


def left_early(ward: Ward) -> Ward:
    return ward.to_left()


# -- tasks -----------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-43", "C2")
def test_two_calls_are_due_after_an_early_end_and_each_is_closed_once_with_what_came_of_it(ward: Ward, clinic: Clinic):
    left_early(ward)
    calls = list(tasks_of(ward.row).filter(kind="call"))
    left = next(x.stamp.at for x in ward.session.log if type(x.event) is e.Leave)
    assert [task.due - left for task in calls] == [timedelta(hours=2), timedelta(hours=24)]
    nurse = clinic.principal(Role.NURSE)
    with pytest.raises(UserError, match="also if nobody could be reached"):
        after.close_task(nurse, ward.patient, calls[0].pk, outcome=" ")
    with pytest.raises(UserError, match="longer than 1000"):
        after.close_task(nurse, ward.patient, calls[0].pk, outcome="x" * 1001)
    with pytest.raises(Forbidden):
        after.close_task(clinic.principal(Role.COORDINATOR), ward.patient, calls[0].pk, outcome="well")
    with pytest.raises(UnknownName):
        after.close_task(nurse, clinic.otto, calls[0].pk, outcome="well")
    assert calls[0] in list(open_tasks(clinic.site.pk))
    after.close_task(nurse, ward.patient, calls[0].pk, outcome="At home, well, no dizziness.")
    with pytest.raises(Conflict, match="closed this task meanwhile"):
        after.close_task(clinic.principal(Role.PRESCRIBER), ward.patient, calls[0].pk, outcome="nobody answers")
    done = Task.objects.get(pk=calls[0].pk)
    assert (done.outcome, done.done_by_id) == ("At home, well, no dizziness.", nurse.user_id)
    assert calls[0] not in list(open_tasks(clinic.site.pk))
    assert [t.pk for t in closed_tasks(clinic.site.pk, timezone.now() - timedelta(days=1))] == [done.pk]
    assert AuditEvent.objects.filter(entity=f"Task/{done.pk}").count() == 1


# -- the note --------------------------------------------------------------------------------------------


def sign(ward: Ward, text: str = "", by: Role = Role.NURSE, **changes) -> SessionNote:
    written = after.written_note(ward.row, ward.session)
    given = {
        "text": text or written,
        "seen": after.digest_of(written),
        "expected_version": 0,
        "birth_date": ward.patient.birth_date,
        **changes,
    }
    return after.sign_note(ward.clinic.principal(by), ward.row, **given)


@pytest.mark.hazard("HAZ-78", "C1")
def test_a_note_is_signed_once_the_session_is_over_and_a_change_is_a_new_version_with_a_reason(ward: Ward):
    ward.to_dosing()
    with pytest.raises(UserError, match="has not ended"):
        sign(ward)
    ward.do(e.Stop, reason="wants to go", given_mg=lambda _by, session, _now: session.given[0].mg)
    ward.do(e.Leave, **GONE)
    first = sign(ward)
    assert (first.version, first.text, first.role) == (1, first.written, "nurse")
    assert first.sequence == store.replayed(ward.row)[1].sequence
    with pytest.raises(UserError, match="signed before; write why"):
        sign(ward, first.text + "\nShe slept.", expected_version=1)
    with pytest.raises(UserError, match="nothing was changed"):
        sign(ward, expected_version=1, reason="a look")
    with pytest.raises(Conflict, match="Version 1 of this note"):
        sign(ward, first.text + "\nShe slept.", reason="forgotten")
    second = sign(ward, first.text + "\nShe slept.", Role.THERAPIST, expected_version=1, reason="forgotten")
    assert [note.version for note in notes_of(ward.row)] == [2, 1]
    assert SessionNote.objects.get(version=1).text == first.text and second.reason == "forgotten"
    with pytest.raises(DatabaseError), transaction.atomic():
        SessionNote.objects.filter(pk=first.pk).update(text="another")


@pytest.mark.hazard("HAZ-01", "C1")
def test_a_note_is_not_signed_for_another_person_nor_over_a_record_that_has_moved(ward: Ward, clinic: Clinic):
    left_early(ward)
    written = after.written_note(ward.row, ward.session)
    with pytest.raises(UserError, match="birth date is not"):
        sign(ward, birth_date=ward.patient.birth_date + timedelta(days=1))
    with pytest.raises(UserError, match="birth date is empty"):
        sign(ward, birth_date=None)
    with pytest.raises(UserError, match="the note is empty"):
        sign(ward, " \n ")
    with pytest.raises(Forbidden):
        sign(ward, by=Role.COORDINATOR)
    reading = ward.session.readings[0]
    ward.do(e.Correct, reading=reading.id, reason="cold finger")
    with pytest.raises(Conflict, match="record has changed"):
        sign(ward, seen=after.digest_of(written))
    assert SessionNote.objects.count() == 0


# -- adverse events --------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-51", "C1")
def test_an_event_goes_from_one_tap_to_a_review_and_then_holds_no_dose(ward: Ward, clinic: Clinic):
    ward.to_dosing()
    ward.read(nausea=5)
    (alert,) = ward.session.open_alerts()
    nurse, doctor = clinic.principal(Role.NURSE), clinic.principal(Role.PRESCRIBER)
    filed = sa.file_alert(nurse, ward.row, alert.id)
    assert sa.file_alert(doctor, ward.row, alert.id).pk == filed.pk
    with pytest.raises(UnknownName):
        sa.file_alert(nurse, ward.row, "no such alert")
    assert not filed.reviewed and read(filed).term is None
    with pytest.raises(UserError, match="enter term, grade, relation, action, serious first"):
        sa.review(doctor, ward.row, filed.event, expected_version=1, words="seen")
    with pytest.raises(Forbidden):
        sa.review(nurse, ward.row, filed.event, expected_version=1, words="seen")
    second = sa.amend(nurse, ward.row, filed.event, expected_version=1, **FULL)
    with pytest.raises(Conflict, match="version 2, you read version 1"):
        sa.amend(doctor, ward.row, filed.event, expected_version=1, grade=3)
    with pytest.raises(UserError, match="nothing was changed"):
        sa.amend(doctor, ward.row, filed.event, expected_version=2, grade=2)
    assert second.version == 2 and [v.version for v in adverse_or_404(ward.patient, filed.pk)] == [2, 1]

    # the next session: held on arrival, free after the review, held again when the event is reopened
    ward.do(e.Stop, reason="nausea", given_mg=lambda _by, session, _now: session.given[0].mg)
    ward.do(e.Leave, **GONE)
    earlier, ward.row = ward.row, ward.book()
    ward.do(e.Arrive)
    assert filed.event in [hold.id for hold in ward.session.held]
    done = sa.review(doctor, earlier, filed.event, expected_version=2, words="transient")
    assert done.reviewed and filed.event not in [hold.id for hold in ward.session.held]
    lifted = next(hold for hold in ward.session.holds if hold.id == filed.event)
    assert "transient" in lifted.lifted and clinic.users[Role.PRESCRIBER].name in lifted.lifted
    with pytest.raises(Conflict, match="has reviewed this event"):
        sa.review(doctor, earlier, filed.event, expected_version=3, words="again")
    with pytest.raises(UserError, match="was reviewed; write why"):
        sa.amend(nurse, earlier, filed.event, expected_version=3, grade=3)
    sa.amend(nurse, earlier, filed.event, expected_version=3, grade=3, reason="it lasted")
    assert filed.event in [hold.id for hold in ward.session.held]
    assert {one.id: one.grade for one in adverse_events(ward.patient)}[filed.event] == 3


@pytest.mark.hazard("HAZ-51", "C1")
def test_an_event_filed_by_hand_holds_a_session_that_is_open_at_once(ward: Ward, clinic: Clinic):
    left_early(ward)
    for row in adverse_of(ward.patient):  # what the session drafted itself
        full = sa.amend(clinic.principal(Role.NURSE), ward.row, row.event, expected_version=1, **FULL)
        sa.review(clinic.principal(Role.PRESCRIBER), ward.row, row.event, expected_version=full.version, words="seen")
    earlier, ward.row = ward.row, ward.book()
    ward.do(e.Arrive)
    assert ward.session.held == ()
    nurse = clinic.principal(Role.NURSE)
    made = sa.file(nurse, earlier, key="k1", text="headache since yesterday", resolved_min=None)
    assert sa.file(nurse, earlier, key="k1", text="headache since yesterday").pk == made.pk
    assert made.version == 1 and [hold.id for hold in ward.session.held] == [made.event]
    with pytest.raises(UserError, match="write what happened"):
        sa.file(nurse, earlier, text="  ")
    with pytest.raises(UserError, match="no adverse event of the list"):
        sa.file(nurse, earlier, term="AE-NONE")
    with pytest.raises(UserError, match="nothing that is entered here"):
        sa.file(nurse, earlier, text="x", red=False)
    with pytest.raises(Forbidden):
        sa.file(clinic.principal(Role.COORDINATOR), earlier, text="x")
    assert AdverseVersion.objects.filter(event=made.event).count() == 1


def test_a_version_of_an_event_is_never_written_over(ward: Ward, clinic: Clinic):
    left_early(ward)
    row = AdverseVersion.objects.first()
    assert row is not None
    with pytest.raises(DatabaseError), transaction.atomic():
        AdverseVersion.objects.filter(pk=row.pk).update(reviewed=True)
    assert DosingSession.objects.get(pk=ward.row.pk).phase == Phase.LEFT_EARLY.value
