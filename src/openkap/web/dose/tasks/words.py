"""What a task is, in words that hold no value: all that a coordinator reads, and what Today says."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from openkap.web.parts import Words

KINDS: dict[str, Words] = {
    "check-in": gettext_lazy("Call after a session"),
    "call": gettext_lazy("Call after an early end"),
    "handover sheet": gettext_lazy("Record for the place that took over"),
    "waste the rest": gettext_lazy("Rest of a dose to waste with a witness"),
}
OTHER = gettext_lazy("Follow-up by a clinician")
