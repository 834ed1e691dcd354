"""A reply that is lost is no act that is done twice (RG-04): the chair's door on a line that loses three in ten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connections

from openkap.dose import store
from openkap.dose.models import SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.people import services as people
from openkap.people.models import AuditEvent
from openkap.people.services import Identity
from openkap.people.types import Role
from tests.database import Clinic, make_clinic
from tests.faults.proxy import Proxy
from tests.faults.server import Served
from tests.faults.tablet import Tablet

pytestmark = pytest.mark.slow

TABLETS = 4  # at one session, so that a try of one meets tries of the others
LOST = 0.3
MOST = 100  # values of one session, more than any has in life


@pytest.fixture
def clinic(transactional_db: None) -> Iterator[Clinic]:
    yield make_clinic()
    connections.close_all()


@pytest.mark.hazard("HAZ-36", "C1")
@pytest.mark.goal("RG-04")
def test_what_is_sent_until_a_reply_comes_is_kept_once_each(
    clinic: Clinic, tmp_path: Path, seed: int, count: Callable[[int], int]
):
    full = count(10_000)
    with Served(tmp_path) as served, Proxy(served.port, seed) as line:
        for place in range(0, full, MOST):
            ward = _session(clinic, place)
            values = SessionEvent.objects.filter(session=ward.row, kind="Read").order_by("sequence")
            before = values.count()
            line.be(drop_reply=True, chance=LOST)
            line.met.clear()
            with ExitStack() as stack:
                tablets = [stack.enter_context(Tablet(line.port, ward, every_s=0)) for _ in range(TABLETS)]
                for tablet in tablets:
                    tablet.goes_on(min(MOST, full) // TABLETS, 600)
                line.be()
            kept = [str(key) for key in values.values_list("key", flat=True)[before:]]
            said = [key for tablet in tablets for key, _, _ in tablet.acknowledged]
            assert len(kept) == len(set(kept)) and set(said) <= set(kept)
            assert len(kept) - len(said) <= TABLETS  # the last one of each may have arrived without its reply
            assert line.met.count("drop_reply") > len(said) * LOST / 2
            assert [fault for tablet in tablets for fault in tablet.faults] == []
            assert AuditEvent.objects.filter(type="dosing", patient=ward.patient).count() >= len(kept)
    store.forget()


def _session(clinic: Clinic, place: int) -> Ward:
    """A patient of their own in a chair of their own: no session has thousands of values."""
    who = people.register_patient(None, clinic.site, Identity("Lost", f"Reply{place}", clinic.ida.birth_date))
    people.assign_care_team(None, who, clinic.users[Role.NURSE])
    ward = Ward(clinic, patient=who, chair=f"Bay {place}")
    ward.arrive()
    return ward
