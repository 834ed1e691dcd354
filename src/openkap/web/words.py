"""How states are said on a page: shape, word, date. Shapes are symbols of `icons.svg`; nothing here decides."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from openkap.plan import words as plan_words

SHAPES: dict[str, str] = plan_words.SHAPES  # finding class -> shape
VERDICT_SHAPES: dict[str, str] = plan_words.VERDICT_SHAPES

CLASSES: dict[str, str | Promise] = {
    "missing": _("Not known"),
    "exclude": _("Exclude"),
    "hold": _("Hold"),
    "caution": _("Caution"),
    "inform": _("Inform"),
}
VERDICTS: dict[str, str | Promise] = {
    "eligible": _("Nothing found that stands against treatment here"),
    "caution": _("Possible with cautions"),
    "hold": _("On hold"),
    "exclude": _("Not to be treated here"),
    "insufficient": _("Cannot be judged yet: facts are missing"),
}
VERDICT_WORDS: dict[str, str | Promise] = {
    "eligible": _("nothing against it"),
    "caution": _("cautions"),
    "hold": _("hold"),
    "exclude": _("exclude"),
    "insufficient": _("facts missing"),
}
MISSING: dict[str, str | Promise] = {
    "MB": _("only the fact itself settles it"),
    "MH": _("the fact, or the prescriber's recorded reason why it cannot be had, settles it"),
    "MC": _("it must be asked"),
}
ROLES: dict[str, str | Promise] = {
    "patient": _("patient"),
    "proxy": _("proxy"),
    "prescriber": _("prescriber"),
    "nurse": _("nurse"),
    "therapist": _("therapist"),
    "coordinator": _("coordinator"),
    "billing": _("billing"),
    "researcher": _("researcher"),
    "site-admin": _("site admin"),
    "privacy-lead": _("privacy lead"),
    "system": _("system"),
}


def sentence(text: str) -> str:
    """The text with a capital first and a full stop last."""
    return plan_words.sentence(text)


def action(text: str) -> str:
    """What a rule says to do; it writes INFO where nothing is to be done but to know."""
    return re.sub(r"^INFO\b(?: and REVIEW\b)?", lambda found: _INFO[found[0]], text)


_INFO = {"INFO": "For information", "INFO and REVIEW": "For information, and to be reviewed"}
_RECORD = (
    r"(?:QuestionnaireResponse|Observation|Condition|AllergyIntolerance|FamilyMemberHistory|Medication\w*|Consent|List)"
    r"/[\w.#-]+"
)
_REFERENCE = re.compile(rf" \({_RECORD}(?:, {_RECORD})*\)| in {_RECORD}| \(FORM-[A-Z0-9-]+\)")
_LETTERS = re.compile(r"\b(?:cbt|emdr|ssri|snri)\b")  # as names of treatments are kept
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


_EVENTS: dict[str, str | Promise] = {
    "patient-record": _("record of a person"),
    "denial": _("refusal"),
    "break-glass": _("emergency access"),
    "access-review": _("unusual access of a week"),
    "privilege": _("role"),
    "content": _("clinical content"),
    "content-practice": _("clinical content, for practice"),
}
DEEDS = frozenset({"sign-in", "denial", "export", "print"})  # an event of these is its own deed
DONE: dict[str, str | Promise] = {
    "C": _("written"),
    "R": _("read"),
    "U": _("changed"),
    "D": _("taken back"),
    "E": _("done"),
}
FLAGS: dict[str, str | Promise] = {
    "SAFETY_PHQ9_ITEM9_POSITIVE": _("thoughts of death or self-harm (PHQ-9, item 9)"),
    "SAFETY_CSSRS_LOW": _("C-SSRS screen: low risk"),
    "SAFETY_CSSRS_MODERATE": _("C-SSRS screen: moderate risk"),
    "SAFETY_CSSRS_HIGH": _("C-SSRS screen: high risk"),
}


def event(kind: str) -> str:
    """A type of event of the audit trail."""
    return str(_EVENTS.get(kind, kind.replace("-", " ")))


def plain(text: str) -> str:
    """A sentence of a room without the records and rules it names, its dates in words: these stand with the basis."""
    text = _LETTERS.sub(lambda found: found[0].upper(), _REFERENCE.sub("", text))
    return _DATE.sub(lambda found: day(date.fromisoformat(found[0])), text)


def figure(value: Any, unit: str = "") -> str:
    """A number beside its unit, as the plan prints it."""
    return plan_words.figure(value, unit)


def age(born: date, on: date) -> int:
    """Whole years on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def day(on: date) -> str:
    """A day with its month in letters."""
    return date_format(on, "j M Y")
