"""Sessions in the database: booked, acted on, kept, stepped by time, never charted twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from openkap.chart.models import Record
from openkap.dose import events as e
from openkap.dose import floor, heart, services, services_book, store
from openkap.dose.gate import gate, reasons
from openkap.dose.models import (
    AdverseVersion,
    AlertReach,
    AlertState,
    ClockJump,
    DosingSession,
    Given,
    Presence,
    SessionEvent,
    Shift,
    Task,
)
from openkap.dose.tests.ward import Ward, at_another_hour, now_s
from openkap.dose.types import DoseDay, Phase
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.quantity import Quantity
from openkap.kernel.site import Site
from openkap.people import audit
from openkap.people.models import AuditEvent, Patient
from openkap.people.types import Role
from openkap.screen.types import Screening
from tests.database import Clinic, changing


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic)


def test_a_session_goes_from_booking_to_the_dose_and_every_step_is_on_record(ward: Ward):
    ward.to_dosing()
    ward.row.refresh_from_db()
    assert ward.row.phase == Phase.DOSING.value
    assert ward.row.began_at is not None
    rows = SessionEvent.objects.filter(session=ward.row)
    assert [row.sequence for row in rows.order_by("sequence")] == list(range(1, ward.row.sequence + 1))
    given = Given.objects.get()
    assert (given.mg, given.drug, given.parenteral, given.patient_id) == (
        Decimal(41),
        "ketamine",
        True,
        ward.patient.pk,
    )
    acts = AuditEvent.objects.filter(type="dosing", patient=ward.patient)
    assert acts.filter(reason="Start").count() == 1


@pytest.mark.hazard("HAZ-45", "C2")
def test_what_is_kept_in_a_process_is_what_the_rows_make(ward: Ward):
    ward.to_dosing()
    kept, _ = store.replayed(ward.row)
    store.forget()
    anew, _ = store.replayed(ward.row)
    assert replace(anew, protocol=kept.protocol) == kept


def test_a_repeat_is_one_event(ward: Ward):
    ward.arrive()
    key = str(uuid4())
    fields = {"measure": "spo2", "quantity": Quantity(Decimal(97), "%"), "taken_s": 0}
    first = ward.act(e.Read, key=key, **fields)
    count = SessionEvent.objects.count()
    second = ward.act(e.Read, key=key, **fields)
    assert (first.repeated, second.repeated) == (False, True)
    assert SessionEvent.objects.count() == count
    other = ward.act(e.Read, key=key, **{**fields, "quantity": Quantity(Decimal(79), "%")})
    assert other.refused is not None and other.refused.rule == "HAZ-14"


def test_the_dose_of_an_order_is_charted_once_whoever_presses_start(ward: Ward):
    ward.to_ready().in_hand()
    assert ward.start().refused is None
    again = ward.start(Role.PRESCRIBER)
    assert again.repeated and again.refused is None
    assert Given.objects.count() == 1
    assert SessionEvent.objects.filter(kind="Start").count() == 1


def test_the_record_cannot_be_written_over(ward: Ward):
    ward.arrive()
    with pytest.raises(DatabaseError), transaction.atomic():
        SessionEvent.objects.filter(session=ward.row).update(document="{}")
    with pytest.raises(DatabaseError), transaction.atomic():
        SessionEvent.objects.filter(session=ward.row).delete()


def test_a_refusal_writes_nothing_of_what_was_asked(ward: Ward):
    before = SessionEvent.objects.count()
    done = ward.act(e.OpenGate)
    assert done.refused is not None
    assert SessionEvent.objects.count() == before
    assert AuditEvent.objects.filter(type="dosing", reason="OpenGate").count() == 0


def test_what_fails_half_way_is_neither_written_nor_kept(ward: Ward):
    ward.arrive()
    before = ward.session
    with transaction.atomic():
        ward.read(spo2=97)
        transaction.set_rollback(True)
    assert ward.session.log == before.log
    ward.read(spo2=91)
    seen = ward.session
    assert seen.log[-1].event.quantity.value == 91
    assert [row for row, _ in store.load_all([ward.row])] == [ward.row]
    store.forget()
    assert ward.session.log == seen.log


def test_a_red_value_is_an_alert_with_an_owner_and_a_draft_that_holds_the_next_dose(ward: Ward):
    ward.to_dosing()
    ward.read(systolic=200)
    row = AlertState.objects.get(about="systolic")
    assert (row.level, row.owner_id, row.ended_at) == ("red", ward.clinic.users[Role.NURSE].pk, None)
    assert AlertReach.objects.filter(alert=row.alert, ring="bedside").exists()
    draft = AdverseVersion.objects.get()
    assert not draft.reviewed and draft.patient_id == ward.patient.pk
    ward.do(e.Stop, reason="red", given_mg=lambda *_: store.load(ward.row).given[0].mg)
    assert Task.objects.filter(kind="waste the rest").exists()
    ward.do(e.Acknowledge, Role.PRESCRIBER, alert=row.alert)
    row.refresh_from_db()
    assert row.acknowledged_by_id == ward.clinic.users[Role.PRESCRIBER].pk
    ward.do(e.Transfer, to="hospital", reason="red pressure")
    next_one = ward.book()
    ward.row = next_one
    ward.do(e.Arrive)
    assert [hold.cause for hold in ward.session.held] == ["RES-8"] * 3  # red value, too fast, transfer


def test_the_time_of_day_moves_a_session_by_the_monotonic_clock_alone(ward: Ward, monkeypatch: pytest.MonkeyPatch):
    ward.arrive()
    real = store.tick
    before = ward.session.now_s
    for jump in (timedelta(hours=24), -timedelta(hours=24)):
        monkeypatch.setattr(store, "tick", lambda jump=jump: replace(real(), at=real().at + jump))
        assert abs(ward.session.now_s - before) <= 1
        ward.read(spo2=97)
        assert abs(ward.session.now_s - before) <= 2


def test_many_quick_events_do_not_add_up_their_rounding(ward: Ward, monkeypatch: pytest.MonkeyPatch):
    ward.arrive()
    real, passed = store.tick, [0.0]
    monkeypatch.setattr(store, "tick", lambda: replace(real(), monotonic_s=1e6 + passed[0]))
    DosingSession.objects.filter(pk=ward.row.pk).update(ended_at=None)
    begin = ward.session.now_s
    for _ in range(40):
        passed[0] += 0.6
        ward.do(e.Note, text="moves")
    assert abs(ward.session.now_s - begin - 24) <= 1


def test_time_alone_raises_a_late_check_and_climbs_its_steps(ward: Ward):
    ward.to_dosing()
    ward.later(20 * 60)
    ward.check()
    ward.later(14 * 60)
    floor_now = floor.floor_of(ward.clinic.site.pk)
    ward.row.refresh_from_db()
    assert services.beat(ward.row, floor_now)
    assert AlertState.objects.filter(about__startswith="vitals", ended_at=None).exists()
    before = SessionEvent.objects.count()
    ward.row.refresh_from_db()
    assert not services.beat(ward.row, floor_now)
    assert SessionEvent.objects.count() == before


def test_the_observer_whose_screens_are_silent_is_missed(ward: Ward):
    ward.to_dosing()
    Presence.objects.filter(user=ward.clinic.users[Role.NURSE]).update(seen_at=timezone.now() - timedelta(minutes=6))
    services.beat_all()
    assert AlertState.objects.filter(about="observer", ended_at=None).exists()
    floor.here(ward.clinic.principal(Role.NURSE), "another screen")
    services.beat_all()
    assert not AlertState.objects.filter(about="observer", ended_at=None).exists()


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.hazard("HAZ-42", "C2")
def test_an_owner_without_a_sign_of_life_loses_the_alert_and_one_at_any_page_keeps_it(ward: Ward):
    ward.to_dosing()
    ward.read(systolic=160)
    row = AlertState.objects.get(about="systolic")
    ward.do(e.Acknowledge, Role.PRESCRIBER, alert=row.alert)
    ward.later(2)
    owner, minutes = ward.clinic.users[Role.PRESCRIBER], timedelta(minutes=6)
    Presence.objects.filter(user=owner).update(seen_at=timezone.now() - minutes)
    services.beat_all()
    row.refresh_from_db()
    assert row.acknowledged_by == owner  # the entry was a sign of life
    with changing("dose_sessionevent"):
        for event in SessionEvent.objects.filter(session=ward.row, by=owner):
            SessionEvent.objects.filter(pk=event.pk).update(at=event.at - minutes)
    store.forget()
    floor.here(ward.clinic.principal(Role.PRESCRIBER), "another page", shows=False)
    services.beat_all()
    row.refresh_from_db()
    assert row.acknowledged_by == owner
    Presence.objects.filter(user=owner).update(seen_at=timezone.now() - timedelta(minutes=4))
    services.beat_all()
    row.refresh_from_db()
    assert row.acknowledged_by == owner
    Presence.objects.filter(user=owner).update(seen_at=timezone.now() - minutes)
    services.beat_all()
    row.refresh_from_db()
    assert (row.acknowledged_by, row.owner) == (None, ward.clinic.users[Role.NURSE])
    assert AlertReach.objects.filter(alert=row.alert, ring="bedside").count() == 2


@pytest.mark.hazard("HAZ-33", "C2")
def test_a_page_that_shows_no_alerts_is_no_live_screen(ward: Ward):
    ward.to_dosing()
    Presence.objects.all().delete()
    for role in (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST):
        floor.here(ward.clinic.principal(role), "a page", shows=role is Role.NURSE)
    found = floor.duty_for(floor.floor_of(ward.clinic.site.pk), ward.session)
    assert found.live == {str(ward.clinic.users[Role.NURSE].pk)}
    Presence.objects.update(shows=False)  # whoever watches is there also at another page
    found = floor.duty_for(floor.floor_of(ward.clinic.site.pk), ward.session)
    assert found.live == {str(ward.clinic.users[Role.NURSE].pk)}


def test_nobody_is_in_two_chairs_and_no_chair_holds_two(ward: Ward, clinic: Clinic):
    ward.arrive()
    other = services_book.book(
        clinic.principal(Role.COORDINATOR), clinic.noah, Site(), day=ward.row.day, route="im", drug="ketamine",
        at=at_another_hour(ward.row), chair=ward.chair,
    )  # fmt: skip
    first, ward.row = ward.row, other
    done = ward.act(e.Arrive)
    assert done.refused is not None and done.refused.rule == "CHAIR"
    with pytest.raises(Conflict, match="open session on that day"):
        services_book.book(
            clinic.principal(Role.COORDINATOR), clinic.ida, Site(), day=first.day, at=at_another_hour(first),
            route="iv", drug="ketamine",
        )  # fmt: skip


def test_bookings_with_a_fault_say_which(ward: Ward, clinic: Clinic):
    coordinator = clinic.principal(Role.COORDINATOR)
    with pytest.raises(UserError, match="day is past"):
        services_book.book(
            coordinator, clinic.noah, Site(), day=ward.row.day - timedelta(days=2), at=time(9), route="iv",
            drug="ketamine",
        )  # fmt: skip
    with pytest.raises(UserError, match="has no limits"):
        services_book.book(
            coordinator, clinic.noah, Site(), day=ward.row.day, at=time(9), route="iv", drug="esketamine"
        )
    with pytest.raises(Forbidden):
        services_book.book(
            clinic.principal(Role.BILLING), clinic.noah, Site(), day=ward.row.day, at=time(9), route="iv",
            drug="ketamine",
        )  # fmt: skip


def test_a_start_is_judged_by_the_chart_as_it_stands(ward: Ward):
    """Where the chart has moved since the gate, the screening is judged anew before the dose (HAZ-21)."""
    ward.to_ready().in_hand()
    ward.judge_of = lambda patient, day: DoseDay(  # type: ignore[method-assign]
        Screening("insufficient", (), (), "demonstration", dose_day=True), ward.weight
    )
    from openkap.chart.models import ChartHead

    head, _ = ChartHead.objects.get_or_create(pk=ward.patient.pk)
    ChartHead.objects.filter(pk=head.pk).update(version=head.version + 1)
    done = ward.start()
    assert done.refused is not None
    assert Given.objects.count() == 0


@pytest.mark.hazard("HAZ-08", "C2")
@pytest.mark.parametrize(
    ("kg", "words"),
    [
        (None, "The order was written for 82 kg; the chart has no weight for today: never weighed"),
        ("74", "The order was written for 82 kg; the chart says 74 kg today."),
    ],
)
def test_a_dose_for_another_weight_than_the_chart_has_now_is_not_begun(ward: Ward, kg: str | None, words: str):
    """Whatever door it comes by: the weight is looked up when the dose is judged, and not by a page."""
    ward.to_ready().in_hand()
    weight = replace(ward.weight, quantity=Quantity(Decimal(kg), "kg")) if kg else None
    calm = Screening("eligible", (), (), "demonstration", dose_day=True)
    ward.judge_of = lambda patient, day: DoseDay(calm, weight, "never weighed")  # type: ignore[method-assign]
    done = ward.start()
    assert done.refused is not None and done.refused.rule == "PRE-9" and words in done.refused.text
    assert ward.session.phase is Phase.GATE and not Given.objects.exists()


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_dose_of_a_plan_that_no_longer_stands_is_not_begun(ward: Ward):
    ward.to_ready().in_hand()
    DosingSession.objects.filter(pk=ward.row.pk).update(plan_session="dose-1")
    done = ward.start()
    assert done.refused is not None and done.refused.rule == "HAZ-22"
    assert "replaced by one nobody has signed" in done.refused.text
    assert not Given.objects.exists()


def test_readings_keep_the_time_at_which_they_were_taken(ward: Ward):
    ward.arrive()
    ward.later(300)
    ward.do(e.Read, measure="spo2", quantity=Quantity(Decimal(96), "%"), taken_s=60)
    reading = ward.session.readings[-1]
    assert reading.taken_s == 60 and reading.entered.elapsed_s >= 300
    assert now_s(None, None, ward.session.clock) >= 300


@pytest.mark.hazard("HAZ-21", "C1")
def test_what_was_read_since_is_in_the_chart_before_the_screening_is_judged_for_the_dose(ward: Ward):
    """A pressure taken after the gate was passed is not left out of what the gate is passed on."""
    ward.to_ready()
    found: list[list[str]] = []
    calm = ward.judge_of

    def judge_of(patient: Patient, day: date) -> DoseDay:
        rows = Record.objects.filter(patient=patient, resource_type="Observation").order_by("pk")
        found.append([json.loads(row.content)["valueQuantity"]["value"] for row in rows if "8480-6" in row.content])
        return calm(patient, day)

    ward.judge_of = judge_of  # type: ignore[method-assign]
    ward.read(systolic=171)
    assert ward.session.phase is Phase.GATE
    ward.do(e.PassGate)
    assert found == [[126, 171]]
    assert ward.session.judged is not None and not ward.session.read_since
    ward.do(e.Correct, reading=ward.session.readings[-1].id, reason="cuff on the wrong arm")
    ward.do(e.PassGate)
    assert Record.objects.filter(content__contains="entered-in-error").exists()


@pytest.mark.hazard("HAZ-21", "C1")
@pytest.mark.parametrize("over", [False, True], ids=["under the drug", "after the end"])
def test_a_value_of_before_the_dose_that_is_struck_later_stands_in_the_chart_no_longer(ward: Ward, over: bool):
    ward.to_ready().later(60)
    ward.in_hand().start()
    if over:
        ward.do(e.Stop, reason="wants to go", given_mg=lambda _by, session, _now: session.given[0].mg)
        ward.do(e.Leave, how="against advice", reason="wants to go", advice_given=True)
    struck = next(r for r in ward.session.readings if r.measure == "systolic")
    assert _in_chart(ward, struck.id) == ["final"]
    new = Quantity(Decimal(171), "mm[Hg]")
    ward.do(e.Correct, reading=struck.id, reason="cuff too small", quantity=new, taken_s=struck.taken_s)
    assert _in_chart(ward, struck.id) == ["final", "entered-in-error"]
    assert _in_chart(ward, ward.session.readings[-1].id) == ["final"]


def _in_chart(ward: Ward, reading: str) -> list[str]:
    """The status of each version of a reading in the chart."""
    rows = Record.objects.filter(patient=ward.patient, logical_id=reading).order_by("version")
    return [json.loads(row.content)["status"] for row in rows]


@pytest.mark.hazard("HAZ-65", "C1")
def test_a_shift_that_nobody_ends_is_over_after_its_longest_time_and_the_trail_says_so(ward: Ward):
    shift = Shift.objects.get(user=ward.clinic.users[Role.NURSE])
    again = Shift.objects.get(user=ward.second)
    begun = timezone.now() - floor.LONGEST - timedelta(minutes=1)
    Shift.objects.filter(pk__in=[shift.pk, again.pk]).update(since=begun)
    floor.begin_shift(ward.clinic.principal(Role.NURSE), Role.NURSE)
    assert floor.end_overdue() == 1 and floor.end_overdue() == 0
    for row in (shift, again):
        row.refresh_from_db()
        assert row.until == begun + floor.LONGEST
        told = AuditEvent.objects.get(entity=f"Shift/{row.pk}", action="U")
        assert told.user_id is None and "nobody ended it in 16 h" in told.reason
    assert audit.faults(ward.clinic.site.pk) == []


def test_a_session_of_another_day_receives_nobody_today(ward: Ward):
    ward.row = ward.book(day=ward.row.day + timedelta(days=3))
    done = ward.act(e.Arrive)
    assert done.refused is not None and "booked for" in done.refused.text


@pytest.mark.hazard("HAZ-37", "C2")
@pytest.mark.goal("RG-11")
@pytest.mark.parametrize("looked", [True, False])
def test_a_clock_that_is_moved_ahead_lets_no_dose_through_too_early(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, looked: bool
):
    """The wall clock says ten days, the clock that only goes forward says minutes; written by the next beat, or not."""
    real = store.tick
    ward.to_left()
    heart.stamp("one")
    heart.stamp("one")
    assert not ClockJump.objects.exists()
    monkeypatch.setattr(store, "tick", lambda: replace(real(), at=real().at + timedelta(days=10)))
    if looked:
        heart.stamp("one")
        heart.stamp("one")
        assert ClockJump.objects.count() == 1
    ward.row = ward.book(day=ward.row.day + timedelta(days=10))
    ward.to_gate()
    done = ward.act(e.PassGate)
    assert done.refused is not None
    session = ward.session
    assert session.clock is not None
    said = {line.row: line.text for line in reasons(gate(session, session.clock))}
    assert "ahead by 14400 min since the last dose" in said["HAZ-37"]


@pytest.mark.hazard("HAZ-78", "C1")
def test_a_reading_in_the_chart_is_of_whoever_read_it(ward: Ward):
    """Somebody else has the screening judged, which files what was read before the dose."""
    ward.arrive()
    ward.read(systolic=131)
    services.judge_now(ward.clinic.principal(Role.PRESCRIBER), ward.row, ward.judge_of, key=str(uuid4()))
    record = Record.objects.get(patient=ward.patient, content__contains="8480-6")
    nurse = ward.clinic.principal(Role.NURSE)
    assert str(nurse.user_id) in record.content or nurse.name in record.content
    assert ward.clinic.principal(Role.PRESCRIBER).name not in record.content
