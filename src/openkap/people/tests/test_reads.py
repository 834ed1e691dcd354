"""Reads are recorded together, each as surely as if it were alone."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from openkap.people import audit, reads
from openkap.people.audit import Event, Origin
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from tests.database import Clinic, make_clinic

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(clinic: Clinic, sent: list[Event]) -> dict[str, str]:
    """Each event recorded by a thread of its own while the first of them holds the turn; what each was told."""
    told: dict[str, str] = {}
    principal = clinic.principal(Role.NURSE)

    def say(event: Event) -> None:
        try:
            reads.record_read(clinic.site.pk, [event], principal=principal, origin=Origin(request_id=event.entity))
            told[event.entity] = "written" if AuditEvent.objects.filter(entity=event.entity).exists() else "lost"
        except DatabaseError:
            told[event.entity] = "refused"
        finally:
            connection.close()

    threads = [threading.Thread(target=say, args=(event,)) for event in sent]
    with reads._turn:  # all of them wait, then the first in the queue writes for everyone
        for thread in threads:
            thread.start()
        while len(reads._waiting) < len(sent):
            threading.Event().wait(0.01)
    for thread in threads:
        thread.join(30)
    return told


@pytest.mark.hazard("HAZ-65", "C1")
def test_whoever_waits_is_written_with_the_others_in_one_transaction(monkeypatch: pytest.MonkeyPatch):
    clinic = make_clinic()
    commits = []
    whole = reads._write_all
    monkeypatch.setattr(reads, "_write_all", lambda mine, others: (commits.append(len(others)), whole(mine, others)))
    told = at_once(clinic, [Event("patient-record", "R", entity=f"page/{n}") for n in range(8)])
    assert told == {f"page/{n}": "written" for n in range(8)}
    assert commits == [7]
    assert audit.faults(clinic.site.pk) == []


@pytest.mark.hazard("HAZ-65", "C1")
def test_one_that_cannot_be_written_is_refused_and_stops_nobody_else():
    clinic = make_clinic()
    bad = Event("patient-record", None, entity="page/bad")  # type: ignore[arg-type]
    told = at_once(clinic, [Event("patient-record", "R", entity="page/0"), bad, Event("x", "R", entity="page/2")])
    assert told == {"page/0": "written", "page/bad": "refused", "page/2": "written"}
    assert audit.faults(clinic.site.pk) == []


def test_in_a_transaction_of_its_own_a_read_is_part_of_it():
    clinic = make_clinic()
    before = AuditEvent.objects.count()

    with transaction.atomic():
        event = Event("patient-record", "R", entity="page/0")
        reads.record_read(clinic.site.pk, [event], principal=clinic.principal(Role.NURSE), origin=Origin())
        transaction.set_rollback(True)
    assert AuditEvent.objects.count() == before
