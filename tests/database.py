"""What tests that use the database share: a small clinic with everyone in it, and clients that are signed in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.test import Client, TransactionTestCase

from openkap.people import append_only, services
from openkap.people.models import Patient, Site, User
from openkap.people.selectors import principal_of
from openkap.people.services import Identity
from openkap.people.types import Principal, Role

PASSWORD = "seven grey herons at dusk"


@dataclass
class Clinic:
    """
    Two sites. At the first, each role is held by one person, named after it.

    Args:
        ida: patient, cared for by the prescriber, nurse and therapist; has an account.
        noah: patient of the same site, cared for by nobody.
        otto: patient of the same site, cared for by the same three until it was ended.
        far: patient of the other site.
    """

    site: Site
    other: Site
    users: dict[Role, User]
    ida: Patient
    noah: Patient
    otto: Patient
    far: Patient

    def principal(self, role: Role) -> Principal:
        found = principal_of(self.users[role])
        assert found is not None
        return found

    def client(self, who: Role | User | None, **headers: Any) -> Client:
        """A browser in which this person is signed in; None: nobody."""
        client = Client(**headers)
        if who is not None:
            user = who if isinstance(who, User) else self.users[who]
            client.force_login(user)
            session = client.session
            record_of_sign_in = [{"method": "password", "at": time.time()}]
            session["account_authentication_methods"] = record_of_sign_in
            session["account_authentication_methods_user"] = str(user.pk)
            session.save()
        return client


def make_clinic() -> Clinic:
    """Fill an empty database."""
    site, other = services.open_site("Am Fluss"), services.open_site("Am Berg")
    users = {}
    for role in Role:
        users[role] = services.create_user(None, site, email=f"{role}@clinic.example", name=f"{role.title()} Person")
        services.grant_role(None, users[role], site, role)
    patients = {}
    for name, where, account in (
        ("Ida", site, users[Role.PATIENT]),
        ("Noah", site, None),
        ("Otto", site, None),
        ("Far", other, None),
    ):
        identity = Identity(family="Example", given=name, birth_date=date(1988, 4, 2))
        patients[name.lower()] = services.register_patient(None, where, identity, account=account)
    for role in (Role.PRESCRIBER, Role.NURSE, Role.THERAPIST):
        services.assign_care_team(None, patients["ida"], users[role])
        services.assign_care_team(None, patients["otto"], users[role])
        services.end_assignment(None, patients["otto"], users[role], reason="discharged")
    return Clinic(site, other, users, **patients)


@contextmanager
def changing(table: str) -> Iterator[None]:
    """Let a test write over the rows of an append-only table."""
    append_only.release(connection, table)
    try:
        yield
    finally:
        append_only.protect(connection, table)


def let_tables_be_emptied() -> None:
    """Transactional tests empty the tables afterwards; append-only ones let that happen only here."""
    empty = TransactionTestCase._fixture_teardown

    def released(self: TransactionTestCase) -> None:
        for table in sorted(append_only.TABLES):
            append_only.release(connection, table)
        try:
            empty(self)
        finally:
            for table in sorted(append_only.TABLES):
                append_only.protect(connection, table)

    TransactionTestCase._fixture_teardown = released
