"""Whatever is booked, moved, cancelled and ended at either door, in any order: both agree (RG-07)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, time, timedelta
from random import Random

import pytest

from openkap.dose import services_book
from openkap.dose.models import DosingSession
from openkap.dose.selectors_calendar import unlinked
from openkap.dose.tests.test_calendar import RATIO, TURN, House
from openkap.kernel.errors import Conflict
from openkap.schedule import services_booking, services_house
from openkap.schedule.hours import QUARTER_S
from openkap.schedule.models import BOOKED, Absence, Appointment, Taken
from tests.database import Clinic

pytestmark = pytest.mark.django_db


def spans() -> list[tuple[Appointment, DosingSession | None, datetime]]:
    """Every dose and other appointment that stands, with when it ended where it is over."""
    found = []
    for row in Appointment.objects.filter(state=BOOKED).select_related("room"):
        session = DosingSession.objects.filter(appointment=row).exclude(phase="cancelled").first()
        until = row.ends_at
        if session is not None and session.ended_at is not None:  # the quarter they left in is given back
            left = session.ended_at - timedelta(seconds=session.ended_at.timestamp() % QUARTER_S)
            until = min(until, max(left, row.starts_at))
        found.append((row, session, until))
    return found


def overlaps() -> list[str]:
    found, all_ = [], spans()
    for n, (one, mine, until) in enumerate(all_):
        for other, theirs, ends in all_[n + 1 :]:
            together = one.starts_at < ends and other.starts_at < until
            if together and one.patient_id == other.patient_id:
                found.append(f"patient {one.patient_id}")
            turned = one.starts_at < ends + TURN and other.starts_at < until + TURN
            if turned and one.room_id is not None and one.room_id == other.room_id:
                found.append(f"room {one.room_id}")
            if together and mine and theirs and mine.chair_id is not None and mine.chair_id == theirs.chair_id:
                found.append(f"chair {mine.chair_id}")
    return found


def beyond_ratio(house: House) -> list[str]:
    """Instants at which more are booked to be watched than was possible when they were booked: absences left out."""
    doses = [(row.starts_at, until) for row, _, until in spans() if row.watched_by]
    return [str(begins) for begins, _ in doses if sum(a <= begins < b for a, b in doses) > RATIO * len(house.nurses)]


@pytest.mark.goal("RG-07")
@pytest.mark.hazard("HAZ-55", "C1")
@pytest.mark.hazard("HAZ-50", "C1")
def test_whatever_is_booked_moved_cancelled_and_ended_at_either_door_both_agree(
    clinic: Clinic, seed: int, count: Callable[[int], int]
):
    house, rng, done = House(clinic, patients=8), Random(seed), Counter[str]()
    acts = ("book here", "book there", "move", "chair", "cancel here", "cancel there", "end", "absent")
    for n in range(count(5_000)):
        act = rng.choice(acts)
        patient, day, hour = rng.randrange(8), rng.randrange(1, 5), time(rng.randrange(6, 18), rng.choice((0, 15, 30)))
        rows = list(DosingSession.objects.filter(ended_at=None, appointment__isnull=False).order_by("booked_at"))
        row = rng.choice(rows) if rows else None
        try:
            if act == "book here":
                house.book(patient, day=day, at=hour, chair=rng.choice([None, *house.chairs]))
            elif act == "book there":
                at = house.at(day, hour.hour, hour.minute)
                wanted = house.dose(patient, at, rng.choice(("dose-1", "dose-2")), rng.choice([None, *house.rooms]))
                services_booking.book(house.coordinator, house.site, wanted)
            elif row is not None and row.appointment is not None:
                _one(house, rng, act, row, row.appointment, house.at(day, hour.hour, hour.minute))
            done[act] += 1
        except Conflict:
            done["refused"] += 1
        if n % 20 == 0:
            assert overlaps() == [] and beyond_ratio(house) == []
    assert overlaps() == [] and beyond_ratio(house) == []
    assert done["book here"] + done["book there"]
    _agree(house)


def _one(house: House, rng: Random, act: str, row: DosingSession, booked: Appointment, at: datetime) -> None:
    if act == "move":
        patient = next(n for n, one in enumerate(house.patients) if one.pk == row.patient_id)
        wanted = house.dose(patient, at, room=rng.choice([None, *house.rooms]))
        services_booking.amend(house.coordinator, booked, wanted, reason="drawn")
    elif act == "chair":
        services_book.place_in(house.coordinator, row, rng.choice(house.chairs))
    elif act == "cancel here":
        house.calls_off(row)
    elif act == "cancel there":
        services_booking.cancel(house.coordinator, booked, reason="drawn")
    elif act == "end":  # somebody was here and is gone: what it holds is given back from then on
        ended = booked.starts_at + timedelta(minutes=rng.choice((20, 60, 150)))
        DosingSession.objects.filter(pk=row.pk).update(phase="discharged", began_at=booked.starts_at, ended_at=ended)
        services_booking.hand_back(booked, ended)
    elif act == "absent" and not Absence.objects.exists():
        nurse, begins = rng.choice(house.nurses), house.at(rng.randrange(1, 5), 12)
        services_house.absent(
            house.coordinator, house.site, kind="ill", resource=nurse, starts_at=begins,
            ends_at=begins + timedelta(hours=2),
        )  # fmt: skip


def _agree(house: House) -> None:
    """Every dose that stands is one session of its day and chair, and every open session stands in the calendar."""
    for row, session, _ in spans():
        assert session is not None and session.day == row.starts_at.date(), row
        assert row.room is None or session.ended_at is not None or session.chair.name == row.room.name  # type: ignore[union-attr]
    open_ = DosingSession.objects.filter(ended_at=None)
    assert set(open_.values_list("appointment__state", flat=True)) <= {BOOKED}
    held = set(Taken.objects.values_list("appointment__state", flat=True))
    assert held <= {BOOKED}
    missing = {one.dose.pk for one in unlinked(house.site.pk, house.at(-1, 0))}
    assert missing == {row.pk for row in DosingSession.objects.filter(appointment__state=BOOKED)}  # none was booked
