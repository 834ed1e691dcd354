"""Puts a synthetic case into the chart of a registered patient, as an import that a clinician has reviewed."""

from __future__ import annotations

import msgspec

from openkap.chart import services
from openkap.chart.selectors import kept_records
from openkap.people.models import Patient
from openkap.synthetic.case import Case
from tests.database import Clinic

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def fill(clinic: Clinic, patient: Patient, case: Case) -> None:
    """Import and review; the case's birth date and sex are the register's, not the bundle's."""
    from openkap.people.types import Role

    prescriber = clinic.principal(Role.PRESCRIBER)
    received = services.receive(prescriber, _ENCODER.encode(case.bundle()), source="a referral", patient=patient)
    services.take(prescriber, received, patient, reason="compared by hand in this test")
    services.review(prescriber, patient, kept_records(patient).records, accept=True)
