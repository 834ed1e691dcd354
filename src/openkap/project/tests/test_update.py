"""A new version does not change the database under a session that runs (HAZ-45)."""

from __future__ import annotations

import pytest

from openkap.dose import events as e
from openkap.dose.tests.ward import Ward
from openkap.kernel.errors import UserError
from openkap.people.models import AuditEvent
from openkap.project import start
from tests.database import Clinic


@pytest.fixture
def pending(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A version whose tables differ; what it would have called."""
    called: list[str] = []
    monkeypatch.setattr(start, "_changes", lambda: True)
    monkeypatch.setattr(start, "call_command", lambda name, **_: called.append(name))
    return called


@pytest.mark.hazard("HAZ-45", "C1")
def test_an_update_waits_for_the_sessions_unless_somebody_says_why(clinic: Clinic, pending: list[str]):
    ward = Ward(clinic)
    start.open_database()
    assert pending == ["migrate", "createcachetable"]
    ward.do(e.Arrive)
    pending.clear()
    for nothing in ("", "  "):
        with pytest.raises(UserError, match="OPENKAP_UPDATE"):
            start.open_database(nothing)
    assert pending == []
    start.open_database("the alerts are broken; sheets are in hand")
    assert pending == ["migrate", "createcachetable"]
    kept = AuditEvent.objects.filter(entity__startswith="Update/")
    assert [row.reason for row in kept] == ["the alerts are broken; sheets are in hand"]
    ward.do(e.Cancel, reason="update")
    start.open_database()


def test_without_a_change_of_the_tables_a_restart_asks_for_nothing(clinic: Clinic):
    Ward(clinic).do(e.Arrive)
    assert not start._changes()
    start.open_database()
    assert not AuditEvent.objects.filter(entity__startswith="Update/").exists()
