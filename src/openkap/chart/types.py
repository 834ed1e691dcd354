"""
What is known of a patient: dated facts with source and standing, and what was seen and not used.

A `Reading` is one statement of one record. A `State` is what all readings of a fact amount to on a
given day: known, absent (asked and denied), stale, conflicting or unknown. Rules read states only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from openkap.kernel.clock import When


@dataclass(frozen=True, slots=True)
class Interval:
    """A number known only to lie between two ends, both possible: the age of someone born in 1960."""

    low: Decimal
    high: Decimal


# Truth, number, range of a number, answer code, several answer codes, or a date that may be partial.
Value = bool | Decimal | Interval | str | tuple[str, ...] | When

# final: counts. tentative: may raise a finding, never clear one (preliminary results, unfinished
# forms). unconfirmed: someone suspects it; ask. unreadable: a value was there and could not be used.
# unobtainable: a clinician recorded why it cannot be had.
# disputed: the same record exists with other content, so neither version may be used.
Standing = Literal["final", "tentative", "unconfirmed", "declined", "unreadable", "unobtainable", "disputed"]

Status = Literal["known", "absent", "stale", "conflict", "unknown"]


@dataclass(frozen=True, slots=True)
class Range:
    """Reference range that came with a result, in the result's own unit."""

    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One statement about one fact.

    Args:
        fact: name in the vocabulary.
        value: truth, number in `unit`, answer code, or date; None where `standing` says why.
        when: when it was true; None if the record gives no date, which counts as stale.
        source: the record it comes from, as `Observation/id` (`#link-id` for an item of a form).
        unit: UCUM code of a number, already converted to the fact's own unit.
        standing: how far it may be used.
        reason: why it cannot be used, for readings that are not final.
        range: reference range of a result, in `unit`.
        interpretation: HL7 letter of the laboratory (`N`, `L`, `H`...), if any.
        stated: told by the patient, not measured.
        unread: a value stood there in words, a unit or a code that nobody could read: it overtakes an older one.
        stands_now: a current state; true on whatever day is asked.
        past: it was so and is over (resolved, in remission): history, not a current state.
        until: the last day on which it holds, where the record says so.
        confirmed: the record says so in as many words (verification status `confirmed`).
        by_interview: follows from a structured interview; gives way to any coded record.
        written: when the form that says so was filled in, where that is another day.
        event: the day of one recorded event (None: the record does not say it), not an answer to the question
            when the last one was; an event without its day keeps the others from settling that question.
        by: reference of the clinician who measured it, where the record names one.
    """

    fact: str
    value: Value | None
    when: When | None
    source: str
    unit: str | None = None
    standing: Standing = "final"
    reason: str = ""
    range: Range | None = None
    interpretation: str = ""
    stated: bool = False
    unread: bool = False
    stands_now: bool = False
    past: bool = False
    until: When | None = None
    confirmed: bool = False
    by_interview: bool = False
    written: When | None = None
    event: bool = False
    by: str = ""

    @property
    def counts(self) -> bool:
        """True if its value may be used (a tentative one only where it raises)."""
        return self.standing in ("final", "tentative")


@dataclass(frozen=True, slots=True)
class State:
    """
    What is known of a fact on a day.

    Args:
        fact: name in the vocabulary.
        status: `known`; `absent` (asked and denied, or tested negative); `stale`; `conflict`; `unknown`.
        value: the value where status is known or absent (absent: False).
        unit: UCUM code.
        when: when the value was true.
        sources: the records it rests on.
        reason: why it is not known, for a reader.
        readings: the readings behind a known value (several for a mean).
        missing: for a derived fact, the base facts that are not settled; for a date, itself where another
            event without a day may have been later, so that the date is only the latest that is known.
        excused: it is not known, and a clinician recorded inside its look-back why it cannot be had.
        unread: it is not known, and inside its look-back a value stands that nobody could read.
    """

    fact: str
    status: Status
    value: Value | None = None
    unit: str | None = None
    when: When | None = None
    sources: tuple[str, ...] = ()
    reason: str = ""
    readings: tuple[Reading, ...] = ()
    missing: tuple[str, ...] = ()
    excused: bool = False
    unread: bool = False

    @property
    def settled(self) -> bool:
        """True if the fact has a value that rules may use."""
        return self.status in ("known", "absent")


@dataclass(frozen=True, slots=True)
class Unmapped:
    """
    Something seen in the bundle and not used.

    Args:
        system, code, text: what it said, as far as it said anything.
        resource: where it stands.
        reason: why it was not used, and what would make it usable.
        medicine: it is an entry of the medicine list, so the list is not fully understood.
        whose: it casts doubt on whose record this is, or on whether it is the one in use.
    """

    system: str | None
    code: str | None
    text: str | None
    resource: str
    reason: str
    medicine: bool = False
    whose: bool = False


@dataclass(frozen=True, slots=True)
class Medicine:
    """
    A medicine as recorded.

    Args:
        ingredients: ids in `medicines.toml`; a combination has several.
        standing: `current`, `past` or `not-taken`.
        daily_mg: daily dose in mg where the record gives dose and frequency, else None.
        source: the record.
        when: when it was stated.
        text: as written.
        since: when it was begun; `when` may then be a planned end.
    """

    ingredients: tuple[str, ...]
    standing: Literal["current", "past", "not-taken"]
    daily_mg: Decimal | None
    source: str
    when: When | None
    text: str = ""
    since: When | None = None

    @property
    def begun(self) -> When | None:
        """The day from which it counts."""
        return self.since or self.when


@dataclass(frozen=True, slots=True)
class MedicineList:
    """
    A statement that the list of medicines is complete.

    Args:
        when: day of reconciliation.
        source: the record.
        entries: source names of the medicines it speaks for; None: all in the bundle.
        written: when the form that says so was filled in, where that is another day.
    """

    when: When | None
    source: str
    entries: tuple[str, ...] | None = None
    written: When | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """
    One prior treatment, as the intake asks it.

    Args:
        kind: `medication`, `psychotherapy` or `other`.
        treatment: ingredient id, therapy code, or the words written where neither is known.
        max_dose_mg: highest daily dose in mg.
        weeks: weeks at or above the minimum dose; for therapy, weeks of therapy.
        sessions: sessions attended.
        adherence: percent.
        outcome: `remission`, `response`, `partial`, `none`, `intolerance`, `stopped-early`, `access`.
        ended: when it ended.
        told_by: `record` or `patient`.
        source: the record.
    """

    kind: str | None
    treatment: str | None
    max_dose_mg: Decimal | None
    weeks: Decimal | None
    sessions: Decimal | None
    adherence: Decimal | None
    outcome: str | None
    ended: When | None
    told_by: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Response:
    """A filled-in instrument, unscored: the FHIR resource as received, read by the assess room."""

    resource: Mapping[str, Any]
    source: str
    when: When | None
    tentative: bool


@dataclass(frozen=True, slots=True)
class Patient:
    """
    Who the chart is about.

    Args:
        source: `Patient/id`.
        name: for headings; never used to match or decide.
        born: birth date, possibly partial.
        born_unread: why the birth date that stands there cannot be used; empty where it can, or there is none.
        birth_sex: `F`, `M` or None (US Core birth sex).
        gender: administrative gender, used only where birth sex is missing and the rule says so.
        deceased: recorded as deceased.
        synthetic: labelled as a synthetic person.
    """

    source: str
    name: str = ""
    born: When | None = None
    born_unread: str = ""
    birth_sex: str | None = None
    gender: str | None = None
    deceased: bool = False
    deceased_on: When | None = None
    synthetic: bool = False
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """
    All that is known of one patient.

    Args:
        patient: who.
        readings: statements by fact name.
        medicines: every medicine that was understood.
        lists: statements that the medicine list is complete.
        trials: prior treatments.
        responses: filled-in instruments, unscored.
        intake: intake responses as received, for their inventories.
        unmapped: everything seen and not used.
    """

    patient: Patient
    readings: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict)
    medicines: tuple[Medicine, ...] = ()
    lists: tuple[MedicineList, ...] = ()
    trials: tuple[Trial, ...] = ()
    responses: tuple[Response, ...] = ()
    intake: tuple[Response, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()

    def with_readings(self, more: tuple[Reading, ...]) -> Chart:
        """The same chart with further readings; nothing is replaced."""
        grown = dict(self.readings)
        for reading in more:
            grown[reading.fact] = (*grown.get(reading.fact, ()), reading)
        return replace(self, readings=grown)
