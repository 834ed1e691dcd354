"""What a second reading of the room found: each is a story that went wrong once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import msgspec
import pytest
from django.utils import timezone

from openkap.dose import events as e
from openkap.dose import floor, orders, services, services_adverse, services_book, services_ledger
from openkap.dose.adverse import Adverse
from openkap.dose.known import holds_due
from openkap.dose.models import AdverseVersion, AlertState, Given, Presence, SessionEvent, Shift, Task
from openkap.dose.selectors_ledger import day_at, held
from openkap.dose.tests.sessions import PER_ML, STEP_ML
from openkap.dose.tests.ward import Ward
from openkap.dose.types import Phase
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.quantity import DoseMg
from openkap.people.types import Role
from tests.database import Clinic, changing


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic)


def draw(ward: Ward) -> services.Acted:
    made = ward.session.order
    assert made is not None
    return ward.do(e.DrawUp, draw=lambda by, *_: orders.drawn(made, "LOT-7", PER_ML, STEP_ML, by))


def test_an_empty_vial_does_not_close_the_lot(ward: Ward):
    ward.to_ready()
    nurse, site = ward.clinic.principal(Role.NURSE), ward.clinic.site.pk
    ((vial, left),) = held(site, day_at(site), label="LOT-7")[0].vials
    services_ledger.session_draw(nurse, label="LOT-7", session="other", drug="ketamine", ug=left, key=str(uuid4()))
    with pytest.raises(UserError):
        draw(ward)
    services_ledger.open_vial(nurse, "LOT-7", key=str(uuid4()))
    assert draw(ward).refused is None
    assert [name for name, _ in held(site, day_at(site), label="LOT-7")[0].vials] != [vial]


@pytest.mark.hazard("HAZ-60", "C1")
def test_a_recall_between_the_draw_and_the_dose_keeps_the_dose_from_beginning(ward: Ward):
    ward.to_ready().in_hand()
    services_ledger.recall(ward.clinic.principal(Role.NURSE), "LOT-7", notice="maker's letter 3")
    with pytest.raises(Conflict, match="must not be used"):
        ward.start()
    assert not Given.objects.exists()
    assert ward.session.phase is Phase.READY


def test_a_drug_that_is_in_is_stopped_and_charted_whatever_the_ledger_says(ward: Ward):
    ward.to_dosing()
    Shift.objects.filter(user=ward.clinic.users[Role.PRESCRIBER]).update(until=timezone.now())
    done = ward.act(e.Stop, Role.PRESCRIBER, reason="restless", given_mg=DoseMg(Decimal("10.1234")))
    assert done.refused is None
    assert Given.objects.get().given_mg == Decimal("10.1234")
    task = Task.objects.get(kind="ledger")
    assert "10.1234 mg of lot LOT-7" in task.text


def test_an_alert_that_turns_red_after_it_was_reviewed_holds_the_next_dose(ward: Ward):
    ward.to_dosing()
    ward.read(systolic=165)
    alert = AlertState.objects.get(about="systolic")
    row = services_adverse.file_alert(ward.clinic.principal(Role.NURSE), ward.row, alert.alert)
    with changing("dose_adverseversion"):  # as a prescriber's review leaves it
        staff = floor.staff_of(ward.clinic.principal(Role.PRESCRIBER))
        event = msgspec.json.decode(row.document, type=Adverse)
        done = replace(event, reviewed=(staff, timezone.now(), "harmless"))
        document = msgspec.json.encode(done).decode()
        AdverseVersion.objects.filter(pk=row.pk).update(document=document, reviewed=True)
    assert holds_due(ward.book(day=ward.row.day + timedelta(days=1))) == ()
    ward.read(systolic=199)
    newest = AdverseVersion.objects.filter(event=row.event).order_by("-version").first()
    assert newest is not None and (newest.version, newest.reviewed) == (row.version + 1, False)


def test_a_tap_that_comes_late_does_not_take_an_alert_that_has_turned_red_since(ward: Ward):
    ward.to_dosing()
    ward.read(systolic=165)
    seen = ward.session.now_s
    ward.later(120)
    ward.read(systolic=204)
    alert = AlertState.objects.get(about="systolic")
    late = ward.act(e.Acknowledge, Role.THERAPIST, alert=alert.alert, happened_s=seen)
    assert late.refused is not None and "has changed since" in late.refused.text
    assert ward.act(e.Acknowledge, Role.PRESCRIBER, alert=alert.alert).refused is None


def test_a_tap_that_comes_late_does_not_undo_what_came_after_it(ward: Ward):
    ward.to_dosing()
    ward.do(e.Pause, reason="asks for a pause")
    seen = ward.session.now_s
    ward.later(30)
    ward.do(e.Resume)
    ward.later(30)
    ward.do(e.Pause, Role.PRESCRIBER, reason="pressure")
    late = ward.act(e.Resume, happened_s=seen)
    assert late.refused is not None and late.refused.rule == "PHASE"
    assert ward.session.phase is Phase.PAUSED


@pytest.mark.hazard("HAZ-42", "C2")
def test_when_the_observer_is_out_of_reach_somebody_else_takes_the_watch(ward: Ward):
    ward.to_dosing()
    assert ward.act(e.TakeWatch, ward.second).refused is not None
    Presence.objects.filter(user=ward.clinic.users[Role.NURSE]).update(seen_at=timezone.now() - timedelta(minutes=6))
    services.beat_all()
    assert AlertState.objects.filter(about="observer", ended_at=None).exists()
    assert ward.act(e.TakeWatch, Role.THERAPIST).refused is not None
    assert ward.act(e.TakeWatch, ward.second).refused is None
    services.beat_all()
    assert not AlertState.objects.filter(about="observer", ended_at=None).exists()


@pytest.mark.hazard("HAZ-33", "C1")
def test_nobody_goes_home_with_an_open_alert_in_their_hands(ward: Ward):
    ward.to_dosing()
    ward.do(e.SetMark, name="chest-pain" if "chest-pain" in ward.session.protocol.marks else "vomit")
    alert = AlertState.objects.filter(ended_at=None).first()
    assert alert is not None
    ward.do(e.Acknowledge, Role.PRESCRIBER, alert=alert.alert)
    with pytest.raises(Conflict, match="open alert is yours"):
        floor.end_shift(ward.clinic.principal(Role.PRESCRIBER))


def test_what_was_drawn_and_is_not_given_is_somebody_s_task(ward: Ward):
    ward.to_ready()
    draw(ward)
    draw(ward)
    assert Task.objects.filter(kind="waste what was drawn").count() == 1
    ward.do(e.Cancel, reason="feels ill")
    assert Task.objects.filter(kind="waste what was drawn").count() == 2


def test_an_event_of_another_session_that_came_in_meanwhile_holds_the_dose(ward: Ward):
    ward.to_ready().in_hand()
    before = ward.row
    earlier = ward.book(day=ward.row.day + timedelta(days=3))
    AdverseVersion.objects.create(
        session=earlier,
        patient=ward.patient,
        event="ae-late",
        version=1,
        document=msgspec.json.encode(
            Adverse("ae-late", str(ward.patient.pk), str(earlier.pk), floor.staff_of(ward.clinic.principal(Role.NURSE)),
                    timezone.now(), "ketamine", "systolic 200, found afterwards", red=True)
        ).decode(),
        reviewed=False,
        at=timezone.now(),
    )  # fmt: skip
    ward.row = before
    done = ward.start()
    assert done.refused is not None
    assert ["not reviewed" in hold.text for hold in ward.session.held] == [True]
    assert not Given.objects.exists()


def test_a_mark_that_comes_after_the_end_is_kept_and_followed_up(ward: Ward):
    ward.to_dosing()
    seen = ward.session.now_s
    ward.do(e.Stop, reason="ends", given_mg=DoseMg(Decimal(5)))
    ward.do(e.Leave, how="against advice", reason="goes", advice_given=True)
    ward.do(e.SetMark, name="vomit", happened_s=seen)
    assert Task.objects.filter(kind="follow up what was seen").exists()
    assert ward.session.marks[-1].seen_s == seen


@pytest.mark.hazard("HAZ-05", "C1")
def test_a_patient_is_moved_only_with_both_identifiers_asked_at_the_new_chair(ward: Ward):
    other = services_book.add_chair(None, ward.clinic.site.pk, "Bay 9")
    ward.to_dosing()
    nurse, right = ward.clinic.principal(Role.NURSE), {"name": "Ida Example", "born": ward.patient.birth_date}
    before = SessionEvent.objects.count()
    with pytest.raises(Forbidden, match="both identifiers"):
        services_book.place_in(ward.clinic.principal(Role.COORDINATOR), ward.row, other, **right)
    for wrong in ({}, {"name": "Ida Example"}, right | {"name": "Ida Exampel"}, right | {"born": date(1988, 4, 3)}):
        with pytest.raises(UserError, match="Name and birth date are not those"):
            services_book.place_in(nurse, ward.row, other, **wrong)
    ward.row.refresh_from_db()
    assert (ward.row.chair, SessionEvent.objects.count()) == (ward.chair, before)
    services_book.place_in(nurse, ward.row, other, **right)
    ward.row.refresh_from_db()
    assert ward.row.chair == other
    assert "Moved from Bay 1 to Bay 9" in SessionEvent.objects.get(sequence=ward.row.sequence).document
    ward.do(e.Stop, reason="ends", given_mg=DoseMg(Decimal(5)))
    ward.do(e.Leave, how="against advice", reason="goes", advice_given=True)
    with pytest.raises(Conflict, match="over"):
        services_book.place_in(nurse, ward.row, ward.chair, **right)


@pytest.mark.hazard("HAZ-21", "C1")
def test_a_door_that_cannot_judge_the_screening_begins_no_dose(ward: Ward):
    ward.to_ready().in_hand()
    ward.judge_of = None  # type: ignore[assignment, method-assign]
    done = ward.start()
    assert done.refused is not None and done.refused.rule == "HAZ-21"
    assert not Given.objects.exists()
