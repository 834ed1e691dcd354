"""
What the intake asks: wording, order and options from `content/intake.toml`, checked against the vocabulary.

Source: fact convention, sections 7 to 9
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec

from openkap.chart.vocabulary import facts
from openkap.kernel.content import Header, load
from openkap.kernel.errors import ContentFault
from openkap.kernel.source import Row

Part = Literal["patient", "clinician", "both"]


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Titles and standing words of the form."""

    title: str
    patient: str
    clinician: str
    both: str
    welcome: str
    clinician_note: str
    yes: str
    no: str
    decline: str
    never: str


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One question.

    Args:
        id: the fact it settles.
        text: as asked; empty for the question of the vocabulary.
        options: answer code -> words, for a choice.
        never: the date may be answered with "never".
    """

    id: str
    text: str = ""
    options: dict[str, str] = {}
    never: bool = False


class Group(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One page of the form.

    Args:
        part: who fills it in.
        inventories: inventories asked after the items.
        prior_treatment: holds the repeating group of prior treatments.
    """

    part: Part
    title: str
    text: str = ""
    item: tuple[Item, ...] = ()
    inventories: tuple[str, ...] = ()
    prior_treatment: bool = False


class TrialField(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question about a prior treatment; `type` is the FHIR item type."""

    id: str
    type: Literal["choice", "open-choice", "quantity", "decimal", "integer", "date"]
    text: str
    options: dict[str, str] = {}
    unit: str = ""


class TrialForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The repeating group of prior treatments."""

    title: str
    field: tuple[TrialField, ...]


class Elsewhere(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Facts that the intake does not ask, and why."""

    why: str
    facts: tuple[str, ...]


class IntakeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/intake.toml`."""

    content: Header
    words: Wording
    group: tuple[Group, ...]
    trial: TrialForm
    elsewhere: tuple[Elsewhere, ...]

    @property
    def items(self) -> dict[str, Item]:
        """Every question by the fact it settles, in order of asking."""
        return {item.id: item for group in self.group for item in group.item}


@cache
def intake() -> IntakeFile:
    """The intake, checked against the vocabulary: every fact is asked once, or said why not."""
    file = load("assess", "intake.toml", IntakeFile)
    where = "assess/content/intake.toml"
    asked = [item.id for group in file.group for item in group.item]
    named = [*asked, *(fact for row in file.elsewhere for fact in row.facts)]
    wanted = {f.id for f in facts().values() if f.kind not in ("derived", "score")}
    for name in named:
        if name not in wanted or named.count(name) > 1:
            raise ContentFault(f"{where}: {name!r} is no fact to ask, or stands twice; correct it.")
    if missing := wanted - set(named):
        raise ContentFault(f"{where}: nobody asks {sorted(missing)[0]!r}; ask it, or say under elsewhere why not.")
    for item in file.items.values():
        if set(item.options) != set(facts()[item.id].options):
            raise ContentFault(f"{where}: the options of {item.id} are not those of the vocabulary; correct them.")
    for group in file.group:
        if group.part != "clinician" and any(facts()[i.id].by == "C" for i in group.item):
            raise ContentFault(f"{where}: {group.id} asks a patient what only a clinician can answer; move it.")
    return file
