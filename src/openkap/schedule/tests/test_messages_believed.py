"""What a patient who was told still believes: each of these was found by the walk over messages from a new seed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from openkap.schedule.models import Appointment
from openkap.schedule.tests.lodge import Lodge
from openkap.schedule.tests.telling import NOON, body, book, cancel, due_items, move, reached, round_at, still_verified
from tests.database import Clinic
from tests.postboxes import Smtp


@pytest.fixture
def lodge(clinic: Clinic, site: Path) -> Lodge:
    return Lodge(clinic, guests=1)


@pytest.mark.hazard("HAZ-57", "C2")
def test_an_appointment_that_is_off_is_said_once_though_its_last_hour_is_past(lodge: Lodge, smtp: Smtp):
    row = _told_of(lodge, NOON + timedelta(hours=5))
    move(lodge, row, NOON + timedelta(hours=1))
    cancel(lodge, row)
    round_at(NOON + timedelta(hours=2))
    assert "is off." in body(smtp.got[-1])
    assert due_items(lodge, NOON + timedelta(hours=2, minutes=1)) == []


@pytest.mark.hazard("HAZ-57", "C2")
def test_who_was_not_told_of_a_move_to_an_hour_that_is_past_is_told_that_theirs_is_off(lodge: Lodge, smtp: Smtp):
    row = _told_of(lodge, NOON + timedelta(hours=5))
    move(lodge, row, NOON + timedelta(hours=1))
    round_at(NOON + timedelta(hours=2))
    assert "is off." in body(smtp.got[-1])


@pytest.mark.hazard("HAZ-57", "C1")
def test_another_version_at_the_same_hour_reminds_nobody_again(lodge: Lodge, smtp: Smtp):
    row = _told_of(lodge, NOON + timedelta(hours=5))
    move(lodge, row, NOON + timedelta(hours=5))
    round_at(NOON + timedelta(minutes=1))
    assert len(smtp.got) == 1


@pytest.mark.hazard("HAZ-57", "C1")
def test_a_change_that_waited_for_the_morning_is_the_reminder_too(lodge: Lodge, smtp: Smtp):
    row = _told_of(lodge, NOON + timedelta(hours=21))
    move(lodge, row, NOON + timedelta(hours=36))  # its reminder is due at midnight, the change may go at eight
    round_at(NOON + timedelta(hours=11))
    assert len(smtp.got) == 1
    round_at(NOON + timedelta(hours=20, minutes=30))
    round_at(NOON + timedelta(hours=20, minutes=40))
    assert [("is now on" in body(mail)) for mail in smtp.got] == [False, True]


def _told_of(lodge: Lodge, at: datetime) -> Appointment:
    """An appointment of which its patient was reminded at noon."""
    reached(lodge, lodge.patients[0])
    still_verified(lodge.patients[0])
    row = book(lodge, lodge.patients[0], at)
    round_at(NOON)
    return row
