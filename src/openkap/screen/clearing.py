"""Who may settle which finding, and with what: `content/decisions.toml`."""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec

from openkap.kernel.content import Header, load
from openkap.kernel.errors import ContentFault
from openkap.kernel.source import Sourced
from openkap.screen.rulebook import rules
from openkap.screen.types import Finding, Missing, RuleClass

Kind = Literal["clearance", "reason", "mitigation"]
Need = Literal["reason", "document", "document_on"]


class Way(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A way to settle findings.

    Args:
        kind: `clearance` of a true hold, `reason` for a missing datum, `mitigation` beside a caution.
        class_: of the true findings it is for.
        missing: the policy of the unknown findings it is for.
        roles: who may.
        needs: what must be given.
        title, text: for the reader.
    """

    kind: Kind
    title: str
    roles: tuple[str, ...]
    needs: tuple[Need, ...]
    text: str
    class_: RuleClass | None = msgspec.field(name="class", default=None)
    missing: Missing | None = None


class OnlyTheFact(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Findings that no decision settles: by rule, by group of rules, or by class."""

    title: str
    text: str
    rules: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    classes: tuple[RuleClass, ...] = ()


class ClearingFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`decisions.toml`."""

    content: Header
    way: tuple[Way, ...]
    only_the_fact: tuple[OnlyTheFact, ...]


@cache
def clearing() -> ClearingFile:
    """
    The file.

    Raises:
        ContentFault: it names a rule that does not exist.
    """
    file = load("screen", "decisions.toml", ClearingFile)
    for row in file.only_the_fact:
        for name in row.rules:
            if name not in rules():
                raise ContentFault(f"screen/content/decisions.toml: {row.id} names {name!r}, which is no rule.")
    return file


def shut(finding: Finding) -> OnlyTheFact | None:
    """The row by which no document clears this finding; None where one may."""
    rule = rules().get(finding.rule)
    for row in clearing().only_the_fact:
        if finding.class_ in row.classes or finding.rule in row.rules or (rule and rule.group in row.groups):
            return row
    return None


def way_for(finding: Finding) -> Way | None:
    """How this finding may be settled; None: only by the fact."""
    unknown = finding.truth.value == "unknown"
    if finding.truth.value == "false" or finding.conflict:
        return None
    if unknown and finding.missing == "MC":
        return _way("mitigation")
    if unknown:
        return next((w for w in clearing().way if w.missing and w.missing == finding.missing), None)
    if finding.class_ == "caution":
        return _way("mitigation")
    if shut(finding):
        return None
    return next((w for w in clearing().way if w.class_ == finding.class_), None)


def _way(kind: Kind) -> Way:
    return next(w for w in clearing().way if w.kind == kind)
