"""What went home with somebody, as the drug ledger has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from openkap.dose.ledger import milligrams
from openkap.dose.models import DosingSession
from openkap.dose.models_ledger import Posting
from openkap.people.models import Patient


@dataclass(frozen=True)
class SentHome:
    """Whole containers that went home: when, of which lot, how many, how much, by whom; `undone`: it was taken back."""

    on: date
    lot: str
    containers: int
    mg: str
    by: str
    undone: bool


def sent_home(patient: Patient) -> list[SentHome]:
    """The supplies of a patient, the newest first."""
    sessions = [str(pk) for pk in DosingSession.objects.filter(patient=patient).values_list("pk", flat=True)]
    found = Posting.objects.filter(site=patient.site_id, kind="send-home", ref__in=sessions)
    rows = found.select_related("lot", "reversed_by").order_by("-pk")
    return [
        SentHome(r.day, r.lot.label, r.ug // r.lot.unit_ug, milligrams(r.ug), r.name, hasattr(r, "reversed_by"))
        for r in rows
    ]
