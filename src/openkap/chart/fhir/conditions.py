"""Conditions, allergies and family history: present, over, doubted, or refuted."""

from __future__ import annotations

from typing import Any, Literal

from openkap.chart.fhir import values
from openkap.chart.fhir.codes import Meaning, codings, condition_meanings, icd10
from openkap.chart.fhir.medicines import allergy_to_ketamine, denied_in_words
from openkap.chart.fhir.notebook import Notebook
from openkap.chart.fhir.values import Unusable
from openkap.chart.types import Reading
from openkap.chart.vocabulary import facts
from openkap.kernel import coding
from openkap.kernel.clock import When

Presence = Literal["current", "past", "doubtful", "refuted"]

_CURRENT = ("active", "recurrence", "relapse")
_OVER = ("inactive", "remission", "resolved")
_DOUBTED = ("unconfirmed", "provisional", "differential")

# The date facts that the onset of an event fills. The onset of a chronic disease fills none.
_EVENT_DATE = {
    "hypertensive-crisis": "hypertensive-crisis-on",
    "coronary-event": "coronary-event-on",
    "stroke-tia": "stroke-tia-on",
    "head-injury": "head-injury-on",
    "seizure-disorder": "last-seizure-on",
    "delirium": "delirium-on",
}
_SEIZURE_EVENTS = ("R56.9", "R56.1")

_HL7 = ("http://terminology.hl7.org/", "http://hl7.org/fhir/")
_FIRST_DEGREE = frozenset(
    "MTH FTH PRN BRO SIS SIB SON DAU CHILD NMTH NFTH NPRN NBRO NSIS NSIB NCHILD SONC DAUC"
    " TWIN FTWIN ITWIN TWINBRO FTWINBRO ITWINBRO TWINSIS FTWINSIS ITWINSIS".split()
)
_NO_KNOWN_ALLERGY = ("716186003", "409137002")


def read_condition(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add what one Condition says to the notebook."""
    presence = _presence(resource, name, note)
    if presence is None:
        return
    meanings = condition_meanings(resource.get("code"))
    if not meanings:
        note.skip(resource, name, "no code of it is in the vocabulary")
        return
    onset = _onset(resource, note)
    known = values.when(resource.get("recordedDate"), note.zone)
    if isinstance(onset, Unusable) or isinstance(known, Unusable):
        reason = onset.reason if isinstance(onset, Unusable) else known.reason  # type: ignore[union-attr]
        note.skip(resource, name, f"date: {reason}")
        return
    if presence == "refuted":
        denied = [m.fact for m in meanings if _named_by_us(resource, m.fact)]
        if not denied:
            note.skip(resource, name, "refuted: no evidence of presence, and its code does not deny a fact by name")
        for fact in denied:
            note.add(Reading(fact, False, known, name))
        return
    until = _abatement(resource, note)
    if isinstance(until, Unusable):
        note.skip(resource, name, f"abatement: {until.reason}")
        until = None
    if until and _code(resource.get("clinicalStatus")) in _CURRENT:
        note.skip(resource, name, "active, and with an abatement: read as active, correct one of the two")
        until = None
    confirmed = _code(resource.get("verificationStatus")) == "confirmed"
    for meaning in meanings:
        over = presence == "past" or meaning.past
        if presence == "doubtful" or meaning.doubtful:
            note.add(Reading(meaning.fact, None, onset or known, name, standing="unconfirmed", reason="not confirmed"))
            continue
        note.add(
            Reading(
                meaning.fact,
                True,
                onset or known,
                name,
                stands_now=not over
                and facts()[meaning.fact].kind == "state"
                and not (meaning.episode and (onset or known)),
                past=over,
                until=until,
                confirmed=confirmed,
            )
        )
        _add_event_date(meaning, resource, name, onset, until, over, note)


def read_allergy(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add what one AllergyIntolerance says: an allergy to ketamine, or that none is known."""
    presence = _presence(resource, name, note)
    if presence is None:
        return
    known = values.when(resource.get("recordedDate"), note.zone)
    if isinstance(known, Unusable):
        note.skip(resource, name, f"date: {known.reason}")
        return
    code = resource.get("code")
    if any(system == coding.SNOMED and c in _NO_KNOWN_ALLERGY for system, c, _ in codings(code)):
        if presence == "current":
            note.add(Reading("ketamine-allergy", False, known, name))
        else:
            note.skip(resource, name, "says that no allergy is known, and is not confirmed or not current")
        return
    if not allergy_to_ketamine(resource):
        note.skip(resource, name, "an allergy that no rule of this version reads")
    elif denied_in_words(resource):
        reason = "its words deny an allergy to ketamine, and words alone do not clear: code the denial"
        note.add(Reading("ketamine-allergy", None, known, name, standing="unreadable", reason=reason))
        note.skip(resource, name, reason)
    elif presence == "refuted" and _named_by_us(resource, "ketamine-allergy"):
        note.add(Reading("ketamine-allergy", False, known, name))
    elif presence == "refuted":
        note.skip(resource, name, "refuted: no evidence of presence")
    elif presence == "doubtful":
        note.add(Reading("ketamine-allergy", None, known, name, standing="unconfirmed", reason="not confirmed"))
    else:
        note.add(Reading("ketamine-allergy", True, known, name, past=presence == "past"))


def _named_by_us(resource: dict[str, Any], fact: str) -> bool:
    return any(system == coding.FACT and code == fact for system, code, _ in codings(resource.get("code")))


def read_family_history(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """A first-degree relative with a code of schizophrenia; anything less is listed."""
    if resource.get("status") != "completed":
        note.skip(resource, name, f"status {resource.get('status')!r} is not read: complete the family history")
        return
    relation = {code for _, code, _ in codings(resource.get("relationship"))}
    moment = values.when(resource.get("date"), note.zone)
    listed = resource.get("condition")
    if isinstance(moment, Unusable) or not relation & _FIRST_DEGREE:
        reason = moment.reason if isinstance(moment, Unusable) else "not a relative of first degree"
        note.skip(resource, name, reason)
        return
    for condition in listed if isinstance(listed, list) else ():
        concept = condition.get("code") if isinstance(condition, dict) else None
        if any(_is_schizophrenia(system, code) for system, code, _ in codings(concept)):
            note.add(Reading("schizophrenia-relative", True, moment, name))
            return
    note.skip(resource, name, "no condition of it is coded F20-F29")


def _is_schizophrenia(system: str, code: str) -> bool:
    if system == coding.ICD10CM:
        return "F20" <= icd10(code)[:3] <= "F29"
    return system == coding.SNOMED and code == "58214004"


def _presence(resource: dict[str, Any], name: str, note: Notebook) -> Presence | None:
    """By the table of the fact convention; None, and listed, where the record does not count."""
    verification = _code(resource.get("verificationStatus"))
    clinical = _code(resource.get("clinicalStatus"))
    if verification == "entered-in-error":
        note.skip(resource, name, "entered in error")
        return None
    if verification == "refuted":
        return "refuted"
    if verification in _DOUBTED:
        return "doubtful"
    if verification not in (None, "confirmed") or clinical not in (None, *_CURRENT, *_OVER):
        note.skip(resource, name, f"status {verification or clinical!r} is not known: correct it")
        return None
    if clinical in _OVER:
        return "past"
    abated = [key for key in resource if key.startswith("abatement")]
    if abated and not ({"abatementDateTime", "abatementPeriod"} & set(abated)):
        return "past"
    return "current"


def _code(concept: Any) -> str | None:
    """The one status code of a concept; an unreadable or contradictory status is not the same as none."""
    if concept is None:
        return None
    found = list(codings(concept))
    ours = {code for system, code, _ in found if system.startswith(_HL7) or not system}
    said = ours or {code for _, code, _ in found}
    return said.pop() if len(said) == 1 else "unreadable"


def _onset(resource: dict[str, Any], note: Notebook) -> When | Unusable | None:
    found = values.choice(resource, "onset")
    if not isinstance(found, tuple):
        return found
    suffix, value = found
    if suffix == "DateTime":
        return values.when(value, note.zone)
    if suffix == "Period" and isinstance(value, dict):
        start, end = (values.when(value.get(key), note.zone) for key in ("start", "end"))
        if isinstance(start, When):
            latest = end.latest if isinstance(end, When) else start.latest
            return When(start.earliest, latest, None, start.text)
        return start
    return None  # an age or words: no day can be made of it


def _abatement(resource: dict[str, Any], note: Notebook) -> When | Unusable | None:
    value = resource.get("abatementDateTime")
    if value is None and isinstance(resource.get("abatementPeriod"), dict):
        value = resource["abatementPeriod"].get("end")
    return values.when(value, note.zone)


def _add_event_date(
    meaning: Meaning,
    resource: dict[str, Any],
    name: str,
    onset: When | None,
    until: When | None,
    over: bool,
    note: Notebook,
) -> None:
    dated = _EVENT_DATE.get(meaning.fact)
    if dated is None or (meaning.fact == "seizure-disorder" and not _is_seizure_event(resource)):
        return
    lasted = meaning.fact == "delirium" and (until is not None or not over)
    if lasted:
        note.add(Reading(dated, until, None, name, stands_now=not over, until=until, event=True))
    if onset is not None:
        note.add(Reading(dated, onset, onset, name, event=True))
    if meaning.undated or (onset is None and not lasted):
        known = values.when(resource.get("recordedDate"), note.zone)
        when = known if isinstance(known, When) else None
        reason = f"{name} records one without its day"
        note.add(Reading(dated, None, when, name, standing="unreadable", reason=reason, event=True))


def _is_seizure_event(resource: dict[str, Any]) -> bool:
    return any(
        system == coding.FACT or (system == coding.ICD10CM and icd10(code).startswith(_SEIZURE_EVENTS))
        for system, code, _ in codings(resource.get("code"))
    )
