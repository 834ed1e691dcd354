"""
The plan document as a sheet to read: identity, then titled sections of blocks, all of it text.

The page (`html.py`) and the paper (`pdf.py`) are laid out from this one value, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openkap import __version__
from openkap.kernel.content import content_version
from openkap.plan import sheet_course as course
from openkap.plan import sheet_dose as dose
from openkap.plan import sheet_evidence as evidence
from openkap.plan import sheet_findings as findings
from openkap.plan import words
from openkap.plan.blocks import Citations

Document = Mapping[str, Any]

# What is talked through or looked up, after what decides; on paper it begins on a page of its own.
ANNEX = (
    "needs",
    "chair",
    "consent",
    "preparation",
    "expectations",
    "adverse",
    "adaptive",
    "limits",
    "claims",
    "attributes",
)


def plan_sheet(document: Document) -> dict[str, Any]:
    """
    The sheet of a plan document.

    Args:
        document: as `openkap.plan.propose.propose` gives it, or the same read back from JSON; a stored version
            adds `stored` (version, author, at, reason) and, where it is signed, `signed` (name, role, at).

    Returns:
        `title`, `state`, `person` (identity lines), `running` (the identity in one line), `sections` in
        reading order, `foot` (versions). Every value is text, a list or a dict of text.
    """
    cite = Citations()
    sections = [
        findings.missing(document),
        findings.verdict(document, cite),
        findings.formulation(document),
        dose.options(document, cite),
        dose.regimen(document, cite),
        course.edits(document),
        course.calendar(document, cite),
        course.modalities(document, cite),
        evidence.alternatives(document, cite),
        course.monitoring(document),
        findings.site(document),
        course.measures(document),
        course.needs(document, cite),
        course.chair(document, cite),
        evidence.consent(document, cite),
        evidence.preparation(document, cite),
        evidence.expectations(document, cite),
        evidence.adverse(document, cite),
        evidence.adaptive(document, cite),
        evidence.limits(document, cite),
        evidence.claims(document, cite),
        findings.attributes(document, cite),
    ]
    person = _person(document["patient"])
    for part in sections:
        if part:
            part["annex"] = part["id"] in ANNEX
    return {
        "title": "Proposed programme",
        "state": _state(document),
        "sub": _sub(document),
        "refused": _refused(document),
        "on": words.long_date(document["on"]),
        "person": person,
        "running": _running(person),
        "sections": [words.spoken(part) for part in sections if part] + [evidence.works(cite)],
        "content": document.get("content") or content_version(),
        "foot": _foot(document),
    }


def _person(patient: Mapping[str, Any]) -> dict[str, Any]:
    name = patient["name"] or "name not known"
    return {
        "name": name,
        "born": f"born {words.long_date(patient['birth_date'])}" if patient["birth_date"] else "birth date not known",
        "age": words.age_words(patient["age"]),
        "record": patient["record"] or "not known",
        "weight": words.weight_words(patient["weight"]),
        "allergies": words.allergy_words(patient["allergies"]),
        "synthetic": "synthetic" if patient["synthetic"] else "",
    }


def _running(person: Mapping[str, str]) -> str:
    """The identity that stands on every page, in one line."""
    parts = [
        f"{person['name']}, {person['born']} ({person['age']})",
        f"record {person['record']}",
        f"weight {person['weight']}",
        f"allergies: {person['allergies']}",
        person["synthetic"],
    ]
    return " \N{MIDDLE DOT} ".join(part for part in parts if part)


def _state(document: Document) -> str:
    """Whether it is signed; a stored version also says which it is."""
    stored, signed = document.get("stored"), document.get("signed")
    version = f"Version {stored['version']}. " if stored else ""
    if not signed:
        return version + words.DRAFT
    by = f"Signed by {signed['name']}, {signed['role']}, on {signed['at']}"
    return f"{version}{by} \N{EM DASH} a proposal, not an order"


def _sub(document: Document) -> str:
    said = f"From the record as it stood on {words.long_date(document['on'])}."
    stored = document.get("stored")
    if stored:
        return f"{said} Written by {stored['author']} on {stored['at']}: {stored['reason']}"
    return f"{said} For the prescriber to change, or to leave."


def _refused(document: Document) -> str:
    """Why this draft can never be signed, if it cannot."""
    if document["signable"]:
        return ""
    verdict = document["verdict"]
    return f"This draft can never be signed: the verdict is {verdict}. It is shown because a draft was asked for."


def _foot(document: Document) -> str:
    mode = document.get("mode", "")
    program, content = document.get("openkap") or __version__, document.get("content") or content_version()
    said = f"OpenKAP {program}, content {content}, {len(document['content_rows'])} rows of content used."
    said += " Codes such as DOS-FREQ-1 name a row of that content; all rows stand on its review page."
    if mode == "demonstration":
        said += " Demonstration: unsigned and unverified content counts and is marked."
    return f"{said} A copy ages: the record is what counts."
