"""
What a verdict, and a plan on it, stand on: the facts of the day, the findings, the formulation. Pure.

A record that changes none of these changes nothing that was judged, so it makes no signature stale. Every fact of the
vocabulary is read by some rule or part of a plan, so every one counts; its date does not, as long as it holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from openkap.chart.ground import changed, fact_versions
from openkap.screen.document import finding_document
from openkap.screen.types import Standpoint

Judged = dict[tuple[str, str], tuple[str, str]]  # by rule and class: title, and all else that was judged


def digest(now: Standpoint) -> str:
    """Everything that a verdict and a plan of today stand on, and no dates: equal as long as nothing has moved."""
    settled = {name: [one["value"], one["status"]] for name, one in fact_versions(now.view).items()}
    whole = [now.screening.verdict, settled, sorted(_judged(_today(now)).items()), dict(now.levels)]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def moved(document: Mapping[str, Any], now: Standpoint) -> list[str]:
    """
    What a verdict or a plan stood on that is otherwise now, one sentence each; empty: nothing of it.

    Args:
        document: with `verdict`, `findings` and `fact_versions`, as it was stored, numbers exact.
    """
    found = []
    if document["verdict"] != now.screening.verdict:
        found.append(f"The verdict was {document['verdict']} and is {now.screening.verdict}.")
    found += [f"{entry['text'][0].upper()}{entry['text'][1:]}." for entry in changed(document, now.view)]
    before, after = _judged(document["findings"]), _judged(_today(now))
    for key in dict.fromkeys((*before, *after)):
        if key not in after:
            found.append(f"{before[key][0]}: no longer found.")
        elif key not in before:
            found.append(f"{after[key][0]}: found since, {key[1]}.")
        elif before[key] != after[key]:
            found.append(f"{after[key][0]}: it rests on something else now, or was decided on since.")
    return found


def _today(now: Standpoint) -> list[dict[str, Any]]:
    return [finding_document(finding) for finding in now.screening.findings]


def _judged(findings: Iterable[Mapping[str, Any]]) -> Judged:
    """Each finding by rule and class as it was before anybody decided; sentences and dates do not count."""
    found: Judged = {}
    for one in findings:
        if one["truth"] != "false":
            rest = [one["class"], one["truth"], one["missing"], sorted(map(_input, one["inputs"])), _decided(one)]
            found[one["rule"], one.get("was") or one["class"]] = (one["title"], json.dumps(rest))
    return found


def _input(part: Mapping[str, Any]) -> str:
    return json.dumps([part["name"], part["status"], _plain(part["value"]), part["unit"]])


def _decided(finding: Mapping[str, Any]) -> list[str]:
    return [one["id"] for one in finding.get("decisions", ())]


def _plain(value: Any) -> Any:
    """A value alike before and after it was stored."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return str(Decimal(str(value)).normalize())
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
