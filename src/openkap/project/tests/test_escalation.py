"""The thread that writes the steps of alerts outlives a database that is away for a moment."""

import pytest
from django.db import DatabaseError

from openkap.project import escalation


class Over(Exception):
    pass


@pytest.mark.hazard("HAZ-48", "C2")
@pytest.mark.django_db
def test_it_looks_again_after_a_fault_of_the_database(monkeypatch):
    looks = []

    def escalate():
        looks.append(1)
        if len(looks) == 1:
            raise DatabaseError("away")

    def sleep(seconds):
        if len(looks) == 3:
            raise Over

    monkeypatch.setattr(escalation.services, "escalate", escalate)
    monkeypatch.setattr(escalation.time, "sleep", sleep)
    monkeypatch.setattr(escalation.connection, "close", lambda: None)
    with pytest.raises(Over):
        escalation._watch()
    assert len(looks) == 3
