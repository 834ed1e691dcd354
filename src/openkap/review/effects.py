"""What happens at a site while a row is not signed, in one sentence by chapter; docs/site.md says the same."""

from __future__ import annotations

from openkap.review.catalogue import Chapter

_RULE = "The rule is unknown: the verdict is insufficient, and nothing a patient answers can settle it."
_DOSE = "Every route that rests on the row is disabled."
_GATE = "The gate before a dose stays closed and names the row."
_SHOWN = "It decides nothing alone: it is shown, and listed as unsigned."

_BY_CHAPTER = {
    "equivalents": "It is listed as unsigned where it is used.",
    "instruments": "The score is computed and shown and clears nobody; what it raises still counts.",
    "totals": "The score is shown and clears nobody; what it raises still counts.",
    "doselimits-limit": _DOSE,
    "doselimits-start_low": _DOSE,
    "doselimits-statement": _DOSE,
    "monitoring-watch": _DOSE,
    "monitoring-alert": _DOSE,
    "monitoring-statement": _DOSE,
    "calendars-calendar": _DOSE,
    "dose-readings-measure": _GATE,
    "dose-marks-mark": _GATE,
    "dose-gate-item": _GATE,
    "dose-discharge-check": _GATE,
    "dose-policy-statement": f"{_GATE} A rule of custody holds in any case.",
    "dose-policy-step": _GATE,
    "dose-products-product": _GATE,
    "dose-harm-screen": _GATE,
    "dose-harm-pattern": _GATE,
    "regimens-regimen": "The template is not offered.",
    "modalities-modality": "Its gate is not known to be open: it gets no session.",
}


def effect(chapter: Chapter) -> str:
    """What an unsigned row of this chapter means at a site; empty where rows are not signed one by one."""
    if not chapter.signed:
        return ""
    return _RULE if chapter.id.startswith("rules-") else _BY_CHAPTER.get(chapter.id, _SHOWN)
