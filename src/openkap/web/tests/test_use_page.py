"""Use over time: what stands on the page of a record, and what is entered there (HAZ-54)."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from openkap.dose.models_harm import UseEntry
from openkap.dose.tests.ward import Ward
from openkap.people.types import Role
from tests.database import Clinic


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic)


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


@pytest.mark.hazard("HAZ-54", "C2")
def test_the_page_shows_screens_intervals_requests_and_losses_and_a_prescriber_reviews_them(ward: Ward):
    ward.to_left()
    nurse, doctor = ward.clinic.client(Role.NURSE), ward.clinic.client(Role.PRESCRIBER)
    address = reverse("dose:use", args=[ward.patient.pk])

    def send(client: Any, act: str, **fields: str) -> Any:
        return client.post(address, {"idempotency_key": str(uuid4()), "act": act, **fields})

    page = text(nurse.get(address))
    assert page.count("overdue</") == 4 and "first course" in page and "To be reviewed" not in page
    day = ward.row.day.isoformat()
    kept = send(nurse, "screen", screen="bladder", result="clear", on=day, text="IPSS 3")
    assert kept.status_code == 302
    assert send(nurse, "sign", sign="lost", on=day, text="Two lozenges, on the bus").status_code == 302
    page = text(nurse.get(address))
    assert page.count("overdue</") == 3 and "IPSS 3" in page and "Two lozenges, on the bus" in page
    assert "To be reviewed before the next dose" in page and "A prescriber reviews it here." in page
    newest = str(UseEntry.objects.latest("pk").pk)
    assert send(nurse, "review", seen=newest, text="fine").status_code == 403
    assert send(doctor, "review", seen="0", text="fine").status_code == 409
    assert send(doctor, "review", seen=newest, text="No more supplies home.").status_code == 302
    page = text(doctor.get(address))
    assert "To be reviewed" not in page and "No more supplies home." in page
    empty = send(nurse, "screen", screen="bladder", on=day, text="x")
    assert empty.status_code == 422 and UseEntry.objects.count() == 3
    assert send(nurse, "burn").status_code == 404
