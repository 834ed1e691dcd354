"""Safety answers in the hands of whoever asks for a page: looked up once for each reply."""

from __future__ import annotations

from openkap.assess.models import SafetyAlert
from openkap.assess.selectors import alerts_for
from openkap.people.request import ClinicRequest

_NAME = "_alerts_in_hand"


def alerts_in_hand(request: ClinicRequest) -> list[SafetyAlert]:
    """Open alerts that this person must act on, oldest first."""
    if not hasattr(request, _NAME):
        setattr(request, _NAME, alerts_for(request.principal))
    found: list[SafetyAlert] = getattr(request, _NAME)
    return found
