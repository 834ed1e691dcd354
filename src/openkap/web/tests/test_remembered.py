"""A chart is opened once for each of its versions, and never shown older than it is."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from openkap.chart import services as chart
from openkap.people.models import Patient
from openkap.people.types import Role
from openkap.web import case
from openkap.web.case import opened, site_of
from openkap.web.judge import judge
from openkap.web.remembered import Remembered
from tests.database import make_clinic

pytestmark = pytest.mark.django_db(transaction=True)  # within a test's own transaction nothing is kept


def weigh(patient: Patient, kg: int) -> None:
    said = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{patient.pk}"},
        "effectiveDateTime": (timezone.localdate() - timedelta(days=1)).isoformat(),
        "valueQuantity": {"value": kg, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }
    chart.add_records(None, patient, [said], by="staff")


def weight(patient: Patient) -> int | None:
    return opened(patient).case.view.state("weight").value


def test_a_chart_is_opened_once_and_again_as_soon_as_something_is_written():
    ida = make_clinic().ida
    assert opened(ida) is opened(ida)
    assert weight(ida) is None
    weigh(ida, 61)
    assert (weight(ida), opened(ida).version) == (61, 1)
    assert judge(ida).chart_version == 1
    assert opened(ida, timezone.localdate() - timedelta(days=9)).case.view.state("weight").value is None


@pytest.mark.hazard("HAZ-31", "C1")
def test_what_was_undone_is_never_shown_though_its_version_comes_again():
    ida = make_clinic().ida
    with transaction.atomic():
        weigh(ida, 161)
        assert weight(ida) == 161
        transaction.set_rollback(True)
    weigh(ida, 61)
    assert opened(ida).version == 1
    assert weight(ida) == 61


def test_a_write_that_has_not_raised_the_version_yet_is_seen_in_its_own_transaction():
    ida = make_clinic().ida
    weigh(ida, 61)
    assert weight(ida) == 61
    with transaction.atomic():
        ida.records.create(**_copy(ida), content=heavier(ida.records.get().content))
        assert weight(ida) == 62


def heavier(content: str) -> str:
    said = json.loads(content)
    said["valueQuantity"]["value"] += 1
    return json.dumps(said)


def _copy(patient: Patient) -> dict:
    row = patient.records.get()
    names = ("resource_type", "logical_id", "digest", "origin", "known_at")
    return {name: getattr(row, name) for name in names} | {"version": row.version + 1}


def test_the_site_is_read_anew_when_one_of_its_files_changes(tmp_path, monkeypatch):
    ida = make_clinic().ida
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, site=tmp_path))
    before = opened(ida)
    assert opened(ida) is before
    assert site_of(ida).signatures == {}
    (tmp_path / "signatures.toml").write_text(
        '[[signature]]\nrow = "SCR-1"\nfingerprint = "x"\nby = "Dr"\nrole = "prescriber"\non = 2026-01-02\n'
    )
    assert list(site_of(ida).signatures) == ["SCR-1"]
    assert opened(ida) is not before


def test_an_answer_is_not_kept_if_somebody_wrote_meanwhile_and_the_oldest_goes_first():
    kept: Remembered[str, int] = Remembered(2)
    assert kept.get("a", lambda: 1, lambda: False) == 1
    assert kept.get("a", lambda: 2, lambda: True) == 2
    kept.get("b", lambda: 1, lambda: True)
    assert kept.get("a", lambda: 9, lambda: True) == 2
    kept.get("c", lambda: 1, lambda: True)
    assert kept.get("b", lambda: 7, lambda: True) == 7


def test_the_pages_of_one_chart_open_it_once(monkeypatch):
    clinic, made = make_clinic(), []
    open_ = case._open
    monkeypatch.setattr(case, "_open", lambda *args: made.append(args) or open_(*args))
    client = clinic.client(Role.PRESCRIBER)
    for page in ("", "facts/", "screen/", ""):
        assert client.get(f"/p/{clinic.ida.pk}/{page}").status_code == 200
    assert len(made) == 1
