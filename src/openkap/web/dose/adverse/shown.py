"""An adverse event as pages show it: what is missing, whom it goes to, what changed from version to version."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.dose import adverse
from openkap.dose.adverse import Adverse
from openkap.dose.known import read
from openkap.dose.library import shipped
from openkap.dose.models import AdverseVersion
from openkap.dose.rows import ReportRow
from openkap.dose.services_adverse import terms
from openkap.plan.types import AdverseEvent as Term
from openkap.web.dose.adverse.forms import RELATIONS
from openkap.web.parts import Change, Shape, Words

FIELDS: dict[str, Words] = {
    "text": gettext_lazy("What happened"),
    "term": gettext_lazy("Term"),
    "grade": gettext_lazy("Grade"),
    "onset_min": gettext_lazy("Began"),
    "onset": gettext_lazy("when it began"),
    "resolved_min": gettext_lazy("Was over"),
    "relation": gettext_lazy("Related to the drug"),
    "action": gettext_lazy("What was done"),
    "serious": gettext_lazy("Serious"),
}


@dataclass(frozen=True)
class Shown:
    """
    One event.

    Args:
        title: term or first words. shape, state: of its chip.
        missing: what is still to be entered before a review. told, reports: whom it goes to.
        suggested: terms whose words stand in the text while nobody chose one.
    """

    row: AdverseVersion
    event: Adverse
    title: str
    shape: Shape
    state: Words
    said: dict[str, str]
    missing: tuple[Words, ...]
    told: tuple[str, ...]
    reports: tuple[ReportRow, ...]
    suggested: tuple[Term, ...]


def shown(row: AdverseVersion) -> Shown:
    """An event in the version of this row."""
    event = read(row)
    term = terms().get(event.term or "")
    shape, state = _state(event)
    return Shown(
        row=row,
        event=event,
        title=term.term if term else event.text or _("Event without words"),
        shape=shape,
        state=state,
        said={
            name: words(event, name) for name in ("term", "grade", "onset_min", "resolved_min", "relation", "serious")
        },
        missing=tuple(FIELDS[name] for name in adverse.missing(event)),
        told=tuple(sorted(adverse.told(event, shipped()), reverse=True)),
        reports=adverse.reports(event, shipped()),
        suggested=() if term else suggestions(event.text),
    )


def suggestions(text: str) -> tuple[Term, ...]:
    """Terms whose words stand in a text. Nothing is filed by it."""
    return tuple(terms()[name] for name in adverse.suggested(text, terms()))


def changes(versions: list[AdverseVersion]) -> list[tuple[AdverseVersion, Adverse, list[Change]]]:
    """Each version with what it changed from the one before, the newest first."""
    events = [read(row) for row in versions]
    found = []
    for place, (row, event) in enumerate(zip(versions, events, strict=True)):
        before = events[place + 1] if place + 1 < len(events) else None
        found.append((row, event, _changes(before, event) if before else []))
    return found


def _changes(before: Adverse, after: Adverse) -> list[Change]:
    made = []
    for name in ("text", "term", "grade", "onset_min", "resolved_min", "relation", "action", "serious"):
        if getattr(before, name) != getattr(after, name):
            made.append(Change(FIELDS[name], words(before, name), words(after, name)))
    return made


def words(event: Adverse, name: str) -> str:
    """One field of an event in words; what is not known says so."""
    value = getattr(event, name)
    if name == "serious":
        return _serious(event)
    if name == "resolved_min" and value is None:
        return _("not over, or not known")
    if value is None or value == "":
        return _("not known")
    if name == "term":
        return f"{terms()[value].term} ({value})" if value in terms() else str(value)
    if name == "grade":
        row = next(one for one in shipped().adverse.grade if one.grade == value)
        return f"{value}, {row.title.lower()}"
    if name in ("onset_min", "resolved_min"):
        return str(_("minute %d from the start of the dose") % value)
    return str(RELATIONS[value]) if name == "relation" else str(value)


def _serious(event: Adverse) -> str:
    if event.serious is None:
        return _("not asked")
    titles = {row.name: row.title for row in shipped().adverse.serious}
    return "; ".join(titles[one] for one in event.serious) or _("no")


def _state(event: Adverse) -> tuple[Shape, Words]:
    if event.reviewed:
        return "ok", gettext_lazy("Reviewed")
    if adverse.missing(event):
        return "miss", gettext_lazy("Incomplete, holds the next dose")
    return "hold", gettext_lazy("To be reviewed, holds the next dose")
