"""
Whatever is booked, moved and cancelled, in whatever order: each patient is told what is so, once, and nothing else
(HAZ-57). Judged from the mails that a server got, by a model that has no version, no key and no state.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from openkap.kernel.errors import Conflict
from openkap.schedule import messages, services_booking, services_contact
from openkap.schedule.models import Appointment
from openkap.schedule.models_message import Message
from openkap.schedule.tests.lodge import Lodge
from openkap.schedule.tests.telling import (
    NOON,
    body,
    cancel,
    due_items,
    move,
    reached,
    round_at,
    still_verified,
    wanted,
)
from tests.database import Clinic
from tests.postboxes import Smtp


@pytest.fixture
def lodge(clinic: Clinic, site: Path) -> Lodge:
    return Lodge(clinic, guests=4)


ONE = re.compile(r"You have (?:an appointment|appointments) on (\w+ \d+ \w+) at ([\d:, and]+)\.")
MOVED = re.compile(r"Your appointment on (\w+ \d+ \w+ at \d\d:\d\d) is now on (\w+ \d+ \w+ at \d\d:\d\d)\.")
OFF = re.compile(r"Your appointment on (\w+ \d+ \w+ at \d\d:\d\d) is off\.")


def instant(text: str) -> datetime:
    return datetime.strptime(f"{text} 2027", "%A %d %B at %H:%M %Y").replace(tzinfo=UTC)


class Model:
    """What each patient knows from the mails alone, against what is booked. It has no version, no key and no state."""

    def __init__(self, names: list[str]):
        self.knows: dict[str, dict[datetime, datetime]] = {name: {} for name in names}  # hour, and when it was told
        self.booked: dict[str, set[datetime]] = {name: set() for name in names}
        self.faults: list[str] = []

    def mail(self, to: str, text: str, now: datetime) -> None:
        knows, booked = self.knows[to], self.booked[to]
        gone, come = [instant(at) for at in OFF.findall(text)], []
        for was, is_now in MOVED.findall(text):
            gone.append(instant(was))
            come.append(instant(is_now))
        for at in gone:
            if at not in knows:
                self.faults.append(f"{to} at {now}: told that {at} is off, and never knew of it")
            knows.pop(at, None)
        for day, hours in ONE.findall(text):
            whole = [instant(f"{day} at {hour}") for hour in re.findall(r"\d\d:\d\d", hours)]
            come += whole
            if min(whole) - now > timedelta(hours=24):
                self.faults.append(f"{to} at {now}: reminded of {whole} too early")
        for at in come:
            if at not in booked or at <= now:
                self.faults.append(f"{to} at {now}: told of {at}, which is not booked")
            if at in knows and (gone or knows[at] >= at - timedelta(hours=24)):
                self.faults.append(
                    f"{to} at {now}: told twice of {at}"
                )  # a reminder of what was told long before is none
            knows[at] = now
        if not gone and not come:
            self.faults.append(f"{to}: {text!r} says nothing")

    def settled(self, name: str, now: datetime) -> None:
        """Nothing is missing: they know what comes within a day, and nothing that is not booked."""
        due = {at for at in self.booked[name] if now < at <= now + timedelta(hours=24)}
        for at in due - set(self.knows[name]):
            self.faults.append(f"{name} at {now}: was not told of {at}")
        for at in set(self.knows[name]) - self.booked[name]:
            if at > now:
                self.faults.append(f"{name} at {now}: believes in {at}")


@pytest.mark.hazard("HAZ-57", "C1", "C2")
def test_whatever_is_booked_moved_and_cancelled_each_is_told_what_is_so_once_and_no_more(
    lodge: Lodge, smtp: Smtp, seed: int, count: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
):
    rng, numbers = Random(seed), messages.number
    monkeypatch.setattr(messages, "number", lambda row, name: 10**6 if name == "most" else numbers(row, name))
    names = {f"person{n}@post.example": patient for n, patient in enumerate(lodge.patients)}
    for patient in lodge.patients:
        reached(lodge, patient)
        still_verified(patient)
    silent = lodge.patients[-1]
    services_contact.choose(lodge.coordinator, silent, channel="none")
    model, live = Model(list(names)), dict[str, Appointment]()
    address = {patient.pk: name for name, patient in names.items()}
    now, seen, refuses = NOON - timedelta(days=2, hours=12), 0, False
    steps = min(count(20_000), 1_000)  # two months
    for n in range(steps):
        now += timedelta(minutes=rng.choice((1, 20, 90, 240)))
        begins = (now + timedelta(minutes=rng.randrange(30, 60 * 40))).replace(second=0)
        begins -= timedelta(minutes=begins.minute % 15)
        for name in [name for name, row in live.items() if row.starts_at <= now + timedelta(minutes=10)]:
            del live[name]  # it is past
        what = rng.random()
        try:
            if live and what < 0.25:
                row = live.pop(rng.choice(sorted(live)))
                cancel(lodge, row)
                model.booked[address[row.patient_id]].discard(row.starts_at)  # type: ignore[index]
            elif live and what < 0.6:
                name = rng.choice(sorted(live))
                row = live[name]
                row.refresh_from_db()  # a move that was refused has left its wish in it
                before = row.starts_at
                move(lodge, row, begins)
                row.refresh_from_db()
                model.booked[address[row.patient_id]].discard(before)  # type: ignore[index]
                model.booked[address[row.patient_id]].add(row.starts_at)  # type: ignore[index]
            else:
                patient = rng.choice(lodge.patients)
                live[str(n)] = services_booking.book(
                    lodge.coordinator, lodge.site, replace(wanted(patient, begins), activity=str(n))
                )
                model.booked[address[patient.pk]].add(begins)
        except Conflict:
            pass
        if rng.random() < 0.5:
            continue
        refuses = not refuses and rng.random() < 0.2
        smtp.reply = "450 later" if refuses else "250 ok"
        round_at(now)
        for mail, [to] in list(zip(smtp.got, smtp.rcpt, strict=True))[seen:]:
            model.mail(to[len("rcpt TO:<") : -1], re.sub(r" ?Answer here: \S+", "", body(mail)), now)
        night = not 8 <= now.hour < 21
        assert not (night and len(smtp.got) > seen), f"sent at night: {now}"
        seen = len(smtp.got)
        if not night and not refuses and not Message.objects.filter(state="waiting").exists():
            for name, patient in names.items():
                if patient != silent and not [one for one in due_items(lodge, now) if one.patient.pk == patient.pk]:
                    model.settled(name, now)
            left = [one for one in due_items(lodge, now) if one.patient.pk != silent.pk]
            assert left == [], f"{now}: {[(one.kind, one.why) for one in left]}"
    assert model.faults == []
    assert seen > steps / 20 and not model.knows[address[silent.pk]]
    assert {row.state for row in Message.objects.all()} <= {"sent", "recalled", "waiting"}
