"""A weight that changed too much, or gives an implausible index, stops until a second person has weighed (HAZ-07)."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from openkap.chart import services as chart
from openkap.chart.fhir.statement import Author, statement
from openkap.chart.models import Record
from openkap.chart.selectors import version_of
from openkap.dose.tests.ward import second_nurse
from openkap.kernel.truth import Truth
from openkap.people.models import User
from openkap.people.types import Role
from openkap.web.judge import judge, weight_of
from tests.database import Clinic


def earlier(clinic: Clinic, kg: str, cm: str = "180") -> None:
    """A weight of 40 days ago, and the height."""
    doctor, on = clinic.principal(Role.PRESCRIBER), timezone.localdate() - timedelta(days=40)
    author = Author(str(doctor.user_id), doctor.name)
    said = [
        statement(str(clinic.ida.pk), "weight", Decimal(kg), on, author, unit="kg"),
        statement(str(clinic.ida.pk), "height", Decimal(cm), on, author, unit="cm"),
    ]
    chart.add_records(doctor, clinic.ida, said, by="staff")


def weigh(clinic: Clinic, who: Role | User, kg: str) -> None:
    fields = {"value": kg, "pounds": "", "on": timezone.localdate().isoformat(), "version": version_of(clinic.ida)}
    sent = clinic.client(who).post(
        f"/p/{clinic.ida.pk}/facts/enter/weight/", {"idempotency_key": str(uuid4()), **fields}
    )
    assert sent.status_code == 302, sent.content.decode()


def stopped(clinic: Clinic) -> bool:
    """SCR-WT-1 stands in the way."""
    found = next((f for f in judge(clinic.ida).screening.findings if f.rule == "SCR-WT-1"), None)
    assert found is None or found.truth is not Truth.UNKNOWN, found
    return found is not None and found.truth is Truth.TRUE


def weights(clinic: Clinic) -> list[float]:
    rows = Record.objects.filter(patient=clinic.ida, content__contains="29463-7").order_by("pk")
    return [json.loads(row.content)["valueQuantity"]["value"] for row in rows]


@pytest.mark.hazard("HAZ-07", "C2")
@pytest.mark.parametrize(
    ("before", "cm", "first", "again"),
    [("61.4", "180", "68.4", "68.2"), ("55", "240", "55.2", "55.1")],
    ids=["a change of 11 %", "an index of 9.6"],
)
def test_only_a_second_person_who_finds_the_same_lets_the_weight_stand_and_both_are_kept(
    clinic: Clinic, before: str, cm: str, first: str, again: str
):
    earlier(clinic, before, cm)
    weigh(clinic, Role.NURSE, first)
    assert stopped(clinic)
    weigh(clinic, Role.NURSE, again)
    assert stopped(clinic)  # the same person again is no second one
    weigh(clinic, second_nurse(clinic), again)
    assert not stopped(clinic)
    assert weights(clinic) == [float(before), float(first), float(again), float(again)]
    weight, why = weight_of(clinic.ida, timezone.localdate())
    assert weight is not None and weight.quantity.value == Decimal(again), why


@pytest.mark.hazard("HAZ-07", "C2")
def test_a_second_person_who_finds_another_weight_settles_nothing(clinic: Clinic):
    earlier(clinic, "61.4")
    weigh(clinic, Role.NURSE, "70")
    weigh(clinic, second_nurse(clinic), "67.8")
    assert stopped(clinic)  # against 61.4, and nobody has found 67.8 twice
    weigh(clinic, Role.PRESCRIBER, "67.9")
    assert not stopped(clinic)


@pytest.mark.hazard("HAZ-07", "C2")
@pytest.mark.parametrize("second", ["220", "100"])
def test_pounds_entered_as_kg_for_a_person_of_100_kg_stop_whatever_a_second_person_finds(clinic: Clinic, second: str):
    earlier(clinic, "100")
    weigh(clinic, Role.NURSE, "220")
    assert stopped(clinic)
    weigh(clinic, second_nurse(clinic), second)
    assert stopped(clinic)  # until the wrong one is struck
