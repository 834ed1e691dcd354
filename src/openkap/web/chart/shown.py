"""How facts and records are put in words on a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.assess.instruments import instrument_ids
from openkap.assess.intake_form import intake
from openkap.assess.score_chart import ScoreRecord
from openkap.chart.models import Record
from openkap.chart.standing import record_of
from openkap.chart.types import Interval, Reading, State
from openkap.chart.view import View
from openkap.chart.vocabulary import Fact, facts
from openkap.kernel.clock import When
from openkap.plan.words import instrument_name
from openkap.web import words
from openkap.web.assess.drawing import said_of

# What a record is called on a page; a type that is not here is shown by its own name.
KINDS: dict[str, str | Promise] = {
    "QuestionnaireResponse": gettext_lazy("form"),
    "Observation": gettext_lazy("observation"),
    "Condition": gettext_lazy("diagnosis"),
    "AllergyIntolerance": gettext_lazy("allergy"),
    "FamilyMemberHistory": gettext_lazy("family history"),
    "MedicationStatement": gettext_lazy("medicine"),
    "MedicationRequest": gettext_lazy("medicine ordered"),
    "Medication": gettext_lazy("medicine, described"),
    "List": gettext_lazy("list"),
    "Consent": gettext_lazy("consent"),
    "Practitioner": gettext_lazy("clinician"),
    "Organization": gettext_lazy("organization"),
    "Patient": gettext_lazy("who it is about"),
}
STATUS: dict[str, tuple[str, str | Promise]] = {
    "known": ("plain", ""),
    "absent": ("plain", ""),
    "stale": ("miss", gettext_lazy("too old")),
    "conflict": ("hold", gettext_lazy("records disagree")),
}


@dataclass(frozen=True)
class FactRow:
    """A fact of the chart on a page: what, its value, since when, from where, how it stands."""

    fact: Fact
    value: str
    on: str
    sources: tuple[tuple[str, str, str | Promise], ...]  # resource type, logical id, word
    state: State
    shape: str
    word: str | Promise

    @property
    def title(self) -> str | Promise:
        """What it is; two facts of one interview share their words."""
        return _("day of the structured interview") if self.fact.id == "interview-on" else self.fact.words


def rows(view: View) -> list[FactRow]:
    """Every fact of which the chart says something, in the order of asking; what has grown too old stands first."""
    found = []
    for fact in facts().values():
        state = view.state(fact.id)
        if state.status == "unknown":
            continue
        shape, word = STATUS[state.status]
        named = tuple(dict.fromkeys(record_of(source) for source in state.sources))
        parted = tuple((k, name, KINDS.get(k, k)) for k, _slash, name in (s.partition("/") for s in named) if name)
        value = value_words(state.value, state.unit, fact.id)
        found.append(FactRow(fact, value, _day(state.when), parted, state, shape, word))
    return sorted(found, key=lambda row: row.state.status != "stale")


def value_words(value: Any, unit: str | None = None, fact: str = "") -> str:
    """A value as a person says it; of a fact that is chosen from a list, in the words of the form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        return words.figure(value, "" if unit in (None, "{score}") else unit)
    if isinstance(value, Interval):
        return _("between %(low)s and %(high)s") % {"low": value.low, "high": value.high}
    if isinstance(value, When):
        return value.text or value.earliest.isoformat()
    if isinstance(value, tuple):
        return ", ".join(value_words(one, None, fact) for one in value)
    return str(_choices().get((fact, str(value)), str(value).replace("_", " ")))


@cache
def _choices() -> dict[tuple[str, str], str | Promise]:
    """Words of codes, by fact: those of the intake form, and of facts that no form asks."""
    asked = {
        (item.id, code): text for group in intake().group for item in group.item for code, text in item.options.items()
    }
    sexes: dict[tuple[str, str], str | Promise] = {
        ("birth-sex", "F"): gettext_lazy("female"),
        ("birth-sex", "M"): gettext_lazy("male"),
    }
    return asked | sexes


def choices_of(readings: Iterable[Reading], sources: Iterable[str]) -> list[tuple[str, str]]:
    """The readings of a conflict, to choose from: (source, words); the record is named where the words are alike."""
    wanted = set(sources)
    said: dict[str, list[str]] = {}
    for reading in readings:
        if reading.source in wanted:
            said.setdefault(reading.source, []).append(
                f"{value_words(reading.value, reading.unit)}, {_day(reading.when) or _('without a date')}"
            )
    labels = {
        source: f"{words.plain('; '.join(texts))} ({KINDS.get(kind := source.partition('/')[0], kind)})"
        for source, texts in said.items()
    }
    alike = Counter(labels.values())
    return [(source, label if alike[label] == 1 else f"{label} {source}") for source, label in labels.items()]


@dataclass(frozen=True)
class RecordRow:
    """A record on a page: what it is, in the words that it brings along."""

    record: Record
    title: str
    kind: str | Promise
    when: str
    facts: tuple[str, ...]


def record_rows(
    records: Iterable[Record], readings: Iterable[Reading], scored: Iterable[ScoreRecord] = ()
) -> list[RecordRow]:
    """Records with the facts that are read from them, and what the scales among them came to."""
    totals = {row.source: said_of(row) for row in scored}
    read: dict[str, dict[str, None]] = {}
    for reading in readings:
        said = (
            f"{facts()[reading.fact].words}: {value_words(reading.value, reading.unit, reading.fact) or reading.reason}"
        )
        read.setdefault(record_of(reading.source), {})[said] = None
    return [_record_row(record, tuple(read.get(record.name, ())), totals.get(record.name, "")) for record in records]


def _record_row(record: Record, read: tuple[str, ...], score: str) -> RecordRow:
    """Called by what is read from it where that is one thing, else by the words that it brings along."""
    said = msgspec.json.decode(record.content)
    kind = KINDS.get(record.resource_type, record.resource_type)
    keys = ("effectiveDateTime", "authored", "date", "dateTime", "recordedDate", "onsetDateTime", "issued")
    when = next((str(said[key]) for key in keys if isinstance(said.get(key), str)), "")
    if len(read) == 1:
        return RecordRow(record, read[0], kind, when[:10], ())
    title = _title(said) or str(kind)
    if score:
        title = f"{title}: {score}"
    elif record.resource_type == "Condition" and read:
        title = f"{read[0].partition(':')[0]} ({title})"
    return RecordRow(record, title, kind, when[:10], read)


def _title(said: dict[str, Any]) -> str:
    form = str(said.get("questionnaire", "")).rpartition("/")[2].partition("|")[0]
    concept = said.get("code") or said.get("medicationCodeableConcept") or {}
    if form or not isinstance(concept, dict):
        return instrument_name(form) if form in instrument_ids() else form
    coded = [c for c in concept.get("coding", []) if isinstance(c, dict)]
    return str(concept.get("text") or next((c.get("display") or c.get("code") for c in coded), "") or "")


def _day(when: When | None) -> str:
    return "" if when is None else when.text[:10] or when.earliest.isoformat()
