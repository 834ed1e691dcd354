"""Doses that go home: off until a site admin says why, and then every one of them in the drug ledger."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from openkap.dose import services_ledger
from openkap.dose.models_ledger import HomeRule, Posting
from openkap.dose.tests.stockroom import LOZENGE, SPRAY
from openkap.dose.tests.ward import Ward
from openkap.people.types import Role
from tests.database import Clinic


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


@pytest.mark.hazard("HAZ-58", "C1")
def test_a_supply_goes_home_only_where_the_site_says_so_and_is_counted_out_of_the_ledger(clinic: Clinic):
    ward = Ward(clinic).to_left()
    nurse = clinic.principal(Role.NURSE)
    for lot in (LOZENGE, SPRAY):
        label = replace(lot, expires=ward.row.day)
        services_ledger.receive(nurse, label, containers=10, ref="note", key=lot.label)
    page, client = reverse("dose:home", args=[ward.patient.pk, ward.row.pk]), clinic.client(Role.NURSE)
    sent = {"lot": "L100", "containers": "3", "born": "1988-04-02"}

    def send(**changes: str) -> Any:
        return client.post(page, {"idempotency_key": str(uuid4()), **sent, **changes})

    assert "No dose goes home from this site" in text(client.get(page))
    refused = send()
    assert refused.status_code == 422 and "No dose goes home from here" in text(refused)
    switch, admin = reverse("ledger:home"), clinic.client(Role.SITE_ADMIN)
    assert "Off: no dose goes home" in text(admin.get(switch))
    assert admin.post(switch, {"idempotency_key": str(uuid4()), "reason": ""}).status_code == 422
    assert admin.post(switch, {"idempotency_key": str(uuid4()), "reason": "Policy 7"}).status_code == 302
    assert "On: whole lozenges" in text(admin.get(switch)) and "Policy 7" in text(admin.get(switch))
    shown = text(client.get(page))
    assert "The site allows it: Policy 7" in shown and "L100" in shown and "E28" not in shown
    assert send(born="1988-04-03").status_code == 422
    assert send(lot="E28").status_code == 422 and send(containers="11").status_code == 422
    assert not Posting.objects.filter(kind="send-home").exists()
    assert send().status_code == 302
    posting = Posting.objects.get(kind="send-home")
    assert (posting.ug, posting.target_place, posting.ref) == (300_000, "home", str(ward.row.pk))
    assert "3 × lot L100, 300 mg in all, by Nurse Person" in text(client.get(page))
    assert "300 mg in all" in text(client.get(reverse("dose:use", args=[ward.patient.pk])))
    assert admin.post(switch, {"idempotency_key": str(uuid4()), "reason": "Policy 8"}).status_code == 302
    assert send(idempotency_key=str(uuid4())).status_code == 422
    assert [row.allowed for row in HomeRule.objects.order_by("pk")] == [True, False]
