"""
Writes facts into the chart of one patient, one after the other, and says each one's id once it was acknowledged.

    python tests/crash/writer.py make     tables and the patient; prints nothing
    python tests/crash/writer.py write    until it is killed: "ready", then one id a line
    python tests/crash/writer.py read     what is stored: ids, then "faults" and how many the audit trail has
"""

import sys
from datetime import date
from itertools import count
from uuid import uuid4

import django

django.setup()

from openkap.chart import services  # noqa: E402
from openkap.chart.models import ChartHead, Record  # noqa: E402
from openkap.people import audit  # noqa: E402
from openkap.people.models import AuditEvent, Patient  # noqa: E402
from openkap.people.services import Identity, open_site, register_patient  # noqa: E402
from openkap.project.start import open_database  # noqa: E402


def main(what: str) -> None:
    """Do one of the three."""
    if what == "make":
        open_database()
        register_patient(None, open_site("Am Fluss"), Identity("Example", "Ida", date(1988, 4, 2)))
        return
    patient = Patient.objects.get()
    if what == "read":
        records = Record.objects.filter(patient=patient)
        for identity in records.values_list("logical_id", flat=True):
            say(identity)
        events = AuditEvent.objects.filter(entity__startswith="Observation/").count()
        head = ChartHead.objects.filter(pk=patient.pk).values_list("version", flat=True).first() or 0
        say(
            f"faults {len(audit.faults(patient.site_id)) + abs(records.count() - events) + abs(records.count() - head)}"
        )
        return
    say("ready")
    for _ in count():
        identity = str(uuid4())
        services.add_records(None, patient, [weight(identity, patient)], by="staff")
        say(identity)


def weight(identity: str, patient: Patient) -> dict[str, object]:
    """A resource that says a weight."""
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{patient.pk}"},
        "effectiveDateTime": "2026-11-25",
        "valueQuantity": {"value": 62, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


main(sys.argv[1])
