"""A clinic with two nurses and two prescribers on the floor, and the way of a drug through its ledger."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any

from django.test import Client
from django.utils import timezone

from openkap.dose import floor, services_ledger, services_witness
from openkap.dose.ledger import Account
from openkap.dose.models_ledger import PendingEnd, PendingPosting, Posting
from openkap.dose.services_ledger import Label
from openkap.people import services
from openkap.people.models import User
from openkap.people.selectors import principal_of
from openkap.people.types import Principal, Role
from tests.database import Clinic

SESSION = "5f0e9a52-0c8e-4a6e-9d5f-6b8a3f6a4c11"
LATER = date(2031, 1, 31)
VIAL = Label("K50", "ketamine", "vial", 500_000, 50_000, "base", LATER)
LOZENGE = Label("L100", "ketamine", "lozenge", 100_000, None, "base", LATER)
SPRAY = Label("E28", "esketamine", "device", 28_000, None, "base", LATER)


@dataclass
class Stockroom:
    """People on the floor by a word, and short ways to what they do. Keys are made here unless one is given."""

    clinic: Clinic
    users: dict[str, User]

    def __post_init__(self) -> None:
        self._keys = count(1)

    def who(self, name: str) -> Principal:
        found = principal_of(self.users[name])
        assert found is not None
        return found

    def key(self) -> str:
        return f"k{next(self._keys)}"

    def receive(self, lot: Label = VIAL, containers: int = 2, by: str = "ana", **more: Any) -> Posting:
        said = {"ref": "note 7", "key": self.key()} | more
        return services_ledger.receive(self.who(by), lot, containers=containers, **said)

    def open(self, label: str = "K50", by: str = "ana") -> Posting:
        return services_ledger.open_vial(self.who(by), label, key=self.key())

    def draw(self, ug: int, label: str = "K50", by: str = "ana", session: str = SESSION, **more: Any) -> list[Posting]:
        said = {"drug": "esketamine" if label == "E28" else "ketamine", "key": self.key()} | more
        return services_ledger.session_draw(self.who(by), label=label, session=session, ug=ug, **said)

    def give(self, ug: int, label: str = "K50", by: str = "ana", session: str = SESSION, **more: Any) -> Posting:
        said = {"drug": "esketamine" if label == "E28" else "ketamine", "key": self.key()} | more
        return services_ledger.session_give(self.who(by), label=label, session=session, ug=ug, **said)

    def ask(self, ug: int, place: str = "vial", id_: str = "K50-1", by: str = "ana", **more: Any) -> PendingPosting:
        said = {"kind": "waste", "reason": "rest of the vial", "key": self.key()} | more
        label = said.pop("label", "K50")
        return services_witness.ask(self.who(by), label, source=Account(place, id_), ug=ug, **said)  # type: ignore[arg-type]

    def confirm(self, row: PendingPosting, by: str = "tom", proved_at: datetime | None = None) -> PendingEnd:
        return services_witness.confirm(self.who(by), row.pk, proved_at=proved_at or timezone.now())

    def count(self, by: str = "ana", second: str = "tom", inventory: bool = False, **ug: int) -> PendingEnd:
        asked = self.hand_in(by, inventory, **ug)
        return self.confirm(asked, second)

    def hand_in(self, by: str = "ana", inventory: bool = False, moment: str = "close", **ug: int) -> PendingPosting:
        who = self.who(by)
        return services_witness.ask_count(who, ug, moment=moment, inventory=inventory, key=self.key())

    def client(self, name: str) -> Client:
        """A browser in which this person is signed in, having just proved who they are."""
        client = Client()
        client.force_login(self.users[name])
        prove(client, self.users[name])
        return client


def prove(client: Client, user: User) -> None:
    """The person proves anew who they are."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def stockroom(clinic: Clinic) -> Stockroom:
    """Ana and Tom are nurses, Ines and Olu prescribers, Kim is a therapist, all on the floor; Gil, a nurse, is not."""
    people = {"ana": Role.NURSE, "tom": Role.NURSE, "ines": Role.PRESCRIBER, "olu": Role.PRESCRIBER}
    users = {}
    for name, role in {**people, "kim": Role.THERAPIST, "gil": Role.NURSE, "adam": Role.SITE_ADMIN}.items():
        users[name] = services.create_user(None, clinic.site, email=f"{name}@clinic.example", name=name.title())
        services.grant_role(None, users[name], clinic.site, role)
    made = Stockroom(clinic, users)
    for name, role in {**people, "kim": Role.THERAPIST}.items():
        floor.begin_shift(made.who(name), role)
    return made
