"""A house in the database of a test: guests with signed plans, six people, rooms, and a retreat of some days."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any

from django.utils import timezone

from openkap.people import services as people
from openkap.people.models import Patient
from openkap.people.services import Identity
from openkap.people.types import Principal, Role
from openkap.plan.models import Programme, Signature
from openkap.schedule import services, services_house, services_runs
from openkap.schedule.assemble import BAY, HALL, ROOM, Group
from openkap.schedule.models import Resource, Retreat, Version
from openkap.schedule.services import Published, Wish
from tests.database import Clinic

NAMES = ("Amara", "Björn", "Clara", "Dragan", "Eszter", "Farid", "Giulia", "Hiro", "Ines", "Jonas", "Kaito", "Leila")
START = date(2027, 3, 15)  # a Monday


def session(name: str, kind: str, minutes: int, day: int, *after: tuple[str, int, int | None], **more: Any) -> Any:
    roles = {"dose": ["prescriber", "dose-monitor", "therapist"], "check-in": ["nurse"]}.get(kind, ["therapist"])
    links = [{"id": other, "min_h": low, "max_h": high} for other, low, high in after]
    found = {"id": name, "kind": kind, "title": name.replace("-", " ").capitalize(), "modality": None}
    return found | {"minutes": minutes, "day": day, "after": links, "roles": roles} | more


def programme(doses: int = 2, skill: str | None = "emdr") -> list[dict[str, Any]]:
    """Two preparations, doses two days apart, each with its call and its integration; and a session months later."""
    found = [session("prep-1", "preparation", 90, 0), session("prep-2", "preparation", 90, 0, ("prep-1", 2, None))]
    for n in range(1, doses + 1):
        day = 2 * n - 1
        before = [(f"dose-{n - 1}", 48, 96), (f"integration-{n - 1}", 2, None)] if n > 1 else []
        found += [
            session(f"dose-{n}", "dose", 160, day, ("prep-1", 12, None), ("prep-2", 12, None), *before),
            session(f"check-in-{n}", "check-in", 15, day + 1, (f"dose-{n}", 12, 36)),
            session(f"integration-{n}", "integration", 90, day + 1, (f"dose-{n}", 24, 96), modality=skill),
        ]
    found.append(session("follow-up-1", "measure", 30, 40, (f"integration-{doses}", 480, None)))
    return found


def signed(patient: Patient, author: Any, sessions: list[dict[str, Any]], route: str = "iv") -> Programme:
    """A signed plan, written as one."""
    document = json.dumps({"programme": {"sessions": sessions}, "regimen": {"route": route, "drug": "ketamine"}})
    digest, now = hashlib.sha256(document.encode()).hexdigest(), timezone.now()
    version = Programme.objects.filter(patient=patient).count() + 1
    row = Programme.objects.create(
        patient=patient, version=version, document=document, digest=digest, preferences={}, edits=[], changes=[],
        draft=False, verdict="eligible", on=now.date(), chart_version=0, content_version="1", ground=None, decisions=0,
        reason="made for a test", at=now, author=author,
    )  # fmt: skip
    Signature.objects.create(
        programme=row, digest=digest, meaning="approved", at=now, by=author, name=author.name, role="prescriber"
    )
    return row


class Lodge:
    """
    A retreat that was made, with nothing planned yet.

    Args:
        guests, days: how many. bays, nurses: of the rooms and people. also: guests who have a signed plan already.
    """

    def __init__(
        self,
        clinic: Clinic,
        guests: int = 2,
        days: int = 6,
        doses: int = 2,
        nurses: int = 2,
        bays: int = 2,
        also: Sequence[Patient] = (),
    ):
        self.clinic, self.site = clinic, clinic.site
        self.coordinator: Principal = clinic.principal(Role.COORDINATOR)
        self.patients = [self._patient(name) for name in NAMES[:guests]]
        for patient in self.patients:
            signed(patient, clinic.users[Role.PRESCRIBER], programme(doses))
        self.patients += also
        add = services_house.add_person
        self.people: dict[str, Resource] = {
            "prescriber": add(None, self.site, name="Dr Varga", role="prescriber", user=clinic.users[Role.PRESCRIBER]),
            "therapist": add(
                None, self.site, name="Leila Haddad", role="therapist", user=clinic.users[Role.THERAPIST],
                credentials=["emdr", "cbt"],
            ),
            "therapist2": add(None, self.site, name="Joaquim Reis", role="therapist", credentials=["emdr"]),
            "therapist3": add(None, self.site, name="Ana Ruiz", role="therapist", credentials=["cbt", "emdr"]),
        }  # fmt: skip
        for n in range(nurses):
            user = clinic.users[Role.NURSE] if n == 0 else None
            self.people[f"nurse{n or ''}"] = add(None, self.site, name=f"Nurse {n + 1}", role="nurse", user=user)
        self.last = START + timedelta(days=days - 1)
        for person in self.people.values():
            self.on_duty(person)
        room = services_house.add_room
        self.rooms = {
            f"bay{n + 1}": room(None, self.site, name=f"Bay {n + 1}", kind=BAY, turnover=15) for n in range(bays)
        }
        self.rooms |= {f"room{n}": room(None, self.site, name=f"Room {n}", kind=ROOM) for n in (1, 2, 3)}
        self.rooms["hall"] = room(None, self.site, name="Hall", kind=HALL)
        wish = Wish(
            name="Spring retreat", start=START, days=days, groups=(Group(at=1020, minutes=60, places=12),),
            group_sessions=1, therapist_stays=False,
        )  # fmt: skip
        self.retreat: Retreat = services.open_retreat(self.coordinator, self.site, wish, self.patients)

    def _patient(self, given: str) -> Patient:
        who = Identity(family="Guest", given=given, birth_date=date(1990, 5, 4))
        return people.register_patient(None, self.site, who)

    def on_duty(self, person: Resource, begins: time = time(8), ends: time = time(18), days: range = range(7)) -> None:
        services_house.add_duty(None, person, first=START, last=self.last, weekdays=days, begins=begins, ends=ends)

    def build(self, seconds: float = 1.5) -> Version:
        """A plan, searched here."""
        run = services_runs.run_here(services_runs.ask(self.coordinator, self.retreat), seconds=seconds)
        assert run.result is not None, (run.state, run.conflict, run.course)
        return run.result

    def publish(self, version: Version | None = None) -> Published:
        return services.publish(self.coordinator, version or self.build(), lambda guests: [])
