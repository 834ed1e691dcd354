"""
What scoring takes in and hands out.

`ScoreRequest` is a form as it arrived, `Score` a scored one, `Measured` a total on record and
`ChangeResult` what lies between two of them. `Form` is what a FHIR Questionnaire carries.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Status = Literal["ok", "prorated", "incomplete", "invalid"]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """
    One scored form.

    Args:
        instrument: lower-case id.
        status: `ok`, `prorated`, `incomplete` or `invalid`.
        total: null unless the status is `ok` or `prorated` and the instrument has one.
        subscores: by name.
        band: word of the (prorated) total, or null.
        flags: sorted; safety flags survive every status.
        source: citation of the instrument.
        version: of the content file that scored it.
        answered, items: how many of how many were answered.
    """

    instrument: str
    status: Status
    total: int | float | None
    subscores: dict[str, int | float | str | None]
    band: str | None
    flags: tuple[str, ...]
    source: str
    version: str
    answered: int
    items: int

    def document(self) -> dict[str, Any]:
        """The score as `openkap score` prints it."""
        return {
            "instrument": self.instrument,
            "status": self.status,
            "total": self.total,
            "subscores": dict(self.subscores),
            "band": self.band,
            "flags": list(self.flags),
            "source": self.source,
            "version": self.version,
            "answered": self.answered,
            "items": self.items,
        }


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """
    A total on record, as change is computed from it.

    Args:
        instrument: lower-case id.
        total: the (prorated) total.
        version: of the content that scored it; `language` of the form. Totals of another version or
            language are never compared.
    """

    instrument: str
    total: int | float
    version: str
    language: str = "en"


class ChangeResult(msgspec.Struct, frozen=True, kw_only=True):
    """
    Change between two totals; null means that the sheet gives no rule or the rule cannot be applied.

    Args:
        points: baseline - now.
        percent: fall in percent of the baseline above the floor; negative for a rise.
        response, remission: the instrument's definitions.
        reliable: `improved`, `deteriorated` or `unchanged`.
        clinically_significant: reliable improvement and passage from the sick to the well side of c.
        word: the instrument's word for the percent fall.
        because: the definitions used and why something is null.
    """

    instrument: str
    points: int | float
    percent: float | None
    response: bool | None
    remission: bool | None
    reliable: Literal["improved", "deteriorated", "unchanged"] | None
    clinically_significant: bool | None
    word: str | None
    because: tuple[str, ...]


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """
    A form as it arrived, ready to score.

    Args:
        instrument: lower-case id, known.
        answers: in list order, null for unanswered; not yet checked.
        context: sex, agoraphobia, value_set.
        faults: `UNKNOWN_ITEM:x`, `REPEATED_ITEM:x`: the score is invalid, safety flags still count.
        status: of the QuestionnaireResponse; `completed` for a plain list of answers.
        authored: as written in the response.
        form_version: version after `|` in the questionnaire's address.
    """

    instrument: str
    answers: tuple[object, ...]
    context: dict[str, object] = {}
    faults: tuple[str, ...] = ()
    status: str = "completed"
    authored: str = ""
    form_version: str = ""

    @property
    def final(self) -> bool:
        """True if the form was finished; an unfinished one may raise safety flags, never clear them."""
        return self.status in ("completed", "amended")


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a form item: value, words, LOINC answer code (or empty)."""

    value: int
    text: str
    loinc: str = ""


class FormItem(msgspec.Struct, frozen=True, kw_only=True):
    """
    An item of a form.

    Args:
        number: position in the answer list; unscored items follow.
        worded: False where `text` is only the neutral label.
        yes_no: answered true or false.
    """

    number: int
    text: str
    worded: bool
    scored: bool
    options: tuple[Option, ...]
    yes_no: bool = False
    loinc: str = ""
    may_be_na: bool = False


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What a Questionnaire carries of an instrument, ready to be filled in."""

    instrument: str
    version: str
    title: str
    language: str
    stem: str
    copyright: str
    items: tuple[FormItem, ...]
    panel: str = ""
