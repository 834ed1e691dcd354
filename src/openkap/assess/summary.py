"""
The assessment of one person on one day, as `openkap assess` prints it: scores, formulation, diagnoses,
treatment history, body load, inventories, and what is still not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openkap.assess.formulation import Finding, formulate, formulation_rules
from openkap.assess.inventories import inventory_rules, read_inventories
from openkap.assess.score_chart import ScoreRecord
from openkap.assess.treatment import resistance
from openkap.chart.document import state_document
from openkap.chart.view import View

DIAGNOSES = ("gad", "panic", "agoraphobia", "social-anxiety", "ptsd")


def assessment(view: View, records: Sequence[ScoreRecord]) -> dict[str, Any]:
    """
    The assessment.

    Args:
        view: of the chart that `score_chart.scored` returned, with the derivations of `treatment`.
        records: its scored forms.

    Returns:
        JSON-ready document: `scores`, `formulation` (seven dimensions with level and because),
        `statements` to print beside any modality, `diagnoses`, `treatment_history`, `body_load`,
        `inventories`, `gaps`.
    """
    findings = formulate(view, records)
    history = resistance(view)
    inventories = read_inventories(view.chart.intake, view.on)
    return {
        "scores": [record.document() for record in records],
        "formulation": {name: finding.document() for name, finding in findings.items()},
        "statements": [{"id": row.id, "text": row.text} for row in formulation_rules().statement],
        "diagnoses": _diagnoses(view),
        "treatment_history": history,
        "body_load": {
            "reported": inventories.document().get("body-load", []),
            "measured": [state_document(view.state(name)) for name in inventory_rules().measured.facts],
        },
        "inventories": inventories.document(),
        "gaps": _gaps(view, records, findings, history),
    }


def _diagnoses(view: View) -> dict[str, Any]:
    interview = {name: state_document(view.state(f"interview-{name}")) for name in ("tool", "on", "modules")}
    disorders = []
    for name in DIAGNOSES:
        state = view.state(name)
        confirmed = state.value is True and any(r.confirmed for r in state.readings)
        disorders.append(state_document(state) | {"confirmed": confirmed})
    return {
        "target": state_document(view.state("target-diagnosis")),
        "interview": interview,
        "disorders": disorders,
    }


def _gaps(
    view: View, records: Sequence[ScoreRecord], findings: Mapping[str, Finding], history: dict[str, Any]
) -> list[dict[str, Any]]:
    """What is not known and would matter here, each once, in reading order."""
    gaps: list[dict[str, Any]] = []
    target = view.state("target-diagnosis")
    if not target.settled:
        gaps.append({"part": "diagnoses", "fact": (target.missing or (target.fact,))[0], "text": target.reason})
    for record in records:
        if not record.usable:
            text = f"{record.instrument} in {record.source} is not used: {record.why_not}"
            gaps.append({"part": "scores", "fact": record.instrument, "text": text})
    for name, finding in findings.items():
        gaps += [{"part": f"formulation.{name}", "fact": gap.fact, "text": gap.text} for gap in finding.gaps]
    for arm in ("drug_arm", "therapy_arm"):
        found = history[arm]
        gaps += [{"part": "treatment_history", "fact": fact, "text": found["because"]} for fact in found["missing"]]
    consensus = history["consensus"]
    if consensus["status"] == "gap":
        gaps.append({"part": "treatment_history", "fact": consensus["id"], "text": consensus["gap"]})
    return gaps
