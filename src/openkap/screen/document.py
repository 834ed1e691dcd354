"""The screening as it goes out: plain data, the same for the command line, the page and the plan."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from openkap.kernel.content import sources
from openkap.kernel.site import site_values
from openkap.kernel.source import TAG_WORDS, Basis
from openkap.screen.types import Ask, Finding, Screening


def screening_document(screening: Screening) -> dict[str, Any]:
    """Verdict, findings (worst first) and what to ask."""
    return {
        "verdict": screening.verdict,
        "dose_day": screening.dose_day,
        "findings": [finding_document(f) for f in screening.findings],
        "ask": [ask_document(a) for a in screening.ask],
        "rules_checked": screening.checked,
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding with its basis."""
    return {
        "rule": finding.rule,
        "title": finding.title,
        "class": finding.class_,
        "truth": finding.truth.value,
        "missing": finding.missing,
        "facts": list(finding.facts),
        "because": finding.because,
        "action": finding.action,
        "would_change": finding.would_change or None,
        "conflict": finding.conflict,
        "mitigation": list(finding.mitigation),
        "inputs": list(finding.inputs),
        "source": list(finding.source),
        "basis": [_basis_document(part) for part in finding.basis],
        "reading": list(finding.reading),
        "evidence": finding.evidence,
        "verified": finding.verified,
        "needs_site_protocol": finding.needs_site_protocol,
        "retracted": finding.retracted or None,
        **_decided(finding),
        "site_values": site_values(finding.rule, finding.set_here),
    }


def _decided(finding: Finding) -> dict[str, Any]:
    """What people decided about it; nothing where nobody did."""
    said: dict[str, Any] = {"was": finding.was} if finding.was else {}
    for name, taken in (("decisions", finding.decisions), ("lapsed", finding.lapsed)):
        if taken:
            said[name] = [asdict(one) for one in taken]
    return said


def _basis_document(part: Basis) -> dict[str, Any]:
    """One part of a rule: what was checked how, and the work it comes from."""
    work = sources("screen").get(part.source)
    return {
        "what": part.what,
        "tag": part.tag,
        "checked": TAG_WORDS[part.tag],
        "source": part.source or None,
        "citation": work.citation if work else None,
        "doi": work.doi or None if work else None,
        "retracted": work.retracted or None if work else None,
    }


def ask_document(ask: Ask) -> dict[str, Any]:
    """One question."""
    return {
        "fact": ask.fact,
        "question": ask.question,
        "rules": list(ask.rules),
        "decisive": ask.decisive,
        "reason": ask.reason,
    }
